"""What an attacker found, each on the smallest table that shows it: figures that follow from others, whoever asks first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
import pytest

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from cleanroom_core.engines.protocol import ShareTable
from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.answer import project
from cleanroom_core.guard.world import Period
from cleanroom_core.policies.rule import Measure
from cleanroom_core.sql.types import SqlType
from cleanroom_core.stories.certified import Released, compute_parts
from tests.engines.computing import HOMES, ROWS_PER_KEY, SALES, WORLD, ComputeConformance, with_measure
from tests.guard.guard_worlds import world_from

pytestmark = pytest.mark.usefixtures("same_process")  # tests/engines hold it to its own processes
FLAG = Measure("0", "1")
WITHHELD = "withheld"


class Room:
    """Questions asked one after the other; each is certified with all that came before."""

    def __init__(self, world: World, tables: dict[str, ShareTable], engine: DuckDBRoomEngine) -> None:
        self.world, self.tables, self.engine = world, tables, engine
        self.released: list[Released] = []

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        verdict = judge_sql(sql, "post", self.world)
        assert verdict.ok, [str(finding) for finding in verdict.findings]
        (sheet,) = verdict.sheets
        computed, _ = compute_parts(self.engine, sheet.parts, self.released, self.world.thresholds, self.tables)
        for part, cells, concealed in zip(sheet.parts, computed.cells, computed.concealed, strict=True):
            self.released.append(Released(part, cells, concealed=concealed))
        return list(project(sheet, computed.cells).rows)


@pytest.fixture
def open_room(tmp_path: Path) -> Callable[..., Room]:
    def make(world: World, rows: Sequence[tuple[object, ...]], homes: Sequence[tuple[object, ...]] = ()) -> Room:
        owner, kit = DuckDBOwnerEngine(tmp_path / "work"), ComputeConformance()
        tables = {}
        for name, found in ((SALES, rows), (HOMES, homes)):
            if not found:
                continue
            schema = world.assets[name].schema
            types = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64(), "date": pa.date32()}
            columns = {
                each.name: pa.array([row[i] for row in found], types[str(each.type).lower()]) for i, each in enumerate(schema)
            }
            tables[name] = kit.publish(owner, world, name, pa.table(columns), Path(mkdtemp(dir=tmp_path)))
        return Room(world, tables, DuckDBRoomEngine(tmp_path / "work"))

    return make


@pytest.fixture
def world() -> World:
    world = world_from(WORLD)
    assets = {name: replace(asset, rows_per_key=ROWS_PER_KEY[name]) for name, asset in world.assets.items()}
    return replace(world, assets=assets)


def people(aisle: str, amount: Callable[[int], object], paid: str = "card", many: int = 60) -> list[tuple[object, ...]]:
    return [(f"{aisle}{i:03}", aisle, paid, amount(i)) for i in range(many)]


TOTAL = "SELECT sum(amount) AS s FROM shop.sales"
REST = "SELECT sum(amount) AS s FROM shop.sales WHERE aisle <> 'fish'"
ONE_STATEMENT = "SELECT sum(amount) AS s, sum(amount) FILTER (WHERE aisle <> 'fish') AS r FROM shop.sales"


@pytest.mark.parametrize("order", [(TOTAL, REST), (REST, TOTAL)])
def test_a_small_numerator_nobody_asked_for_does_not_follow(
    open_room: Callable[..., Room], world: World, order: Sequence[str]
) -> None:
    """One of 60 who bought fish has a one; fish itself is never asked about."""
    rows = [*people("bread", lambda i: int(i < 20)), *people("fish", lambda i: int(i < 1))]
    room = open_room(with_measure(world, FLAG), rows)
    first, second = (room.ask(sql) for sql in order)
    assert first == [(21 if order[0] == TOTAL else 20,)]
    assert second == []


def test_nor_in_one_statement_nor_after_two_hidden_levels(open_room: Callable[..., Room], world: World) -> None:
    rows = [*people("bread", lambda i: int(i < 20)), *people("fish", lambda i: int(i < 1))]
    rows += [*people("bread", lambda i: int(i >= 40), "cash"), *people("fish", lambda i: 0, "cash")]
    (found,) = open_room(with_measure(world, FLAG), rows).ask(ONE_STATEMENT)
    assert WITHHELD in found
    room = open_room(with_measure(world, FLAG), rows)
    assert dict(room.ask("SELECT aisle, sum(amount) FROM shop.sales GROUP BY 1"))["fish"] == "fewer than 3"
    levels = room.ask("SELECT aisle, paid, sum(amount) FROM shop.sales GROUP BY 1, 2")
    assert {figure for aisle, _, figure in levels if aisle == "fish"} == {"fewer than 3"}
    assert room.ask(TOTAL) == []


@pytest.mark.parametrize("order", [(TOTAL, REST), (REST, TOTAL)])
def test_a_dominated_rest_nobody_asked_for_does_not_follow(
    open_room: Callable[..., Room], world: World, order: Sequence[str]
) -> None:
    rows = [*people("bread", lambda i: 100), *people("fish", lambda i: 90 if i == 0 else 0)]
    strict = replace(world, thresholds=replace(world.thresholds, dominance_percent=10))
    room = open_room(strict, rows)
    first, second = (room.ask(sql) for sql in order)
    assert first == [(6090 if order[0] == TOTAL else 6000,)]
    assert second == []


def test_few_without_a_value_cost_the_average_and_not_the_row(open_room: Callable[..., Room], world: World) -> None:
    rows = [*people("bread", lambda i: i % 7), *people("fish", lambda i: None if i < 2 else 5)]
    room = open_room(world, rows)
    found = room.ask("SELECT aisle, count(*), sum(amount), avg(amount), count(amount) FROM shop.sales GROUP BY 1")
    assert [row[:2] for row in found] == [("bread", 60), ("fish", 60)]
    assert found[0][2] == sum(i % 7 for i in range(60))
    assert found[1][3:] == (WITHHELD, WITHHELD)


def test_a_raised_minimum_holds_beside_what_was_released_under_a_lower_one(
    open_room: Callable[..., Room], world: World
) -> None:
    rows = [*people("bread", lambda i: 1), *people("bread", lambda i: 1, "cash", 15), *people("fish", lambda i: 1)]
    room = open_room(world, rows)
    assert len(room.ask("SELECT aisle, count(*) FROM shop.sales GROUP BY 1")) == 2
    room.world = replace(world, thresholds=replace(world.thresholds, minimum_cohort={SALES: 40, HOMES: 40}))
    assert room.ask("SELECT count(*) FROM shop.sales WHERE paid <> 'cash'") == []


def test_a_left_join_counts_the_people_whose_rows_it_counts(open_room: Callable[..., Room], world: World) -> None:
    """South has four customers with many rows among twenty homes, north has twenty; the shop's rows are what is counted."""
    homes = [(f"{region}{i:03}", region) for region in ("north", "south") for i in range(20)]
    rows = [(f"north{i % 20:03}", "bread", "card", 1) for i in range(100)]
    rows += [(f"south{i % 4:03}", "bread", "card", 1) for i in range(40)]
    sql = "SELECT h.region, count(*) FROM post.homes h LEFT JOIN shop.sales s ON h.token = s.token GROUP BY 1"
    assert open_room(world, rows, homes).ask(sql) == [("north", 100)]
    none = [row for row in rows if str(row[0]).startswith("north")]
    assert open_room(world, none, homes).ask(sql) == [("north", 100)], "nobody looks like few"


