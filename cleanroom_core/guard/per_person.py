"""One row per person first, then people: the one aggregation before the last that a text may have.

The inner query sums or counts one asset's rows per privacy unit or join key; the outer one counts its rows, which are people,
and sums or averages their figures. Both are one aggregation over the rows:

    count(*), count(DISTINCT person) -> count(DISTINCT person)
    sum(total)                       -> sum(measure), count(*), ... : what the inner query computed, over all rows
    avg(total)                       -> that, divided by count(DISTINCT person); who has no value at all counts as zero

Whatever speaks of one person's own figure (a filter, a band, a label, an extreme) is refused.
"""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.blocks import Aliases, Block, Names, Passed, Tables, split
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.reading.constants import is_constant

_COUNTS = (exp.Count, exp.CountIf)
_FIGURES = (exp.Sum, *_COUNTS)


def per_person(block: Block, tables: Tables, at: exp.Expr) -> Block:
    """The rows beneath a query that was grouped by person; raises Refusal when it was grouped by anything else."""
    keys = block.group or ()
    if not any(tables.is_key(key, unit=True) for key in keys):
        raise second(at)
    if len(keys) > 1 or block.joins or block.having or block.person is not None:
        raise _refused("One row per person is made from one asset, grouped by the privacy unit or the join key alone, without "
                       "HAVING.", at)  # fmt: skip
    person = keys[0]
    assert isinstance(person, exp.Column)  # noqa: S101  is_key says so
    for passed in block.passed:
        if passed.value != person and not _is_figure(passed.value):
            raise _refused(f"{passed.name or 'This'} is neither the person nor a sum or count of rows.", passed.value)
    return Block(block.source, tuple(_same(passed, person) for passed in block.passed), where=block.where, person=person)


def over_people(node: exp.Expr, names: Names, person: exp.Column, aliases: Aliases) -> exp.Expr:
    """An expression of the outer query, its columns replaced and its aggregates written over rows instead of people."""
    holder = exp.Paren(this=names.tables.copy(node))
    own = list(holder.find_all(exp.AggFunc))
    for found in own:
        if found.find_ancestor(exp.AggFunc) is not None:
            raise _refused("An aggregate of an aggregate is no figure.", found)
    columns, named = split(holder, aliases)
    for column in columns:
        column.replace(names.resolve(column))
    arguments = {id(_argument(found)) for found in own}
    for found in holder.find_all(exp.AggFunc):
        whole = found.parent if isinstance(found.parent, exp.Filter) else found
        if id(whole) not in arguments and not any(found is one for one in own):
            raise bare(found)
    for found in own:
        whole = found.parent if isinstance(found.parent, exp.Filter) else found
        whole.replace(_over_rows(found, whole, person, node))
    return names.finished(holder, named, aliases)


def check_rows(names: Names) -> None:
    """Raises Refusal where a row per person would meet several rows of another asset, or none."""
    one = next((source for source in names.sources if source.block.person is not None), None)
    if one is None:
        return
    if one.optional:
        raise _refused("An outer join may leave people without a row here.", one.at)
    own = names.tables.assets[one.block.source.alias].rows_per_key or 1
    for source in names.sources:
        if source is one:
            continue
        if source.block.person is not None:
            raise _refused("A text has one query per person.", source.at)
        for table in source.block.tables:
            if (names.tables.assets[table.alias].rows_per_key or 1) > own:
                raise _refused(f"{names.tables.assets[table.alias].qualified} has several rows of a person.", source.at)


def second(at: exp.Expr) -> Refusal:
    return Refusal("SECOND_AGGREGATION", "What this speaks of has been aggregated already.",
                   "Read its figures in the outer query without aggregating or joining them again; ask other figures as a "
                   "template of their own.", clause="grammar.from", at=at)  # fmt: skip


def bare(figure: exp.Expr) -> Refusal:
    """Of a figure per person that stands alone; the place is where the text uses it, not where it makes it."""
    used = next((node.meta["used"] for node in (figure, figure.parent) if node is not None and node.meta.get("used")), None)
    at = exp.Identifier(this="")
    at.meta["start"] = used
    return _refused("Here stands the figure of one person.", figure if used is None else at)


def _over_rows(figure: exp.Expr, whole: exp.Expr, person: exp.Column, at: exp.Expr) -> exp.Expr:
    inner = _argument(figure)
    where = whole.expression if isinstance(whole, exp.Filter) else None
    people = _when(exp.Count(this=exp.Distinct(expressions=[person.copy()]), big_int=True), where)
    if isinstance(figure, exp.Count):
        if isinstance(inner, exp.Distinct) and inner.find(exp.AggFunc) is None:
            return whole.copy()  # of whom, a reader decides
        if isinstance(inner, exp.Star | exp.Count | exp.CountIf) or inner == person:
            return people
        if inner is not None and is_constant(inner) and not isinstance(inner, exp.Null):
            return people
    elif inner is not None and isinstance(figure, exp.Sum) and _is_figure(inner):
        return _when(inner, where)
    elif inner is not None and isinstance(figure, exp.Avg) and (_is_plain_sum(inner) or _is_count(inner)):
        return exp.Div(this=_when(inner, where), expression=exp.Nullif(this=people, expression=trees.integer(0)))
    raise _refused("This is no count of people, and no sum or average of what was summed or counted per person.",
                   at if figure.find(exp.Column) is None else figure)  # fmt: skip


def _argument(figure: exp.Expr) -> exp.Expr | None:
    return figure.this.unnest() if figure.this is not None else None


def _when(figure: exp.Expr, where: exp.Expr | None) -> exp.Expr:
    """The figure where a condition holds, beside the one it may have already."""
    if where is None:
        return figure.copy()
    condition = where.this.copy()
    if isinstance(figure, exp.Filter):
        condition = exp.And(this=figure.expression.this.copy(), expression=condition)
        figure = figure.this
    return exp.Filter(this=figure.copy(), expression=exp.Where(this=condition))


def _is_figure(value: exp.Expr | None) -> bool:
    figure = value.this if isinstance(value, exp.Filter) else value
    return isinstance(figure, _FIGURES) and figure.this.find(exp.Distinct) is None


def _is_count(value: exp.Expr) -> bool:
    """Counts are zero where nothing is counted, under a condition too."""
    return isinstance(value.this if isinstance(value, exp.Filter) else value, _COUNTS)


def _is_plain_sum(value: exp.Expr | None) -> bool:
    """Whether everybody has a summand: a condition without ELSE leaves people out, and they would not be averaged."""
    return isinstance(value, exp.Sum) and all(
        isinstance(case.args.get("default" if isinstance(case, exp.Case) else "false"), exp.Literal)
        for case in value.find_all(exp.Case, exp.If)
        if not isinstance(case.parent, exp.Case)
    )


def _same(passed: Passed, person: exp.Column) -> Passed:
    return Passed(passed.name, person) if passed.value == person else passed


def _refused(message: str, at: exp.Expr) -> Refusal:
    return Refusal("PRE_AGGREGATE", message,
                   "Group by the person alone, inside; outside count people, and sum or average what was summed or counted, by "
                   "dimensions of other assets. Bands of a person's figure are shared as a column of their own.",
                   clause="grammar.from", at=at)  # fmt: skip
