"""The tiny room on two simulated workspaces: its notebook uploaded by the side that keeps the figures, approved by the other.

A run's Python cells need Spark, half a minute of it. Here its place is taken by what the embedded engine computed for the same
plan in the rehearsal: written as the notebook writes it, into the simulator's own run, which does all the rest.
"""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databricks.sdk.service import catalog

from cleanroom_core.backends.asked import NewNotebook, NewRoom, Party
from cleanroom_core.backends.protocol import Backend, Platform
from cleanroom_core.backends.waiting import wait_active, wait_ended
from cleanroom_core.context import create_home
from cleanroom_core.engines.in_room import output_of
from cleanroom_core.engines.protocol import Computed
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.notebooks.release.verify import plan_in
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rehearsal import import_room
from cleanroom_core.simulator.spark_runs import SparkRuns
from cleanroom_core.stories import platform_run as runs
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.figures import quarantined_sheets
from cleanroom_core.stories.platform_plan import plan_notebook
from cleanroom_core.stories.platform_room import create_there, make_output_catalog
from tests.backends.conformance import NOW
from tests.backends.workspaces import backend
from tests.simulator.conftest import Both
from tests.stories.tiny_room import ROOM, STAGES, TinyRoom, write_files

TABLES = {
    "north.baskets": ObjectName("north", "default", "baskets"),
    "south.members": ObjectName("south", "default", "members"),
}
NAME = "aisles"
_numbers = itertools.count(1)
_SCHEMAS = {
    "cells": pa.schema([("part", pa.int32()), ("number", pa.int32()), ("cell", pa.string())]),
    "certificate": pa.schema([("certificate", pa.string())]),
    "manifest": pa.schema([("manifest", pa.string()), ("seed", pa.string())]),
}


@dataclass
class Shop:
    """Both sides, each with its platform; `north` keeps the figures and runs, `south` gets them."""

    tiny: TinyRoom
    both: Both
    name: str
    platforms: dict[str, Platform] = field(default_factory=dict)

    def side(self, alias: str) -> Collaborator:
        side = self.tiny.side(alias)
        side.platform = self.platforms[alias]
        return side

    @property
    def north(self) -> Collaborator:
        return self.side("north")

    @property
    def south(self) -> Collaborator:
        return self.side("south")

    @property
    def engineer(self) -> User:
        return self.tiny.user("north", Role.ENGINEER)

    @property
    def reviewer(self) -> User:
        return self.tiny.user("north", Role.REVIEWER)

    def notebook(self, alias: str = "north") -> NewNotebook:
        return plan_notebook(self.side(alias), "north", TABLES, NAME, ["north"])

    def approved(self) -> str:
        """Uploaded by one side, compared and approved by the other; returns the etag."""
        runs.upload_there(self.north, self.engineer, self.notebook())
        return runs.approve_agreed(self.south, self.tiny.user("south", Role.REVIEWER), self.notebook("south")).etag

    def started(self) -> str:
        return runs.run_there(self.north, self.engineer, NAME).id

    def ended(self) -> str:
        """A run of the approved notebook that has ended, well or not."""
        run_id = self.started()
        wait_ended(self.platforms["north"].runner, run_id, NOW)
        return run_id


def identities(both: Both) -> dict[str, tuple[Backend, Backend]]:
    """Owner and runner of each side; making a client costs more than using it."""
    sides = {"north": both.provider, "south": both.consumer}
    return {alias: (backend(side), backend(side, service=True)) for alias, side in sides.items()}


def opened(tiny: TinyRoom, both: Both, known: Mapping[str, tuple[Backend, Backend]]) -> Shop:
    """A room of its own at the platform, in which the service principal of north may run notebooks."""
    shop = Shop(tiny, both, f"aisles{next(_numbers)}")
    shop.platforms = {alias: Platform(owner, runner, shop.name) for alias, (owner, runner) in known.items()}
    provider, consumer = both.provider.facts, both.consumer.facts
    partner = Party("south", consumer["global_metastore_id"], "admin@consumer.example", str(consumer["workspace_id"]))
    create_there(
        shop.north,
        shop.engineer,
        NewRoom(shop.name, "aws", "us-west-2", (Party("north", provider["global_metastore_id"]), partner)),
    )
    wait_active(shop.platforms["north"].owner, shop.name, NOW)
    make_output_catalog(shop.north, shop.engineer, f"{shop.name}_out")
    let_run(both, shop.name)
    return shop


