"""From a Question to SQL, as a sqlglot tree: joined rows, then one row per person and cell, then the cells.

    joined    the assets joined on their keys, of all but one only keys that occur once; keys truncated, measures clipped and
              put on their exact decimal grid; rows whose privacy unit is NULL are nobody's and gone
    unit_0    per person of the first unit and cell: rows, sums, counts (unit_1 ... for assets whose unit is another column)
    cells_0   per cell: people, totals, the largest contribution; cells below the minimum are gone
    second_0  the second largest contribution, only where the largest is more than a third of the total: in all other cells no
              p % rule can fail whatever the second is, so that most people are not looked at twice

Nothing here has seen the analyst's text. Sums are of decimals or of BIGINT steps of a grid (`measured`), so that they are exact
and equal in any order; the last SELECT makes decimals of them. Every function is total: no row can make the statement fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import reduce

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.day_table import by_day
from cleanroom_core.guard.logic import AllOf, AnyOf, Condition, Ref, Within, conjuncts_of, either
from cleanroom_core.guard.measured import is_small, value_of
from cleanroom_core.guard.question import Key, Question, period_region
from cleanroom_core.guard.regions import Edge, Labels, Spans
from cleanroom_core.guard.trees import aliased, all_of, any_of, cast, column, integer, number, select, tally
from cleanroom_core.guard.world import Asset
from cleanroom_core.sql.cells import CellLayout, FigureLayout, Label, Thresholds
from cleanroom_core.sql.types import Kind, SqlType

Names = dict[str, str]  # qualified asset -> its alias in the statement


def generate(question: Question, thresholds: Thresholds) -> exp.Select:
    """The whole statement; its columns are `question.layout.columns`, in order."""
    parts = {"joined": _joined(question)}
    joins = []
    for u, unit in enumerate(question.layout.units):
        parts[f"unit_{u}"] = _per_person(question, u)
        parts[f"cells_{u}"] = _per_cell(question, u, None if unit.optional else thresholds.minimum(unit.assets))
        parts[f"second_{u}"] = _second(question, u)
        if u > 0:
            same = _same_cell(question, "cells_0", f"cells_{u}")
            joins.append(trees.join(trees.named(f"cells_{u}"), same, left=unit.optional))
        joins.append(trees.join(trees.named(f"second_{u}"), _same_cell(question, "cells_0", f"second_{u}"), left=True))
    columns = [aliased(_output(name, question.layout), name) for name in question.layout.columns]
    return select(columns, trees.named("cells_0"), joins=joins, parts=parts)


def _joined(question: Question) -> exp.Select:
    names = {asset.qualified: f"t{i}" for i, asset in enumerate(question.assets)}
    people = [unit_of(question, u, names) for u in range(len(question.layout.units))]
    columns = [aliased(key_of(key, question, names), f"k{i}") for i, key in enumerate(question.keys)]
    columns += [aliased(person, f"p{u}") for u, person in enumerate(people)]
    for f, figure in enumerate(question.layout.figures):
        ref = question.figures[figure.name]
        value = _column(ref, question, names)
        columns.append(aliased(value_of(value, ref, figure, question) if figure.summed else value, f"m{f}"))
    source, joins = joined_assets(question, names)
    conditions = [where_of(question.where, question, names)] if question.where != AllOf() else []
    conditions += covered(question, names)
    conditions += _not_left_out(question, names)
    conditions += [
        trees.not_null(person.copy()) for person, unit in zip(people, question.layout.units, strict=True) if not unit.optional
    ]
    return select(columns, source, joins=joins, where=all_of(conditions) if conditions else None)


def _not_left_out(question: Question, names: Names) -> Iterator[exp.Expr]:
    """Rows for which what is left out is false or unknown."""
    if (out := question.without) is None:
        return
    found = [where_of(out.where, question, names)] if out.where != AllOf() else []
    found += [
        trees.not_null(_own(asset, asset.rule.join_key, names)) for asset in question.assets if asset.qualified in out.met
    ]
    yield exp.EQ(this=trees.case((all_of(found), integer(1)), default=integer(0)), expression=integer(0))


def joined_assets(question: Question, names: Names) -> tuple[exp.Expr, list[exp.Join]]:
    """FROM and JOIN of the question's rows: everything is joined to the first asset that has a row for certain."""
    first = next(asset for asset in question.assets if asset.qualified not in question.optional)
    joins = []
    for other in question.assets:
        if other != first:
            on = exp.EQ(this=_own(other, other.rule.join_key, names), expression=_own(first, first.rule.join_key, names))
            joins.append(trees.join(source(other, question, names), on, left=other.qualified in question.optional))
    return source(first, question, names), joins


