"""Differential: for random templates over random tables, what the guard releases on a real DuckDB equals a plain pandas
computation of the same protected semantics.

The semantics are written down here once more, by hand: who counts, which rows a join has, which label a row gets, when a cell
stays away. Nothing of the guard's own code is used for the expected side.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.answer import project
from cleanroom_core.guard.world import Period
from cleanroom_core.privacy.protect import protect
from tests.guard.guard_worlds import world_from

MINIMUM, NUMERATOR, PERCENT = 8, 3, 10
DATASETS, TEMPLATES = 5, 30
CODES, BANDS, AGES = ["5411", "5812", "5999"], ["low", "high"], ["new", "old", None]
MONTHS = [
    date(2026, 1, 1),
    date(2026, 2, 1),
]  # the periods published; rows of March are in no cell keyed by them, yet month() knows the calendar
MEASURES = {  # column -> alias, min, max, decimal places
    "fraud": ("t", 0, 1, 0), "velocity": ("t", 0, 20, 0), "amount": ("t", 0, 500, 2), "score": ("t", -1, 1, 6),
    "rate": ("a", 0, 1, 6), "size": ("h", 1, 9, 0),
}  # fmt: skip
TOKEN = {"privacy_unit": "token", "join_key": "token"}
WORLD = {
    "purposes": ["test"],
    "minimum_cohort": MINIMUM,
    "numerator_minimum": NUMERATOR,
    "dominance_percent": PERCENT,
    "assets": {
        "provider.txn": {
            "columns": {"token": "string", "code": "string", "band": "string", "flag": "bigint", "day": "date",
                        "fraud": "bigint", "velocity": "bigint", "amount": "decimal(9,2)", "score": "double",
                        "device": "string"},
            "rule": TOKEN | {
                "counted": ["device"],
                "dimensions": {"code": {"domain": CODES}, "band": {}, "flag": {}, "day": {"dates": ["day", "month"]}},
                "measures": {"fraud": {"min": 0, "max": 1}, "velocity": {"min": 0, "max": 20, "bands": [5, 10]},
                             "amount": {"min": 0, "max": 500}, "score": {"min": -1, "max": 1}},
            },
            "labels": {"band": BANDS, "flag": [0, 1], "day@month": [str(month) for month in MONTHS]},
        },
        "consumer.acc": {
            "columns": {"token": "string", "age": "string", "rate": "double"},
            "rule": TOKEN | {"dimensions": {"age": {}}, "measures": {"rate": {"min": 0, "max": 1}}},
            "labels": {"age": AGES},
        },
        "provider.homes": {
            "columns": {"token": "string", "region": "string", "size": "bigint"},
            "rule": TOKEN | {"dimensions": {"region": {"domain": ["n", "s"]}}, "measures": {"size": {"min": 1, "max": 9}}},
        },
    },
}  # fmt: skip
NAMES = {"t": "provider.txn", "a": "consumer.acc", "h": "provider.homes"}

Row = Mapping[str, Any]
SKIP = object()  # the row is in no cell


@dataclass(frozen=True)
class Condition:
    """SQL, and for which rows it is true: NULL and labels outside the domain meet no comparison."""

    sql: str
    aliases: str
    holds: Callable[[Row], bool]


@dataclass(frozen=True)
class Key:
    sql: str
    aliases: str
    label: Callable[[Row], Any]
    missing: str | None = None  # the column whose missing values may be a group of their own


def _in(row: Row, column: str, labels: Sequence[Any]) -> bool:
    return row[column] is not None and row[column] in labels


CONDITIONS = [
    Condition("t.flag = 1", "t", lambda r: r["flag"] == 1),
    Condition("t.code IN ('5411', '5999')", "t", lambda r: _in(r, "code", ["5411", "5999"])),
    Condition("t.code <> '5411'", "t", lambda r: _in(r, "code", ["5812", "5999"])),
    Condition("NOT (t.code = '5411' OR t.flag = 0)", "t", lambda r: _in(r, "code", ["5812", "5999"]) and r["flag"] == 1),
    Condition("t.code IS NULL", "t", lambda r: r["code"] is None),
    Condition("t.velocity < 10", "t", lambda r: r["velocity"] is not None and r["velocity"] < 10),
    Condition("NOT t.velocity >= 5", "t", lambda r: r["velocity"] is not None and r["velocity"] < 5),
    Condition("t.velocity IS NOT NULL", "t", lambda r: r["velocity"] is not None),
    Condition("t.day >= DATE '2026-02-01'", "t", lambda r: r["day"] is not None and r["day"] >= date(2026, 2, 1)),
    Condition("t.day BETWEEN DATE '2026-01-10' AND DATE '2026-02-20'", "t",
              lambda r: r["day"] is not None and date(2026, 1, 10) <= r["day"] <= date(2026, 2, 20)),
    Condition("month(t.day) = 2", "t", lambda r: r["day"] is not None and r["day"].month == 2),
    Condition("t.band = 'low' OR t.code = '5812'", "t", lambda r: r["band"] == "low" or r["code"] == "5812"),
    Condition("upper(t.band) = 'LOW'", "t", lambda r: r["band"] == "low"),
    Condition("a.age IS NULL", "a", lambda r: r["age"] is None),
    Condition("a.age <> 'old'", "a", lambda r: _in(r, "age", ["new"])),
    Condition("coalesce(a.age, 'x') <> 'old'", "a", lambda r: r["age"] in ("new", None)),
    Condition("(a.age = 'new' OR t.flag = 1) AND t.band = 'low'", "ta",
              lambda r: (r["age"] == "new" or r["flag"] == 1) and r["band"] == "low"),
    Condition("h.region = 's'", "h", lambda r: r["region"] == "s"),
]  # fmt: skip


def _plain(column: str, domain: Sequence[Any]) -> Callable[[Row], Any]:
    return lambda row: row[column] if row[column] in domain else SKIP


def _known(row: Row, column: str, domain: Sequence[Any]) -> bool:
    """Whether the row's label may be named at all: missing values may, other values may not."""
    return row[column] is None or row[column] in domain


