"""`cleanroom platform`: a connection is tested and remembered, and the side's stories then find it by themselves."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from cleanroom_core.backends.placed import FILE, Placed
from cleanroom_core.cli.main import main
from cleanroom_core.errors import InputError
from cleanroom_core.identity.permissions import Role
from cleanroom_core.stories.platform_room import look_there
from tests.simulator import conftest as simulated
from tests.simulator.conftest import Both
from tests.stories.tiny_room import TinyRoom, make_tiny_room

both, _clean_environment, _no_environment = simulated.both, simulated._clean_environment, simulated._no_environment


@pytest.fixture
def tiny(tmp_path: Path, both: Both, monkeypatch: pytest.MonkeyPatch) -> TinyRoom:
    """A home with a room, and profiles of an admin and of a service principal of the provider's workspace."""
    facts, other = both.provider.facts, both.consumer.facts
    profiles = {
        "bank": {"host": facts["host"], "token": facts["token"]},
        "bank-sp": {"host": facts["host"], "client_id": facts["client_id"], "client_secret": facts["client_secret"]},
        "other-sp": {"host": other["host"], "client_id": other["client_id"], "client_secret": other["client_secret"]},
    }
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in given.items()) for name, given in profiles.items()
    )
    (tmp_path / "databrickscfg").write_text(text, encoding="utf-8")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))
    room = make_tiny_room(tmp_path / "room")
    room.context.close()
    monkeypatch.setenv("CLEANROOM_HOME", str(room.home))
    return room


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["platform", *arguments])
    return int(left.value.code or 0)


def test_a_connection_says_who_where_and_what(tiny: TinyRoom, both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("test", "--profile", "bank") == 0
    shown = capsys.readouterr().out
    assert "admin@provider.example (person, pat)" in shown
    assert "may create rooms        yes\n" in shown
    assert both.provider.facts["token"] not in shown
    assert run("test", "--profile", "bank-sp", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["is_service"], told["may_create_rooms"], told["metastore"]) == (
        True,
        True,
        both.provider.facts["global_metastore_id"],
    )
    assert run("test", "--profile", "nobody") == 1
    assert "PLATFORM_SIGN_IN" in capsys.readouterr().err


def test_a_side_is_connected_and_its_stories_find_the_room(
    tiny: TinyRoom,
    both: Both,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ("connect", "shops:north", "--room", "Shops", "--owner", "bank", "--warehouse", both.provider.warehouse)
    for runner, code in (("bank", "RUN_AS_PERSON"), ("other-sp", "TWO_METASTORES")):
        assert run(*given, "--runner", runner) == 2
        assert code in capsys.readouterr().err
    place = tiny.home / "rooms" / "shops" / "north" / FILE
    assert not place.exists()
    assert run(*given, "--runner", "bank-sp") == 0
    assert Placed.from_text(place.read_text()) == Placed("shops", "bank", "bank-sp", both.provider.warehouse)
    assert not any(both.provider.facts[name] in place.read_text() for name in ("token", "client_secret"))
    assert stat.S_IMODE(place.parent.stat().st_mode) & 0o077 == 0
    opened = TinyRoom.open(tiny.home.parent)
    seen = look_there(opened.side("north"), opened.user("north", Role.ENGINEER))
    assert (seen.room, dict(seen.joined)) == (None, {"south": False})
    platform = opened.side("north").platform
    assert platform is not None
    assert (platform.room, platform.owner.identity().is_service, platform.runner.identity().is_service) == (
        "shops",
        False,
        True,
    )
    opened.context.close()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2, "platform": "databricks", "room": "r"}', '{"format": 1, "x": "y"}']
)
def test_a_file_that_is_no_such_thing_is_refused(text: str) -> None:
    with pytest.raises(InputError) as raised:
        Placed.from_text(text)
    assert raised.value.code == "PLACED"
    with pytest.raises(InputError):
        Placed.from_text(json.dumps({**Placed("r").as_json(), "warehouse": 7}))
