"""Functions of labels, computed here and never by an engine, so that every engine gives the same answer: over the agreed domain
while a text is read, and over released labels when an answer is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_DOWN, Decimal

TEXT: Mapping[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "trim": lambda text: text.strip(" "),
    "ltrim": lambda text: text.lstrip(" "),
    "rtrim": lambda text: text.rstrip(" "),
}

# Part of a date -> what computes it, and the grids it can be read off, the coarsest first. Days of the week as in Databricks.
PARTS: Mapping[str, tuple[Callable[[date], int], tuple[str, ...]]] = {
    "year": (lambda day: day.year, ("year", "quarter", "month", "day")),
    "quarter": (lambda day: (day.month + 2) // 3, ("quarter", "month", "day")),
    "month": (lambda day: day.month, ("month", "day")),
    "week": (lambda day: day.isocalendar().week, ("week", "day")),
    "yearofweek": (lambda day: day.isocalendar().year, ("week", "day")),
    "day": (lambda day: day.day, ("day",)),
    "dayofweek": (lambda day: day.isoweekday() % 7 + 1, ("day",)),  # Sunday is 1
    "dayofweek_iso": (lambda day: day.isoweekday(), ("day",)),  # Monday is 1
    "dayofyear": (lambda day: day.timetuple().tm_yday, ("day",)),
}
SPELLINGS: Mapping[str, str] = {
    "yr": "year", "y": "year", "years": "year", "qtr": "quarter", "mon": "month", "mons": "month", "months": "month",
    "w": "week", "weeks": "week", "weekofyear": "week", "isoyear": "yearofweek", "d": "day", "days": "day", "dayofmonth": "day",
    "dow": "dayofweek", "isodow": "dayofweek_iso", "dow_iso": "dayofweek_iso", "doy": "dayofyear",
}  # fmt: skip


def part_named(name: str) -> str | None:
    """The part of a date a word means: `dow` is `dayofweek`; None for a word that means none."""
    word = name.lower()
    word = SPELLINGS.get(word, word)
    return word if word in PARTS else None


def whole_of(value: str | bool | Decimal | date | None) -> Decimal | None:
    """CAST(value AS BIGINT); NULL where it is no number."""
    if isinstance(value, bool):
        return Decimal(int(value))
    if isinstance(value, str):
        return Decimal(value.strip(" ")) if re.fullmatch(r" *[+-]?[0-9]{1,18} *", value, re.ASCII) else None
    return value.quantize(Decimal(1), rounding=ROUND_DOWN) if isinstance(value, Decimal) else None


def compared(operation: str, one: object, two: object) -> bool | None:
    """`eq`, `neq`, `lt` ... of two values of one family; None where one of them is NULL."""
    if one is None or two is None:
        return None
    if operation in ("eq", "neq"):
        return (one == two) == (operation == "eq")
    below, equal = one < two, one == two  # type: ignore[operator]
    return bool({"lt": below, "lte": below or equal, "gt": not below and not equal, "gte": not below}[operation])
