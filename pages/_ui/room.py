"""The room a page is about: whose side looks, what the logs say now, and who may do what. Nothing else asks for either."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from cleanroom_core.audit.entry import parse_time
from cleanroom_core.identity.permissions import PERMISSIONS, Permission, User
from cleanroom_core.rooms.state import Act, RoomState
from cleanroom_core.stories.collaborator import Collaborator
from pages._ui import state
from pages._ui.cards import moment, plain
from pages._ui.state import Viewer
from pages._ui.steps import STEPS


@dataclass(frozen=True)
class Room:
    """`side`: the home read from; the viewer's own, or for an auditor the first collaborator's. `alias`: the side the viewer
    acts for; None for an auditor, who acts for nobody and for whom no story that acts lets anything happen."""

    user: User
    side: Collaborator
    state: RoomState
    alias: str | None

    def may(self, permission: Permission) -> bool:
        return self.alias is not None and self.user.may(permission)

    def organisation(self, alias: str) -> str:
        """The name of a side, ready for Markdown."""
        return plain(self.side.collaborators.get(alias, alias))

    def who_may(self, permission: Permission, alias: str | None = None) -> str:
        """`reviewer of North Bank`: whom to ask. Without an alias, of the viewer's own side."""
        roles = " or ".join(role.value for role, granted in PERMISSIONS.items() if permission in granted)
        whose = alias or self.alias
        return f"{roles} of {self.organisation(whose)}" if whose else f"{roles} of either side"

    def said(self, act: Act) -> str:
        """`provider.steward (steward) of North Bank, 22 Nov 2026, 17:06 UTC`, ready for Markdown."""
        return f"{plain(act.user)} ({plain(act.role)}) of {self.organisation(act.alias)}, {when(act.time)}"


def open_room(viewer: Viewer) -> Room:
    """The room, as it stands now; says so and stops the run when there is none."""
    if viewer.room is None:
        st.info("There is no room yet. An engineer makes one from a room file: `cleanroom room import FILE`.")
        st.stop()
    side = viewer.side or state.context().reader(viewer.room, viewer.user)
    return Room(viewer.user, side, side.state(), None if viewer.side is None else side.alias)


def show_troubles(user: User) -> None:
    """What stands in the way of the exchange with a side that has a home of its own; once, above every page."""
    room = state.current_room(user)
    for trouble in state.context().troubles(room) if room is not None else ():
        st.warning(f"{plain(trouble.message)} {plain(trouble.hint)}")


def when(time: str | datetime) -> str:
    """A time of an entry, in the viewer's zone with UTC beside it."""
    return moment(parse_time(time) if isinstance(time, str) else time)


def empty(what: str, who: str, page: str | None = None, label: str = "") -> None:
    """An empty state: what will be here, who must act, and one button that leads there."""
    st.info(f"{what}\n\n{who}")
    step = next((step for step in STEPS if step.name == page), None)
    if step is not None and st.button(label or f"Open {step.title}", type="primary", key=f"empty_{page}"):
        st.switch_page(step.file)
