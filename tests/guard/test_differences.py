"""What two questions leave between them: the generated query counts exactly the rows that a plain subtraction leaves."""

from __future__ import annotations

import random
from collections.abc import Sequence

import duckdb
import pytest

from cleanroom_core.guard import judge_sql
from cleanroom_core.guard.complement import MOST, complements
from cleanroom_core.guard.differences import differences
from cleanroom_core.guard.question import Question
from cleanroom_core.guard.safe_query import question_of, sealed
from cleanroom_core.guard.sheet import Part
from tests.guard.guard_worlds import world_from

WORLD = world_from(
    {
        "purposes": ["test"],
        "minimum_cohort": 2,
        "assets": {
            "shop.sales": {
                "columns": {"customer": "string", "city": "string", "seg": "string", "online": "boolean", "sold_on": "date",
                            "amount": "bigint"},
                "rule": {
                    "privacy_unit": "customer",
                    "join_key": "customer",
                    "dimensions": {"city": {"domain": ["A", "B", "C", "D"]}, "seg": {"domain": ["x", "y"]},
                                   "online": {"domain": [True, False]}, "sold_on": {"dates": ["day", "week"]}},
                    "measures": {"amount": {"min": 0, "max": 100, "bands": [10, 50]}},
                },
                "labels": {"sold_on@week": ["2026-03-02", "2026-03-09"],
                           "sold_on@day": [f"2026-03-{day:02}" for day in range(2, 16) if day != 11]},
            },
            "bank.clients": {
                "columns": {"customer": "string", "tier": "string"},
                "rule": {"privacy_unit": "customer", "join_key": "customer", "dimensions": {"tier": {"domain": ["a", "b"]}}},
            },
        },
    }
)  # fmt: skip
S, J = "FROM shop.sales s", "FROM shop.sales s {} JOIN bank.clients c ON s.customer = c.customer"
BAND = "CASE WHEN city IN ('A', 'B') THEN 'west' ELSE 'east' END"
BANDED = f"SELECT {BAND} AS band, sum(amount), count(*) {S} GROUP BY 1"
TOTAL = f"SELECT sum(amount), count(*) {S}"
UNMET = "customer NOT IN (SELECT customer FROM bank.clients)"


def listed(*cities: str, keys: str = "", more: str = "") -> str:
    names = ", ".join(f"'{city}'" for city in cities)
    group = f" GROUP BY {keys}" if keys else ""
    return f"SELECT {keys + ', ' if keys else ''}sum(amount), count(*) {S} WHERE city IN ({names}){more}{group}"


def question(sql: str) -> Question:
    (sheet,) = judge_sql(sql, "bank", WORLD).sheets
    return question_of(sheet.query)


def parts(*texts: str) -> list[Part]:
    return [part for sql in texts for sheet in judge_sql(sql, "bank", WORLD).sheets for part in sheet.parts]


@pytest.fixture(scope="module")
def tables() -> duckdb.DuckDBPyConnection:
    dice, connection = random.Random(7), duckdb.connect()  # noqa: S311
    rows = [
        (f"p{dice.randrange(90)}", dice.choice(["A", "B", "C", "D", "Q", None]), dice.choice(["x", "y", None]),
         dice.choice([True, False, None]), f"2026-03-{dice.randrange(1, 18):02}", dice.choice([None, *range(0, 100, 7)]))
        for _ in range(900)
    ]  # fmt: skip
    connection.execute("CREATE SCHEMA shop; CREATE SCHEMA bank")
    connection.execute(
        "CREATE TABLE shop.sales (customer TEXT, city TEXT, seg TEXT, online BOOLEAN, sold_on DATE, amount BIGINT)"
    )
    connection.executemany("INSERT INTO shop.sales VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.execute(
        "CREATE TABLE bank.clients AS SELECT 'p' || i AS customer, if(i % 5 = 0, 'z', 'a') AS tier FROM range(60) t(i)"
    )
    return connection


