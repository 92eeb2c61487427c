"""From a Question to SQL, as a sqlglot tree: joined rows, then one row per person and cell, then the cells.

    joined    the assets joined on their keys; keys truncated, measures clipped and put on their exact decimal grid; rows whose
              privacy unit is NULL are nobody's and gone
    unit_0    per person of the first unit and cell: rows, sums, counts (unit_1 ... for assets whose unit is another column)
    cells_0   per cell: people, totals, the largest contribution; cells below the minimum are gone
    second_0  the second largest contribution, only where the largest is more than a third of the total: in all other cells no
              p % rule can fail whatever the second is, so that most people are not looked at twice

Nothing here has seen the analyst's text. Sums are of decimals, so that they are exact and equal in any order. Every function is
total: no row can make the statement fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.question import AllOf, Condition, Key, Question, Ref, Within
from cleanroom_core.guard.reading.aggregates import DIGITS
from cleanroom_core.guard.regions import Edge, Labels, Spans
from cleanroom_core.guard.trees import aliased, all_of, any_of, cast, column, integer, number, select, tally
from cleanroom_core.guard.world import Asset
from cleanroom_core.sql.cells import FigureLayout, Label, Thresholds
from cleanroom_core.sql.types import Kind, SqlType

Names = dict[str, str]  # qualified asset -> its alias in the statement


def generate(question: Question, thresholds: Thresholds) -> exp.Select:
    """The whole statement; its columns are `question.layout.columns`, in order."""
    parts = {"joined": _joined(question)}
    joins = []
    for u, unit in enumerate(question.layout.units):
        parts[f"unit_{u}"] = _per_person(question, u)
        parts[f"cells_{u}"] = _per_cell(question, u, thresholds.minimum(unit.assets))
        parts[f"second_{u}"] = _second(question, u)
        if u > 0:
            joins.append(trees.join(trees.named(f"cells_{u}"), _same_cell(question, "cells_0", f"cells_{u}")))
        joins.append(trees.join(trees.named(f"second_{u}"), _same_cell(question, "cells_0", f"second_{u}"), left=True))
    columns = [aliased(_output(name), name) for name in question.layout.columns]
    return select(columns, trees.named("cells_0"), joins=joins, parts=parts)


def _joined(question: Question) -> exp.Select:
    names = {asset.qualified: f"t{i}" for i, asset in enumerate(question.assets)}
    people = [_unit(question, u, names) for u in range(len(question.layout.units))]
    columns = [aliased(_key(key, question, names), f"k{i}") for i, key in enumerate(question.keys)]
    columns += [aliased(person, f"p{u}") for u, person in enumerate(people)]
    for f, figure in enumerate(question.layout.figures):
        ref = question.figures[figure.name]
        value: exp.Expr = _column(ref, question, names)
        if figure.summed:
            value = _clipped(value, figure, question.column(ref).type.kind)
        columns.append(aliased(value, f"m{f}"))
    first, *others = question.assets
    joins = []
    for other in others:
        on = exp.EQ(this=_own(other, other.rule.join_key, names), expression=_own(first, first.rule.join_key, names))
        joins.append(trees.join(_table(other, names), on))
    conditions = [_where(question.where, question, names)] if question.where != AllOf() else []
    conditions += _domains(question, names)
    conditions += [trees.not_null(person.copy()) for person in people]
    return select(columns, _table(first, names), joins=joins, where=all_of(conditions))


def _per_person(question: Question, u: int) -> exp.Select:
    columns: list[exp.Expr] = [*_keys(question), aliased(exp.Count(this=exp.Star()), "n")]
    for f, figure in enumerate(question.layout.figures):
        if figure.summed:
            columns.append(aliased(exp.Sum(this=column(f"m{f}")), f"f{f}_sum"))
        columns.append(aliased(exp.Count(this=column(f"m{f}")), f"f{f}_count"))
    return select(columns, trees.named("joined"), group=[*_keys(question), column(f"p{u}")])


def _per_cell(question: Question, u: int, minimum: int) -> exp.Select:
    """Totals are the same over every unit, because a joined row belongs to one person of each; the answer takes the first's."""
    columns: list[exp.Expr] = [*_keys(question), _whole(exp.Sum(this=column("n")), "n")]
    columns.append(_whole(exp.Count(this=exp.Star()), f"u{u}_people"))
    for f, figure in enumerate(question.layout.figures):
        at, mine = f"u{u}_f{f}", f"f{f}_sum" if figure.summed else f"f{f}_count"
        if figure.summed:
            columns.append(aliased(cast(exp.Sum(this=column(mine)), f"DECIMAL(38,{figure.scale})"), mine))
        columns.append(_whole(exp.Sum(this=column(f"f{f}_count")), f"f{f}_count"))
        columns.append(_whole(tally(exp.GT(this=column(f"f{f}_count"), expression=integer(0))), f"{at}_people"))
        if figure.signed:
            size = exp.Sum(this=exp.Abs(this=column(mine)))
            columns.append(aliased(cast(size, f"DECIMAL(38,{figure.scale})"), f"{at}_size"))
        if figure.binary:
            columns.append(_whole(tally(exp.GT(this=column(mine), expression=integer(0))), f"{at}_ones"))
            columns.append(_whole(tally(exp.LT(this=column(mine), expression=column(f"f{f}_count"))), f"{at}_others"))
    columns += [aliased(exp.Max(this=mine), f"{name}_first") for name, mine, _ in _contributions(question, u)]
    enough = exp.GTE(this=exp.Count(this=exp.Star()), expression=integer(minimum))
    return select(columns, trees.named(f"unit_{u}"), group=_keys(question), having=enough)