def let_run(both: Both, room: str) -> None:
    """What north's metastore admin does first."""
    wanted = [catalog.Privilege.EXECUTE_CLEAN_ROOM_TASK, catalog.Privilege.BROWSE]
    change = catalog.PermissionsChange(principal=both.provider.facts["client_id"], add=wanted)
    both.provider.admin.grants.update("clean_room", room, changes=[change])


def dated_room(folder: Path) -> TinyRoom:
    """The tiny room with a date in every basket, by which its periods go, and its plan signed."""
    write_files(folder / "files")
    text = ROOM.replace("returned: {}\n    rule", "returned: {}\n      bought_on: {}\n    rule")
    (folder / "files" / "room.yaml").write_text(
        text.replace("      measures:", "      period_column: bought_on\n      measures:", 1)
    )
    path = folder / "files" / "baskets.csv"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{head},bought_on", *(f"{line},2020-05-04" for line in lines)]) + "\n")
    create_home(folder / "home")
    room = TinyRoom.open(folder)
    import_room(room.context, room.definition)
    next(step for step in room.steps() if STAGES["signed"](step))
    return room


Rows = dict[str, list[tuple[Any, ...]]]


def recorded(tiny: TinyRoom) -> tuple[Computed, str]:
    """What the embedded engine computed for this plan, and its seed: the tiny room at "quarantined"."""
    north = tiny.side("north")
    (result,) = north.state().results
    certificate = {name: value for name, value in result.certificate.items() if name not in ("reused", "blocked")}
    cells = tuple(sheet.cells for sheet in quarantined_sheets(north, result))
    assert result.run is not None
    kept = next(
        record.payload for record in north.log.records() if record.entry.kind == "outcome" and result.run in record.entry.refs
    )
    return Computed("run", cells, ((),) * len(cells), certificate, ({},) * len(cells)), kept["seed"]


def embedded_runs(monkeypatch: pytest.MonkeyPatch, computed: tuple[Computed, str]) -> None:
    """Runs whose Python cells are not run: their output is what was recorded, told as of this very notebook."""

    def start(
        self: SparkRuns,
        number: str,
        cells: Sequence[dict[str, Any]],
        tables: Mapping[str, str],
        parameters: Mapping[str, str],
        output: str | None,
    ) -> None:
        folder = Path(self._folder) / number
        rows, made = rows_of([cell["text"] for cell in cells], *computed), {}
        for name, found in rows.items():
            columns = list(zip(*found, strict=True))
            table = pa.Table.from_arrays([pa.array(column) for column in columns], names=_SCHEMAS[name].names)
            pq.write_table(table.cast(_SCHEMAS[name]), made.setdefault(name, str(folder / f"{name}.parquet")))
        result = {"result": "SUCCESS", "reason": "", "tables": made}
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")

    monkeypatch.setattr(SparkRuns, "start", start)
    monkeypatch.setattr("cleanroom_core.simulator.playing.missing", lambda: "")


def rows_of(cells: Sequence[str], computed: Computed, seed: str) -> Rows:
    """The three tables as the notebook with these cells writes them."""
    plan = plan_in([cells[0].removeprefix("# Databricks notebook source").strip(), *cells[1:]])
    assert plan is not None
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(cells[0]).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    told = {"query_hash": constants["QUERY_HASH"], "content_hash": constants["CONTENT_HASH"], "modules": {}}
    found = output_of(computed, plan, told)
    return {"cells": found["cells"], "certificate": [(found["certificate"],)], "manifest": [(found["manifest"], seed)]}
