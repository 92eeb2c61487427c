"""From a Question to SQL, as a sqlglot tree: joined rows, then one row per person and cell, then the cells.

    joined   the assets joined on their keys; keys truncated, measures clipped and put on their exact decimal grid; rows whose
             privacy unit is NULL are nobody's and gone
    unit_0   per person of the first unit and cell: rows, sums, counts (unit_1 ... for assets whose unit is another column)
    cells_0  per cell: people, totals, the two largest contributions; cells below the minimum are gone

Nothing here has seen the analyst's text. Sums are of decimals, so that they are exact and equal in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from sqlglot import exp

from cleanroom_core.guard.question import AllOf, Condition, Key, Question, Ref, Within
from cleanroom_core.guard.reading.aggregates import DIGITS
from cleanroom_core.guard.regions import Edge, Labels, Spans
from cleanroom_core.guard.world import Asset
from cleanroom_core.sql.cells import FigureLayout, Label, Thresholds
from cleanroom_core.sql.types import Kind


def generate(question: Question, thresholds: Thresholds, dialect: str) -> exp.Select:
    """The whole statement; its columns are `question.layout.columns`, in order."""
    units = range(len(question.layout.units))
    statement = exp.Select()
    statement = statement.with_("joined", _joined(question), copy=False)
    for u in units:
        statement = statement.with_(f"unit_{u}", _per_person(question, u), copy=False)
        statement = statement.with_(f"cells_{u}", _per_cell(question, u, thresholds, dialect), copy=False)
    holders = {name: f"cells_{u}" for u in reversed(units) for name in _cell_columns(question, u)}
    columns = [exp.alias_(_col(name, holders[name]), name, quoted=True) for name in question.layout.columns]
    statement = statement.select(*columns, copy=False).from_("cells_0", copy=False)
    for u in units[1:]:
        same: list[exp.Expr] = [
            exp.NullSafeEQ(this=_col(f"k{i}", f"cells_{u}"), expression=_col(f"k{i}", "cells_0"))
            for i in range(len(question.keys))
        ]
        statement = statement.join(f"cells_{u}", on=exp.and_(*same) if same else exp.true(), join_type="inner", copy=False)
    return statement


def _joined(question: Question) -> exp.Select:
    names = {asset.qualified: f"t{i}" for i, asset in enumerate(question.assets)}
    columns = [_aliased(_key(key, question, names), f"k{i}") for i, key in enumerate(question.keys)]
    columns += [_aliased(_unit(question, u, names), f"p{u}") for u in range(len(question.layout.units))]
    for f, figure in enumerate(question.layout.figures):
        ref = question.figures[figure.name]
        column = _column(ref, question, names)
        columns.append(_aliased(_clipped(column, figure, question.column(ref).type.kind) if figure.summed else column, f"m{f}"))
    first, *others = question.assets
    select = exp.select(*columns).from_(_table(first, names))
    for other in others:
        on = exp.EQ(this=_own(other, other.rule.join_key, names), expression=_own(first, first.rule.join_key, names))
        select = select.join(_table(other, names), on=on, join_type="inner", copy=False)
    conditions = [_where(question.where, question, names)] if question.where != AllOf() else []
    conditions += list(_domains(question, names))
    conditions += [_not_null(_unit(question, u, names)) for u in range(len(question.layout.units))]
    return select.where(*conditions, copy=False)


def _per_person(question: Question, u: int) -> exp.Select:
    keys = [f"k{i}" for i in range(len(question.keys))]
    columns: list[exp.Expr] = [_col(name) for name in keys]
    columns.append(_aliased(exp.Count(this=exp.Star()), "n"))
    for f, figure in enumerate(question.layout.figures):
        if figure.summed:
            columns.append(_aliased(exp.Sum(this=_col(f"m{f}")), f"f{f}_sum"))
        columns.append(_aliased(exp.Count(this=_col(f"m{f}")), f"f{f}_count"))
    return exp.select(*columns).from_("joined").group_by(*[_col(name) for name in [*keys, f"p{u}"]], copy=False)


def _per_cell(question: Question, u: int, thresholds: Thresholds, dialect: str) -> exp.Select:
    keys = [f"k{i}" for i in range(len(question.keys))]
    layout = question.layout
    columns: list[exp.Expr] = [_col(name) for name in keys]
    if u == 0:
        columns.append(_whole(exp.Sum(this=_col("n")), "n"))
        for f, figure in enumerate(layout.figures):
            if figure.summed:
                total = exp.cast(exp.Sum(this=_col(f"f{f}_sum")), exp.DataType.build(f"DECIMAL(38,{figure.scale})"))
                columns.append(_aliased(total, f"f{f}_sum"))
            columns.append(_whole(exp.Sum(this=_col(f"f{f}_count")), f"f{f}_count"))
    columns.append(_whole(exp.Count(this=exp.Star()), f"u{u}_people"))
    columns += _two_largest(_col("n"), f"u{u}_n", dialect)
    for f, figure in enumerate(layout.figures):
        at, count = f"u{u}_f{f}", _col(f"f{f}_count")
        columns.append(_tally(exp.GT(this=count, expression=exp.Literal.number(0)), f"{at}_people"))
        mine = _col(f"f{f}_sum" if figure.summed else f"f{f}_count")
        size = exp.Abs(this=mine) if figure.signed else mine
        columns += _two_largest(size, at, dialect)
        if figure.signed:
            columns.append(_aliased(exp.Sum(this=size.copy()), f"{at}_size"))
        if figure.binary:
            columns.append(_tally(exp.GT(this=mine.copy(), expression=exp.Literal.number(0)), f"{at}_ones"))
            columns.append(_tally(exp.LT(this=mine.copy(), expression=count.copy()), f"{at}_others"))
    minimum = thresholds.minimum(layout.units[u].assets)
    select = exp.select(*columns).from_(f"unit_{u}")
    if keys:
        select = select.group_by(*[_col(name) for name in keys], copy=False)
    enough = exp.GTE(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(minimum))
    return select.having(enough, copy=False)


def _cell_columns(question: Question, u: int) -> list[str]:
    return [name for name in question.layout.columns if name.startswith(f"u{u}_") or (u == 0 and not name.startswith("u"))]


def _two_largest(value: exp.Expr, name: str, dialect: str) -> list[exp.Expr]:
    """The two largest values of a group, NULL where there are fewer. DuckDB's max(x, 2) keeps two values per group only."""
    if dialect == "duckdb":
        pair: exp.Expr = exp.Max(this=value.copy(), expressions=[exp.Literal.number(2)])
        picked = [exp.Anonymous(this="list_extract", expressions=[pair.copy(), exp.Literal.number(i)]) for i in (1, 2)]
    else:
        everything = exp.Anonymous(this="collect_list", expressions=[value.copy()])
        pair = exp.Anonymous(this="sort_array", expressions=[everything, exp.false()])
        picked = [exp.Anonymous(this="get", expressions=[pair.copy(), exp.Literal.number(i)]) for i in (0, 1)]
    return [_aliased(one, f"{name}_{which}") for one, which in zip(picked, ("first", "second"), strict=True)]


