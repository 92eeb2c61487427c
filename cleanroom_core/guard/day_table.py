"""What a date has among many stretches of days, read off a list by the number of the day: as comparisons, one for each day of
some years, it would cost seconds for every million rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.regions import Edge
from cleanroom_core.guard.world import DATED
from cleanroom_core.sql.types import Kind, SqlType

FEWEST: Final = 32  # stretches below which comparisons do
MOST_DAYS: Final = 20_000
Piece = tuple[Edge, Edge, exp.Expr]


def by_day(value: exp.Expr, pieces: Sequence[Piece], missing: exp.Expr, others: exp.Expr, type_: SqlType) -> exp.Expr | None:
    """SQL for what the stretch a date lies in has. `pieces`: disjoint, in any order; `missing`: what NULL has; `others`: what
    all else has. None where they are few, far apart, or not cut between days. Total: the list is read within its ends."""
    cuts = [edge for start, stop, _ in pieces for edge in (start, stop) if edge is not None]
    days = [point for point, side in cuts if isinstance(point, date) and not side]
    if type_.kind not in DATED or len(pieces) < FEWEST or len(days) < len(cuts):
        return None
    first, last = min(days), max(days)
    if (last - first).days > MOST_DAYS:
        return None
    before, after, listed = others, others, [others] * (last - first).days
    for start, stop, has in pieces:
        begin, end = (0 if start is None else _number(start, first)), (len(listed) if stop is None else _number(stop, first))
        listed[begin:end] = [has] * (end - begin)
        before, after = (has if start is None else before), (has if stop is None else after)
    day = value.copy() if type_.kind is Kind.DATE else trees.cast(value.copy(), "DATE")
    number = exp.DateDiff(this=day, expression=_literal(first))
    item = exp.Bracket(this=exp.Array(expressions=[has.copy() for has in listed]), expressions=[number], offset=0)
    return trees.case(
        (trees.is_null(value.copy()), missing.copy()),
        (exp.LT(this=day.copy(), expression=_literal(first)), before.copy()),
        (exp.GTE(this=day.copy(), expression=_literal(last)), after.copy()),
        default=item,
    )


def _number(edge: tuple[object, int], first: date) -> int:
    assert isinstance(edge[0], date)  # noqa: S101  the caller has looked
    return (edge[0] - first).days


def _literal(day: date) -> exp.Expr:
    return trees.cast(trees.text(day.isoformat()), "DATE")