def _second(question: Question, u: int) -> exp.Select:
    people, cells = f"unit_{u}", f"cells_{u}"
    columns: list[exp.Expr] = [aliased(key, f"k{i}") for i, key in enumerate(_keys(question, cells))]
    large: list[exp.Expr] = []
    for name, mine, total in _contributions(question, u, people):
        first = column(f"{name}_first", cells)
        below = trees.case((exp.LT(this=mine.copy(), expression=first.copy()), mine.copy()))
        once = exp.EQ(this=tally(exp.EQ(this=mine, expression=first.copy())), expression=integer(1))
        columns.append(aliased(trees.case((once, exp.Max(this=below)), default=exp.Max(this=first.copy())), f"{name}_second"))
        twice = exp.Add(this=first.copy(), expression=first.copy())
        large.append(exp.GT(this=exp.Add(this=twice, expression=first), expression=column(total, cells)))
    on = all_of([_same_cell(question, people, cells), any_of(large)])
    joined = trees.join(trees.named(cells), on)
    return select(columns, trees.named(people), joins=[joined], group=_keys(question, cells), having=_some(question))


def _contributions(question: Question, u: int, table: str | None = None) -> Iterator[tuple[str, exp.Expr, str]]:
    """What dominance looks at: the common name of its columns, one person's contribution, and the column with the total."""
    yield f"u{u}_n", column("n", table), "n"
    for f, figure in enumerate(question.layout.figures):
        name = f"f{f}_sum" if figure.summed else f"f{f}_count"
        mine = column(name, table)
        yield (f"u{u}_f{f}", exp.Abs(this=mine), f"u{u}_f{f}_size") if figure.signed else (f"u{u}_f{f}", mine, name)


def _some(question: Question) -> exp.Expr | None:
    """Without keys an empty join would still make one row of NULLs."""
    return None if question.keys else exp.GT(this=exp.Count(this=exp.Star()), expression=integer(0))


def _output(name: str) -> exp.Expr:
    u = name[1 : name.index("_")] if name.startswith("u") else "0"
    return column(name, f"second_{u}" if name.endswith("_second") else f"cells_{u}")


def _clipped(value: exp.Expr, figure: FigureLayout, kind: Kind) -> exp.Expr:
    """The value within its agreed bounds, on the figure's grid. NULL stays NULL, though `least` skips it; NaN is no value."""
    assert figure.clip is not None  # noqa: S101  every summed figure has one
    low, high = (_bound(Decimal(text), kind, figure.scale) for text in figure.clip)
    exact = cast(value.copy(), "BIGINT") if kind is Kind.BOOLEAN else value.copy()
    branches: list[tuple[exp.Expr, exp.Expr]] = [(exp.IsNan(this=value.copy()), exp.Null())] if kind is Kind.DOUBLE else []
    branches.append((exp.LTE(this=exact.copy(), expression=low.copy()), low))
    branches.append((exp.GTE(this=exact.copy(), expression=high.copy()), high))
    return cast(trees.case(*branches, default=exact), f"DECIMAL({DIGITS},{figure.scale})")


def _bound(bound: Decimal, kind: Kind, scale: int) -> exp.Expr:
    if kind in (Kind.BIGINT, Kind.BOOLEAN):
        return cast(number(bound), "BIGINT")
    return cast(number(bound), "DOUBLE" if kind is Kind.DOUBLE else f"DECIMAL({DIGITS},{scale})")


