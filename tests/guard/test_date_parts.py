"""Parts of a date are those of every row, however few people a day has: DuckDB runs the text itself, on the same random table.

Most days have fewer people than may be published, some rows lie beside all published days, some in the year 1900.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.answer import Answer, project
from cleanroom_core.guard.classes import PlannedPart, class_queries
from cleanroom_core.privacy.protect import protect
from tests.guard import test_classes
from tests.guard.guard_worlds import world_from

FIRST, LAST = date(2025, 12, 20), date(2026, 9, 13)
BUSY = [FIRST + timedelta(days=each) for each in range(12, 240, 3)]
RULE = {"privacy_unit": "patient", "join_key": "patient",
        "dimensions": {"ward": {}, "came": {"dates": ["day", "month"]}, "seen": {"dates": ["day"]}},
        "measures": {"cost": {"min": 0, "max": 100}}}  # fmt: skip
WORLD: dict[str, Any] = {
    "purposes": ["test"],
    "minimum_cohort": 2,
    "numerator_minimum": 0,
    "dominance_percent": 0,
    "assets": {
        "h.stays": {
            "columns": {"patient": "string", "ward": "string", "came": "date", "seen": "timestamp", "cost": "bigint"},
            "rule": RULE,
            "labels": {"ward": ["a", "b"], "came@day": [day.isoformat() for day in BUSY], 
                       "seen@day": ["2026-02-10", "2026-02-11"],
                       "came@month": [f"2026-0{month}-01" for month in range(1, 9)]},
        },
        "press.own": {"columns": {"patient": "string"}, "rule": {"privacy_unit": "patient", "join_key": "patient"}},
    },
}  # fmt: skip
SAME = {
    "weekday": "SELECT extract(isodow FROM came) AS d, count(*), sum(cost) FROM h.stays GROUP BY 1",
    "weekend or not": "SELECT CASE WHEN extract(isodow FROM came) > 5 THEN 'weekend' ELSE 'weekday' END AS p, count(*)"
    " FROM h.stays WHERE came IS NOT NULL GROUP BY 1",
    "ELSE takes NULL": "SELECT CASE WHEN extract(isodow FROM came) > 5 THEN 'weekend' ELSE 'other' END AS p, count(*) FROM"
    " h.stays GROUP BY 1",
    "IF over a month": "SELECT ward, sum(if(month(came) IN (1, 2), cost, 0)), count(CASE WHEN day(came) = 31 THEN 1 END)"
    " FROM h.stays GROUP BY 1",
    "WHERE": "SELECT count(*), sum(cost) FROM h.stays WHERE extract(isodow FROM came) IN (6, 7)",
    "WHERE NOT": "SELECT ward, count(*) FROM h.stays WHERE NOT extract(isodow FROM came) = 7 AND week(came) <> 3 GROUP BY 1",
    "FILTER": "SELECT ward, count(*) FILTER (WHERE extract(isodow FROM came) = 1 AND month(came) > 2 OR ward = 'b') FROM"
    " h.stays GROUP BY 1",
    "IS NOT TRUE": "SELECT count(*) FROM h.stays WHERE (month(came) > 3) IS NOT TRUE",
    "two parts": "SELECT month(came) AS m, extract(isodow FROM came) > 5 AS w, count(*) FROM h.stays WHERE year(came) = 2026"
    " AND month(came) < 9 GROUP BY 1, 2",
    "as text": "SELECT CAST(came AS VARCHAR) AS d, count(*) FROM h.stays WHERE month(came) = 7 GROUP BY 1",
    "of a time": "SELECT extract(isodow FROM seen) AS d, count(*) FROM h.stays GROUP BY 1",
    "a coarser grid": "SELECT date_trunc('month', seen)::date AS m, count(*) FROM h.stays WHERE seen >= DATE '2026-02-01' AND"
    " seen < DATE '2026-03-01' GROUP BY 1",
}  # fmt: skip


def _room(far: date) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA h; CREATE MACRO r(i, k, n) AS (hash(i, k) % n)::BIGINT")
    connection.execute(
        "CREATE TABLE h.stays AS SELECT 'k' || r(i, 0, 900) AS patient, ['a', 'b'][1 + r(i, 1, 2)] AS ward, CASE WHEN"
        " i % 97 = 0 THEN NULL WHEN i % 1009 = 0 THEN $far ELSE $first + r(i, 2, $days)::INT END AS came,"
        " coalesce(came, $first) + INTERVAL (r(i, 3, 86400)) SECOND AS seen, r(i, 4, 100) AS cost FROM range(30000) t(i)",
        {"first": FIRST, "days": (LAST - FIRST).days, "far": far},
    )
    return connection


@pytest.fixture(scope="module")
def room() -> Iterator[duckdb.DuckDBPyConnection]:
    with _room(FIRST) as connection:
        yield connection


def _answer(room: duckdb.DuckDBPyConnection, text: str, world: World) -> Answer:
    verdict = judge_sql(text, "press", world)
    assert verdict.ok, "\n".join(map(str, verdict.findings))
    (sheet,) = verdict.sheets
    found = [(room.execute(part.query.render("duckdb")).fetchall(), part.layout) for part in sheet.parts]
    return project(sheet, [protect(rows, layout, world.thresholds) for rows, layout in found])


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_every_row_is_where_sql_puts_it(room: duckdb.DuckDBPyConnection, text: str) -> None:
    expected = room.execute(text).fetchall()
    answer = _answer(room, text, world_from(WORLD))
    assert sorted(map(_plain, answer.rows), key=str) == sorted((_plain(row) for row in expected if None not in row), key=str)
    assert any("is known from 2025-01-01 to before 2028-01-01" in note for note in answer.notes)


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value if isinstance(value, bool | str | date) else int(value) for value in row)


def test_days_far_from_all_published_ones_are_in_no_branch() -> None:
    """1900-01-06 was a Saturday: ELSE must not call it a weekday. What compares dates themselves knows where it belongs."""
    weekend, old = "extract(isodow FROM came) >= 6", "came < DATE '2026-01-01'"
    text, world = "SELECT CASE WHEN {} THEN 'x' ELSE 'y' END AS p, count(*) FROM h.stays GROUP BY 1", world_from(WORLD)
    with _room(date(1900, 1, 6)) as room:
        everybody, far = room.execute("SELECT count(*), count_if(year(came) = 1900) FROM h.stays").fetchall()[0]
        assert far > 20
        for condition, counted, notes in ((weekend, everybody - far, 1), (old, everybody, 0)):
            answer = _answer(room, text.format(condition), world)
            assert sum(int(str(row[1])) for row in answer.rows) == counted
            assert sum("known from" in note for note in answer.notes) == notes


def test_nobody_is_told_that_labels_beside_all_published_days_are_withheld(room: duckdb.DuckDBPyConnection) -> None:
    """Months before and after are cells where they have people enough, and else not expected."""
    world = world_from(WORLD)
    answer = _answer(room, "SELECT month(came) AS m, count(*) FROM h.stays GROUP BY 1", world)
    assert [row[0] for row in answer.rows] == [*range(1, 10), 12]
    assert not answer.withheld
    answer = _answer(
        room, "SELECT month(came) AS m, year(came) AS y, count(*) FROM h.stays WHERE month(came) < 9 GROUP BY 1, 2", world
    )
    assert len(answer.rows) == 8
    assert not answer.withheld
    world = world_from(WORLD | {"minimum_cohort": 5000})
    assert _answer(room, "SELECT month(came) AS m, count(*) FROM h.stays GROUP BY 1", world).withheld


def test_published_periods_alone_are_labels_of_a_plain_key(room: duckdb.DuckDBPyConnection) -> None:
    answer = _answer(room, "SELECT date_trunc('day', came) AS d, count(*) FROM h.stays GROUP BY 1", world_from(WORLD))
    assert [row[0] for row in answer.rows] == BUSY
    assert answer.notes == ()


@pytest.mark.parametrize(
    ("labels", "code"), [([], "NO_LABELS"), ([f"{year}-05-05" for year in range(1000, 2000)], "TOO_MANY_LABELS")]
)
def test_a_calendar_without_ends_is_refused(labels: list[str], code: str) -> None:
    world = world_from(
        WORLD | {"assets": WORLD["assets"] | {"h.stays": WORLD["assets"]["h.stays"] | {"labels": {"seen@day": labels}}}}
    )
    for text in (
        "count(*) FILTER (WHERE extract(isodow FROM seen) = 1) FROM h.stays",
        "day(seen), count(*) FROM h.stays GROUP BY 1",
    ):
        assert [finding.code for finding in judge_sql(f"SELECT {text}", "press", world).findings] == [code]


def test_classes_say_of_parts_of_dates_what_their_own_queries_say() -> None:
    world = test_classes._world(txn=9.0, acc=1.0)
    parts = test_classes._parts(world, [
        "SELECT extract(isodow FROM day), count(*), sum(amount) FROM provider.txn GROUP BY 1",
        "SELECT extract(isodow FROM day) > 5 AS weekend, code, count(*) FROM provider.txn GROUP BY 1, 2",
        "SELECT date_trunc('month', day), count(*) FILTER (WHERE extract(isodow FROM day) = 7) FROM provider.txn GROUP BY 1",
        "SELECT month(day), count(*) FROM provider.txn WHERE dayofyear(day) < 40 OR flag = 1 GROUP BY 1",
        f"SELECT a.age, day(t.day) < 16, count(*) FROM {test_classes.JOIN} GROUP BY 1, 2",
    ])  # fmt: skip
    with duckdb.connect() as room:
        test_classes._fill(room, 0, accounts="'p' || i")
        queries = class_queries([PlannedPart(part.query) for part in parts], world.thresholds)
        assert test_classes._agree(room, parts, queries) > 30
        line = next(column for column in queries[-1].plan.columns if column.name == "provider.txn.day")
        assert line.classes < 200  # merged by what they mean to the plan, not one for each of the calendar's days
