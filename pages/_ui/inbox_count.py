"""How many things wait for somebody, said in the navigation on every page."""

from __future__ import annotations

from contextlib import suppress

from cleanroom_core.errors import CleanRoomError
from cleanroom_core.identity.permissions import User
from cleanroom_core.rooms.tasks import inbox
from pages._ui import state
from pages._ui.steps import Step


def title_of(step: Step, user: User) -> str:
    """The step's title; the inbox's with the number of open tasks. A room that cannot be read has its say on its own page."""
    if step.name != "inbox":
        return step.title
    with suppress(CleanRoomError):
        side = state.viewer(user).side
        if side is not None and (count := len(inbox(side.state(), user))):
            return f"{step.title} ({count})"
    return step.title