def _domains(question: Question, names: Names) -> Iterator[exp.Expr]:
    """Keys stay within the agreed labels, unless the filter keeps them there already."""
    parts = question.where.parts if isinstance(question.where, AllOf) else (question.where,)
    filtered = {part.ref for part in parts if isinstance(part, Within)}
    for key, layout in zip(question.keys, question.layout.keys, strict=True):
        if key.ref is not None and key.grid is None and layout.labels is not None and key.ref not in filtered:
            yield _among(_column(key.ref, question, names), layout.labels)


def _where(condition: Condition, question: Question, names: Names) -> exp.Expr:
    if isinstance(condition, Within):
        found = _column(condition.ref, question, names)
        if isinstance(condition.region, Labels):
            return _among(found, condition.region.ordered())
        return _spanned(found, condition.region, question.column(condition.ref).type)
    parts = [_where(part, question, names) for part in condition.parts]
    return all_of(parts) if isinstance(condition, AllOf) else any_of(parts)


def _among(found: exp.Expr, labels: tuple[Label, ...]) -> exp.Expr:
    values = [trees.literal(label) for label in labels if label is not None]
    options: list[exp.Expr] = [exp.In(this=found.copy(), expressions=values)] if values else []
    if None in labels:
        options.append(trees.is_null(found.copy()))
    return any_of(options)


def _spanned(found: exp.Expr, spans: Spans, type_: SqlType) -> exp.Expr:
    options: list[exp.Expr] = []
    for start, stop in spans.parts:
        bounds = [_beyond(found, start, type_, low=True)] if start is not None else []
        bounds += [_beyond(found, stop, type_, low=False)] if stop is not None else []
        options.append(all_of(bounds) if bounds else trees.not_null(found.copy()))
    if spans.null:
        options.append(trees.is_null(found.copy()))
    return any_of(options)


def _beyond(found: exp.Expr, edge: Edge, type_: SqlType, *, low: bool) -> exp.Expr:
    """From the edge on, or up to it. A cut between two values the column can hold moves to the nearer of them that says the
    same, so that no engine has to widen the column's type and fail on a large value."""
    assert edge is not None  # noqa: S101  the caller has looked
    point, side = edge
    if isinstance(point, date):
        value = cast(trees.text(point.isoformat()), "DATE" if type_.kind is Kind.DATE else "TIMESTAMP")
    elif type_.kind is Kind.DOUBLE:
        value = cast(number(point), "DOUBLE")
    else:
        step = Decimal(1).scaleb(-(type_.scale or 0))
        value = number(point.quantize(step, rounding=ROUND_FLOOR if side else ROUND_CEILING))
    if low:
        comparison: type[exp.Binary] = exp.GT if side else exp.GTE
    else:
        comparison = exp.LTE if side else exp.LT
    return comparison(this=found.copy(), expression=value)


def _key(key: Key, question: Question, names: Names) -> exp.Expr:
    if key.ref is None:
        return trees.case(*((_where(condition, question, names), trees.literal(label)) for label, condition in key.branches))
    found = _column(key.ref, question, names)
    if key.grid is None:
        return found
    start = found if key.grid == "day" else exp.TimestampTrunc(this=found, unit=exp.Var(this=key.grid.upper()))
    return cast(start, "DATE")


def _unit(question: Question, u: int, names: Names) -> exp.Expr:
    owner = question.layout.units[u].assets[0]
    asset = next(asset for asset in question.assets if asset.qualified == owner)
    return _own(asset, asset.rule.privacy_unit, names)


def _own(asset: Asset, name: str, names: Names) -> exp.Column:
    found = asset.schema.get(name)
    assert found is not None  # noqa: S101  judged before
    return column(found.name, names[asset.qualified])


def _column(ref: Ref, question: Question, names: Names) -> exp.Column:
    return column(question.column(ref).name, names[ref.asset])


def _table(asset: Asset, names: Names) -> exp.Table:
    return trees.asset(asset.owner, asset.name, names[asset.qualified])


def _keys(question: Question, table: str | None = None) -> list[exp.Expr]:
    return [column(f"k{i}", table) for i in range(len(question.keys))]


def _same_cell(question: Question, one: str, two: str) -> exp.Expr:
    pairs = zip(_keys(question, one), _keys(question, two), strict=True)
    return all_of([exp.NullSafeEQ(this=left, expression=right) for left, right in pairs])


def _whole(value: exp.Expr, name: str) -> exp.Expr:
    return aliased(cast(value, "BIGINT"), name)
