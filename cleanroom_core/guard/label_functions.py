"""Functions of labels, computed here and never by an engine, so that every engine gives the same answer: over the agreed domain
while a text is read, and over released labels when an answer is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal

from cleanroom_core.guard.calendar import following, truncate


def _is_like(text: str, pattern: str) -> bool:
    """LIKE: any letters for %, one for _. Backslashes are refused before. Each piece between two % is taken where it is found
    first, so that no pattern can make this take long, as one can a regular expression that tries again."""
    head, *middle, tail = pattern.split("%") if "%" in pattern else (pattern, "")
    if "%" not in pattern:
        return len(text) == len(head) and _begins(text, 0, head)
    at, end = len(head), len(text) - len(tail)
    if at > end or not _begins(text, 0, head) or not _begins(text, end, tail):
        return False
    for piece in middle:
        found = next((start for start in range(at, end - len(piece) + 1) if _begins(text, start, piece)), None)
        if found is None:
            return False
        at = found + len(piece)
    return True


def _begins(text: str, start: int, piece: str) -> bool:
    return all(letter in ("_", known) for letter, known in zip(piece, text[start : start + len(piece)], strict=True))


TEXT: Mapping[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "trim": lambda text: text.strip(" "),
    "ltrim": lambda text: text.lstrip(" "),
    "rtrim": lambda text: text.rstrip(" "),
}

# Function of a text and constants -> what computes it, NULL where engines differ.
OF_TEXT: Mapping[str, Callable[..., str | int | bool | None]] = {
    "left": lambda text, count: text[: max(count, 0)],
    "right": lambda text, count: text[-count:] if count > 0 else "",
    "substring": lambda text, start, count=10**6: text[start - 1 :][:count] if start > 0 and count >= 0 else None,
    "replace": lambda text, old, new="": _replaced(text, old, new) if old else None,
    "length": len,
    "lpad": lambda text, size, fill=" ": (fill * size)[: max(size - len(text), 0)] + text[: max(size, 0)],
    "rpad": lambda text, size, fill=" ": text[: max(size, 0)] + (fill * size)[: max(size - len(text), 0)],
    "like": _is_like,
    "ilike": lambda text, pattern: _is_like(text.lower(), pattern.lower()),
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": lambda text, part: part in text,
}
LONGEST = 1000  # letters that a label may be padded to

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


MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# Part of a date as text -> what writes it, and the part of PARTS that says on which grids it can be read off.
WRITTEN: Mapping[str, tuple[Callable[[date], str], str]] = {
    "%Y": (lambda day: f"{day.year:04d}", "year"),
    "%y": (lambda day: f"{day.year % 100:02d}", "year"),
    "%m": (lambda day: f"{day.month:02d}", "month"),
    "%-m": (lambda day: str(day.month), "month"),
    "%b": (lambda day: MONTHS[day.month - 1][:3], "month"),
    "%B": (lambda day: MONTHS[day.month - 1], "month"),
    "%d": (lambda day: f"{day.day:02d}", "day"),
    "%-d": (lambda day: str(day.day), "day"),
    "%a": (lambda day: DAYS[day.weekday()][:3], "day"),
    "%A": (lambda day: DAYS[day.weekday()], "day"),
    "%j": (lambda day: f"{day.timetuple().tm_yday:03d}", "day"),
}
_PLAIN = re.compile(r"[ A-Za-z0-9_./,:-]*")


def written(pattern: str) -> tuple[Callable[[date], str], tuple[str, ...]] | None:
    """What writes a date in this pattern (`%Y-%m`), and the grids it can be read off, the coarsest first; None where the
    pattern has parts of which nothing is known here, such as hours."""
    pieces = re.split(r"(%-?.)", pattern)
    named = [piece for piece in pieces if piece.startswith("%")]
    if not named or any(piece not in WRITTEN if piece.startswith("%") else not _PLAIN.fullmatch(piece) for piece in pieces):
        return None
    grids = min((PARTS[WRITTEN[piece][1]][1] for piece in named), key=len)
    return lambda day: "".join(WRITTEN[piece][0](day) if piece in WRITTEN else piece for piece in pieces), grids


def in_pattern(day: date, pattern: str) -> str | None:
    """The date in a pattern that `written` knows."""
    return None if (found := written(pattern)) is None else found[0](day)


def last_day(day: date) -> date:
    return following(truncate(day, "month"), "month") - timedelta(days=1)


def _replaced(text: str, old: str, new: str) -> str | None:
    """NULL for what grows too long: replaced texts can be replaced again."""
    return text.replace(old, new) if len(text) + text.count(old) * (len(new) - len(old)) <= LONGEST else None


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
