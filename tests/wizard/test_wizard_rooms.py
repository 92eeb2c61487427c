"""Which room a viewer looks at: their own only, the one in the link first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.context import write_json
from tests.wizard.conftest import HARBOUR, NORTH

OTHERS = "South Bank"


@pytest.fixture
def rooms(home: Path) -> None:
    for name, provider in (("alpha", NORTH), ("beta", NORTH), ("secret_room", OTHERS)):
        folder = home / "rooms" / name
        folder.mkdir(parents=True)
        write_json(folder / "room.json", {"name": name, "collaborators": {"provider": provider, "consumer": HARBOUR}})


def looked_at(app: Any) -> str:
    return app.session_state["_room"]


@pytest.mark.usefixtures("rooms")
def test_the_link_names_the_room_and_the_choice_keeps_it(wizard: Callable[..., Any]) -> None:
    assert looked_at(wizard("auditor")) == "alpha"
    app = wizard("auditor", room="beta")
    assert looked_at(app) == "beta"
    assert app.selectbox[0].options == ["alpha", "beta", "secret_room"]
    app.selectbox[0].select("alpha").run()
    assert looked_at(app) == "alpha"
    assert "room" not in app.query_params
    assert looked_at(app.run()) == "alpha"


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize("room", ["secret_room", "no_such_room", "../secret_room", ""])
def test_a_room_of_others_is_a_room_that_does_not_exist(wizard: Callable[..., Any], room: str) -> None:
    from pages._ui import state

    user = state.users().get("anna")
    assert user is not None
    assert state.context().rooms_of(user) == ("alpha", "beta")
    app = wizard("anna", room=room)
    assert looked_at(app) == "alpha"
    assert app.selectbox[0].options == ["alpha", "beta"]
    assert "secret_room" not in str(app.main)