def test_a_key_that_is_not_the_privacy_unit_may_be_missing(open_room: Callable[..., Room], world: World) -> None:
    sales = world.assets[SALES]
    rule = replace(sales.rule, join_key="paid", dimensions={"aisle": sales.rule.dimensions["aisle"]})
    keyed = replace(sales, rule=rule)
    rows = [*people("bread", lambda i: 1), *[(f"x{i:03}", "bread", None, 1) for i in range(30)]]
    room = open_room(replace(world, assets={**world.assets, SALES: keyed}), rows)
    assert room.ask("SELECT count(*), count(paid) FROM shop.sales") == [(90, 60)]


def test_undated_rows_are_certified_across_periods(open_room: Callable[..., Room], world: World) -> None:
    """Homes have no date: one home fewer in the next period is one person's region, though the sales it may meet are dated."""
    sales = world.assets[SALES]
    schema = replace(
        sales.schema, columns=(*sales.schema.columns, replace(sales.schema.columns[0], name="day", type=SqlType.parse("date")))
    )
    dated = replace(sales, schema=schema, rule=replace(sales.rule, period_column="day"), rows_per_key=1.0)
    worlds = replace(world, assets={**world.assets, SALES: dated}, period=Period(None, date(2026, 2, 1)))
    homes = [(f"p{i:03}", ("north", "south")[i % 2]) for i in range(80)]
    rows = [(f"p{i:03}", "bread", "card", 1, date(2026, 1, 5) if i < 40 else date(2026, 2, 5)) for i in range(80)]
    sql = "SELECT h.region, count(*) FROM post.homes h LEFT JOIN shop.sales s ON h.token = s.token GROUP BY 1"
    first = open_room(worlds, rows, homes)
    assert first.ask(sql) == [("north", 40), ("south", 40)]
    later = open_room(replace(worlds, period=Period(date(2026, 2, 1), None)), rows, homes[1:])
    later.tables |= {f"{name.split('.')[0]}@1.{name.split('.')[1]}": table for name, table in first.tables.items()}
    later.released = [replace(each, snapshot=1) for each in first.released]
    assert ("north", 39) not in later.ask(sql)


@pytest.mark.parametrize("key", ["upper(paid)", "CASE paid WHEN 'card' THEN 1 WHEN 'cash' THEN 2 ELSE 3 END"])
def test_a_derived_key_whose_filter_leaves_labels_out_is_certified_like_a_column(
    open_room: Callable[..., Room], world: World, key: str
) -> None:
    rows = [*people("bread", lambda i: 1, "cash"), *people("bread", lambda i: 1, "cheque"), ("bread000", "fish", "cash", 77)]
    room = open_room(world, rows)
    sql = f"SELECT {key} AS k, count(*) AS n FROM shop.sales WHERE paid <> 'card'"
    assert [n for _, n in room.ask(f"{sql} GROUP BY 1")] == [61, 60]
    assert 60 not in [n for k, n in room.ask(f"{sql} AND aisle <> 'fish' GROUP BY 1") if k in ("CASH", 2)]


def test_a_left_join_may_have_a_measure_with_gaps_beside_counts_of_the_other_side(
    open_room: Callable[..., Room], world: World
) -> None:
    rows = people("bread", lambda i: None if i < 25 else 2)
    homes = [(f"bread{i:03}", ("north", "south")[i % 2]) for i in range(40)]
    sql = (
        "SELECT count(*) AS n, sum(s.amount) AS total, count(h.token) AS met"
        " FROM shop.sales s LEFT JOIN post.homes h ON s.token = h.token"
    )
    assert open_room(world, rows, homes).ask(sql) == [(60, 70, 40)]
