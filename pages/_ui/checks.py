"""A check as people read it: what was found, why it matters, the exact fix to copy, and who can make it."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.prechecks.check import Result, Status
from pages._ui.cards import copyable, plain, status, type_of_status

BADGES: dict[Status, tuple[type_of_status, str]] = {
    Status.PASS: ("done", "Passed"), Status.FAIL: ("blocked", "Failed"), Status.CANNOT_TELL: ("cannot tell", "Cannot tell"),
}  # fmt: skip


def show_result(title: str, result: Result) -> None:
    """To be called inside a bordered container, which may hold a button below it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(title)}**", width="content")
        status(*BADGES[result.status])
    st.markdown(f"Found: {plain(result.found)}  \nWhy it matters: {plain(result.why)}")
    if result.status is not Status.PASS:
        st.markdown(f"What to do: {plain(result.fix)}")
        if result.command:
            copyable(result.command)
        st.markdown(f"Who can do it: {plain(result.who)}")
