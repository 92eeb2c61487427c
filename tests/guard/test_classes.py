"""Class queries say of every cell what its own query says: the same people, for random tables and a plan of many parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pytest

from cleanroom_core.errors import InputError
from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.classes import ClassQuery, PlannedPart, class_queries
from cleanroom_core.guard.complement import complements
from cleanroom_core.guard.sheet import Part
from cleanroom_core.privacy.class_rows import unpacked
from cleanroom_core.privacy.classes import cell_places
from cleanroom_core.sql.cells import CellLayout
from cleanroom_core.sql.classes import ClassPlan
from tests.guard.guard_worlds import world_from

DAYS = [f"2026-{month:02}-{day:02}" for month in (1, 2, 3) for day in range(1, 29)]
WORLD: dict[str, Any] = {
    "purposes": ["test"],
    "minimum_cohort": 2,
    "dominance_percent": 0,
    "assets": {
        "provider.txn": {
            "columns": {
                "token": "string", "code": "string", "flag": "bigint", "day": "date", "moment": "timestamp",
                "velocity": "bigint", "amount": "decimal(9,2)", "score": "double", "device": "string",
            },
            "rule": {
                "privacy_unit": "token",
                "join_key": "token",
                "counted": ["device"],
                "dimensions": {
                    "code": {"domain": ["5411", "5812", "5999"]}, "flag": {},
                    "day": {"dates": ["day", "month"]}, "moment": {"dates": ["month"]},
                },
                "measures": {
                    "velocity": {"min": 0, "max": 20, "bands": [5, 10]},
                    "amount": {"min": 0, "max": 500},
                    "score": {"min": -1, "max": 1, "bands": ["0.25"]},
                },
            },
            "labels": {
                "flag": [0, 1], "day@day": DAYS, "day@month": ["2026-01-01", "2026-02-01"],
                "moment@month": ["2026-01-01", "2026-02-01", "2026-03-01"],
            },
        },
        "consumer.acc": {
            "columns": {"token": "string", "person": "string", "age": "string", "rate": "double"},
            "rule": {
                "privacy_unit": "person",
                "join_key": "token",
                "dimensions": {"age": {}},
                "measures": {"rate": {"min": 0, "max": 1}},
            },
            "labels": {"age": ["new", "old", None]},
        },
    },
}  # fmt: skip

JOIN = "provider.txn t JOIN consumer.acc a ON t.token = a.token"
LEFT, RIGHT = (f"provider.txn t {side} JOIN consumer.acc a ON t.token = a.token" for side in ("LEFT", "RIGHT"))
QUESTIONS = [
    "SELECT count(*), sum(t.score), count(t.device) FROM provider.txn t",
    "SELECT t.code, count(*), avg(t.amount) FROM provider.txn t GROUP BY t.code",
    "SELECT t.code, t.flag, sum(t.velocity) FROM provider.txn t WHERE t.velocity < 10 GROUP BY t.code, t.flag",
    "SELECT date_trunc('month', t.day), count(*) FROM provider.txn t GROUP BY 1",
    "SELECT t.day, count(*) FROM provider.txn t WHERE t.day < DATE '2026-02-01' GROUP BY 1",
    "SELECT date_trunc('month', t.moment), t.flag, count(t.score) FROM provider.txn t WHERE t.score >= 0.25 GROUP BY 1, 2",
    "SELECT t.code, count(*) FROM provider.txn t WHERE t.flag IS NULL OR t.code <> '5411' GROUP BY 1",
    "SELECT a.age, count(*), avg(a.rate) FROM consumer.acc a GROUP BY a.age",
    f"SELECT a.age, t.code, count(*), sum(t.amount), sum(a.rate) FROM {JOIN} GROUP BY 1, 2",
    f"SELECT t.flag, count(*) FROM {JOIN} WHERE (a.age = 'new' OR t.flag = 1) AND t.velocity IS NOT NULL GROUP BY 1",
    f"SELECT date_trunc('month', t.day), a.age, count(*) FROM {JOIN} WHERE NOT t.velocity >= 5 GROUP BY 1, 2",
    f"SELECT t.code, count(*), avg(a.rate) FROM {LEFT} GROUP BY 1",
    f"SELECT a.age, count(*), sum(t.amount) FROM {LEFT} GROUP BY 1",
    f"SELECT a.age, count(*), count(t.velocity) FROM {RIGHT} WHERE a.age IS NULL OR a.age = 'old' GROUP BY 1",
    "SELECT CASE WHEN t.code = '5411' THEN 'food' WHEN t.flag = 1 THEN 'flagged' ELSE 'rest' END, count(*)"
    " FROM provider.txn t GROUP BY 1",
    "SELECT t.code, count(*) FILTER (WHERE t.flag = 1), sum(CASE WHEN t.velocity >= 10 THEN t.amount END), stddev(t.amount)"
    " FROM provider.txn t GROUP BY 1",
    f"SELECT year(t.day), t.code, count(DISTINCT t.token) FROM {JOIN} GROUP BY 1, 2",
]
TABLES = {
    "provider.txn": "token VARCHAR, code VARCHAR, flag BIGINT, day DATE, moment TIMESTAMP, velocity BIGINT,"
    " amount DECIMAL(9,2), score DOUBLE, device VARCHAR",
    "consumer.acc": "token VARCHAR, person VARCHAR, age VARCHAR, rate DOUBLE",
}


def _world(txn: float | None, acc: float | None, **thresholds: Any) -> World:
    world = world_from(WORLD | thresholds)
    measured = {"provider.txn": txn, "consumer.acc": acc}
    return replace(world, assets={name: replace(asset, rows_per_key=measured[name]) for name, asset in world.assets.items()})


def _parts(world: World, questions: list[str]) -> list[Part]:
    parts = []
    for sql in questions:
        verdict = judge_sql(sql, "consumer", world)
        assert verdict.ok, [str(finding) for finding in verdict.findings]
        parts += verdict.sheets[0].parts
    return parts


def _fill(room: duckdb.DuckDBPyConnection, seed: int, *, accounts: str, snapshot: str = "") -> None:
    """Values beyond every label and band, NULL everywhere, NaN, tokens of nobody; `accounts`: SQL for the account's key."""
    for name, columns in TABLES.items():
        owner, table = name.split(".")
        room.execute(f'CREATE SCHEMA IF NOT EXISTS "{owner}{snapshot}"')
        room.execute(f'CREATE OR REPLACE TABLE "{owner}{snapshot}".{table} ({columns})')
    room.execute(f"SELECT setseed({seed / 100})")
    room.execute(
        f'INSERT INTO "provider{snapshot}".txn SELECT'
        " CASE WHEN random() < 0.95 THEN 'p' || CAST(floor(40 * random()) AS INT) END,"
        " ['5411', '5812', '5999', '7777', NULL][CAST(floor(5 * random()) AS INT) + 1],"
        " [0, 1, 2, NULL][CAST(floor(4 * random()) AS INT) + 1],"
        " CASE WHEN random() < 0.9 THEN DATE '2025-12-20' + CAST(floor(120 * random()) AS INT) END,"
        " TIMESTAMP '2025-12-20 23:59:59' + INTERVAL (CAST(floor(3000 * random()) AS INT)) HOUR,"
        " CASE WHEN random() < 0.9 THEN CAST(floor(33 * random()) AS INT) - 3 END,"
        " CASE WHEN random() < 0.9 THEN CAST(100 * random() AS DECIMAL(9,2)) END,"
        " [0.25, 0.2, 0.3, 'nan'::DOUBLE, NULL][CAST(floor(5 * random()) AS INT) + 1],"
        " CASE WHEN random() < 0.5 THEN 'x' END FROM range(400)"
    )
    room.execute(
        f"INSERT INTO \"consumer{snapshot}\".acc SELECT {accounts}, CASE WHEN random() < 0.9 THEN 'c' || (i % 25) END,"
        " ['new', 'old', NULL, 'alien'][CAST(floor(4 * random()) AS INT) + 1],"
        " CASE WHEN random() < 0.8 THEN random() ELSE 'nan'::DOUBLE END FROM range(50) r(i)"
    )