def source(asset: Asset, question: Question, names: Names, refs: Iterable[Ref] | None = None) -> exp.Expr:
    """One asset as it takes part in a join, under its name there: the table itself, or a query that keeps its keys that occur
    once, and of an optional one the period's rows that are somebody's. `refs`: the columns wanted; those of the question when
    not said. Its key and its privacy unit are always there."""
    optional, reduced = asset.qualified in question.optional, question.is_reduced(asset)
    key, unit = _named(asset, asset.rule.join_key), _named(asset, asset.rule.privacy_unit)
    table = trees.asset(asset.owner, asset.name)
    kept = [trees.not_null(column(unit))] if unit != key else []
    if question.period is not None and asset.rule.period_column is not None:
        dated = asset.schema.get(asset.rule.period_column)
        assert dated is not None  # noqa: S101  judged before
        kept.append(_spanned(column(dated.name), period_region(question.period), dated.type))
    if not reduced and not (optional and kept):
        return trees.asset(asset.owner, asset.name, names[asset.qualified])
    wanted = {ref for ref in (question.refs if refs is None else refs) if ref.asset == asset.qualified}
    others = sorted({question.column(ref).name for ref in wanted} | {unit} - {key})
    columns: list[exp.Expr] = [column(key)]
    for name in (name for name in others if name != key):
        columns.append(aliased(exp.AnyValue(this=column(name)), name) if reduced else column(name))
    once = exp.EQ(this=exp.Count(this=exp.Star()), expression=integer(1))
    where = all_of(kept) if kept else None
    if reduced:
        inner = select(columns, table, where=where, group=[column(key)], having=once)
    else:
        inner = select(columns, table, where=where)
    return trees.subquery(inner, names[asset.qualified])


def _per_person(question: Question, u: int) -> exp.Select:
    columns: list[exp.Expr] = [*_keys(question), aliased(exp.Count(this=exp.Star()), "n")]
    for f, figure in _counted(question, u):
        if figure.summed:
            columns.append(aliased(exp.Sum(this=column(f"m{f}")), f"f{f}_sum"))
        columns.append(aliased(exp.Count(this=column(f"m{f}")), f"f{f}_count"))
    somebody = trees.not_null(column(f"p{u}")) if question.layout.units[u].optional else None
    return select(columns, trees.named("joined"), where=somebody, group=[*_keys(question), column(f"p{u}")])


def _counted(question: Question, u: int) -> Iterator[tuple[int, FigureLayout]]:
    """The figures that are about this unit's people, with their numbers."""
    return ((f, figure) for f, figure in enumerate(question.layout.figures) if question.layout.units[u].counts(figure))


def _per_cell(question: Question, u: int, minimum: int | None) -> exp.Select:
    """Totals are the same over every unit, because a joined row belongs to one person of each; the answer takes the first's."""
    columns: list[exp.Expr] = [*_keys(question), _whole(exp.Sum(this=column("n")), "n")]
    columns.append(_whole(exp.Count(this=exp.Star()), f"u{u}_people"))
    for f, figure in _counted(question, u):
        at, mine = f"u{u}_f{f}", f"f{f}_sum" if figure.summed else f"f{f}_count"
        if figure.summed:
            columns.append(aliased(_total(exp.Sum(this=column(mine)), figure), mine))
        columns.append(_whole(exp.Sum(this=column(f"f{f}_count")), f"f{f}_count"))
        columns.append(_whole(tally(exp.GT(this=column(f"f{f}_count"), expression=integer(0))), f"{at}_people"))
        columns.append(_whole(tally(exp.LT(this=column(f"f{f}_count"), expression=column("n"))), f"{at}_missing"))
        if figure.signed:
            columns.append(aliased(_total(exp.Sum(this=exp.Abs(this=column(mine))), figure), f"{at}_size"))
        if figure.binary:
            columns.append(_whole(tally(exp.GT(this=column(mine), expression=integer(0))), f"{at}_ones"))
            columns.append(_whole(tally(exp.LT(this=column(mine), expression=_all_ones(f, figure))), f"{at}_others"))
    columns += [aliased(exp.Max(this=mine), f"{name}_first") for name, mine, _ in _contributions(question, u)]
    enough = None if minimum is None else exp.GTE(this=exp.Count(this=exp.Star()), expression=integer(minimum))
    return select(columns, trees.named(f"unit_{u}"), group=_keys(question), having=enough)