def _both(row: Row) -> Any:
    if not (_known(row, "band", BANDS) and _known(row, "code", CODES)):
        return SKIP
    return None if row["band"] is None or row["code"] is None else f"{row['band']}/{row['code']}"


def _speed(row: Row) -> str:
    speed = row["velocity"]
    return "slow" if speed is not None and speed < 5 else "middle" if speed is not None and speed < 10 else "other"


KEYS = [
    Key("t.code", "t", _plain("code", CODES), "code"),
    Key("t.band", "t", _plain("band", BANDS), "band"),
    Key("t.flag", "t", _plain("flag", [0, 1]), "flag"),
    Key("a.age", "a", _plain("age", AGES)),
    Key("h.region", "h", _plain("region", ["n", "s"]), "region"),
    Key("date_trunc('month', t.day)", "t", lambda r: SKIP if r["day"] is None or r["day"].replace(day=1) not in MONTHS
        else r["day"].replace(day=1), "day"),
    Key("month(t.day)", "t", lambda r: SKIP if r["day"] is None else r["day"].month,
        "day"),
    Key("CASE WHEN t.code IN ('5411', '5812') THEN 'food' ELSE 'other' END", "t",
        lambda r: ("food" if _in(r, "code", ["5411", "5812"]) else "other") if _known(r, "code", CODES) else SKIP),
    Key("CASE t.band WHEN 'low' THEN 'l' END", "t",
        lambda r: ("l" if r["band"] == "low" else None) if _known(r, "band", BANDS) else SKIP),
    Key("upper(t.band)", "t", lambda r: r["band"].upper() if r["band"] in BANDS else SKIP, "band"),
    Key("coalesce(a.age, 'none')", "a", lambda r: r["age"] or "none"),
    Key("CASE WHEN t.velocity < 5 THEN 'slow' WHEN t.velocity < 10 THEN 'middle' ELSE 'other' END", "t", _speed),
    Key("t.flag = 1", "t", lambda r: r["flag"] == 1 if r["flag"] in (0, 1) else SKIP, "flag"),
    Key("concat(t.band, '/', t.code)", "t", _both),
    Key("CASE WHEN a.age = 'new' AND t.band = 'low' THEN 'both' ELSE 'rest' END", "ta",
        lambda r: ("both" if r["age"] == "new" and r["band"] == "low" else "rest") if _known(r, "band", BANDS) else SKIP),
]  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One aggregate: `kind` n | people | count | sum | avg | stddev_pop, of a column, under a condition."""

    kind: str
    column: str | None
    condition: Condition | None
    style: str = "filter"

    @property
    def sql(self) -> str:
        if self.column is None:
            inner = "*" if self.kind == "n" else "DISTINCT t.token"
        else:
            inner = f"{MEASURES[self.column][0] if self.column in MEASURES else 't'}.{self.column}"
        function = {"n": "count", "people": "count"}.get(self.kind, self.kind)
        if self.condition is None:
            return f"{function}({inner})"
        if self.style == "filter":
            return f"{function}({inner}) FILTER (WHERE {self.condition.sql})"
        if self.kind == "people":
            return f"count(DISTINCT CASE WHEN {self.condition.sql} THEN t.token END)"
        return f"{function}(CASE WHEN {self.condition.sql} THEN {1 if self.kind == 'n' else inner} END)"


@dataclass(frozen=True)
class Question:
    assets: str  # t, a, ta, tah ...: aliases of what is joined
    optional: str  # aliases of what may be unmatched
    turned: bool  # an outer join written from the other side
    keys: tuple[Key, ...]
    conditions: tuple[Condition, ...]
    figures: tuple[Figure, ...]
    period: Period | None

    @property
    def sql(self) -> str:
        items = [key.sql for key in self.keys] + [figure.sql for figure in self.figures]
        text = f"SELECT {', '.join(f'{item} AS c{i}' for i, item in enumerate(items))} FROM {self._from()}"
        text += f" WHERE {' AND '.join(f'({one.sql})' for one in self.conditions)}" if self.conditions else ""
        return text + (f" GROUP BY {', '.join(str(i + 1) for i in range(len(self.keys)))}" if self.keys else "")

    def _from(self) -> str:
        first, *others = self.assets
        if self.turned:
            (other,) = others
            return f"{NAMES[other]} {other} RIGHT JOIN {NAMES[first]} {first} ON {first}.token = {other}.token"
        text = f"{NAMES[first]} {first}"
        for other in others:
            text += f" {'LEFT ' if other in self.optional else ''}JOIN {NAMES[other]} {other} ON {first}.token = {other}.token"
        return text


def test_random_templates_release_what_plain_pandas_says() -> None:
    base, released, compared, kinds = world_from(WORLD), 0, 0, set()
    for seed in range(DATASETS):
        dice = random.Random(seed)  # noqa: S311  a repeatable choice of cases
        tables = _tables(np.random.default_rng(seed))
        with _loaded(tables) as connection:
            for number in range(TEMPLATES):
                question = _question(dice)
                world = _measured(base, tables, question)
                expected = _expected(tables, question, world)
                got = _released(question, world, connection)
                assert got == expected, (seed, number, question.sql, question.period)
                compared += 1
                released += len(expected)
                kinds |= {bool(question.optional), *(figure.condition is None for figure in question.figures)}
    assert compared >= 150
    assert released > 300, "the random templates hardly release anything: the test compares too little"
    assert kinds == {True, False}


def _question(dice: random.Random) -> Question:
    assets = dice.choice(["t", "t", "ta", "ta", "ta", "at", "tah", "th"])
    optional = dice.choice(["", assets[1:]]) if len(assets) == 2 else dice.choice(["", "a", "ah"]) if assets == "tah" else ""
    possible = [key for key in KEYS if set(key.aliases) <= set(assets)]
    allowed = [one for one in CONDITIONS if set(one.aliases) <= set(assets)]
    keys = dice.sample(possible, min(dice.choice([0, 1, 1, 2]), len(possible)))
    columns = [name for name, (alias, *_) in MEASURES.items() if alias in assets]
    figures = [Figure("n", None, None), Figure("people", None, None)]
    for name in dice.sample([*columns, "device"], dice.randint(0, 3)):
        condition = dice.choice([None, *allowed]) if dice.random() < 0.5 else None
        kinds = ["count"] if name == "device" else ["sum", "avg", "count", "stddev_pop"]
        figures.append(Figure(dice.choice(kinds), name, condition, dice.choice(["filter", "case"])))
    for kind in ("n", "people"):
        if dice.random() < 0.4:
            figures.append(Figure(kind, None, dice.choice(allowed), dice.choice(["filter", "case"])))
    period = Period(date(2026, 1, 15), date(2026, 3, 1)) if dice.random() < 0.25 else None
    conditions = dice.sample(allowed, dice.choice([0, 0, 1, 2]))
    return Question(assets, optional, bool(optional) and len(assets) == 2 and dice.random() < 0.5, tuple(keys),
                    tuple(conditions), tuple(figures), period)  # fmt: skip


# what the guard and the engine make of it


def _measured(base: World, tables: Mapping[str, pd.DataFrame], question: Question) -> World:
    assets = dict(base.assets)
    for alias, name in NAMES.items():
        keyed = tables[alias]["token"].dropna()
        rule = assets[name].rule
        if alias == "t" and question.period is not None:
            rule = replace(rule, period_column="day")
        assets[name] = replace(assets[name], rows_per_key=len(keyed) / keyed.nunique(), rule=rule)
    return replace(base, assets=assets, period=question.period)


def _loaded(tables: Mapping[str, pd.DataFrame]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA provider; CREATE SCHEMA consumer; SET threads = 2")
    casts = {"t": "REPLACE (CAST(day AS DATE) AS day, CAST(amount AS DECIMAL(9,2)) AS amount)", "a": "", "h": ""}
    for alias, frame in tables.items():
        connection.register("frame", frame)
        connection.execute(f"CREATE TABLE {NAMES[alias]} AS SELECT * {casts[alias]} FROM frame")
        connection.unregister("frame")
    return connection


def _released(question: Question, world: World, connection: duckdb.DuckDBPyConnection) -> dict[tuple[Any, ...], list[Any]]:
    verdict = judge_sql(question.sql, "consumer", world)
    assert verdict.ok, (question.sql, [str(finding) for finding in verdict.findings])
    (sheet,) = verdict.sheets
    cells = []
    for part in sheet.parts:
        found = connection.execute(part.query.render("duckdb"))
        assert tuple(column[0] for column in found.description) == part.layout.columns
        cells.append(protect(found.fetchall(), part.layout, world.thresholds))
    width = len(question.keys)
    return {row[:width]: [_shown(value) for value in row[width:]] for row in project(sheet, cells).rows}


def _shown(value: Any) -> Any:
    return value.quantize(Decimal("1e-9")) if isinstance(value, Decimal) else value


# the same, in pandas and by hand


def _expected(tables: Mapping[str, pd.DataFrame], question: Question, world: World) -> dict[tuple[Any, ...], list[Any]]:
    question = replace(question, optional="".join(alias for alias in question.optional if _may_be_missing(alias, question)))
    rows = [row for row in _rows(tables, question) if _passes(row, question.conditions)]
    names = [_same_rows(question.conditions, figure.condition) for figure in question.figures]
    asked: dict[bytes, set[tuple[str, bool]]] = {_same_rows(question.conditions, None): set()}
    members: dict[bytes, list[dict[str, Any]]] = {_same_rows(question.conditions, None): rows}
    for figure, name in zip(question.figures, names, strict=True):
        members.setdefault(name, [row for row in rows if figure.condition is None or figure.condition.holds(row)])
        asked.setdefault(name, set())
        if figure.column is not None:
            asked[name].add((figure.column, figure.column in MEASURES))
            if figure.kind == "stddev_pop" and figure.column != "fraud":
                asked[name].add((f"{figure.column}²", True))
    kept = {
        name: {
            label: cell
            for label, its in _cells(chosen, question).items()
            if (cell := _cell(its, asked[name], question)) is not None
        }
        for name, chosen in members.items()
    }
    first = kept[_same_rows(question.conditions, None)]
    return {
        label: [
            "withheld" if (cell := kept[name].get(label)) is None else _value(figure, cell)
            for figure, name in zip(question.figures, names, strict=True)
        ]
        for label in first
    }


GRID = [
    {"code": code, "flag": flag, "velocity": velocity, "day": day, "band": band, "age": age, "region": region}
    for code, flag, velocity, day, band, age, region in product(
        [*CODES, None], [0, 1, None], [2, 7, 15, None],
        [None, date(2026, 1, 5), date(2026, 1, 12), date(2026, 2, 10), date(2026, 2, 25), date(2026, 3, 5)],
        [*BANDS, None], AGES, ["n", "s", None],
    )
]  # fmt: skip
COLUMNS = {"t": ("code", "flag", "velocity", "day", "band"), "a": ("age",), "h": ("region",)}


def _passes(row: Row, conditions: Sequence[Condition]) -> bool:
    return all(one.holds(row) for one in conditions)


TRUE_ON_GRID = {one.sql: np.array([one.holds(row) for row in GRID]) for one in CONDITIONS}


def _same_rows(conditions: Sequence[Condition], inner: Condition | None) -> bytes:
    """Equal for conditions that mean the same: they make one part of a sheet, in whatever words."""
    chosen = [*conditions, *([] if inner is None else [inner])]
    return bytes(np.logical_and.reduce([TRUE_ON_GRID[one.sql] for one in chosen])) if chosen else b""


MISSING = {
    alias: np.array([all(row[column] is None for column in columns) for row in GRID]) for alias, columns in COLUMNS.items()
}


def _may_be_missing(alias: str, question: Question) -> bool:
    """Whether WHERE lets a row without a match through; otherwise an outer join is an inner one."""
    return bool(np.logical_and.reduce([MISSING[alias], *(TRUE_ON_GRID[one.sql] for one in question.conditions)]).any())


def _rows(tables: Mapping[str, pd.DataFrame], question: Question) -> list[dict[str, Any]]:
    """The joined rows: of every asset but the one with most rows per key only keys that occur once; nobody has no rows."""
    frames = {}
    per_key = {
        alias: len(tables[alias].dropna(subset=["token"])) / tables[alias]["token"].nunique() for alias in question.assets
    }
    bearer = max(sorted(question.assets, key=lambda alias: NAMES[alias]), key=lambda alias: per_key[alias])
    for alias in question.assets:
        frame = tables[alias].dropna(subset=["token"])
        if alias == "t" and question.period is not None:
            day, period = pd.to_datetime(frame["day"]), question.period
            frame = frame[(day >= pd.Timestamp(period.start)) & (day < pd.Timestamp(period.stop))]
        if alias != bearer:
            frame = frame[~frame["token"].duplicated(keep=False)]
        frames[alias] = frame.assign(**{f"who_{alias}": frame["token"]})
    first, *others = question.assets
    joined = frames[first]
    for other in others:
        joined = joined.merge(frames[other], on="token", how="left" if other in question.optional else "inner")
    return [{column: _python(value) for column, value in row.items()} for row in joined.to_dict("records")]


def _cells(rows: list[dict[str, Any]], question: Question) -> dict[tuple[Any, ...], list[Row]]:
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        label = tuple(_label(key, row, question) for key in question.keys)
        if SKIP not in label:
            cells.setdefault(label, []).append(row)
    return cells


def _label(key: Key, row: Row, question: Question) -> Any:
    """The row's label. Missing values are a group of their own where WHERE asks for them or an outer join makes them."""
    found = key.label(row)
    if found is SKIP and key.missing is not None and row[key.missing] is None:
        by_name = any(one.sql == f"{key.sql} IS NULL" for one in question.conditions)
        return None if by_name or key.aliases in question.optional else SKIP
    return found