def _cells(room: duckdb.DuckDBPyConnection, part: Part) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Labels -> what the part's own query counts."""
    layout, found = part.layout, {}
    for row in room.execute(part.query.render("duckdb")).fetchall():
        values = dict(zip(layout.columns, row, strict=True))
        labels = tuple(values[f"k{i}"] for i in range(len(layout.keys)))
        if all(label in (key.labels or ()) for label, key in zip(labels, layout.keys, strict=True)):
            found[labels] = values
    return found


def _classes(room: duckdb.DuckDBPyConnection, query: ClassQuery) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    arrays = room.execute(query.render("duckdb")).fetchnumpy()
    words = [np.ma.filled(arrays[f"w{i}"], -1) for i in range(len(query.plan.words))]
    codes, there = unpacked(query.plan, words)
    return np.asarray(arrays["person"]), codes, there


def _counted(plan: ClassPlan, n: int, layout: CellLayout, classes: Any, figure: str | None = None) -> dict[Any, int]:
    from cleanroom_core.privacy import classes as reading

    person, codes, there = classes
    part = plan.parts[n]
    places = cell_places(part, codes, there[part.view])
    inside = places >= 0
    if figure is not None:
        inside &= reading._holds(part.present[figure], codes)
    people: dict[int, set[int]] = {}
    for place, who in zip(places[inside].tolist(), person[inside].tolist(), strict=True):
        people.setdefault(place, set()).add(who)
    found = {}
    for place, who_all in people.items():
        labels, rest = [], place
        for key in reversed(layout.keys):
            assert key.labels is not None
            rest, at = divmod(rest, len(key.labels))
            labels.append(key.labels[at])
        found[tuple(reversed(labels))] = len(who_all)
    return found


