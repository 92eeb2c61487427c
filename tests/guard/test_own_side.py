"""A question as far as one asset alone decides it: what stays of its filter and keys, and the coarser ones made of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import duckdb
import pytest

from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.own_side import (
    TOGETHER,
    OwnSide,
    coarser_grids,
    may_merge,
    merged,
    on_grid,
    own_side,
    whole,
    without_key,
    words,
)
from cleanroom_core.privacy.protect import protect
from cleanroom_core.sql.cells import Cells, Thresholds
from tests.guard.guard_worlds import world_from

ORDERS, MEMBERS = "shop.orders", "club.members"
WEEKS = ["2026-01-05", "2026-01-12", "2026-01-26", "2026-02-02"]
DATA = {
    "purposes": ["test"],
    "minimum_cohort": 2,
    "dominance_percent": 0,
    "assets": {
        ORDERS: {
            "columns": {"token": "string", "aisle": "string", "day": "date", "paid": "bigint"},
            "rule": {
                "privacy_unit": "token",
                "join_key": "token",
                "dimensions": {"aisle": {"domain": ["bread", "fish", "wine"]}, "day": {"dates": ["week", "month", "year"]}},
                "measures": {"paid": {"min": 0, "max": 9}},
            },
            "labels": {"day@week": WEEKS, "day@month": ["2026-01-01", "2026-02-01", "2026-03-01"]},
        },
        MEMBERS: {
            "columns": {"token": "string", "tier": "string", "age": "bigint"},
            "rule": {
                "privacy_unit": "token",
                "join_key": "token",
                "dimensions": {"tier": {"domain": ["basic", "gold"]}},
                "measures": {"age": {"min": 18, "max": 90, "bands": [40]}},
            },
        },
    },
}
JOINED = "FROM shop.orders o JOIN club.members m ON o.token = m.token"


@pytest.fixture(scope="module")
def world() -> World:
    made = world_from(DATA)
    return replace(made, assets={name: replace(asset, rows_per_key=1.0) for name, asset in made.assets.items()})


def sides(world: World, sql: str, asset: str = ORDERS) -> list[OwnSide]:
    verdict = judge_sql(sql, "club", world)
    assert verdict.ok, [str(finding) for finding in verdict.findings]
    return [own_side(part, asset, world.thresholds) for part in verdict.sheets[0].parts]


def cells(own: OwnSide, thresholds: Thresholds) -> Cells:
    """Ten orders of ten people: bread on 4 and 5 weeks, fish, wine by one person."""
    rows = [(f"p{i}", ("bread", "fish")[i % 2], date(2026, 1, 6 + 7 * (i % 4)), i) for i in range(9)]
    rows.append(("p9", "wine", date(2026, 1, 6), 1))
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders (token TEXT, aisle TEXT, day DATE, paid BIGINT)")
        connection.executemany("INSERT INTO shop.orders VALUES (?, ?, ?, ?)", rows)
        found = connection.execute(own.part.query.render("duckdb")).fetchall()
    return protect(found, own.part.layout, thresholds)


def shown(own: OwnSide, world: World) -> dict[tuple[object, ...], int]:
    return {cell.labels: cell.rows for cell in cells(own, world.thresholds).cells}


def test_only_own_keys_figures_and_tables_remain(world: World) -> None:
    sql = f"SELECT o.aisle, m.tier, sum(o.paid) AS p, avg(m.age) AS a {JOINED} WHERE m.tier = 'gold' GROUP BY o.aisle, m.tier"
    (own,) = sides(world, sql)
    assert own.part.query.assets == (ORDERS,)
    assert [words(key) for key in own.keys] == ["aisle"]
    assert [figure.name for figure in own.part.layout.figures] == [f"{ORDERS}.paid"]
    assert own.cells == 3
    assert shown(own, world) == {("bread",): 5, ("fish",): 4}
    (other,) = sides(world, sql, MEMBERS)
    assert other.part.query.assets == (MEMBERS,)
    assert other.cells == 1  # its own filter keeps gold only


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("o.aisle = 'fish' AND m.tier = 'gold'", {("fish",): 4}),
        ("o.aisle = 'fish' OR m.tier = 'gold'", {("bread",): 5, ("fish",): 4}),
        ("(o.aisle = 'fish' OR m.tier = 'gold') AND o.aisle <> 'bread'", {("fish",): 4}),
        ("NOT (o.aisle = 'bread' OR m.tier = 'gold')", {("fish",): 4}),
    ],
)
def test_what_others_columns_decide_lets_everything_through(world: World, where: str, kept: object) -> None:
    (own,) = sides(world, f"SELECT o.aisle, count(*) AS n {JOINED} WHERE {where} GROUP BY o.aisle")
    assert shown(own, world) == kept


def test_a_key_of_several_assets_drops_out_and_an_own_one_stays(world: World) -> None:
    mixed = "CASE WHEN o.aisle = 'fish' AND m.tier = 'gold' THEN 'x' ELSE 'y' END"
    own_one = "CASE WHEN o.aisle = 'fish' THEN 'fish' ELSE 'rest' END"
    (own,) = sides(world, f"SELECT {mixed} AS a, {own_one} AS b, count(*) AS n {JOINED} GROUP BY {mixed}, {own_one}")
    assert [words(key) for key in own.keys] == ["the labels made of aisle"]
    assert shown(own, world) == {("fish",): 4, ("rest",): 6}


def test_conditions_inside_aggregates_are_sides_of_their_own(world: World) -> None:
    first, second = sides(
        world, f"SELECT o.aisle, count(*) AS n, count(*) FILTER (WHERE o.aisle = 'fish') AS f {JOINED} GROUP BY 1"
    )
    assert shown(first, world) == {("bread",): 5, ("fish",): 4}
    assert shown(second, world) == {("fish",): 4}


def test_the_whole_is_all_rows_asked_about(world: World) -> None:
    (own,) = sides(world, f"SELECT o.aisle, sum(o.paid) AS s {JOINED} WHERE o.aisle IN ('fish', 'wine') GROUP BY o.aisle")
    assert shown(whole(own, world.thresholds), world) == {(): 5}


def test_coarser_keys(world: World) -> None:
    sql = f"SELECT o.aisle, date_trunc('week', o.day) AS w, count(*) AS n {JOINED} GROUP BY 1, 2"
    (own,) = sides(world, sql)
    week = next(index for index, key in enumerate(own.keys) if key.grid == "week")
    aisle = 1 - week
    assert (coarser_grids(own, week), coarser_grids(own, aisle)) == (("month", "year"), ())
    month = on_grid(own, week, "month", world.thresholds)
    assert month.part.layout.keys[week].labels == (date(2026, 1, 1), date(2026, 2, 1))  # no week of these reaches into March
    assert {labels[aisle]: n for labels, n in shown(month, world).items()} == {"bread": 5, "fish": 4}
    assert on_grid(own, week, "year", world.thresholds).cells is None  # its years are not published
    assert (may_merge(own, aisle), may_merge(own, week)) == (True, False)
    together = merged(own, aisle, ["fish", "wine"], world.thresholds)
    assert together.cells == 2 * len(WEEKS)
    assert {labels[aisle] for labels in shown(together, world)} == {"bread", TOGETHER}
    alone = without_key(together, week, world.thresholds)
    assert shown(alone, world) == {("bread",): 5, (TOGETHER,): 5}
    assert shown(without_key(alone, 0, world.thresholds), world) == {(): 10}


def test_the_same_side_of_two_questions_has_one_partition(world: World) -> None:
    (gold,) = sides(world, f"SELECT o.aisle, count(*) AS n {JOINED} WHERE m.tier = 'gold' GROUP BY o.aisle")
    (basic,) = sides(world, f"SELECT o.aisle, count(*) AS n {JOINED} WHERE m.tier = 'basic' GROUP BY o.aisle")
    (fish,) = sides(world, f"SELECT o.aisle, count(*) AS n {JOINED} WHERE o.aisle = 'fish' GROUP BY o.aisle")
    assert gold.part.layout.partition == basic.part.layout.partition != fish.part.layout.partition