@dataclass(frozen=True)
class Cell:
    rows: int
    people: int
    totals: Mapping[str, Decimal]
    counts: Mapping[str, int]
    fewer: frozenset[str]
    withheld: frozenset[str]  # neither sum nor count
    uncounted: frozenset[str]  # too few people are without a value


def _cell(rows: list[Row], figures: set[tuple[str, bool]], question: Question) -> Cell | None:
    """The cell if it may be released: enough people of each side, nobody dominates, no few with or without a value."""
    units = [(f"who_{question.assets[0]}", None)]
    units += [(f"who_{alias}", alias) for alias in question.optional if _is_used(alias, question)]
    for unit, alias in units:
        per_person = _sizes(rows, unit, lambda row: Decimal(1))
        if len(per_person) < MINIMUM and not (alias is not None and not per_person):
            return None
        if _dominated(per_person):
            return None
    totals, counts, fewer, withheld, uncounted = {}, {}, set(), set(), set()
    for name, summed in figures:
        column = name.removesuffix("²")
        values = [(row, value) for row in rows if (value := _clipped(row, name, summed)) is not None]
        owner = MEASURES[column][0] if column in MEASURES else "t"
        for unit, alias in units:
            if alias is not None and alias != owner:
                continue
            mine = [(row, value) for row, value in values if row[unit] is not None]
            having = {row[unit] for row, _ in mine}
            lacking = {row[unit] for row in rows if row[unit] is not None and _clipped(row, name, summed) is None}
            if len(having) < MINIMUM:
                withheld.add(name)
            if 0 < len(lacking) < MINIMUM:
                uncounted.add(name)
            if summed and not name.endswith("²"):
                _, low, high, _ = MEASURES[column]
                sums, seen = _sizes_of(mine, unit), _sizes_of([(row, Decimal(1)) for row, _ in mine], unit)
                above = sum(sums[who] > low * seen[who] for who in seen)
                below = sum(sums[who] < high * seen[who] for who in seen)
                if (low, high) == (0, 1) and min(above, below) < NUMERATOR:
                    fewer.add(name)
        if name not in fewer:
            for unit, alias in units:
                if alias is not None and alias != owner:
                    continue
                sized = _sizes_of(
                    [(row, value if summed else Decimal(1)) for row, value in values if row[unit] is not None], unit
                )
                if _dominated({who: abs(total) for who, total in sized.items()}) or not any(sized.values()):
                    withheld.add(name)
        totals[name] = _stepped(sum((value for _, value in values), Decimal(0)), name, question)
        counts[name] = len(values)
    people = {row[units[0][0]] if "t" not in question.optional else row["who_t"] for row in rows} - {None}
    return Cell(len(rows), len(people), totals, counts, frozenset(fewer), frozenset(withheld), frozenset(uncounted))


