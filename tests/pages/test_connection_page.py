"""Connection: what a rehearsal says, who may test and connect, findings, and that no credential and nothing of the other side
is ever on a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cleanroom_core.backends.placed import FILE, Placed
from cleanroom_core.errors import InputError, NotPermittedError
from cleanroom_core.prechecks.databricks import remembered
from cleanroom_core.stories.platform_connect import connect_there, connection_of, disconnect, try_connection
from tests.pages.conftest import buttons, primary, texts
from tests.pages.seen import everything
from tests.simulator import conftest as simulated
from tests.simulator.conftest import Both

both, _clean_environment, _no_environment = simulated.both, simulated._clean_environment, simulated._no_environment
Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


@pytest.fixture
def _profiles(both: Both, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles of an admin and a service principal of both workspaces, as in ~/.databrickscfg."""
    lines = []
    for name, facts in (("north", both.provider.facts), ("harbour", both.consumer.facts)):
        lines += [f"[{name}-owner]", f"host = {facts['host']}", f"token = {facts['token']}"]
        lines += [f"[{name}-runner]", f"host = {facts['host']}"]
        lines += [f"{key} = {facts[key]}" for key in ("client_id", "client_secret")]
    (tmp_path / "databrickscfg").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))


def placed(alias: str, both: Both) -> Placed:
    side = both.provider if alias == "north" else both.consumer
    return Placed("tiny_room", f"{alias}-owner", f"{alias}-runner", side.warehouse)


def test_a_rehearsal_says_that_nothing_is_needed(tiny: Tiny, wizard: Wizard) -> None:
    tiny()
    app = wizard("north.engineer", "connection")
    assert not app.error
    assert "Nothing is needed here" in texts(app)
    assert primary(app) == ["Try both and connect"]


@pytest.mark.usefixtures("_profiles")
def test_an_engineer_connects_and_tests_and_nobody_sees_a_secret(tiny: Tiny, wizard: Wizard, both: Both) -> None:
    room = tiny()
    app = wizard("north.engineer", "connection")
    for field, value in (("owner", "north-owner"), ("runner", "north-owner"), ("warehouse", both.provider.warehouse)):
        app.text_input(key=f"placed_{field}").set_value(value)
    connect = [button.label for button in app.button].index("Try both and connect")
    app = app.button[connect].click().run()
    assert "RUN\\_AS\\_PERSON" in texts(app), "a person as runner is refused"
    assert not (room.side("north").home / FILE).exists()
    app.text_input(key="placed_runner").set_value("north-runner")
    app = app.button[connect].click().run()
    assert not app.error
    assert connection_of(room.side("north")) == placed("north", both)
    asked = json.loads((room.side("north").home / remembered.FILE).read_text(encoding="utf-8"))
    assert (asked["profile"], asked["asked"]["room"], asked["asked"]["creator"]) == ("north-owner", "tiny_room", True)

    app = app.button[[button.label for button in app.button].index("Test the connection")].click().run()
    shown = texts(app)
    assert "admin@provider.example (person" in shown.replace("\\", "")
    assert both.provider.facts["global_metastore_id"] in shown.replace("\\", "")
    assert "May create rooms" in shown
    assert ":red-badge[Failed]" not in shown

    kept = [path.read_text(encoding="utf-8") for path in room.side("north").home.glob("*.json")]
    for secret in ("token", "client_secret"):
        assert both.provider.facts[secret] not in everything(app) + "".join(kept)
    other = wizard("harbour.engineer", "connection")
    assert "Nothing is needed here" in texts(other), "each side has a connection of its own"
    assert "north-owner" not in everything(other)
    officer = wizard("north.officer", "connection")
    assert "north-owner" in everything(officer), "the own side reads which names it works under"
    assert buttons(officer) == ["Sign out"]
    auditor = wizard("auditor", "connection")
    assert "stays with that side" in texts(auditor)
    assert "north-owner" not in everything(auditor)


@pytest.mark.usefixtures("_profiles")
def test_only_an_engineer_of_the_side_may_and_it_is_taken_away_again(tiny: Tiny, wizard: Wizard, both: Both) -> None:
    room = tiny()
    north = room.side("north")
    for username in ("north.steward", "north.analyst", "north.reviewer", "north.officer", "harbour.engineer", "auditor"):
        for verb in (try_connection, connect_there):
            with pytest.raises(NotPermittedError):
                verb(north, room.user(username), placed("north", both))
        with pytest.raises(NotPermittedError):
            disconnect(north, room.user(username))
    with pytest.raises(InputError) as two:
        connect_there(north, room.user("north.engineer"), Placed("tiny_room", "north-owner", "harbour-runner", "w"))
    assert two.value.code == "TWO_METASTORES"
    connect_there(north, room.user("north.engineer"), placed("north", both))
    app = wizard("north.engineer", "connection")
    app = app.button[[button.label for button in app.button].index("Disconnect ...")].click().run()
    app = app.button(key="confirm_forget").click().run()
    assert not app.error
    assert connection_of(north) is None
    assert "Nothing is needed here" in texts(app)


def test_a_file_nobody_can_read_is_said_with_what_to_do(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny()
    (room.side("north").home / FILE).write_text("{}", encoding="utf-8")
    assert "cannot be read" in texts(wizard("north.engineer", "connection"))
    assert "PLACED" in texts(wizard("north.engineer", "room")), "the room page says it as well and shows no other room"
