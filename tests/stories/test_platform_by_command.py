"""A room on a platform driven by `cleanroom platform` alone, from its creation to figures in quarantine."""

from __future__ import annotations

import io
import shutil
from functools import partial
from pathlib import Path

import pytest

from cleanroom_core.backends.waiting import Pace
from cleanroom_core.cli.main import main
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.rehearsal import add_demo_users
from cleanroom_core.rooms.state import Verdict
from tests.simulator import conftest as simulated
from tests.simulator.conftest import Both
from tests.stories.platform_shop import TABLES, embedded_runs, let_run, recorded
from tests.stories.tiny_room import TinyRoom

pytestmark = pytest.mark.usefixtures("same_process")

both, _clean_environment, _no_environment = simulated.both, simulated._clean_environment, simulated._no_environment


@pytest.fixture
def tiny(tmp_path: Path, both: Both, played_homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> TinyRoom:
    """A home with a signed plan, whose two sides have a workspace each; runs write what the rehearsal computed."""
    text, names = "", {"": ("host", "token"), "-sp": ("host", "client_id", "client_secret")}
    for alias, side in (("north", both.provider), ("south", both.consumer)):
        for suffix, kept in names.items():
            text += f"[{alias}{suffix}]\n" + "".join(f"{name} = {side.facts[name]}\n" for name in kept)
    (tmp_path / "databrickscfg").write_text(text, encoding="utf-8")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))
    for stage in ("quarantined", "signed"):
        shutil.copytree(played_homes[stage], tmp_path / stage)
    rehearsed = TinyRoom.open(tmp_path / "quarantined")
    embedded_runs(monkeypatch, recorded(rehearsed))
    rehearsed.context.close()
    monkeypatch.setattr("cleanroom_core.stories.platform_plan.room_tables", lambda state: TABLES)
    monkeypatch.setattr("cleanroom_core.backends.waiting.Pace", partial(Pace, first=0.01))
    tiny = TinyRoom.open(tmp_path / "signed")
    add_demo_users(tiny.context, tiny.definition)
    tiny.context.users.add(User("nils", "North Shop", frozenset({Role.ENGINEER})), "a long enough secret")
    tiny.context.close()
    monkeypatch.setenv("CLEANROOM_HOME", str(tiny.home))
    return tiny


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["platform", *arguments])
    return int(left.value.code or 0)


def test_a_room_is_driven_without_the_wizard(
    tiny: TinyRoom, both: Both, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for alias, side in (("north", both.provider), ("south", both.consumer)):
        connected = ("--room", "joint", "--owner", alias, "--runner", f"{alias}-sp", "--warehouse", side.warehouse)
        assert run("connect", f"shops:{alias}", *connected) == 0
    north, south = ("shops:north", "--as", "north.engineer"), ("shops:south", "--as", "south.engineer")
    assert run("look", *north) == 0
    partner = f"{both.consumer.facts['global_metastore_id']}:{both.consumer.facts['workspace_id']}:admin@consumer.example"
    assert run("create", *north, "--partner", f"south={partner}") == 0
    assert run("open", *north) == 0
    assert run("accept", *south) == 0
    assert "This side is south in joint." in capsys.readouterr().out
    let_run(both, "joint")
    assert run("catalog", *north, "joint_out") == 0
    assert run("table", "shops:north", "--as", "north.steward", "north.baskets") == 1
    assert "NOT_THERE" in capsys.readouterr().err
    assert run("results", *north) == 1
    assert "NO_RUN" in capsys.readouterr().err
    assert run("upload", *north) == 0
    assert run("run", *north) == 1
    assert "NOT_APPROVED" in capsys.readouterr().err
    assert run("approve", *south, "north") == 1, "an engineer does not sign"
    assert run("approve", "shops:south", "--as", "south.reviewer", "north") == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("a wrong secret, though long\n"))
    assert run("run", "shops:north", "--as", "nils", "--password-stdin") == 1
    assert "SIGN_IN" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough secret\n"))
    assert run("run", "shops:north", "--as", "nils", "--password-stdin") == 0
    assert run("results", *north) == 0
    assert "aisles in quarantine" in capsys.readouterr().out
    assert run("run", *north) == 1
    assert "PERIOD_RUN" in capsys.readouterr().err
    assert run("look", *south) == 0
    shown = capsys.readouterr().out
    assert "joint: ACTIVE" in shown
    assert "plan_north  APPROVED" in shown
    opened = TinyRoom.open(tiny.home.parent)
    assert [each.verdict for each in opened.side("north").state().results] == [Verdict.QUARANTINED]
    opened.context.close()
