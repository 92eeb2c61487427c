"""Differential: for random allowed templates over random tables, what DuckDB and `protect` release equals a plain pandas
computation of the same protected semantics, written independently of the guard's code."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.answer import Answer, project
from cleanroom_core.privacy.protect import protect
from cleanroom_core.sql.cells import Cells, Thresholds
from tests.guard.guard_worlds import world_from

MINIMUM, NUMERATOR, PERCENT = 8, 3, 10
CODES, BANDS, AGES = ["5411", "5812", "5999"], ["low", "high"], ["new", "old", None]
MEASURES = {  # column -> asset, min, max, decimal places
    "fraud": ("t", 0, 1, 0),
    "velocity": ("t", 0, 20, 0),
    "amount": ("t", 0, 500, 2),
    "score": ("t", -1, 1, 6),
    "rate": ("a", 0, 1, 6),
}
WORLD = {
    "purposes": ["test"],
    "minimum_cohort": MINIMUM,
    "numerator_minimum": NUMERATOR,
    "dominance_percent": PERCENT,
    "assets": {
        "provider.txn": {
            "columns": {
                "token": "string",
                "code": "string",
                "band": "string",
                "flag": "bigint",
                "day": "date",
                "fraud": "bigint",
                "velocity": "bigint",
                "amount": "decimal(9,2)",
                "score": "double",
                "device": "string",
            },
            "rule": {
                "privacy_unit": "token",
                "join_key": "token",
                "counted": ["device"],
                "dimensions": {"code": {"domain": CODES}, "band": {}, "flag": {}, "day": {"dates": ["day", "month"]}},
                "measures": {
                    "fraud": {"min": 0, "max": 1},
                    "velocity": {"min": 0, "max": 20, "bands": [5, 10]},
                    "amount": {"min": 0, "max": 500},
                    "score": {"min": -1, "max": 1},
                },
            },
            "labels": {"band": BANDS, "flag": [0, 1]},
        },
        "consumer.acc": {
            "columns": {"token": "string", "age": "string", "rate": "double"},
            "rule": {
                "privacy_unit": "token",
                "join_key": "token",
                "dimensions": {"age": {}},
                "measures": {"rate": {"min": 0, "max": 1}},
            },
            "labels": {"age": AGES},
        },
    },
}

Filter = tuple[str, Callable[[pd.DataFrame], pd.Series]]
FILTERS: list[Filter] = [
    ("t.flag = 1", lambda d: d["flag"] == 1),
    ("t.code IN ('5411', '5999')", lambda d: d["code"].isin(["5411", "5999"])),
    ("NOT (t.code = '5411' OR t.flag = 0)", lambda d: d["code"].isin(["5812", "5999"]) & (d["flag"] == 1)),
    ("t.velocity < 10", lambda d: d["velocity"] < 10),
    ("NOT t.velocity >= 5", lambda d: d["velocity"] < 5),
    ("t.velocity IS NOT NULL", lambda d: d["velocity"].notna()),
    ("t.day >= DATE '2026-02-01'", lambda d: d["day"] >= pd.Timestamp("2026-02-01")),
    ("t.band = 'low' OR t.code = '5812'", lambda d: (d["band"] == "low") | (d["code"] == "5812")),
]
JOINED_FILTERS: list[Filter] = [
    ("a.age IS NULL", lambda d: d["age"].isna()),
    ("a.age <> 'old'", lambda d: d["age"].notna() & (d["age"] != "old")),
    ("(a.age = 'new' OR t.flag = 1) AND t.band = 'low'",
     lambda d: ((d["age"] == "new") | (d["flag"] == 1)) & (d["band"] == "low")),
]  # fmt: skip
KEYS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "t.code": lambda d: d["code"],
    "t.band": lambda d: d["band"],
    "t.flag": lambda d: d["flag"],
    "date_trunc('month', t.day)": lambda d: d["day"].dt.to_period("M").dt.start_time,
    "a.age": lambda d: d["age"],
}
DOMAINS = {"t.code": CODES, "t.band": BANDS, "t.flag": [0, 1], "a.age": AGES}


def test_random_templates_release_what_plain_pandas_says() -> None:
    world, released = world_from(WORLD), 0
    for seed in range(20):
        dice = random.Random(seed)  # noqa: S311  a repeatable choice of cases
        txn, acc = _tables(dice)
        joined, keys, measures, filters = _question(dice)
        answer, cells = _released(_sql(joined, keys, measures, filters), world, txn, acc)
        expected = _expected(txn, acc, joined, keys, measures, filters)
        got = {tuple(_plain(value) for value in row[: len(keys)]): row[len(keys) :] for row in answer.rows}
        assert got == expected, (seed, _sql(joined, keys, measures, filters))
        assert len(cells.cells) == len(expected)
        released += len(expected)
    assert released > 60, "the random templates hardly release anything: the test compares too little"


def _question(dice: random.Random) -> tuple[bool, list[str], list[str], list[Filter]]:
    joined = dice.random() < 0.6
    keys = dice.sample([key for key in KEYS if joined or key != "a.age"], dice.randint(0, 2))
    measures = dice.sample([name for name, (asset, *_) in MEASURES.items() if joined or asset == "t"], dice.randint(0, 3))
    filters = dice.sample(FILTERS + (JOINED_FILTERS if joined else []), dice.choice([0, 0, 1, 2]))
    return joined, keys, measures, filters


def _sql(joined: bool, keys: list[str], measures: list[str], filters: list[Filter]) -> str:
    items = [*keys, "count(*)", "count(DISTINCT t.token)"]
    items += [f"{what}({MEASURES[name][0]}.{name})" for name in measures for what in ("sum", "count")]
    sql = f"SELECT {', '.join(items)} FROM provider.txn t"
    sql += " JOIN consumer.acc a ON t.token = a.token" if joined else ""
    sql += f" WHERE {' AND '.join(f'({text})' for text, _ in filters)}" if filters else ""
    return sql + (f" GROUP BY {', '.join(str(i + 1) for i in range(len(keys)))}" if keys else "")


def _tables(dice: random.Random) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Few people, skewed rows, values beyond the clip, NULL everywhere, NaN, duplicate accounts, labels outside the domain."""
    numbers = np.random.default_rng(dice.randrange(2**32))
    rows, people = 900, 60
    token = np.where(numbers.random(rows) < 0.04, None, [f"p{int(i)}" for i in people * numbers.random(rows) ** 1.6])
    txn = pd.DataFrame(
        {
            "token": token,
            "code": numbers.choice([*CODES, "7777", None], rows, p=[0.5, 0.3, 0.1, 0.05, 0.05]),
            "band": numbers.choice([*BANDS, None], rows, p=[0.6, 0.3, 0.1]),
            "flag": _holes(numbers, numbers.choice([0, 1], rows, p=[0.7, 0.3]), "Int64"),
            "day": pd.to_datetime("2026-01-01") + pd.to_timedelta(numbers.integers(0, 90, rows), "D"),
            "fraud": _holes(numbers, (numbers.random(rows) < dice.choice([0.02, 0.2, 0.9, 1.0])).astype(int), "Int64"),
            "velocity": _holes(numbers, numbers.integers(-3, 30, rows), "Int64"),
            "amount": np.round(numbers.exponential(90, rows), 2),
            "score": _gaps(numbers, np.round(numbers.normal(0, 0.8, rows), 6)),
            "device": numbers.choice(["x", None], rows),
        }
    )
    tokens = [f"p{i}" for i in range(people) if i % 7] + ["p1", "p2", None]
    acc = pd.DataFrame(
        {
            "token": tokens,
            "age": numbers.choice(np.array(AGES, dtype=object), len(tokens)),
            "rate": _gaps(numbers, np.round(numbers.random(len(tokens)) * 1.2, 6)),
        }
    )
    return txn, acc


