"""Prechecks of a side whose home remembers a workspace: the same page, the workspace's checks below those of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.cli.main import main
from cleanroom_core.prechecks import REHEARSAL
from cleanroom_core.prechecks.databricks import OWN
from cleanroom_core.prechecks.databricks.remembered import FILE
from cleanroom_core.simulator.serving import serving
from tests.pages.conftest import ROOM, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with serving(tmp_path_factory.mktemp("simulator")) as described:
        yield {each["name"]: each for each in described["workspaces"]}


@pytest.fixture
def _profiles(workspaces: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"[{name}]\nhost = {facts['host']}\ntoken = {facts['token']}" for name, facts in workspaces.items()]
    (tmp_path / "databrickscfg").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))


def precheck(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["precheck", "--databricks", *arguments])
    assert ended.value.code in (0, 1, 3)


@pytest.mark.usefixtures("_profiles")
def test_what_a_home_remembers_is_checked_by_the_page_as_well(
    tiny: Tiny, wizard: Wizard, tmp_path: Path, workspaces: dict[str, Any]
) -> None:
    room, handed = tiny(), tmp_path / "partner.json"
    precheck("--profile", "consumer", "--role", "invited", "--facts-out", str(handed), "--only", "sdk")
    asked = ("--place", "aws:us-west-2", "--room", "joint", "--standard", "pci_dss", "--table", "a.b.c")
    precheck("--profile", "provider", "--partner-facts", str(handed), "--only", "sdk", "--remember", f"{ROOM}:north", *asked)
    kept = (room.side("north").home / FILE).read_text(encoding="utf-8")
    assert workspaces["provider"]["token"] not in kept

    app = wizard("north.engineer", "prechecks")
    app = app.button[[button.label for button in app.button].index("Run all prechecks")].click().run()
    found = room.side("north").state().prechecks["north"]
    assert found.passed + found.failed + found.unknown == len(REHEARSAL) + len(OWN) - 1, "the agreement is one check of both"
    shown = texts(app)
    assert "Idle compute" in shown
    assert "Asked for is PCI" in shown
    assert "databricks api post /api/2.1/clusters/update" in "\n".join(code.value for code in app.code)

    (room.side("north").home / FILE).write_text("[]", encoding="utf-8")
    app = app.button(key="again_idle-compute").click().run()
    assert "--remember ROOM:ALIAS" in texts(app).replace("\\", "")
    assert room.side("harbour").platform_facts() is None, "each side's home remembers for itself"
