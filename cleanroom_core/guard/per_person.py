"""One row per person first, then people: the one aggregation before the last that a text may have.

The inner query sums or counts one asset's rows per privacy unit or join key; the outer one counts its rows, which are people,
and sums or averages their figures. Both are one aggregation over the rows:

    count(*), count(DISTINCT person) -> count(DISTINCT person)
    sum(total)                       -> sum(measure), count(*), ... : what the inner query computed, over all rows
    avg(total)                       -> that, divided by count(DISTINCT person); who has no value at all counts as zero

After an outer join that keeps people without a row per person, count(*) and avg(coalesce(total, 0)) are about the other side's
people, and the inner WHERE becomes a condition of each figure. Whatever speaks of one person's own figure (a filter, a band, a
label, an extreme) is refused.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.blocks import Aliases, Block, Names, People, Source, Tables, conjuncts, split, strict
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.reading.constants import is_constant

_COUNTS = (exp.Count, exp.CountIf)
_FIGURES = (exp.Sum, *_COUNTS)


def per_person(block: Block, tables: Tables, at: exp.Expr) -> Block:
    """The rows beneath a query that was grouped by person; raises Refusal when it was grouped by anything else."""
    keys = block.group or ()
    if not any(tables.is_key(key, unit=True) for key in keys):
        raise second(at)
    if len(keys) > 1 or block.joins or block.having or block.people is not None:
        raise _refused("One row per person is made from one asset, grouped by the privacy unit or the join key alone, without "
                       "HAVING.", at)  # fmt: skip
    person = keys[0]
    assert isinstance(person, exp.Column)  # noqa: S101  is_key says so
    for passed in block.passed:
        if passed.value != person and not _is_figure(passed.value):
            raise _refused(f"{passed.name or 'This'} is neither the person nor a sum or count of rows.", passed.value)
    return Block(block.source, block.passed, where=block.where, people=People(person, person))


def left_out(source: Source) -> Source:
    """A query per person that an outer join may leave without a row: its filter goes into its figures, which must be NULL or
    zero where there is no row."""
    block, people = source.block, source.block.people
    assert people is not None  # noqa: S101  asked for those only
    if block.joins or people.everyone != people.person:
        raise _refused("An outer join may leave people without a row here.", source.at)
    passed = tuple(
        one
        if one.value == people.person or _counts_nothing(_when(one.value, block.where))
        else replace(one, barred=_refused(f"{one.name} would count what the outer join leaves out.", source.at))
        for one in block.passed
    )
    return replace(source, block=replace(block, passed=passed, where=(), people=replace(people, where=block.where)))


def people_of(names: Names, joins: tuple[exp.Join, ...]) -> People | None:
    """Whose figures there are among the joined tables; raises Refusal where a row per person would meet several of an asset."""
    found = [source for source in names.sources if source.block.people is not None]
    if not found:
        return None
    if len(found) > 1:
        raise _refused("A text has one query per person.", found[1].at)
    people = found[0].block.people
    assert people is not None  # noqa: S101  so it was found
    assets = names.tables.assets
    for table in (table for source in names.sources if source is not found[0] for table in source.block.tables):
        if (assets[table.alias].rows_per_key or 1) > (assets[people.person.table].rows_per_key or 1):
            raise _refused(f"{assets[table.alias].qualified} has several rows of a person.", found[0].at)
    if not found[0].optional:
        return people
    links = [part for join in joins for part in conjuncts(join.args.get("on")) if isinstance(part, exp.EQ)]
    sides = [(link.this, link.expression) for link in links]
    others = [two if one == people.person else one for one, two in sides if people.person in (one, two)]
    everyone = next((one for one in others if isinstance(one, exp.Column) and one.table not in names.tables.optional), None)
    if everyone is None:
        raise _refused("It must be joined to an asset that has everybody.", found[0].at)
    return replace(people, everyone=everyone)


def over_people(node: exp.Expr, names: Names, people: People, aliases: Aliases) -> exp.Expr:
    """An expression of the outer query, its columns replaced and its aggregates written over rows instead of people."""
    holder = exp.Paren(this=names.tables.copy(node))
    own = list(holder.find_all(exp.AggFunc))
    for found in own:
        if found.find_ancestor(exp.AggFunc) is not None:
            raise _refused("An aggregate of an aggregate is no figure.", found)
    columns, named = split(holder, aliases)
    for column in columns:
        column.replace(names.resolve(column))
    arguments = {id(_or_zero(inner)) for found in own if (inner := _argument(found)) is not None}
    for found in holder.find_all(exp.AggFunc):
        whole = found.parent if isinstance(found.parent, exp.Filter) else found
        if id(whole) not in arguments and not any(found is one for one in own):
            raise bare(found)
    for found in own:
        whole = found.parent if isinstance(found.parent, exp.Filter) else found
        whole.replace(_over_rows(found, whole, people, node))
    return names.finished(holder, named, aliases)


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


def _over_rows(figure: exp.Expr, whole: exp.Expr, people: People, at: exp.Expr) -> exp.Expr:
    inner = _argument(figure)
    where = (whole.expression.this,) if isinstance(whole, exp.Filter) else ()
    theirs = (*people.where, *where)
    persons = _when(_people(people.person), theirs)
    everyone = _when(_people(people.everyone), where)
    if isinstance(figure, exp.Count):
        if isinstance(inner, exp.Distinct) and inner.find(exp.AggFunc) is None:
            return persons if inner.expressions == [people.person] else whole.copy()  # of whom else, a reader decides
        if inner == people.person or (inner is not None and _is_count(inner)):
            return persons
        if isinstance(inner, exp.Star) or (inner is not None and is_constant(inner) and not isinstance(inner, exp.Null)):
            return everyone
    elif inner is not None and isinstance(figure, exp.Sum | exp.Avg):
        summed = _or_zero(inner)
        if isinstance(figure, exp.Sum) and _is_figure(summed):
            return _when(summed, theirs)
        if isinstance(figure, exp.Avg) and (_has_everybody(summed) if summed is inner else _is_figure(summed)):
            by = persons if summed is inner else everyone
            return exp.Div(this=_when(summed, theirs), expression=exp.Nullif(this=by, expression=trees.integer(0)))
    raise _refused("This is no count of people, and no sum or average of what was summed or counted per person.",
                   at if figure.find(exp.Column) is None else figure)  # fmt: skip


def _people(column: exp.Column) -> exp.Expr:
    return exp.Count(this=exp.Distinct(expressions=[column.copy()]), big_int=True)


def _argument(figure: exp.Expr) -> exp.Expr | None:
    return figure.this.unnest() if figure.this is not None else None


def _or_zero(node: exp.Expr) -> exp.Expr:
    """The figure in coalesce(figure, 0)."""
    zero = isinstance(node, exp.Coalesce) and [one.unnest() for one in node.expressions] == [trees.integer(0)]
    return node.this.unnest() if zero else node


def _when(figure: exp.Expr, conditions: tuple[exp.Expr, ...]) -> exp.Expr:
    """The figure where conditions hold, beside the one it may have already."""
    if not conditions:
        return figure.copy()
    if isinstance(figure, exp.Filter):
        conditions, figure = (figure.expression.this, *conditions), figure.this
    where = exp.Where(this=trees.all_of([one.copy() for one in conditions]))
    return exp.Filter(this=figure.copy(), expression=where)


def _counts_nothing(figure: exp.Expr) -> bool:
    """Whether a figure passes over a row in which the asset's columns are all NULL."""
    condition = figure.expression.this if isinstance(figure, exp.Filter) else None
    plain = figure.this if isinstance(figure, exp.Filter) else figure
    if isinstance(plain, exp.CountIf):
        return _is_never(plain.this) or (condition is not None and _is_never(condition))
    return (condition is not None and _is_never(condition)) or (not isinstance(plain.this, exp.Star) and strict(plain.this))


