"""Expressions over labels, read as the values they can take and the rows that take each: `upper(code)`, `year(day)`, CASE.

Every dimension has an agreed domain, so that such an expression is a finite table, computed here and never by an engine: value
-> condition. It can then be grouped by, or compared like a dimension. A row whose label nobody agreed on has no value at all,
nor has one whose date is far from all published ones (`days`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import product
from math import prod
from typing import Any

from sqlglot import exp

from cleanroom_core.guard import label_functions
from cleanroom_core.guard.calendar import SPELLINGS, following, truncate
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.logic import ALWAYS, NEVER, Condition, Within, both, either, otherwise
from cleanroom_core.guard.reading.constants import constant, is_constant
from cleanroom_core.guard.reading.days import calendar
from cleanroom_core.guard.reading.dimensions import dated, labels_of, truncated
from cleanroom_core.guard.reading.scope import Found, Reading, Role
from cleanroom_core.guard.regions import Labels, Spans
from cleanroom_core.guard.world import DATED
from cleanroom_core.sql.types import Kind

Value = None | str | int | bool | Decimal | date
Truth = Callable[[exp.Expr, Reading, bool], Condition]  # reading.conditions.condition
MOST = 5000  # combinations of labels one expression may have

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "eq", exp.NEQ: "neq", exp.LT: "lt", exp.LTE: "lte", exp.GT: "gt", exp.GTE: "gte",
}  # fmt: skip
_BOOLEANS = (*COMPARISONS, exp.And, exp.Or, exp.Not, exp.In, exp.Is, exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ)
_ARITHMETIC: dict[type[exp.Expr], Callable[[Any, Any], Value]] = {
    exp.Add: lambda one, two: one + two, exp.Sub: lambda one, two: one - two, exp.Mul: lambda one, two: one * two,
}  # fmt: skip
_TEXT: dict[type[exp.Expr], str] = {exp.Upper: "upper", exp.Lower: "lower"}
DATE_PARTS: dict[type[exp.Expr], str] = {
    exp.Year: "year", exp.Quarter: "quarter", exp.Month: "month", exp.Week: "week", exp.WeekOfYear: "week", exp.Day: "day",
    exp.DayOfMonth: "day", exp.DayOfWeek: "dayofweek", exp.DayOfYear: "dayofyear",
}  # fmt: skip
LABELLED = _TEXT | DATE_PARTS
"""Node -> the function of `label_functions` it stands for."""
TRIMMED = {"LEADING": "ltrim", "TRAILING": "rtrim"}
PATTERNS: dict[type[exp.Expr], str] = {
    exp.Like: "like", exp.ILike: "ilike", exp.StartsWith: "starts_with", exp.EndsWith: "ends_with", exp.Contains: "contains",
}  # fmt: skip
_OF_DATES = (exp.Extract, exp.TimeToStr, exp.LastDay, exp.TimestampTrunc, exp.DateTrunc)
OF_TEXT: dict[type[exp.Expr], tuple[str, tuple[str, ...]]] = {
    **{type_: (name, ("expression",)) for type_, name in PATTERNS.items()},
    exp.Left: ("left", ("expression",)), exp.Right: ("right", ("expression",)), exp.Length: ("length", ()),
    exp.Substring: ("substring", ("start", "length")), exp.Replace: ("replace", ("expression", "replacement")),
    exp.Pad: ("pad", ("expression", "fill_pattern")),
}  # fmt: skip
"""Node -> the function of a text it stands for, and where its constants are."""
DERIVED = (*_TEXT, *DATE_PARTS, *_ARITHMETIC, *_BOOLEANS, *OF_TEXT, exp.Trim, exp.Concat, exp.DPipe, exp.Coalesce, exp.Nullif,
           exp.Case, exp.If, exp.Extract, exp.Cast, exp.TryCast, exp.TimeToStr, exp.LastDay, exp.TimestampTrunc,
           exp.DateTrunc, exp.TsOrDsToDate)  # fmt: skip


@dataclass(frozen=True)
class Values:
    """`branches`: value and the rows that take it, disjoint, each value once. `kind` of the values; None when all are NULL."""

    branches: tuple[tuple[Value, Condition], ...]
    kind: Kind | None

    def where(self, holds: Callable[[Value], bool | None]) -> Condition:
        """The rows whose value passes."""
        return either([condition for value, condition in self.branches if holds(value) is True])


def values(node: exp.Expr, reading: Reading, truth: Truth) -> Values:
    """The table of an expression; raises Refusal when it is not one over labels."""
    node = node.unnest()
    if isinstance(node, exp.Null):
        return Values(((None, ALWAYS),), None)
    if is_constant(node):
        return _constant(node, reading)
    if (period := truncated(node, reading)) is not None:
        found, grid = period
        return _periods(found, grid, node, reading, lambda start: start, Kind.DATE)
    if isinstance(node, exp.Column):
        return _column(node, reading)
    if isinstance(node, _OF_DATES) or type(node) in DATE_PARTS:
        return _part(node, reading)
    if type(node) in OF_TEXT:
        name, constants, kind = of_text(node, reading)
        work, negate = label_functions.OF_TEXT[name], bool(node.args.get("negate"))
        inner = values(node.this, reading, truth)
        return _text(lambda text: work(text, *constants) != negate if negate else work(text, *constants), inner, kind, node)
    if isinstance(node, _BOOLEANS):
        true, false = truth(node, reading, False), truth(node, reading, True)
        return _table([(True, true), (False, false), (None, otherwise(either([true, false]), reading.labels))], Kind.BOOLEAN)
    if isinstance(node, exp.Case | exp.If):
        return _case(node, reading, truth)
    if isinstance(node, exp.TsOrDsToDate) and (inner := values(node.this, reading, truth)).kind is Kind.DATE:
        return inner
    return _applied(node, reading, truth)


def branches_of(node: exp.Expr, reading: Reading, truth: Truth) -> Iterator[tuple[Condition, exp.Expr | None]]:
    """The branches of CASE or IF as disjoint conditions, each with its THEN; None is NULL. Nested ones are flat."""
    listed = node.args["ifs"] if isinstance(node, exp.Case) else [node]
    subject = node.this if isinstance(node, exp.Case) else None
    left: Condition = ALWAYS
    for branch in listed:
        test = branch.this if subject is None else exp.EQ(this=subject.copy(), expression=branch.this.copy())
        met = truth(test, reading, False)
        yield from _nested(both([left, met]), branch.args["true"], reading, truth)
        left = both([left, otherwise(met, reading.labels)])
    default = node.args.get("default") if isinstance(node, exp.Case) else node.args.get("false")
    yield from _nested(left, default, reading, truth)


def _nested(
    condition: Condition, node: exp.Expr | None, reading: Reading, truth: Truth
) -> Iterator[tuple[Condition, exp.Expr | None]]:
    inner = node.unnest() if node is not None else None
    if condition == NEVER:
        return
    if isinstance(inner, exp.Case | exp.If):
        for met, then in branches_of(inner, reading, truth):
            if (rows := both([condition, met])) != NEVER:
                yield rows, then
    else:
        yield condition, None if isinstance(inner, exp.Null) else inner


def _table(pairs: list[tuple[Value, Condition]], kind: Kind | None) -> Values:
    merged: dict[tuple[type, Value], list[Condition]] = {}
    for value, condition in pairs:
        if condition != NEVER:
            merged.setdefault((type(value), value), []).append(condition)
    return Values(tuple((value, either(conditions)) for (_, value), conditions in merged.items()), kind)


def _constant(node: exp.Expr, reading: Reading) -> Values:
    value = constant(node, reading)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    return Values(((value, ALWAYS),), _kind_of(value))


def _kind_of(value: Value) -> Kind | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, str):
        return Kind.STRING
    return Kind.DATE if isinstance(value, date) else Kind.BIGINT if isinstance(value, int) else Kind.DECIMAL


def _column(node: exp.Column, reading: Reading) -> Values:
    found = reading.scope.resolve(node)
    if found.role in (Role.UNIT, Role.KEY):
        raise Refusal("IDENTITY", f"{found} identifies people and is not calculated with.", "Use a dimension.",
                      clause=found.asset.clause("privacy_unit" if found.role is Role.UNIT else "join_key"),
                      owner=found.asset.owner, at=node)  # fmt: skip
    if found.role is not Role.DIMENSION:
        banded = found.role is Role.MEASURE
        raise Refusal("NOT_A_DIMENSION", f"{found} is a {found.role}; labels are made of dimensions.",
                      "Band it with CASE at its agreed bands." if banded else "Ask its owner to make it a dimension.",
                      clause=found.asset.clause("dimensions"), owner=found.asset.owner, at=node)  # fmt: skip
    if found.column.type.kind in DATED:
        if found.column.type.kind is Kind.DATE and "day" in dated(found, node):
            return _periods(found, "day", node, reading, lambda start: start, Kind.DATE)
        grid = dated(found, node)[0]
        raise Refusal("DATE_GRID", f"{found} is finer than any agreed grid.",
                      f"Write date_trunc('{grid}', {found.column.name}).",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"), owner=found.asset.owner,
                      at=node, suggestion=f"date_trunc('{grid}', {found.column.name})")  # fmt: skip
    labels = dict.fromkeys([*labels_of(found, node), None])
    return Values(tuple((label, Within(found.ref, Labels(frozenset({label})))) for label in labels), found.column.type.kind)


def _periods(found: Found, grid: str, node: exp.Expr, reading: Reading, value: Callable[[date], Value], kind: Kind) -> Values:
    """A function of the periods of a date: of every one on the calendar, published or not."""
    taken: dict[Value, list[Spans]] = {}
    for start in calendar(found, grid, node, reading):
        taken.setdefault(value(start), []).append(Spans((((start, 0), (following(start, grid), 0)),)))
    known = Spans.union(span for spans in taken.values() for span in spans)
    rows = {None: Spans((), null=True), **{one: Spans.union(spans) for one, spans in taken.items()}}
    return Values(tuple((one, Within(found.ref, replace(region, known=known))) for one, region in rows.items()), kind)


@dataclass(frozen=True)
class OfDate:
    """What a node computes of a date: the operation by name with its constants, the grids it can be read off, and its kind."""

    operation: str
    constants: tuple[str, ...]
    compute: Callable[[date], Any]
    grids: tuple[str, ...]
    kind: Kind


def of_date(node: exp.Expr) -> OfDate:
    """Raises Refusal for what is not known."""
    if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
        grid = SPELLINGS[node.args["unit"].name.lower()]
        compute = partial(truncate, grid=grid)
        return OfDate("date_trunc", (grid,), compute, label_functions.PARTS[grid][1], Kind.DATE)
    if isinstance(node, exp.LastDay):
        return OfDate("date_last_day", (), label_functions.last_day, label_functions.PARTS["month"][1], Kind.DATE)
    if isinstance(node, exp.TimeToStr):
        pattern = node.args["format"]
        if not isinstance(pattern, exp.Literal) or (found := label_functions.written(pattern.name)) is None:
            raise Refusal("DATE_GRID", "A date is written by its year, month and day only.",
                          "Write date_format(column, 'yyyy-MM') or strftime(column, '%Y-%m').", clause="grammar.select",
                          at=node)  # fmt: skip
        return OfDate("date_written", (pattern.name,), *found, Kind.STRING)
    name = label_functions.part_named(node.this.name) if isinstance(node, exp.Extract) else DATE_PARTS[type(node)]
    if name is None:
        raise Refusal("DATE_GRID", "This is no part of a date the guard knows.",
                      f"Known are {', '.join(label_functions.PARTS)}.", clause="grammar.select", at=node)  # fmt: skip
    return OfDate(f"date_{name}", (), *label_functions.PARTS[name], Kind.BIGINT)


def dated_argument(node: exp.Expr) -> exp.Expr:
    """The date in year(date), without casts that leave it one."""
    inner: exp.Expr = (node.expression if isinstance(node, exp.Extract) else node.this).unnest()
    while isinstance(inner, exp.TsOrDsToDate | exp.Cast) and not isinstance(inner.this, exp.Literal):
        inner = inner.this.unnest()
    return inner


def _part(node: exp.Expr, reading: Reading) -> Values:
    part, inner = of_date(node), dated_argument(node)
    if isinstance(inner, exp.TimestampTrunc | exp.DateTrunc):
        if (period := truncated(inner, reading)) is not None:
            return _periods(*period, node, reading, part.compute, part.kind)
        first, then = of_date(inner), part.compute  # of a coarser grid than the agreed ones
        part = replace(part, compute=lambda start: then(first.compute(start)), grids=first.grids)
        inner = dated_argument(inner)
    if not isinstance(inner, exp.Column):
        raise Refusal("DATE_GRID", "Parts are taken of a date column.", "Write year(column).", clause="grammar.select",
                      at=node)  # fmt: skip
    found = reading.scope.resolve(inner)
    if found.role is not Role.DIMENSION or found.column.type.kind not in DATED:
        raise Refusal("NOT_A_DIMENSION", f"{found} is not a date dimension.", "Ask its owner to make it one.",
                      clause=found.asset.clause("dimensions"), owner=found.asset.owner, at=node)  # fmt: skip
    agreed = [grid for grid in part.grids if grid in dated(found, node)]
    if not agreed:
        raise Refusal("DATE_GRID",
                      f"This cannot be told from the agreed grids of {found}: {', '.join(dated(found, node))}.",
                      f"Ask its owner for {' or '.join(part.grids)}.",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"), owner=found.asset.owner,
                      at=node)  # fmt: skip
    return _periods(found, agreed[0], node, reading, part.compute, part.kind)


def _case(node: exp.Expr, reading: Reading, truth: Truth) -> Values:
    pairs: list[tuple[Value, Condition]] = []
    kinds: set[Kind] = set()
    for condition, then in branches_of(node, reading, truth):
        taken = values(then, reading, truth) if then is not None else Values(((None, ALWAYS),), None)
        kinds |= {taken.kind} - {None}  # type: ignore[arg-type]
        pairs += [(value, both([condition, rows])) for value, rows in taken.branches]
    return _table(pairs, _common(kinds, node))


def _applied(node: exp.Expr, reading: Reading, truth: Truth) -> Values:
    if isinstance(node, exp.Trim):
        position = str(node.args.get("position") or "").upper()
        inner = values(node.this, reading, truth)
        removed = node.args.get("expression")
        if removed is not None and constant(removed, reading) != " ":
            raise _unknown(node)
        name = TRIMMED.get(position, "trim")
        return _text(label_functions.TEXT[name], inner, Kind.STRING, node)
    if type(node) in _TEXT:
        return _text(label_functions.TEXT[_TEXT[type(node)]], values(node.this, reading, truth), Kind.STRING, node)
    if isinstance(node, exp.Concat | exp.DPipe):
        parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
        tables = [values(part, reading, truth) for part in parts]
        for table in tables:
            _common({kind for kind in (table.kind,) if kind not in (None, Kind.BIGINT)} | {Kind.STRING}, node)
        return _product(tables, node, Kind.STRING, lambda *v: None if None in v else "".join(str(one) for one in v))
    if isinstance(node, exp.Coalesce):
        tables = [values(part, reading, truth) for part in (node.this, *node.expressions)]
        kind = _common({table.kind for table in tables if table.kind is not None}, node)
        return _product(tables, node, kind, lambda *v: next((one for one in v if one is not None), None))
    if isinstance(node, exp.Nullif):
        tables = [values(part, reading, truth) for part in (node.this, node.expression)]
        _common({table.kind for table in tables if table.kind is not None}, node)
        return _product(tables, node, tables[0].kind, lambda one, two: None if one == two else one)
    if type(node) in _ARITHMETIC:
        if any(reading.scope.resolve(one).column.type.kind not in DATED for one in node.find_all(exp.Column)):
            raise _unknown(node)  # year(d) * 100 + month(d), and nothing else
        tables = [values(part, reading, truth) for part in (node.this, node.expression)]
        if any(table.kind not in (Kind.BIGINT, None) for table in tables):
            raise _unknown(node)
        work = _ARITHMETIC[type(node)]
        return _product(tables, node, Kind.BIGINT, lambda one, two: None if one is None or two is None else work(one, two))
    if isinstance(node, exp.Cast | exp.TryCast) and isinstance(node.args["to"], exp.DataType):
        return _cast(node, values(node.this, reading, truth))
    raise _unknown(node)


def of_text(node: exp.Expr, reading: Reading) -> tuple[str, list[Any], Kind]:
    """The function of a text a node stands for, its constants and its kind; raises Refusal for constants engines differ on."""
    name, places = OF_TEXT[type(node)]
    if name == "pad":
        name = "lpad" if node.args.get("is_left") else "rpad"
    constants = [constant(node.args[place], reading) for place in places if node.args.get(place) is not None]
    wanted = (int, str) if name.endswith("pad") else (int, int) if name in ("left", "right", "substring") else (str, str)
    fits = all(type(one) is type_ for one, type_ in zip(constants, wanted, strict=False))
    if not fits or any(isinstance(one, int) and abs(one) > label_functions.LONGEST for one in constants) or (
        isinstance(node, exp.Like | exp.ILike) and "\\" in str(constants[0])
    ) or label_functions.OF_TEXT[name]("x", *constants) is None or (name.endswith("pad") and "" in constants):  # fmt: skip
        raise Refusal("LITERAL_TYPE", "These constants do not go with this function, or engines differ on them.",
                      "Write LIKE 'a%' without backslashes, left(label, 3), substring(label, 1, 3).", clause="grammar.select",
                      at=node)  # fmt: skip
    kind = Kind.BOOLEAN if type(node) in PATTERNS else Kind.BIGINT if name == "length" else Kind.STRING
    return name, constants, kind


def _text(work: Callable[[str], Any], inner: Values, kind: Kind, node: exp.Expr) -> Values:
    if inner.kind not in (Kind.STRING, None):
        raise Refusal("LITERAL_TYPE", "This function takes text.", "Use a text dimension.", clause="grammar.select", at=node)
    if any(value is not None and work(str(value)) is None for value, _ in inner.branches):
        raise Refusal("TOO_COMPLEX", "This makes labels that are too long.", "Write shorter ones.", clause="grammar.select",
                      at=node)  # fmt: skip
    return _product([inner], node, kind, lambda one: None if one is None else work(one))


def _cast(node: exp.Expr, inner: Values) -> Values:
    to = node.args["to"].this.value
    if inner.kind is Kind.DATE and to == "DATE":
        return inner
    if inner.kind is Kind.DATE and to in ("VARCHAR", "TEXT") and not node.find(exp.TimestampTrunc, exp.DateTrunc):
        return _product([inner], node, Kind.STRING, lambda one: None if one is None else one.isoformat())
    if to in ("VARCHAR", "TEXT", "CHAR") and inner.kind in (Kind.STRING, Kind.BIGINT, None):
        return _product([inner], node, Kind.STRING, lambda one: None if one is None else str(one))
    if to in ("INT", "BIGINT") and inner.kind in (Kind.BIGINT, Kind.BOOLEAN, None):  # of text, an engine may raise
        return _product([inner], node, Kind.BIGINT, _whole)
    raise _unknown(node)


def _whole(value: Any) -> Value:
    found = label_functions.whole_of(Decimal(value) if type(value) is int else value)
    return None if found is None else int(found)


def _product(tables: list[Values], node: exp.Expr, kind: Kind | None, work: Callable[..., Value]) -> Values:
    """The function of every combination of values that some row can have."""
    if prod(len(table.branches) for table in tables) > MOST:
        raise Refusal("TOO_MANY_LABELS", f"This expression has more than {MOST} combinations of labels.",
                      "Group by the columns themselves, or by coarser ones.", clause="grammar.select", at=node)  # fmt: skip
    pairs = []
    for combination in product(*(table.branches for table in tables)):
        rows = [condition for _, condition in combination]
        pairs.append((work(*(value for value, _ in combination)), both(rows) if len(rows) > 1 else rows[0]))
    return _table(pairs, kind)


def _common(kinds: set[Kind], at: exp.Expr) -> Kind | None:
    if len(kinds) > 1:
        raise Refusal("LITERAL_TYPE", "These values are of different types.", "Make all of them text, or all of them numbers.",
                      clause="grammar.select", at=at)  # fmt: skip
    return next(iter(kinds), None)


def _unknown(node: exp.Expr) -> Refusal:
    return Refusal("EXPRESSION", "This cannot be computed over labels.",
                   "Labels are made with CASE, upper, lower, trim, concat, coalesce, nullif, year, month and the like.",
                   clause="grammar.select", at=node)  # fmt: skip


__all__ = [
    "COMPARISONS", "DATE_PARTS", "DERIVED", "LABELLED", "OF_TEXT", "PATTERNS", "TRIMMED", "OfDate", "Truth", "Value", "Values",
    "branches_of", "dated_argument", "of_date", "of_text", "values",
]  # fmt: skip
