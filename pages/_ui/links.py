"""Links between steps. The room goes along where the user has several, so that a copied link opens the same one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import streamlit as st

from pages._ui import state
from pages._ui.room import Room
from pages._ui.steps import STEPS, Step


def step(name: str) -> Step | None:
    return next((step for step in STEPS if step.name == name), None)


def go(room: Room, name: str, query: Mapping[str, str] | None = None) -> NoReturn:
    """Leave this page for another step, with the deep link's query."""
    there = step(name) or STEPS[0]
    st.switch_page(there.file, query_params=_query(room, query))


def link(room: Room, name: str, label: str, query: Mapping[str, str] | None = None) -> None:
    """A link to a step; plain text while that step has no page. `label` is ready for Markdown."""
    there = step(name)
    if there is None:
        st.markdown(label)
    else:
        st.page_link(there.file, label=label, query_params=_query(room, query))


def rooms_of(room: Room) -> tuple[str, ...]:
    return state.context().rooms_of(room.user)


def _query(room: Room, query: Mapping[str, str] | None) -> dict[str, str]:
    where = {"room": room.side.room} if len(rooms_of(room)) > 1 else {}
    return {**where, **(query or {})}