def _gaps(numbers: np.random.Generator, values: Any) -> Any:
    return np.where(numbers.random(len(values)) < numbers.choice([0, 0.4]), np.nan, values)


def _holes(numbers: np.random.Generator, values: Any, dtype: str) -> pd.Series:
    return pd.Series(values, dtype=dtype).mask(numbers.random(len(values)) < numbers.choice([0, 0, 0.05, 0.4]))


def _released(sql: str, world: World, txn: pd.DataFrame, acc: pd.DataFrame) -> tuple[Answer, Cells]:
    verdict = judge_sql(sql, "consumer", world)
    assert verdict.ok, [str(finding) for finding in verdict.findings]
    (sheet,) = verdict.sheets
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA provider; CREATE SCHEMA consumer; SET threads = 2")
        connection.register("txn_frame", txn)
        connection.register("acc_frame", acc)
        connection.execute(
            "CREATE TABLE provider.txn AS SELECT * REPLACE (CAST(day AS DATE) AS day, CAST(amount AS DECIMAL(9,2)) AS amount)"
            " FROM txn_frame; CREATE TABLE consumer.acc AS SELECT * FROM acc_frame"
        )
        found = connection.execute(sheet.query.render("duckdb"))
        assert tuple(column[0] for column in found.description) == sheet.layout.columns
        cells = protect(found.fetchall(), sheet.layout, world.thresholds)
    assert Cells.from_json(cells.as_json()) == cells
    return project(sheet, cells), cells


