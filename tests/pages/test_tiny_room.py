"""The fixture itself: every step named in `STEPS` exists, in this order, and the room ends with a release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cleanroom_core.rehearsal import DEMO_ROLES, demo_users
from cleanroom_core.stories.play import play
from tests.pages.conftest import STEPS


def test_the_story_of_the_tiny_room_has_these_steps(tiny: Callable[..., Any]) -> None:
    room = tiny()
    users = demo_users(room.definition.collaborators)
    cast = {alias: {role: users[f"{alias}.{role}"] for role in DEMO_ROLES} for alias in room.definition.collaborators}
    sides = {alias: room.side(alias) for alias in room.definition.collaborators}
    played = list(play(sides, cast, room.definition))
    assert [one.words for one in played if not one.ok] == []
    assert tuple(f"{one.step} {one.side} {one.outcome}" for one in played) == STEPS


def test_a_wizard_opens_on_it(tiny: Callable[..., Any], wizard: Callable[..., Any]) -> None:
    tiny("agreement harbour signed")
    app = wizard("north.officer", "home")
    assert not app.exception
    assert not app.error
