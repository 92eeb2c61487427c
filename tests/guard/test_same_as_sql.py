"""With the thresholds out of the way, a guarded answer is what the text itself answers: DuckDB runs both, on the same tables.

The tables are dense, so that every cell has people enough; missing values, unmatched people and clipped values are in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.answer import project
from cleanroom_core.guard.sheet import Sheet
from cleanroom_core.privacy.protect import protect
from tests.guard.guard_worlds import read_yaml, world_from

DAYS = [date(2025, 12, 29), date(2026, 1, 5), date(2026, 1, 6), date(2026, 2, 8), date(2026, 3, 31)]
WORLD = {
    "purposes": ["test"],
    "minimum_cohort": 2,
    "numerator_minimum": 0,
    "dominance_percent": 0,
    "assets": {
        "shop.sales": {
            "columns": {
                "customer": "string", "aisle": "string", "channel": "string", "floor": "bigint", "coupon": "boolean",
                "sold": "date", "sold_at": "timestamp", "amount": "decimal(10,2)", "pieces": "bigint", "rating": "double",
                "back": "bigint", "few": "bigint", "basket": "string",
            },
            "rule": {
                "privacy_unit": "customer", "join_key": "customer", "counted": ["basket"],
                "dimensions": {"aisle": {"domain": ["Tea", "bread", " fish "]}, "channel": {},
                               "floor": {"domain": [1, 2, 3]},
                               "coupon": {}, "sold": {"dates": ["day", "week", "month"]}, "sold_at": {"dates": ["month"]}},
                "measures": {"amount": {"min": 0, "max": 100, "bands": [10, 50]},
                             "pieces": {"min": -5, "max": 20, "bands": [3]},
                             "rating": {"min": -1, "max": 1}, "back": {"min": 0, "max": 1}, "few": {"min": 0, "max": 1}},
            },
            "labels": {"channel": ["web", "store", None], "coupon": [True, False],
                       "sold@day": [day.isoformat() for day in DAYS],
                       "sold@month": ["2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"],
                       "sold@week": ["2025-12-29", "2026-01-05", "2026-02-02", "2026-03-30"],
                       "sold_at@month": ["2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"]},
        },
        "bank.clients": {
            "columns": {"customer": "string", "age": "string", "vip": "boolean", "income": "decimal(8,2)"},
            "rule": {"privacy_unit": "customer", "join_key": "customer", "dimensions": {"age": {}, "vip": {}},
                     "measures": {"income": {"min": 0, "max": 9000, "bands": [1000]}}},
            "labels": {"age": ["new", "old", None], "vip": [True, False]},
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def room() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA shop; CREATE SCHEMA bank; CREATE MACRO h(i, k, n) AS (hash(i, k) % n)::BIGINT")
        connection.execute(
            "CREATE TABLE shop.sales AS SELECT 'k' || (i * 7 % 120) AS customer, ['Tea', 'bread', ' fish '][1 + h(i, 0, 3)] AS"
            " aisle, ['web', 'store', NULL][1 + h(i, 1, 3)] AS channel, 1 + h(i, 2, 3) AS floor, h(i, 3, 7) < 4 AS coupon,"
            " $days[1 + h(i, 4, 5)]::DATE AS sold, sold + INTERVAL (h(i, 5, 86400)) SECOND AS sold_at,"
            " (h(i, 6, 10000) / 100.0)::DECIMAL(10,2) AS amount, CASE WHEN h(i, 7, 3) > 0 THEN h(i, 8, 24) - 4 END AS pieces,"
            " CASE WHEN h(i, 9, 2) = 0 THEN h(i, 10, 2000) / 1000 - 1 END AS rating, (h(i, 11, 4) = 0)::BIGINT AS back,"
            " CASE WHEN h(i, 16, 3) > 0 THEN (h(i, 17, 5) = 0)::BIGINT END AS few,"
            " CASE WHEN h(i, 12, 9) < 5 THEN 'b' END AS basket FROM range(20000) r(i)",
            {"days": DAYS},
        )
        connection.execute(
            "CREATE TABLE bank.clients AS SELECT 'k' || i AS customer, ['new', 'old', NULL][1 + h(i, 13, 3)] AS age,"
            " h(i, 14, 2) = 0 AS vip, (h(i, 15, 900000) / 100.0)::DECIMAL(8,2) AS income FROM range(0, 200, 2) r(i)"
        )
        yield connection


TEXTS: dict[str, str] = read_yaml(Path(__file__).with_name("same_as_sql.yaml"))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_guarded_answer_is_what_the_text_says(room: duckdb.DuckDBPyConnection, text: str) -> None:
    expected = room.execute(text).fetchall()
    sheet = _sheet(text)
    parts = []
    for part in sheet.parts:
        found = room.execute(part.query.render("duckdb"))
        assert tuple(column[0] for column in found.description) == part.layout.columns
        assert part.query.render("spark")
        parts.append(protect(found.fetchall(), part.layout, world_from(WORLD).thresholds))
    got = project(sheet, parts).rows
    assert sorted(map(_plain, got), key=str) == sorted(map(_plain, expected), key=str)
    assert got


def _sheet(text: str, world: World | None = None) -> Sheet:
    world = world or world_from(WORLD)
    verdict = judge_sql(text, "press", World(world.assets, world.thresholds, world.purposes, (), world.period))
    assert verdict.ok, "\n".join(str(finding) for finding in verdict.findings)
    return verdict.sheets[0]


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Every number as one with nine significant digits."""
    return tuple(_number(value) for value in row)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    return 0.0 if value == 0 else round(float(value), 8 - math.floor(math.log10(abs(value))))