def _is_used(alias: str, question: Question) -> bool:
    """Whether anything of an asset that may be unmatched is asked outside ON."""
    texts = [key.sql for key in question.keys] + [one.sql for one in question.conditions] + [f.sql for f in question.figures]
    return any(f"{alias}." in text for text in texts)


def _value(figure: Figure, cell: Cell) -> Any:
    if figure.kind == "n":
        return cell.rows
    if figure.kind == "people":
        return "withheld" if cell.people == 0 else max(MINIMUM, cell.people // 10 * 10)
    name = str(figure.column)
    needed = {name, f"{name}²"} if figure.kind == "stddev_pop" and name != "fraud" else {name}
    if needed & cell.withheld:
        return "withheld"
    if figure.kind == "count":
        return "withheld" if name in cell.uncounted else cell.counts[name]
    if name in cell.fewer:
        return f"fewer than {NUMERATOR}"
    if figure.kind != "sum" and needed & cell.uncounted:
        return "withheld"
    count, total = Decimal(cell.counts[name]), cell.totals[name]
    if not count:
        return None
    if figure.kind == "sum":
        return int(total) if MEASURES[name][3] == 0 else total.quantize(Decimal("1e-9"))
    if figure.kind == "avg":
        return (total / count).quantize(Decimal("1e-12"), ROUND_HALF_UP).quantize(Decimal("1e-9"))
    squares = total if name == "fraud" else cell.totals[f"{name}²"]
    variance = max(Decimal(0), squares / count - (total / count) ** 2)
    return variance.sqrt().quantize(Decimal("1e-9"))


def _clipped(row: Row, name: str, summed: bool) -> Decimal | None:
    column = name.removesuffix("²")
    value = row[column]
    if value is None:
        return None
    if not summed:
        return Decimal(1)
    _, low, high, places = MEASURES[column]
    clipped = min(max(Decimal(str(value)), Decimal(low)), Decimal(high)).quantize(Decimal(1).scaleb(-places))
    return clipped * clipped if name.endswith("²") else clipped


def _stepped(total: Decimal, name: str, question: Question) -> Decimal:
    """Sums of the receiver's own measure, beside another's table, and of a measure that stands in several rows of one person,
    at multiples of the largest one value can be."""
    if (column := name.removesuffix("²")) not in MEASURES:
        return total
    owner, low, high, _ = MEASURES[column]
    bearer = "t" if "t" in question.assets else "a" if "a" in question.assets else "h"
    if owner == bearer and (owner != "a" or question.assets == "a"):
        return total
    step = Decimal(max(abs(low), abs(high))) ** (2 if name.endswith("²") else 1)
    return (total / step).quantize(Decimal(1), ROUND_HALF_UP) * step


def _sizes(rows: Sequence[Row], unit: str, size: Callable[[Row], Decimal]) -> dict[str, Decimal]:
    return _sizes_of([(row, size(row)) for row in rows if row[unit] is not None], unit)


def _sizes_of(values: Sequence[tuple[Row, Decimal]], unit: str) -> dict[str, Decimal]:
    sizes: dict[str, Decimal] = {}
    for row, value in values:
        sizes[row[unit]] = sizes.get(row[unit], Decimal(0)) + value
    return sizes


def _dominated(sizes: Mapping[str, Decimal]) -> bool:
    """The p % rule: without the two largest, less is left than p percent of the largest."""
    largest, second, *_ = [*sorted(sizes.values(), reverse=True), Decimal(0), Decimal(0)]
    return (sum(sizes.values(), Decimal(0)) - largest - second) * 100 < PERCENT * largest


def _python(value: Any) -> Any:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date()
    return value.item() if isinstance(value, np.generic) else value


def _tables(numbers: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Few people, skewed rows, values beyond the clip, NULL everywhere, NaN, accounts that occur twice, labels beyond the
    domain, people on one side only."""
    rows, people = 1100, 60
    who = np.where(numbers.random(rows) < 0.04, None, [f"p{int(i)}" for i in people * numbers.random(rows) ** 1.5])
    often = numbers.choice([0.03, 0.2, 0.9, 1.0])
    txn = pd.DataFrame(
        {
            "token": who,
            "code": numbers.choice([*CODES, "7777", None], rows, p=[0.5, 0.3, 0.1, 0.05, 0.05]),
            "band": numbers.choice([*BANDS, None], rows, p=[0.6, 0.3, 0.1]),
            "flag": _holes(numbers, numbers.choice([0, 1], rows, p=[0.7, 0.3]), 0.15),
            "day": pd.to_datetime("2026-01-01") + pd.to_timedelta(numbers.integers(0, 90, rows), "D"),
            "fraud": _holes(numbers, (numbers.random(rows) < often).astype(int), 0.12),
            "velocity": _holes(numbers, numbers.integers(-3, 30, rows), 0.12),
            "amount": np.round(numbers.exponential(90, rows), 2),
            "score": np.where(numbers.random(rows) < 0.1, np.nan, np.round(numbers.normal(0, 0.8, rows), 6)),
            "device": numbers.choice(["x", None], rows),
        }
    )
    known = [f"p{i}" for i in range(people + 15) if i % 5] + ["p1", "p2", None]
    acc = pd.DataFrame(
        {
            "token": known,
            "age": numbers.choice(np.array(AGES, dtype=object), len(known)),
            "rate": np.where(numbers.random(len(known)) < 0.2, np.nan, np.round(numbers.random(len(known)) * 1.2, 6)),
        }
    )
    homes = pd.DataFrame(
        {
            "token": [f"p{i}" for i in range(people)],
            "region": numbers.choice(["n", "s"], people),
            "size": numbers.integers(0, 12, people),
        }
    )
    return {"t": txn, "a": acc, "h": homes}


def _holes(numbers: np.random.Generator, values: Any, share: float) -> pd.Series:
    return pd.Series(values, dtype="Int64").mask(numbers.random(len(values)) < share)