def _is_never(condition: exp.Expr) -> bool:
    """Whether a condition is not true where its columns are NULL."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        return any(_is_never(part) for part in condition.flatten())
    if isinstance(condition, exp.Or):
        return all(_is_never(part) for part in condition.flatten())
    if isinstance(condition, exp.Not):
        return _is_null(condition.this.unnest())
    return _is_null(condition)


def _is_null(condition: exp.Expr) -> bool:
    """Whether a comparison is unknown where its columns are NULL."""
    if isinstance(condition, exp.In | exp.Between):
        return strict(condition.this)
    return strict(condition)


def _is_figure(value: exp.Expr | None) -> bool:
    figure = value.this if isinstance(value, exp.Filter) else value
    return isinstance(figure, _FIGURES) and figure.this.find(exp.Distinct) is None


def _is_count(value: exp.Expr) -> bool:
    """Counts are zero where nothing is counted, under a condition too."""
    return isinstance(value.this if isinstance(value, exp.Filter) else value, _COUNTS)


def _has_everybody(figure: exp.Expr) -> bool:
    """Whether each person has a value: a count, or a sum without a condition that lacks ELSE; others would not be averaged."""
    if not isinstance(figure, exp.Sum):
        return _is_count(figure)
    return all(
        isinstance(case.args.get("default" if isinstance(case, exp.Case) else "false"), exp.Literal)
        for case in figure.find_all(exp.Case, exp.If)
        if not isinstance(case.parent, exp.Case)
    )


def _refused(message: str, at: exp.Expr) -> Refusal:
    return Refusal("PRE_AGGREGATE", message,
                   "Group by the person alone, inside; outside count people, and sum or average what was summed or counted, by "
                   "dimensions of other assets. Bands of a person's figure are shared as a column of their own.",
                   clause="grammar.from", at=at)  # fmt: skip
