"""The room: created, invited, accepted, assets registered; each state as both logs show it, with who and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cleanroom_core.stories.open_room import create_room
from tests.pages.conftest import buttons, primary, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


def click(app: Any, label: str) -> Any:
    return next(button for button in app.button if button.label == label).click().run()


def test_an_empty_room_says_what_comes_first(tiny: Tiny, wizard: Wizard) -> None:
    tiny(drafts=False)
    app = wizard("north.engineer", "room")
    assert not app.error
    assert primary(app) == []
    assert "A room is created once the agreement is in force." in texts(app)
    assert "No table is registered yet" in texts(app)
    assert "Unity Catalog's rules" in texts(app)


def test_create_invite_accept_register(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("publish harbour published")
    assert primary(wizard("harbour.engineer", "room")) == []
    app = wizard("north.engineer", "room")
    assert primary(app) == ["Create the room and invite Harbour Club"]
    app = click(app, "Create the room and invite Harbour Club")
    assert primary(app) == []
    assert list(room.side("north").state().invited) == ["harbour"]
    app = wizard("harbour.engineer", "room")
    assert primary(app) == ["Accept the invitation"]
    app = click(app, "Accept the invitation")
    assert room.side("north").state().room_active
    app = wizard("north.steward", "room", asset="orders")
    assert primary(app) == ["Register north.orders"]
    app = click(app, "Register north.orders")
    assert not app.error
    assert list(room.side("harbour").state().assets) == ["north.orders"]
    assert "Registered by north.steward (steward) of North Shop" in texts(app)


def test_an_invitation_cut_off_after_the_room_was_created_is_made_up_for(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("publish harbour published")
    create_room(room.side("north"), room.user("north.engineer"))
    app = wizard("north.engineer", "room")
    assert primary(app) == ["Invite Harbour Club"]
    click(app, "Invite Harbour Club")
    assert list(room.side("north").state().invited) == ["harbour"]


def test_registered_assets_show_columns_roles_and_cohort(tiny: Tiny, wizard: Wizard) -> None:
    tiny("end")
    app = wizard("harbour.analyst", "room")
    assert buttons(app) == ["Sign out"]
    assert "Minimum cohort: 20 distinct people" in texts(app)
    roles = dict(zip(app.table[0].value["Column"], app.table[0].value["Role in the rule"], strict=True))
    assert roles["person\\_token"] == "privacy unit: stands for one person; join key"
    assert roles["category"] == "dimension: group and filter, 3 agreed labels"
    assert roles["amount"] == "measure: sum and average, each row within 0 to 500"


def test_a_role_that_may_not_register_is_told_who_may(tiny: Tiny, wizard: Wizard) -> None:
    tiny("room harbour accepted")
    app = wizard("north.analyst", "room")
    assert buttons(app) == ["Sign out"]
    assert "Registered by: steward of North Shop" in texts(app)


@pytest.mark.parametrize("step", [None, "room north created", "end"])
def test_an_auditor_reads_only(tiny: Tiny, wizard: Wizard, step: str | None) -> None:
    tiny(step)
    app = wizard("auditor", "room")
    assert not app.error
    assert buttons(app) == ["Sign out"]


def test_an_engineer_chooses_the_engine_and_others_see_it(tiny: Tiny, wizard: Wizard) -> None:
    from pages._ui.state import context

    tiny("end")
    (name,) = context().rooms()
    assert "The plan is computed with **DuckDB**." in texts(wizard("harbour.analyst", "room"))
    app = wizard("north.engineer", "room")
    app = app.radio(key="room_engine").set_value("spark").run()
    assert not app.error
    assert context().info(name).engine == "spark"
    assert context().side(name, "north").room_engine.name == "spark"
    assert context().side(name, "harbour").room_engine.needs_java
    assert "The plan is computed with **Spark**." in texts(wizard("harbour.analyst", "room"))
    app = wizard("harbour.engineer", "room")
    assert app.radio(key="room_engine").value == "spark"
    app.radio(key="room_engine").set_value("duckdb").run()
    assert context().side(name, "north").room_engine.name == "duckdb"