def _clipped(column: exp.Expr, figure: FigureLayout, kind: Kind) -> exp.Expr:
    """greatest(min, least(x, max)) on the figure's grid; NULL stays NULL although `least` would skip it. Total: NaN is NULL."""
    assert figure.clip is not None  # noqa: S101  every summed figure has one
    value = exp.cast(column.copy(), "BIGINT") if kind is Kind.BOOLEAN else column.copy()
    low, high = (_bound(text, kind, figure.scale) for text in figure.clip)
    clipped = (
        exp.Case()
        .when(exp.Is(this=column.copy(), expression=exp.Null()), exp.Null(), copy=False)
        .when(exp.LTE(this=value.copy(), expression=low.copy()), low, copy=False)
        .when(exp.GTE(this=value.copy(), expression=high.copy()), high, copy=False)
        .else_(value, copy=False)
    )
    if kind is Kind.DOUBLE:
        not_a_number = exp.IsNan(this=column.copy())
        clipped = exp.Case().when(exp.Not(this=not_a_number), clipped, copy=False)
    return exp.cast(clipped, exp.DataType.build(f"DECIMAL({DIGITS},{figure.scale})"))


def _bound(text: str, kind: Kind, scale: int) -> exp.Expr:
    if kind in (Kind.BIGINT, Kind.BOOLEAN):
        return exp.cast(_number(Decimal(text)), "BIGINT")
    to = "DOUBLE" if kind is Kind.DOUBLE else f"DECIMAL({DIGITS},{scale})"
    return exp.cast(_number(Decimal(text)), exp.DataType.build(to))


def _domains(question: Question, names: dict[str, str]) -> Iterator[exp.Expr]:
    """Keys stay within the agreed labels, unless the filter keeps them there already."""
    parts = question.where.parts if isinstance(question.where, AllOf) else (question.where,)
    filtered = {part.ref for part in parts if isinstance(part, Within)}
    for key, layout in zip(question.keys, question.layout.keys, strict=True):
        if key.grid is None and layout.labels is not None and key.ref not in filtered:
            yield _among(_column(key.ref, question, names), layout.labels)