def _expected(
    txn: pd.DataFrame, acc: pd.DataFrame, joined: bool, keys: list[str], measures: list[str], filters: list[Filter]
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    data = txn[txn["token"].notna()]
    if joined:
        data = data.merge(acc[acc["token"].notna()].drop_duplicates("token", keep=False), on="token", how="inner")
    for _, passes in filters:
        data = data[passes(data).fillna(False).astype(bool)]
    labels = [[_plain(label) for label in KEYS[key](data)] for key in keys]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for position, key in enumerate(zip(*labels, strict=True) if keys else ((),) * len(data)):
        groups.setdefault(key, []).append(position)
    expected = {}
    for key, positions in groups.items():
        if all(name not in DOMAINS or label in DOMAINS[name] for name, label in zip(keys, key, strict=True)):
            cell = _cell(data.iloc[positions], measures)
            if cell is not None:
                expected[key] = cell
    return expected


def _cell(group: pd.DataFrame, measures: list[str]) -> tuple[Any, ...] | None:
    people = group["token"].nunique()
    if people < MINIMUM or _dominated([Decimal(int(n)) for n in group["token"].value_counts()]):
        return None
    row: list[Any] = [len(group), max(MINIMUM, people // 10 * 10)]
    for name in measures:
        _, low, high, places = MEASURES[name]
        values = [(token, _exact(value, low, high, places)) for token, value in zip(group["token"], group[name], strict=True)
                  if not pd.isna(value)]  # fmt: skip
        each: dict[str, Decimal] = {}
        for token, value in values:
            each[token] = each.get(token, Decimal(0)) + value
        missing = group.loc[group[name].isna(), "token"].nunique()
        seen = Counter(token for token, _ in values)
        above = sum(each[token] > low * seen[token] for token in each)
        below = sum(each[token] < high * seen[token] for token in each)
        few = (low, high) == (0, 1) and min(above, below) < NUMERATOR
        nothing = not any(each.values())
        if len(each) < MINIMUM or (not few and (nothing or _dominated([abs(total) for total in each.values()]))):
            row += ["withheld", "withheld"]
            continue
        total = sum((value for _, value in values), Decimal(0))
        if MEASURES[name][0] == "a":  # the receiver's own, in steps of one person's bound
            total = total.quantize(Decimal(1), ROUND_HALF_UP).quantize(Decimal(1).scaleb(-places))
        row += [f"fewer than {NUMERATOR}" if few else int(total) if places == 0 else total]
        row.append("withheld" if 0 < missing < MINIMUM else len(values))
    return tuple(row)


def _exact(value: Any, low: int, high: int, places: int) -> Decimal:
    number = Decimal(int(value)) if places == 0 else Decimal(f"{float(value):.{places}f}")
    return min(max(number, Decimal(low)), Decimal(high)).quantize(Decimal(1).scaleb(-places))


def _dominated(contributions: list[Decimal]) -> bool:
    ordered = sorted(contributions, reverse=True)
    return bool(ordered) and sum(ordered[2:], Decimal(0)) * 100 < PERCENT * ordered[0]


def _plain(value: Any) -> Any:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date()
    return int(value) if isinstance(value, int | np.integer) else value


# --- single families, each on the smallest table that shows it


@pytest.fixture
def room() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE SCHEMA provider; CREATE SCHEMA consumer;"
            "CREATE TABLE provider.txn (token VARCHAR, code VARCHAR, band VARCHAR, flag BIGINT, day DATE, fraud BIGINT,"
            " velocity BIGINT, amount DECIMAL(9,2), score DOUBLE, device VARCHAR);"
            "CREATE TABLE consumer.acc (token VARCHAR, age VARCHAR, rate DOUBLE)"
        )
        yield connection


def _ask(room: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    world = world_from(WORLD)
    (sheet,) = judge_sql(sql, "consumer", world).sheets
    return project(sheet, protect(room.execute(sheet.query.render("duckdb")).fetchall(), sheet.layout, world.thresholds))


def _people(room: duckdb.DuckDBPyConnection, first: int, last: int, **columns: str) -> None:
    values = {"token": "'p' || i", "code": "'5411'", "band": "'low'", "flag": "1", "day": "DATE '2026-01-05'", "fraud": "i % 2",
              "velocity": "3", "amount": "10", "score": "0.5", "device": "'d'"} | columns  # fmt: skip
    room.execute(f"INSERT INTO provider.txn SELECT {', '.join(values.values())} FROM range({first}, {last}) r(i)")


def test_rows_of_few_people_are_no_cohort(room: duckdb.DuckDBPyConnection) -> None:
    for _ in range(50):
        _people(room, 0, MINIMUM - 1)
    assert _ask(room, "SELECT count(*) FROM provider.txn").rows == ()
    _people(room, 100, 101)
    assert _ask(room, "SELECT count(*) FROM provider.txn").rows == ((50 * (MINIMUM - 1) + 1,),)


def test_null_tokens_are_nobody(room: duckdb.DuckDBPyConnection) -> None:
    _people(room, 0, MINIMUM)
    _people(room, 0, 1000, token="NULL")
    assert _ask(room, "SELECT count(*), sum(amount) FROM provider.txn").rows == ((MINIMUM, Decimal(10 * MINIMUM)),)
    room.execute("DELETE FROM provider.txn WHERE token = 'p0'")
    assert _ask(room, "SELECT count(*) FROM provider.txn").rows == ()


def test_fan_out_on_the_other_side_makes_no_people(room: duckdb.DuckDBPyConnection) -> None:
    _people(room, 0, MINIMUM - 1)
    room.execute("INSERT INTO consumer.acc SELECT 'p' || (i % 7), 'new', 0.5 FROM range(5000) r(i)")
    assert _ask(room, "SELECT count(*) FROM provider.txn t JOIN consumer.acc a ON t.token = a.token").rows == ()


def test_who_stands_twice_on_the_other_side_is_not_joined(room: duckdb.DuckDBPyConnection) -> None:
    """Otherwise a receiver could multiply one person's rows, and so mark them."""
    _people(room, 0, 20)
    room.execute("INSERT INTO consumer.acc SELECT 'p' || i, 'new', 0.5 FROM range(20) r(i)")
    sql = "SELECT count(*) FROM provider.txn t JOIN consumer.acc a ON t.token = a.token"
    assert _ask(room, sql).rows == ((20,),)
    room.execute("INSERT INTO consumer.acc SELECT 'p1', 'new', 0.5 FROM range(1000) r(i)")
    assert _ask(room, sql).rows == ((19,),)


def test_a_person_with_most_of_the_rows_withholds_the_cell(room: duckdb.DuckDBPyConnection) -> None:
    _people(room, 0, 20)
    assert _ask(room, "SELECT count(*) FROM provider.txn").rows == ((20,),)
    for _ in range(400):
        _people(room, 1, 2)
    assert _ask(room, "SELECT count(*) FROM provider.txn").rows == ()


def test_a_dominating_contributor_withholds_the_cell(room: duckdb.DuckDBPyConnection) -> None:
    _people(room, 0, 20, amount="0.10")
    _people(room, 0, 1, amount="500")
    assert _ask(room, "SELECT avg(amount) FROM provider.txn").rows == ()
    assert _ask(room, "SELECT count(*) FROM provider.txn").rows == ((21,),)


def test_values_of_few_people_withhold_though_rows_are_many(room: duckdb.DuckDBPyConnection) -> None:
    """avg(x) over the two people who have an x is about those two, whatever count(*) says."""
    _people(room, 0, 50, velocity="CASE WHEN i < 5 THEN 4 END")
    assert _ask(room, "SELECT avg(velocity) FROM provider.txn").rows == ()
    assert _ask(room, "SELECT count(device) FROM provider.txn").rows == ((50,),)


@pytest.mark.parametrize(("fraud", "shown"), [("0", "fewer"), ("1", "fewer"), ("CASE WHEN i < 2 THEN 1 ELSE 0 END", "fewer"),
                                              ("CASE WHEN i < 2 THEN 0 ELSE 1 END", "fewer"),
                                              ("CASE WHEN i < 3 THEN 1 ELSE 0 END", 3)])  # fmt: skip
def test_small_numerators_show_as_text(room: duckdb.DuckDBPyConnection, fraud: str, shown: object) -> None:
    _people(room, 0, 40, fraud=fraud)
    answer = _ask(room, "SELECT count(*), sum(fraud), avg(fraud) FROM provider.txn")
    if shown == "fewer":
        assert answer.rows == ((40, "fewer than 3", "fewer than 3"),)
        assert answer.notes
    else:
        assert answer.rows == ((40, 3, Decimal("0.075000000000")),)


def test_measures_are_clipped_row_by_row_and_nan_is_no_value(room: duckdb.DuckDBPyConnection) -> None:
    _people(room, 0, 40, velocity="CASE WHEN i % 2 = 0 THEN 9000000000000000000 ELSE -5 END", amount="999.99",
            score="CASE WHEN i < 20 THEN 'nan'::DOUBLE WHEN i < 30 THEN '-inf'::DOUBLE ELSE 0.25 END")  # fmt: skip
    rows = _ask(room, "SELECT sum(velocity), sum(amount), sum(score), count(score) FROM provider.txn").rows
    assert rows == ((20 * 20, Decimal("20000.00"), Decimal("-7.500000"), 20),)


def test_labels_outside_the_domain_give_no_cell(room: duckdb.DuckDBPyConnection) -> None:
    _people(room, 0, 40)
    _people(room, 0, 40, code="'4242'")
    _people(room, 0, 40, code="NULL")
    answer = _ask(room, "SELECT code, count(*) FROM provider.txn GROUP BY 1")
    assert answer.rows == (("5411", 40),)
    assert answer.withheld
    assert _ask(room, "SELECT count(*) FROM provider.txn WHERE code = '4242'").rows == ()


def test_sums_are_exact_in_any_order(room: duckdb.DuckDBPyConnection) -> None:
    _people(room, 0, 3000, score="CASE WHEN i % 3 = 0 THEN 0.1 WHEN i % 3 = 1 THEN 0.2 ELSE 0.3 END")
    assert _ask(room, "SELECT sum(score) FROM provider.txn").rows == ((Decimal("600.000000"),),)


HOUSEHOLDS = {
    "purposes": ["care"],
    "minimum_cohort": 5,
    "assets": {
        "clinic.visits": {
            "columns": {"person": "string", "household": "string", "ward": "string", "days": "bigint"},
            "rule": {
                "privacy_unit": "person",
                "join_key": "household",
                "dimensions": {"ward": {"domain": ["a"]}},
                "measures": {"days": {"min": 0, "max": 30}},
            },
        },
        "city.homes": {
            "columns": {"household": "string", "district": "string"},
            "rule": {
                "privacy_unit": "household",
                "join_key": "household",
                "dimensions": {"district": {"domain": ["n", "s"]}},
            },
        },
    },
}


@pytest.mark.parametrize(
    ("persons", "households", "released"), [(20, 4, False), (4, 4, False), (20, 5, True), (5, 5, True), (30, 1, False)]
)
def test_each_protected_side_counts_its_own_people(persons: int, households: int, released: bool) -> None:
    """Twenty patients of four households are enough for the clinic and too few for the city."""
    world = world_from(HOUSEHOLDS)
    sql = "SELECT h.district, count(*), count(DISTINCT v.person), count(DISTINCT h.household), sum(v.days)"
    sql += " FROM clinic.visits v JOIN city.homes h ON v.household = h.household GROUP BY 1"
    (sheet,) = judge_sql(sql, "city", world).sheets
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA clinic; CREATE SCHEMA city")
        connection.execute(
            f"CREATE TABLE city.homes AS SELECT 'h' || i AS household, 'n' AS district FROM range({households}) r(i)"
        )
        connection.execute(
            f"CREATE TABLE clinic.visits AS SELECT 'p' || i AS person, 'h' || (i % {households}) AS household, 'a' AS ward,"
            f" 2::BIGINT AS days FROM range({persons}) r(i)"
        )
        cells = protect(connection.execute(sheet.query.render("duckdb")).fetchall(), sheet.layout, world.thresholds)
    expected = (("n", persons, max(5, persons // 10 * 10), max(5, households // 10 * 10), 2 * persons),)
    assert project(sheet, cells).rows == (expected if released else ())


def test_the_strictest_side_wins() -> None:
    world = world_from(WORLD)
    strict = World(world.assets, Thresholds({"provider.txn": 8, "consumer.acc": 50}), world.purposes, world.collaborators)
    (sheet,) = judge_sql(
        "SELECT count(*) FROM provider.txn t JOIN consumer.acc a ON t.token = a.token", "consumer", strict
    ).sheets
    assert "HAVING COUNT(*) >= 50" in sheet.query.render("duckdb")
