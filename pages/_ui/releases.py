"""How a release is spoken of: who let it go, when, and by which rule."""

from __future__ import annotations

from cleanroom_core.rooms.state import ResultState
from pages._ui.cards import plain
from pages._ui.room import Room, when


def released_line(room: Room, result: ResultState) -> str:
    if result.decided is None:
        return "Released."
    if result.automatic:
        return f"Released automatically on {when(result.decided.time)}: {plain(result.reason or 'every check holds')}"
    return f"Released by {room.said(result.decided)}."