def _where(condition: Condition, question: Question, names: dict[str, str]) -> exp.Expr:
    if isinstance(condition, Within):
        column = _column(condition.ref, question, names)
        if isinstance(condition.region, Labels):
            return _among(column, condition.region.ordered())
        return _spanned(column, condition.region, question.column(condition.ref).type.kind)
    parts = [_where(part, question, names) for part in condition.parts]
    if not parts:
        return exp.true() if isinstance(condition, AllOf) else exp.false()
    return exp.and_(*parts) if isinstance(condition, AllOf) else exp.paren(exp.or_(*parts))


def _among(column: exp.Expr, labels: tuple[Label, ...]) -> exp.Expr:
    values = [_literal(label) for label in labels if label is not None]
    options: list[exp.Expr] = [exp.In(this=column.copy(), expressions=values)] if values else []
    if None in labels:
        options.append(exp.Is(this=column.copy(), expression=exp.Null()))
    return exp.paren(exp.or_(*options)) if options else exp.false()


def _spanned(column: exp.Expr, spans: Spans, kind: Kind) -> exp.Expr:
    options: list[exp.Expr] = []
    for start, stop in spans.parts:
        bounds = [_beyond(column, start, kind, low=True)] if start is not None else []
        bounds += [_beyond(column, stop, kind, low=False)] if stop is not None else []
        options.append(exp.and_(*bounds) if bounds else _not_null(column.copy()))
    if spans.null:
        options.append(exp.Is(this=column.copy(), expression=exp.Null()))
    return exp.paren(exp.or_(*options)) if options else exp.false()


def _beyond(column: exp.Expr, edge: Edge, kind: Kind, *, low: bool) -> exp.Expr:
    assert edge is not None  # noqa: S101  the caller has looked
    point, side = edge
    if isinstance(point, date):
        value: exp.Expr = exp.cast(exp.Literal.string(point.isoformat()), "DATE" if kind is Kind.DATE else "TIMESTAMP")
    else:
        value = exp.cast(_number(point), "DOUBLE") if kind is Kind.DOUBLE else _number(point)
    if low:
        comparison: type[exp.Binary] = exp.GT if side else exp.GTE
    else:
        comparison = exp.LTE if side else exp.LT
    return comparison(this=column.copy(), expression=value)


def _key(key: Key, question: Question, names: dict[str, str]) -> exp.Expr:
    column = _column(key.ref, question, names)
    if key.grid is None:
        return column
    if key.grid == "day":
        return exp.cast(column, "DATE")
    return exp.cast(exp.TimestampTrunc(this=column, unit=exp.Var(this=key.grid.upper())), "DATE")


def _unit(question: Question, u: int, names: dict[str, str]) -> exp.Expr:
    owner = question.layout.units[u].assets[0]
    asset = next(asset for asset in question.assets if asset.qualified == owner)
    return _own(asset, asset.rule.privacy_unit, names)


def _own(asset: Asset, name: str, names: dict[str, str]) -> exp.Column:
    column = asset.schema.get(name)
    assert column is not None  # noqa: S101  judged before
    return _col(column.name, names[asset.qualified])


def _column(ref: Ref, question: Question, names: dict[str, str]) -> exp.Column:
    return _col(question.column(ref).name, names[ref.asset])


def _table(asset: Asset, names: dict[str, str]) -> exp.Expr:
    table = exp.to_identifier(asset.name, quoted=True)
    schema = exp.to_identifier(asset.owner, quoted=True)
    return exp.alias_(exp.Table(this=table, db=schema), names[asset.qualified], table=True)


def _col(name: str, table: str | None = None) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table=table)


def _aliased(value: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(value, name, quoted=True)


def _whole(value: exp.Expr, name: str) -> exp.Expr:
    return _aliased(exp.cast(value, "BIGINT"), name)


def _tally(condition: exp.Expr, name: str) -> exp.Expr:
    one = exp.Case().when(condition.copy(), exp.Literal.number(1), copy=False).else_(exp.Literal.number(0), copy=False)
    return _whole(exp.Sum(this=one), name)


def _not_null(column: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=column, expression=exp.Null()))


def _literal(label: Label) -> exp.Expr:
    if isinstance(label, bool):
        return exp.Boolean(this=label)
    return _number(Decimal(label)) if isinstance(label, int) else exp.Literal.string(str(label))


def _number(value: Decimal) -> exp.Expr:
    plain = exp.Literal.number(f"{abs(value):f}")
    return exp.Neg(this=plain) if value < 0 else plain