@pytest.mark.parametrize(
    ("one", "two", "remaining"),
    [
        pytest.param(listed("A", "C"), listed("A", "B", "C"), ["city = 'B'"], id="lists of which one holds the other"),
        pytest.param(listed("A", "C"), listed("A", "B"), [], id="lists that overlap"),
        pytest.param(listed("A", "C"), listed("C", "A"), [], id="the same in other words"),
        pytest.param(BANDED, listed("A"), ["city <> 'A' AND city <> 'Q' OR city IS NULL"], id="a band and a part of it"),
        pytest.param(TOTAL, f"SELECT city, sum(amount) {S} GROUP BY 1", ["city IS NULL OR city = 'Q'"],
                     id="rows without a label"),
        pytest.param(TOTAL, f"SELECT online, sum(amount) {S} GROUP BY 1", ["online IS NULL"], id="neither true nor false"),
        pytest.param(TOTAL, f"{TOTAL} WHERE amount >= 50", ["amount < 50 OR amount IS NULL"], id="the rest of a line"),
        pytest.param(listed("A", "B", "C", keys="seg"), listed("A", "C"), ["city = 'B'"], id="a key that only the outer has"),
        pytest.param(listed("A", "B"), f"SELECT city, sum(amount) {S} WHERE seg = 'x' GROUP BY 1",
                     ["city IN ('A', 'B') AND seg IS DISTINCT FROM 'x'"], id="those cells that fit"),
        pytest.param(f"SELECT seg, count(*) {S} GROUP BY 1", listed("A", keys="seg"),
                     ["city IS DISTINCT FROM 'A' AND seg IS NOT NULL"],
                     id="cell by cell of what both have"),
        pytest.param(f"SELECT city, count(*) {S} GROUP BY 1", listed("A", "B", keys="city"), [], id="whole cells"),
        pytest.param(f"SELECT date_trunc('week', sold_on) AS w, count(*) {S} GROUP BY 1",
                     f"SELECT sold_on, count(*) {S} GROUP BY 1", ["sold_on = DATE '2026-03-11'"], id="a day of a week"),
        pytest.param(TOTAL, f"SELECT sum(amount), count(*) {J.format('')}", [UNMET], id="a total and an inner join"),
        pytest.param(f"SELECT sum(amount), count(*) {J.format('LEFT')}",
                     f"SELECT c.tier, sum(amount), count(*) {J.format('')} GROUP BY 1",
                     [f"{UNMET} OR customer IN (SELECT customer FROM bank.clients WHERE tier = 'z')"], id="a left join"),
        pytest.param(listed("A"), f"SELECT sum(amount), count(*) {J.format('')} WHERE city IN ('A', 'B')", [],
                     id="neither holds"),
    ],
)  # fmt: skip
def test_the_rows_that_remain(tables: duckdb.DuckDBPyConnection, one: str, two: str, remaining: Sequence[str]) -> None:
    found = list(differences(question(one), question(two)))
    assert len(found) == len(remaining)
    for difference, rows in zip(found, remaining, strict=True):
        asked, layout = difference.question, difference.question.layout
        cells = tables.execute(sealed(asked, WORLD.thresholds).render("duckdb")).fetchall()
        cells = [row for row in cells if all(row[i] in (key.labels or ()) for i, key in enumerate(layout.keys))]
        counted = sum(row[layout.columns.index("n")] for row in cells)
        assert (counted,) == tables.execute(f"SELECT count(*) FROM shop.sales WHERE {rows}").fetchone()
        if any(figure.name == "shop.sales.amount" for figure in layout.figures):
            added = sum(int(row[layout.columns.index("f0_sum")] or 0) for row in cells)
            assert (added,) == tables.execute(f"SELECT sum(amount)::BIGINT FROM shop.sales WHERE {rows}").fetchone()
    assert {each.rows for each in differences(question(two), question(one))} == {each.rows for each in found}


def test_parts_beside_are_what_nobody_asks() -> None:
    total, inner, rest = parts(TOTAL, listed("A", "C"), f"{TOTAL} WHERE city IN ('B', 'D')")
    (beside,) = complements([inner], [total], WORLD.thresholds)  # its condition turned round is also the difference
    assert [figure.name for figure in beside.layout.figures] == ["shop.sales.amount"]
    assert complements([total], [], WORLD.thresholds) == ()
    assert beside.canonical in {each.canonical for each in complements([total], [inner], WORLD.thresholds)}
    assert len(complements([inner], [total, rest], WORLD.thresholds)) > 1


def test_of_very_many_the_newest_are_taken() -> None:
    days = [f"{TOTAL} WHERE sold_on >= DATE '2026-03-02' AND sold_on < DATE '2026-03-{day:02}'" for day in range(3, 16)]
    cities = [" AND city = 'A'", " AND city = 'B'", " AND city IN ('A', 'B')", ""]
    segments = [" AND seg = 'x'", " AND seg = 'y'", ""]
    texts = [day + city + seg for city in cities for seg in segments for day in days[:6]]
    every = parts(*texts)
    beside = complements(every[-1:], every[:-1], WORLD.thresholds)
    assert len(beside) == MOST == len({part.canonical for part in beside})