def _agree(room: duckdb.DuckDBPyConnection, parts: list[Part], queries: tuple[ClassQuery, ...]) -> int:
    """Every universe against every part in it; how many cells were compared."""
    compared = 0
    for query in queries:
        asset = query.plan.asset.replace(" and ", " by ").split(" by ")[0]
        classes = _classes(room, query)
        for n, part in query.plan.parts.items():
            layout, cells = parts[n].layout, _cells(room, parts[n])
            u = next(u for u, unit in enumerate(layout.units) if asset in unit.assets)
            counts = _counted(query.plan, n, layout, classes)
            if part.rows:
                assert {labels: counts.get(labels, 0) for labels in cells} == {
                    labels: values[f"u{u}_people"] or 0 for labels, values in cells.items()
                }, (asset, n)
                if len(layout.units) == 1:
                    assert all(people < 2 for labels, people in counts.items() if labels not in cells), (asset, n)
            for f, figure in enumerate(layout.figures):
                if figure.name in part.present and layout.units[u].counts(figure):
                    present = _counted(query.plan, n, layout, classes, figure.name)
                    assert {labels: present.get(labels, 0) for labels in cells} == {
                        labels: values[f"u{u}_f{f}_people"] or 0 for labels, values in cells.items()
                    }, (asset, n, figure.name)
            compared += len(cells)
    return compared


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("accounts", "per_key", "universes"),
    [
        ("'p' || i", 1.0, ["consumer.acc by provider.txn", "provider.txn"]),
        ("'p' || (i % 40)", 1.25, ["consumer.acc by provider.txn", "provider.txn"]),
        ("'p' || (i % 3)", 17.0, ["consumer.acc", "provider.txn by consumer.acc"]),
    ],
)
def test_people_per_cell_are_those_of_the_cell_query(seed: int, accounts: str, per_key: float, universes: list[str]) -> None:
    """Keys that are unique, that occur twice, and that occur more often than on the other side."""
    world = _world(txn=9.0, acc=per_key)
    parts = _parts(world, QUESTIONS)
    with duckdb.connect() as room:
        _fill(room, seed, accounts=accounts)
        queries = class_queries([PlannedPart(part.query) for part in parts], world.thresholds)
        assert sorted(query.plan.asset for query in queries) == universes
        assert _agree(room, parts, queries) > 40
        assert all(ClassPlan.from_json(query.plan.as_json()) == query.plan for query in queries)


def test_a_row_of_two_snapshots_is_one_row() -> None:
    """What stands in both has both words; what came or went has one; each part counts its own snapshot."""
    world = _world(txn=9.0, acc=1.0)
    parts = _parts(world, QUESTIONS[:3])
    with duckdb.connect() as room:
        _fill(room, 1, accounts="'p' || i")
        _fill(room, 1, accounts="'p' || i", snapshot="@2")
        room.execute("DELETE FROM provider.txn WHERE token = 'p1'")
        room.execute("INSERT INTO provider.txn (token, code) SELECT 'new' || i, '5411' FROM range(5) r(i)")
        planned = [PlannedPart(part.query, snapshot) for part in parts for snapshot in (0, 2)]
        (query,) = class_queries(planned, world.thresholds)
        assert query.assets == ("provider.txn", "provider@2.txn")
        person, _, there = classes = _classes(room, query)
        gone, came = there[1] & ~there[0], there[0] & ~there[1]
        assert len(set(person[gone].tolist())) == 1
        assert len(set(person[came].tolist())) == 5
        assert (there[0] & there[1]).sum() > 100
        for n, (part, snapshot) in enumerate((part, snapshot) for part in parts for snapshot in (0, 2)):
            counts = _counted(query.plan, n, part.layout, classes)
            if snapshot == 0:
                assert {labels: counts[labels] for labels in _cells(room, part)} == {
                    labels: values["u0_people"] for labels, values in _cells(room, part).items()
                }
            else:
                assert counts.keys() == _counted(query.plan, n - 1, part.layout, classes).keys()
                assert sum(counts.values()) != sum(_counted(query.plan, n - 1, part.layout, classes).values())