def _total(added: exp.Expr, figure: FigureLayout) -> exp.Expr:
    return cast(added, "BIGINT" if is_small(figure) else f"DECIMAL(38,{figure.scale})")


def _all_ones(f: int, figure: FigureLayout) -> exp.Expr:
    """What one person's sum would be if each of the values were one."""
    counted = column(f"f{f}_count")
    return exp.Mul(this=counted, expression=integer(10**figure.scale)) if is_small(figure) and figure.scale else counted


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
    on = all_of([_same_cell(question, people, cells), any_of(large), *_all_read(question, u)])
    joined = trees.join(trees.named(cells), on)
    return select(columns, trees.named(people), joins=[joined], group=_keys(question, cells), having=_some(question))


def _all_read(question: Question, u: int) -> Iterator[exp.Expr]:
    """Always true, because counts are never negative. Reads the columns that nothing else of `second_u` reads: Spark computes a
    part of a statement once only where every reader of it wants the same columns of it."""
    figures = list(_counted(question, u))
    people: list[exp.Expr] = [column(f"f{f}_count", f"unit_{u}") for f, _ in figures]
    counts = [f"u{u}_people"]
    for f, figure in figures:
        counts += [f"f{f}_count", f"u{u}_f{f}_people", f"u{u}_f{f}_missing"]
        counts += [f"u{u}_f{f}_ones", f"u{u}_f{f}_others"] if figure.binary else []
    for columns in (people, [column(name, f"cells_{u}") for name in counts]):
        if columns:
            added = reduce(lambda one, two: exp.Add(this=one, expression=two), columns)
            yield exp.GTE(this=added, expression=integer(0))


def _contributions(question: Question, u: int, table: str | None = None) -> Iterator[tuple[str, exp.Expr, str]]:
    """What dominance looks at: the common name of its columns, one person's contribution, and the column with the total."""
    yield f"u{u}_n", column("n", table), "n"
    for f, figure in _counted(question, u):
        name = f"f{f}_sum" if figure.summed else f"f{f}_count"
        mine = column(name, table)
        yield (f"u{u}_f{f}", exp.Abs(this=mine), f"u{u}_f{f}_size") if figure.signed else (f"u{u}_f{f}", mine, name)


def _some(question: Question) -> exp.Expr | None:
    """Without keys an empty join would still make one row of NULLs."""
    return None if question.keys else exp.GT(this=exp.Count(this=exp.Star()), expression=integer(0))


def _output(name: str, layout: CellLayout) -> exp.Expr:
    u = name[1 : name.index("_")] if name.startswith("u") else "0"
    if name == f"u{u}_n":
        return column("n", f"cells_{u}")
    found = column(name, f"second_{u}" if name.endswith("_second") else f"cells_{u}")
    if (figure := _added(name, layout)) is None or not is_small(figure):
        return found
    decimal = cast(found, "DECIMAL(20,0)")
    step = number(Decimal(1).scaleb(-figure.scale))
    return cast(exp.Mul(this=decimal, expression=step) if figure.scale else decimal, f"DECIMAL(38,{figure.scale})")


def _added(name: str, layout: CellLayout) -> FigureLayout | None:
    """The measure of which this column is a sum, if it is one."""
    at, _, what = name.rpartition("_")
    f = at.rpartition("_")[2].removeprefix("f")
    figure = layout.figures[int(f)] if what in ("sum", "first", "second", "size") and f.isdigit() else None
    return figure if figure is not None and figure.summed else None


