"""The guard's statements give the same rows on DuckDB and on Spark, to the bit, over tables of what engines read differently.

Of all statements that the guard cases allow, as many are run as it takes to have every kind of node and every use of a column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from cleanroom_core.engines.protocol import CellQuery, Limits, RoomEngine, ShareTable
from cleanroom_core.engines.spark.room import SparkRoomEngine
from cleanroom_core.guard import World, judge
from cleanroom_core.guard.sheet import Part
from cleanroom_core.stories.certified import compute_parts
from tests.engines.awkward_tables import published
from tests.guard.guard_worlds import CASES, read_yaml, template_of, world_named
from tests.spark import MARKS, TestSpark

pytestmark = MARKS
PATIENCE = Limits(seconds=900)


def lenient(name: str) -> World:
    """The world with cohorts of two, so that many cells are compared."""
    world = world_named(name)
    return replace(world, thresholds=replace(world.thresholds, minimum_cohort=dict.fromkeys(world.assets, 2)))


def telling(world_name: str, world: World) -> list[Part]:
    """Allowed statements that together use everything any of them uses: always the one that adds most."""
    parts: dict[str, Part] = {}
    for path in sorted(CASES.glob("[a-z]*.yaml")):
        data = read_yaml(path)
        cases = data if isinstance(data, list) else [{"world": data["world"], **case} for case in data["cases"]]
        for case in cases:
            if "allowed" in case and "repeat" not in case and case.get("world", "banks") == world_name:
                for sheet in judge(template_of(case, world), world).sheets:
                    parts |= {part.query.render("spark"): part for part in sheet.parts}
    uses = {sql: _uses(sql) for sql in parts}
    left, chosen = set().union(*uses.values()), []
    while left:
        best = max(uses, key=lambda sql: (len(uses[sql] & left), -len(sql), sql))
        chosen.append(parts[best])
        left -= uses[best]
    return chosen


def _uses(sql: str) -> set[tuple[str, str]]:
    nodes = list(sqlglot.parse_one(sql, read="spark").walk())
    own = {(type(node.parent).__name__, node.name) for node in nodes if isinstance(node, exp.Column) and node.table[:1] == "t"}
    return own | {(type(node).__name__, "") for node in nodes}


def answers(engine: RoomEngine, parts: list[Part], tables: Mapping[str, ShareTable]) -> list[tuple[object, ...]]:
    asked = [CellQuery(str(n), part.query.render(engine.dialect), part.query.assets) for n, part in enumerate(parts)]
    found = engine.run(asked, tables, PATIENCE)
    return [(cells.columns, *sorted(map(repr, cells.rows))) for cells in found]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["banks", "households"])
def test_every_kind_of_statement_gives_the_same(spark: TestSpark, tmp_path: Path, name: str) -> None:
    world = lenient(name)
    parts = telling(name, world)
    tables = published(world, DuckDBOwnerEngine(tmp_path / "owner"), tmp_path / "share")
    known = answers(DuckDBRoomEngine(tmp_path / "room"), parts, tables)
    found = answers(SparkRoomEngine(spark.classic), parts, tables)
    for part, one, other in zip(parts, known, found, strict=True):
        assert one == other, part.query.render("duckdb")
    assert sum(len(cells) > 1 for cells in known) > len(parts) * 3 // 4, "too few of them have cells to compare"


def test_certified_cells_are_the_same(spark: TestSpark, tmp_path: Path) -> None:
    world = lenient("households")
    parts = telling("households", world)
    tables = published(world, DuckDBOwnerEngine(tmp_path / "owner"), tmp_path / "share")
    computed = [
        compute_parts(room, parts, [], world.thresholds, tables, PATIENCE, seed=bytes(32))[0]
        for room in (DuckDBRoomEngine(tmp_path / "room"), SparkRoomEngine(spark.connect))
    ]
    known, found = (replace(each, run="") for each in computed)
    assert found == known
    assert any(cells.cells for cells in known.cells)