def test_only_the_guard_makes_class_queries() -> None:
    world = _world(txn=9.0, acc=1.0)
    (query,) = class_queries([PlannedPart(part.query) for part in _parts(world, QUESTIONS[:1])], world.thresholds)
    with pytest.raises(InputError):
        ClassQuery(object(), query.plan, query.assets, str)
    with pytest.raises(AttributeError):
        query.assets = ()


def test_values_nobody_tells_apart_are_one_class() -> None:
    """Two bands, two labels used out of three, and one period: no more classes than that, so that few rows remain."""
    world = _world(txn=9.0, acc=1.0)
    where = "t.velocity < 10 AND t.code IN ('5411', '5812') AND t.day >= DATE '2026-02-01'"
    sql = f"SELECT count(*) FROM provider.txn t WHERE {where}"
    (query,) = class_queries([PlannedPart(part.query) for part in _parts(world, [sql])], world.thresholds)
    assert {column.name: column.classes for column in query.plan.columns} == {
        "provider.txn.code": 2, "provider.txn.day": 2, "provider.txn.velocity": 2,
    }  # fmt: skip


def test_one_person_on_both_sides_of_every_join_is_certified_once() -> None:
    """The privacy unit is the key on both sides, and every part joins both: the rows of the one are those of the other."""
    assets = dict(WORLD["assets"])
    assets["consumer.acc"] = {**assets["consumer.acc"], "rule": {**assets["consumer.acc"]["rule"], "privacy_unit": "token"}}
    world = world_from(WORLD | {"assets": assets})
    joined = _parts(world, [sql for sql in QUESTIONS if JOIN in sql])
    (query,) = class_queries([PlannedPart(part.query) for part in joined], world.thresholds)
    assert query.plan.asset == "consumer.acc and provider.txn"
    with duckdb.connect() as room:
        _fill(room, 1, accounts="'p' || i")
        assert _agree(room, joined, (query,)) > 10
    alone = [*joined, *_parts(world, QUESTIONS[:1])]
    assert len(class_queries([PlannedPart(part.query) for part in alone], world.thresholds)) == 2


def test_parts_that_disagree_whose_rows_they_count_are_refused() -> None:
    """No universe has both, whichever of them is of an earlier snapshot; a part of one asset alone is no matter."""
    questions = [QUESTIONS[1], next(sql for sql in QUESTIONS if JOIN in sql)]
    (alone, then), (_, now) = (_parts(_world(txn, 2.0), questions) for txn in (1.5, 9.0))
    thresholds = _world(1.5, 2.0).thresholds
    for one, two in ((then, now), (now, then)):
        with pytest.raises(InputError, match="certified together") as refused:
            class_queries([PlannedPart(one.query), PlannedPart(two.query, 1)], thresholds)
        assert refused.value.code == "SNAPSHOTS"
        assert class_queries([PlannedPart(alone.query), PlannedPart(one.query, 1)], thresholds)


@pytest.mark.parametrize(("txn", "acc"), [(9.0, 1.0), (1.0, 9.0)])
def test_rows_once_in_pairs_are_in_every_universe_later(txn: float, acc: float) -> None:
    """Where no key occurred twice before, whoever bears the rows now: earlier and later figures are certified together."""
    joined = next(sql for sql in QUESTIONS if JOIN in sql)
    (then,), (now,) = _parts(_world(1.0, 1.0), [joined]), _parts(_world(txn, acc), [joined])
    queries = class_queries([PlannedPart(now.query), PlannedPart(then.query, 1)], _world(txn, acc).thresholds)
    assert len(queries) == 2
    assert all(set(query.plan.parts) == {0, 1} for query in queries)


def test_rows_left_between_a_join_and_an_outer_join_are_those_of_the_cell_query() -> None:
    """The account bears the rows: whoever it has not met is nobody of the other table, in that table's own universe too."""
    world = _world(txn=1.0, acc=9.0)
    inner, outer = (
        f"SELECT a.age, count(*) FROM {JOIN} GROUP BY 1",
        f"SELECT a.age, count(*), count(t.score) FROM {RIGHT} GROUP BY 1",
    )
    parts = _parts(world, [inner, outer])
    beside = complements(parts, [], world.thresholds)
    assert beside
    with duckdb.connect() as room:
        _fill(room, 1, accounts="'p' || (i % 3)")
        room.execute("DELETE FROM provider.txn WHERE rowid NOT IN (SELECT min(rowid) FROM provider.txn GROUP BY token)")
        queries = class_queries([PlannedPart(part.query) for part in (*parts, *beside)], world.thresholds)
        assert _agree(room, [*parts, *beside], queries) > 5