def covered(question: Question, names: Names) -> Iterator[exp.Expr]:
    """Rows that are in some cell: keys stay within the agreed labels, unless the filter keeps them there already."""
    filtered = {part.ref for part in conjuncts_of(question.where) if isinstance(part, Within)}
    for key, layout in zip(question.keys, question.layout.keys, strict=True):
        if key.ref is not None:
            if key.grid is None and layout.labels is not None and key.ref not in filtered:
                yield _among(_column(key.ref, question, names), layout.labels)
            continue
        some = either([rows for _, rows in key.branches])
        if isinstance(some, AnyOf) and some.parts and None not in dict(key.branches):
            yield trees.not_null(key_of(key, question, names))
        elif some != AllOf():
            yield where_of(some, question, names)


def where_of(condition: Condition, question: Question, names: Names) -> exp.Expr:
    """A condition as SQL that is true for the same rows."""
    if isinstance(condition, Within):
        found = _column(condition.ref, question, names)
        if isinstance(condition.region, Labels):
            return _among(found, condition.region.ordered())
        return _spanned(found, condition.region, question.column(condition.ref).type)
    parts = [where_of(part, question, names) for part in condition.parts]
    return all_of(parts) if isinstance(condition, AllOf) else any_of(parts)


def _among(found: exp.Expr, labels: tuple[Label, ...]) -> exp.Expr:
    values = [trees.literal(label) for label in labels if label is not None]
    options: list[exp.Expr] = [exp.In(this=found.copy(), expressions=values)] if values else []
    if None in labels:
        options.append(trees.is_null(found.copy()))
    return any_of(options)


def _spanned(found: exp.Expr, spans: Spans, type_: SqlType) -> exp.Expr:
    pieces = [(start, stop, exp.true()) for start, stop in spans.parts]
    if (listed := by_day(found, pieces, exp.Boolean(this=spans.null), exp.false(), type_)) is not None:
        return listed
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


def key_of(key: Key, question: Question, names: Names) -> exp.Expr:
    """The label of a key in one row."""
    if key.ref is None and not key.branches:
        return exp.Null()  # no row has a label
    if key.ref is None:
        if (listed := _listed(key, question, names)) is not None:
            return listed
        return trees.case(*((where_of(rows, question, names), trees.literal(label)) for label, rows in key.branches))
    found = _column(key.ref, question, names)
    if key.grid is None:
        return found
    start = found if key.grid == "day" else exp.TimestampTrunc(this=found, unit=exp.Var(this=key.grid.upper()))
    return cast(start, "DATE")


def _listed(key: Key, question: Question, names: Names) -> exp.Expr | None:
    """The label by the day, where it is made of the days of one column alone; None where CASE does."""
    regions = [(label, rows.region) for label, rows in key.branches if isinstance(rows, Within)]
    if len(key.refs) > 1 or len(regions) < len(key.branches):
        return None
    (ref,) = key.refs
    missing: exp.Expr = exp.Null()
    pieces = []
    for label, region in regions:
        if isinstance(region, Labels):
            return None
        missing = trees.literal(label) if region.null and label is not None else missing
        pieces += [(start, stop, _label(label)) for start, stop in region.parts]
    return by_day(_column(ref, question, names), pieces, missing, exp.Null(), question.column(ref).type)


def _label(label: Label) -> exp.Expr:
    return exp.Null() if label is None else trees.literal(label)


def unit_of(question: Question, u: int, names: Names) -> exp.Expr:
    """The person a row belongs to in unit number `u`; NULL is nobody."""
    owner = question.layout.units[u].assets[0]
    asset = next(asset for asset in question.assets if asset.qualified == owner)
    return _own(asset, asset.rule.privacy_unit, names)


def _own(asset: Asset, name: str, names: Names) -> exp.Column:
    return column(_named(asset, name), names[asset.qualified])


def _named(asset: Asset, name: str) -> str:
    """The column's name as the share table spells it."""
    found = asset.schema.get(name)
    assert found is not None  # noqa: S101  judged before
    return found.name


def _column(ref: Ref, question: Question, names: Names) -> exp.Column:
    return column(question.column(ref).name, names[ref.asset])


def _keys(question: Question, table: str | None = None) -> list[exp.Expr]:
    return [column(f"k{i}", table) for i in range(len(question.keys))]


def _same_cell(question: Question, one: str, two: str) -> exp.Expr:
    pairs = zip(_keys(question, one), _keys(question, two), strict=True)
    return all_of([exp.NullSafeEQ(this=left, expression=right) for left, right in pairs])


def _whole(value: exp.Expr, name: str) -> exp.Expr:
    return aliased(cast(value, "BIGINT"), name)
