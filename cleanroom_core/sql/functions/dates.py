"""Functions over dates and timestamps. Timestamps carry no time zone; both engines run with their clocks set to UTC."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.sql.casts import convert
from cleanroom_core.sql.functions.call import Call, Function
from cleanroom_core.sql.functions.texts import cut
from cleanroom_core.sql.portable import call, portable
from cleanroom_core.sql.typed import Typed, cast
from cleanroom_core.sql.types import BIGINT, DATE, STRING, TIMESTAMP, Kind

_MOMENTS = (Kind.DATE, Kind.TIMESTAMP)
_UNITS = {
    "day": "day", "dd": "day", "week": "week", "month": "month", "mm": "month", "mon": "month",
    "quarter": "quarter", "year": "year", "yyyy": "year", "yy": "year",
}  # fmt: skip
# Java's pattern -> the pieces of an ISO date it shows: (start, length) or a fixed text
_PATTERNS: dict[str, tuple[tuple[int, int] | str, ...]] = {
    "yyyy": ((1, 4),),
    "yyyy-MM": ((1, 7),),
    "yyyy-MM-dd": ((1, 10),),
    "yyyyMM": ((1, 4), (6, 2)),
    "yyyyMMdd": ((1, 4), (6, 2), (9, 2)),
    "MM": ((6, 2),),
    "dd": ((9, 2),),
}


def truncated_to(unit: str, tree: exp.Expr) -> exp.Expr:
    """The first day of the day, week (Monday), month, quarter or year of a date or timestamp, as DATE."""
    return cast(call("DATE_TRUNC", exp.Literal.string(unit), cast(tree, DATE)), DATE)


def _part(name: str, *spellings: str, timestamp: bool = False) -> Function:
    def compile_(given: Call) -> Typed:
        found = given.of_kind(0, *((Kind.TIMESTAMP,) if timestamp else _MOMENTS))
        return Typed(call(name.upper(), found.tree), BIGINT)

    return Function((name, *spellings), f"{name}({'timestamp' if timestamp else 'date'})", 1, 1, compile_)


def _weekday(name: str, first: str, build: exp.Expr | None = None) -> Function:
    def compile_(given: Call) -> Typed:
        iso = portable("iso_weekday", given.of_kind(0, *_MOMENTS).tree)
        if name == "weekday":
            return Typed(exp.Sub(this=iso, expression=exp.Literal.number(1)), BIGINT)
        return Typed(exp.Add(this=exp.Paren(this=exp.Mod(this=iso, expression=exp.Literal.number(7))),
                             expression=exp.Literal.number(1)), BIGINT)  # fmt: skip

    return Function((name,), f"{name}(date)", 1, 1, compile_)


def _trunc(unit_at: int, moment_at: int, signature: str) -> Function:
    def compile_(given: Call) -> Typed:
        unit = given.fixed_text(unit_at, "The unit").lower()
        if unit == "hour" and given.name == "date_trunc":
            moment = given.of_kind(moment_at, Kind.TIMESTAMP)
            return Typed(cast(call("DATE_TRUNC", exp.Literal.string("hour"), moment.tree), TIMESTAMP), TIMESTAMP)
        if unit not in _UNITS:
            given.fail(f"{given.name}() has no unit {unit!r}.", "Use day, week, month, quarter or year.", unit_at)
        return Typed(truncated_to(_UNITS[unit], given.of_kind(moment_at, *_MOMENTS).tree), DATE)

    return Function((signature.partition("(")[0],), signature, 2, 2, compile_)


def _datediff(given: Call) -> Typed:
    if len(given.arguments) == 3:
        unit = given.arguments[0]
        if not isinstance(unit, exp.Column) or unit.name.lower() != "day":
            given.fail("datediff() counts days only.", "Write datediff(end, start).", 0)
        start, end = (given.of_kind(index, Kind.DATE) for index in (1, 2))
    else:
        end, start = (given.of_kind(index, *_MOMENTS) for index in (0, 1))
    return Typed(portable("days_between", _day(end), _day(start)), BIGINT)


def _day(part: Typed) -> exp.Expr:
    return part.tree if part.type == DATE else cast(part.tree, DATE)


def _date_format(given: Call) -> Typed:
    pattern = given.fixed_text(1, "The pattern")
    if pattern not in _PATTERNS:
        given.fail("This pattern is not on the list.", f"Use one of {', '.join(_PATTERNS)}.", 1)
    day = cast(_day(given.of_kind(0, *_MOMENTS)), STRING)
    pieces = [cut(day.copy(), *piece) for piece in _PATTERNS[pattern] if isinstance(piece, tuple)]
    found: exp.Expr = pieces[0]
    for piece in pieces[1:]:
        found = exp.DPipe(this=found, expression=piece)
    return Typed(found, STRING)


def _to_date(given: Call) -> Typed:
    return convert(given.compiler, given.node, given.compiler.compile(given.arguments[0]), DATE)


FUNCTIONS = (
    _part("year"), _part("quarter"), _part("month"), _part("day", "dayofmonth"),
    _part("weekofyear"), _part("dayofyear"),
    _part("hour", timestamp=True), _part("minute", timestamp=True),
    _weekday("dayofweek", "Sunday"), _weekday("weekday", "Monday"),
    _trunc(0, 1, "date_trunc('month', date)"), _trunc(1, 0, "trunc(date, 'month')"),
    Function(("datediff", "date_diff"), "datediff(end, start)", 2, 3, _datediff),
    Function(("date_format",), "date_format(date, 'yyyy-MM')", 2, 2, _date_format),
    Function(("to_date",), "to_date(text)", 1, 1, _to_date),
)  # fmt: skip
