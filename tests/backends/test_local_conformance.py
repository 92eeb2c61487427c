"""Rooms on this machine, held to the suite."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRoom, NewRun, Party
from cleanroom_core.backends.local.backend import LocalBackend
from cleanroom_core.backends.seen import RunStage
from tests.backends.conformance import BackendConformance, Stage, add_tables, new_room

METASTORES = {
    "provider": "aws:here:11111111-0000-0000-0000-000000000000",
    "consumer": "aws:here:22222222-0000-0000-0000-000000000000",
}


def stage_in(folder: Path) -> Stage:
    owner = LocalBackend(folder, METASTORES["provider"], "provider-admin", is_service=False)
    partner = LocalBackend(folder, METASTORES["consumer"], "consumer-admin", is_service=False)
    sides = {"provider": owner, "consumer": partner}

    def room(name: str) -> NewRoom:
        parties = (
            Party("creator", METASTORES["provider"]),
            Party("collaborator", METASTORES["consumer"], "consumer-admin", "2"),
        )
        return NewRoom(name, "aws", "here", parties)

    def table(side: str, name: str, rows: list[tuple[str, str]]) -> str:
        full = f"{side}_data.default.{name}"
        sides[side].tables.write(full, pa.table({"token": [row[0] for row in rows], "region": [row[1] for row in rows]}))
        return full

    runner = LocalBackend(folder, METASTORES["consumer"], "consumer-service")
    return Stage(owner, partner, runner, room, table, lambda _room: None, lambda name: f"consumer_data.default.{name}")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return stage_in(tmp_path_factory.mktemp("local"))


class TestLocal(BackendConformance):
    pass


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.x') AS FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO 'somewhere.csv'",
        "ATTACH '{central}' AS others",
        "SET enable_external_access = true",
        "-- MAGIC %python\n-- MAGIC print(1)",
    ],
)
def test_a_notebook_reaches_nothing_else_of_this_machine(stage: Stage, tmp_path: Path, statement: str) -> None:
    room = new_room(stage)
    add_tables(stage, room)
    stage.partner.create_output_catalog(room, f"{room}_out")
    source = statement.format(central=tmp_path / "central.db")
    seen = stage.owner.put_notebook(room, NewNotebook("regions", source, ("collaborator",), "SQL"))
    stage.partner.review(room, Judgement("regions", seen.etag, True))
    run = stage.runner.start_run(room, NewRun("regions", seen.etag, f"{room}-token"))
    assert (run.stage, run.output) == (RunStage.FAILED, None)
    assert "Cell 1" in run.reason


def test_two_processes_see_one_room(stage: Stage) -> None:
    """Nothing is kept in memory: another backend on the folder goes on where the first one stopped."""
    room = new_room(stage)
    again = stage_in(stage.owner.folder)  # type: ignore[attr-defined]
    assert again.partner.room(room) == stage.partner.room(room)
