"""Joins, periods and parts on the smallest tables that show them: nobody is multiplied, few are never told from many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.answer import Answer, project
from cleanroom_core.guard.sheet import Sheet
from cleanroom_core.guard.world import Period
from cleanroom_core.privacy.protect import protect
from tests.guard.guard_worlds import world_from

MINIMUM = 5
WORLD = {
    "purposes": ["test"],
    "minimum_cohort": MINIMUM,
    "assets": {
        "shop.sales": {
            "columns": {"buyer": "string", "aisle": "string", "sold": "date", "amount": "decimal(9,2)", "note": "string"},
            "rule": {
                "privacy_unit": "buyer", "join_key": "buyer", "counted": ["note"], "period_column": "sold",
                "dimensions": {"aisle": {"domain": ["a", "b"]}, "sold": {"dates": ["day", "month"]}},
                "measures": {"amount": {"min": 0, "max": 100, "bands": [50]}},
            },
            "labels": {"sold@month": ["2026-01-01", "2026-02-01"], "sold@day": ["2026-01-05", "2026-02-05"]},
        },
        "bank.clients": {
            "columns": {"buyer": "string", "person": "string", "age": "string", "since": "date", "income": "decimal(9,2)"},
            "rule": {
                "privacy_unit": "person", "join_key": "buyer", "period_column": "since",
                "dimensions": {"age": {"domain": ["new", "old"]}}, "measures": {"income": {"min": 0, "max": 50}},
            },
        },
    },
}  # fmt: skip
LEFT = "FROM shop.sales s LEFT JOIN bank.clients c ON s.buyer = c.buyer"
INNER = LEFT.replace("LEFT ", "")


@pytest.fixture
def room() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE SCHEMA shop; CREATE SCHEMA bank;"
            "CREATE TABLE shop.sales (buyer VARCHAR, aisle VARCHAR, sold DATE, amount DECIMAL(9,2), note VARCHAR);"
            "CREATE TABLE bank.clients (buyer VARCHAR, person VARCHAR, age VARCHAR, since DATE, income DECIMAL(9,2))"
        )
        yield connection


def sheet_of(sql: str, by: str = "press", **changed: Any) -> Sheet:
    world = world_from(WORLD)
    verdict = judge_sql(sql, by, replace(world, collaborators=(), **changed))
    assert verdict.ok, [str(finding) for finding in verdict.findings]
    return verdict.sheets[0]


def ask(room: duckdb.DuckDBPyConnection, sql: str, by: str = "press", **changed: Any) -> Answer:
    sheet = sheet_of(sql, by, **changed)
    thresholds = world_from(WORLD).thresholds
    parts = [protect(room.execute(part.query.render("duckdb")).fetchall(), part.layout, thresholds) for part in sheet.parts]
    assert [type(cells).from_json(cells.as_json()) for cells in parts] == parts
    return project(sheet, parts)


def sales(room: duckdb.DuckDBPyConnection, first: int, last: int, **columns: str) -> None:
    values = {"buyer": "'p' || i", "aisle": "'a'", "sold": "DATE '2026-01-05'", "amount": "10", "note": "'n'"} | columns
    room.execute(f"INSERT INTO shop.sales SELECT {', '.join(values.values())} FROM range({first}, {last}) r(i)")


def clients(room: duckdb.DuckDBPyConnection, first: int, last: int, **columns: str) -> None:
    values = {"buyer": "'p' || i", "person": "'q' || i", "age": "'new'", "since": "DATE '2026-01-05'", "income": "7"} | columns
    room.execute(f"INSERT INTO bank.clients SELECT {', '.join(values.values())} FROM range({first}, {last}) r(i)")


@pytest.mark.parametrize("rows_per_key", [None, 1.2])
def test_a_client_who_stands_twice_is_unmatched(room: duckdb.DuckDBPyConnection, rows_per_key: float | None) -> None:
    sales(room, 0, 40)
    clients(room, 0, 30)
    clients(room, 0, 10, age="'old'")
    assets = dict(world_from(WORLD).assets)
    assets["bank.clients"] = replace(assets["bank.clients"], rows_per_key=rows_per_key)
    assert ask(room, f"SELECT c.age, count(*) {LEFT} GROUP BY 1", assets=assets).rows == ((None, 20), ("new", 20))
    assert ask(room, f"SELECT count(*) {INNER}", assets=assets).rows == ((20,),)


def test_the_asset_with_most_rows_per_key_bears_the_rows(room: duckdb.DuckDBPyConnection) -> None:
    sales(room, 0, 40)
    sales(room, 0, 10)
    clients(room, 0, 40)
    clients(room, 0, 40, person="'r' || i")
    assets = dict(world_from(WORLD).assets)
    assets["bank.clients"] = replace(assets["bank.clients"], rows_per_key=2.0)
    assets["shop.sales"] = replace(assets["shop.sales"], rows_per_key=1.25)
    assert ask(room, f"SELECT count(*) {INNER}", assets=assets).rows == ((60,),)
    once = {**assets, "shop.sales": replace(assets["shop.sales"], rows_per_key=3.0)}
    assert ask(room, f"SELECT count(*) {INNER}", assets=once).rows == ()
    assert (
        sheet_of(f"SELECT count(*) {INNER}", assets=once).canonical
        != sheet_of(f"SELECT count(*) {INNER}", assets=assets).canonical
    )


def test_who_is_nobody_on_the_other_side_is_unmatched(room: duckdb.DuckDBPyConnection) -> None:
    sales(room, 0, 40)
    clients(room, 0, 20)
    clients(room, 20, 30, person="NULL")
    assert ask(room, f"SELECT c.age, count(*) {LEFT} GROUP BY 1").rows == ((None, 20), ("new", 20))
    assert ask(room, f"SELECT count(*) {INNER}").rows == ((20,),)


@pytest.mark.parametrize(
    ("matched", "shown"),
    [(0, ((40, "withheld"),)), (4, ()), (5, ((40, 5),)), (35, ((40, 35),)), (36, ((40, "withheld"),)), (40, ((40, 40),))],
)
def test_figures_of_who_may_be_unmatched_need_people_and_leave_people(
    room: duckdb.DuckDBPyConnection, matched: int, shown: object
) -> None:
    """Few matched, and few unmatched, would both be told by the difference of two counts."""
    sales(room, 0, 40)
    clients(room, 0, matched)
    assert ask(room, f"SELECT count(*), count(c.income) {LEFT}").rows == shown
    assert ask(room, f"SELECT count(*) {LEFT}").rows == ((40,),)


def test_people_of_one_household_are_few_on_the_other_side(room: duckdb.DuckDBPyConnection) -> None:
    """Twenty buyers whose clients are four persons: a label of the clients is about those four."""
    sales(room, 0, 40)
    clients(room, 0, 20, person="'q' || (i % 4)")
    assert ask(room, f"SELECT c.age, count(*) {LEFT} GROUP BY 1").rows == ((None, 20),)
    assert ask(room, f"SELECT count(*) {LEFT} WHERE c.age = 'new' OR s.amount < 50").rows == ()
    assert ask(room, f"SELECT count(*) {INNER}").rows == ()


def test_a_filter_that_no_unmatched_row_passes_makes_an_inner_join() -> None:
    left, inner = (
        sheet_of(f"SELECT s.aisle, count(*), avg(c.income) {join} WHERE c.age = 'new' GROUP BY 1") for join in (LEFT, INNER)
    )
    assert left.canonical == inner.canonical
    assert left.query.render("duckdb") == inner.query.render("duckdb")
    assert sheet_of(f"SELECT count(*) {LEFT}").layout.partition != sheet_of(f"SELECT count(*) {INNER}").layout.partition


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT count(*) {LEFT} AND c.buyer = 'k1'",
        f"SELECT count(*) {LEFT.replace('LEFT', 'FULL')}",
        f"SELECT count(*) {LEFT.replace('LEFT', 'LEFT SEMI')}",
        f"SELECT count(*) {LEFT.replace('LEFT', 'LEFT ANTI')}",
        f"SELECT count(*) {LEFT.replace('LEFT', 'NATURAL')}",
        "SELECT count(*) FROM shop.sales CROSS JOIN bank.clients",
        "SELECT count(*) FROM shop.sales s LEFT JOIN bank.clients c ON s.buyer = c.person",
    ],
)
def test_joins_that_choose_people_are_refused(sql: str) -> None:
    assert not judge_sql(sql, "shop", world_from(WORLD)).ok


def test_a_period_counts_its_own_rows(room: duckdb.DuckDBPyConnection) -> None:
    sales(room, 0, 10)
    sales(room, 0, 20, sold="DATE '2026-02-05'")
    sales(room, 0, 7, sold="NULL")
    january, february = Period(None, date(2026, 2, 1)), Period(date(2026, 2, 1), date(2026, 3, 1))
    sql = "SELECT count(*) FROM shop.sales"
    assert ask(room, sql).rows == ((37,),)
    assert ask(room, sql, period=january).rows == ((10,),)
    assert ask(room, sql, period=february).rows == ((20,),)
    assert len({sheet_of(sql, period=period).layout.partition for period in (None, january, february)}) == 3
    monthly = "SELECT month(sold) m, count(*) FROM shop.sales GROUP BY 1"
    answer = ask(room, monthly, period=february)
    assert (answer.rows, answer.withheld) == (((2, 20),), False)
    assert ask(room, "SELECT count(*) FROM shop.sales WHERE sold < DATE '2026-02-01'", period=february).rows == ()


def test_a_period_leaves_out_rows_of_who_may_be_unmatched_before_the_join(room: duckdb.DuckDBPyConnection) -> None:
    period = Period(date(2026, 1, 1), date(2026, 2, 1))
    sales(room, 0, 40)
    clients(room, 0, 20)
    clients(room, 0, 30, since="DATE '2025-06-01'", age="'old'")
    by_age = f"SELECT c.age, count(*) {LEFT} GROUP BY 1"
    assert ask(room, by_age, period=period).rows == ((None, 20), ("new", 20))
    assert ask(room, by_age).rows == ((None, 30), ("old", 10))
    assert sheet_of(by_age, period=period).layout.partition != sheet_of(by_age, period=Period(None, None)).layout.partition


def test_a_rule_without_its_period_column_is_a_finding() -> None:
    world = world_from(WORLD)
    sales_ = world.assets["shop.sales"]
    broken = replace(sales_, rule=replace(sales_.rule, period_column="never"))
    verdict = judge_sql("SELECT count(*) FROM shop.sales", "shop", World({"shop.sales": broken}, world.thresholds, ("test",)))
    assert verdict.ok
    verdict = judge_sql("SELECT count(*) FROM shop.sales", "shop",
                        World({"shop.sales": broken}, world.thresholds, ("test",), period=Period(None, None)))  # fmt: skip
    assert [finding.code for finding in verdict.findings] == ["PERIOD"]


@pytest.mark.parametrize(
    ("with_note", "shown"), [(0, "withheld"), (4, "withheld"), (5, 5), (36, "withheld"), (35, 35), (40, 40)]
)
def test_few_without_a_value_withhold_as_few_with_one_do(
    room: duckdb.DuckDBPyConnection, with_note: int, shown: object
) -> None:
    sales(room, 0, 40, note=f"CASE WHEN i < {with_note} THEN 'n' END")
    assert ask(room, "SELECT count(*), count(note) FROM shop.sales").rows == ((40, shown),)


def test_a_part_that_is_not_released_is_withheld_and_the_rest_stays(room: duckdb.DuckDBPyConnection) -> None:
    sales(room, 0, 40)
    sales(room, 0, 4, aisle="'b'")
    sql = "SELECT count(*), count(*) FILTER (WHERE aisle = 'b') AS b, 1.0 * count_if(aisle = 'b') / count(*), "
    sql += "coalesce(sum(CASE WHEN aisle = 'b' THEN amount END), 0), sum(CASE WHEN aisle = 'a' THEN 1 END) FROM shop.sales"
    answer = ask(room, sql)
    assert answer.rows == ((44, "withheld", "withheld", "withheld", 40),)
    assert answer.withheld
    assert any("withheld" in note for note in answer.notes)
    assert ask(room, f"{sql} HAVING b < 10").rows == ()
    assert ask(room, f"{sql} HAVING NOT b < 10").rows == ()
    sales(room, 4, 5, aisle="'b'")
    assert ask(room, sql).rows[0][1] == 5


def test_conditions_of_one_meaning_are_one_part() -> None:
    sheet = sheet_of(
        "SELECT count(*) FILTER (WHERE aisle = 'a'), count(CASE WHEN NOT aisle <> 'a' THEN 1 END),"
        " sum(if(aisle = 'a', amount, 0)), count_if(upper(aisle) = 'A'),"
        " count(*) FILTER (WHERE TRUE), sum(CASE WHEN 1 = 1 THEN amount END), avg(amount)"
        " FROM shop.sales"
    )
    assert len(sheet.parts) == 2
    same = sheet_of("SELECT count(*) FILTER (WHERE aisle = 'a') FROM shop.sales WHERE aisle IN ('a')")
    assert len(same.parts) == 1


def test_sums_of_the_receivers_own_measure_come_in_steps_of_one_person(room: duckdb.DuckDBPyConnection) -> None:
    sales(room, 0, 40)
    clients(room, 0, 40, income="i % 8")
    sql, once = f"SELECT sum(c.income), sum(s.amount) {INNER}", dict(world_from(WORLD).assets)
    once["shop.sales"] = replace(once["shop.sales"], rows_per_key=1.0)
    once["bank.clients"] = replace(once["bank.clients"], rows_per_key=1.0)
    assert ask(room, sql, by="shop", assets=once).rows == ((Decimal(140), Decimal(400)),)
    answer = ask(room, sql, by="bank", assets=once)
    assert answer.rows == ((Decimal(150), Decimal(400)),)  # 2.8 steps of 50
    assert any("steps of 50" in note for note in answer.notes)
    assert ask(room, "SELECT sum(income) FROM bank.clients", by="bank").rows == ((Decimal(140),),)
    assert sheet_of(sql, by="bank", assets=once).canonical != sheet_of(sql, by="shop", assets=once).canonical


def test_a_measure_that_stands_in_several_rows_of_a_person_comes_in_steps(room: duckdb.DuckDBPyConnection) -> None:
    """Everybody buys once a month, p7 in January only: the months have no row in common and differ by one income."""
    sales(room, 0, 40)
    sales(room, 0, 7, sold="DATE '2026-02-05'")
    sales(room, 8, 40, sold="DATE '2026-02-05'")
    clients(room, 0, 40, income="i + 0.25")
    monthly = f"SELECT month(s.sold), sum(c.income), count(c.income) {INNER} GROUP BY 1"
    assert ask(room, monthly, by="shop").rows == ((1, Decimal(800), 40), (2, Decimal(800), 39))  # 790 and 782.75


def test_a_deviation_is_exact_and_squares_have_their_own_dominance(room: duckdb.DuckDBPyConnection) -> None:
    sales(room, 0, 40, amount="CASE WHEN i % 2 = 0 THEN 10.01 ELSE 30.03 END")
    (row,) = ask(room, "SELECT var_pop(amount), stddev_pop(amount) FROM shop.sales").rows
    assert row == (Decimal("100.200100000000"), Decimal("10.010000000000"))
    sales(room, 0, 40, amount="1", aisle="'b'")
    sales(room, 0, 1, amount="20", aisle="'b'")
    assert ask(room, "SELECT count(*), sum(amount) FROM shop.sales WHERE aisle = 'b'").rows == ((41, 60),)
    assert ask(room, "SELECT stddev(amount) FROM shop.sales WHERE aisle = 'b'").rows == ()  # 400 of 440 are one person's


def test_squares_that_do_not_fit_are_refused() -> None:
    world = world_from(WORLD)
    sales_ = world.assets["shop.sales"]
    wide = type(sales_.rule.measures["amount"])("0", "999999999999")
    rule = replace(sales_.rule, measures={"amount": wide})
    verdict = judge_sql("SELECT sum(amount), stddev(amount) FROM shop.sales", "shop",
                        World({"shop.sales": replace(sales_, rule=rule)}, world.thresholds, ("test",)))  # fmt: skip
    assert [finding.code for finding in verdict.findings] == ["MEASURE"]
