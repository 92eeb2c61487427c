"""The calendar an expression over a date is computed on: every period of a grid, whether or not enough people have it.

It has the years of all published periods and one more on either side, so that a day with few people, or a mistyped year, is
counted as SQL says. Dates farther off stay unknown: they meet no comparison, and ELSE does not take them either.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlglot import exp

from cleanroom_core.guard.calendar import following, truncate
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.reading.dimensions import dated
from cleanroom_core.guard.reading.scope import Found, Reading
from cleanroom_core.guard.regions import Spans

MOST_PERIODS = 6000
_AROUND = 1  # years before the first and after the last published one
_APART = timedelta(days=366)  # published periods farther from each other have nothing expected between them: 1900-01-01


def calendar(found: Found, grid: str, at: exp.Expr, reading: Reading) -> tuple[date, ...]:
    """The starts of all periods, ascending. Raises Refusal where the owner has published none, or they are too many."""
    spans = _stretches(found, dated(found, at), reading)
    if not spans:
        raise Refusal("NO_LABELS", f"The {grid}s of {found} are not known to the room.",
                      f"Its owner publishes the table; date_trunc('{grid}', {found.column.name}) as it is goes without.",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"), owner=found.asset.owner,
                      at=at)  # fmt: skip
    last = [(stop - timedelta(days=1)).year for _, stop in spans]
    years = {y for (start, _), end in zip(spans, last, strict=True) for y in range(start.year - _AROUND, end + _AROUND + 1)}
    starts: dict[date, None] = {}
    for year in sorted(years & set(range(date.min.year + 1, date.max.year))):
        start = truncate(date(year, 1, 1), grid)
        while start.year <= year:
            starts[start] = None
            start = following(start, grid)
    if len(starts) > MOST_PERIODS:
        raise Refusal("TOO_MANY_LABELS", f"{found} has more than {MOST_PERIODS} {grid}s.",
                      "Group by date_trunc, or ask its owner for a coarser grid.",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"), owner=found.asset.owner,
                      at=at)  # fmt: skip
    return tuple(starts)


def expected(found: Found, at: exp.Expr, reading: Reading) -> Spans:
    """The days between published periods, NULL among them: what anybody would look for in an answer. One grid says which: a
    published year says nothing of its months, nor a week that begins in December of December."""
    for grid in ("month", "day", "quarter", "year", "week"):
        if grid in dated(found, at) and (spans := _stretches(found, (grid,), reading)):
            return Spans(tuple(((start, 0), (stop, 0)) for start, stop in spans), null=True)
    return Spans((), null=True)


def _stretches(found: Found, grids: tuple[str, ...], reading: Reading) -> list[tuple[date, date]]:
    """Published periods, and the one whose rows are counted, joined where they are not far apart."""
    spans = [
        (start, following(start, grid))
        for grid in grids
        for start in found.asset.periods(found.column.name, grid) or ()
        if start is not None and start.year < date.max.year
    ]
    period, column = reading.world.period, found.asset.rule.period_column
    if period is not None and column is not None and column.casefold() == found.column.name.casefold():
        spans += [(period.start, period.stop)] if spans and period.start is not None and period.stop is not None else []
    joined: list[tuple[date, date]] = []
    for start, stop in sorted(spans):
        if joined and start - joined[-1][1] <= _APART:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined
