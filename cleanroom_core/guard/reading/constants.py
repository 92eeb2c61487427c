"""Constants of a text: numbers, text, dates, TRUE and FALSE, and enumerated parameters."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from cleanroom_core.guard.calendar import shifted
from cleanroom_core.guard.finding import ROOM, Refusal
from cleanroom_core.guard.reading.scope import Found, Reading
from cleanroom_core.guard.world import as_label
from cleanroom_core.sql.cells import Label
from cleanroom_core.sql.types import Kind

Constant = str | int | bool | Decimal | date
FURTHEST = 100_000  # days, weeks or months that a date may be shifted by


def constant(node: exp.Expr, reading: Reading) -> Constant:
    """The value written at `node`; raises Refusal when it is not a constant."""
    node = node.unnest()
    if isinstance(node, exp.Placeholder):
        return _parameter(node, reading)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        value = constant(node.this, reading)
        if isinstance(value, int | Decimal):
            return -value
    if isinstance(node, exp.Literal):
        return str(node.this) if node.is_string else _number(node)
    if isinstance(node, exp.Cast | exp.TsOrDsToDate):
        return _cast(node, reading)
    if _is_shifted(node):
        return _shifted(node, reading).isoformat()
    if isinstance(node, exp.Null):
        raise Refusal("NULL_COMPARISON", "Nothing equals NULL.", "Write IS NULL or IS NOT NULL.",
                      clause="grammar.where", at=node, suggestion="IS NULL")  # fmt: skip
    raise Refusal("NOT_A_CONSTANT", "Here stands something that is not a constant.",
                  "Compare a column with a constant or an enumerated parameter.", clause="grammar.where", at=node)  # fmt: skip


def is_constant(node: exp.Expr) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Neg | exp.Cast | exp.TsOrDsToDate):
        return is_constant(node.this)
    if _is_shifted(node):
        return is_constant(_base(node))
    return isinstance(node, exp.Literal | exp.Boolean | exp.Placeholder | exp.Null)


def _is_shifted(node: exp.Expr) -> bool:
    """Whether this is a date and so many days, weeks, months, quarters or years more or less."""
    if isinstance(node, exp.Add | exp.Sub):
        sides = [node.this.unnest(), node.expression.unnest()]
        return any(isinstance(side, exp.Interval) for side in sides) or (
            isinstance(sides[0], exp.Cast | exp.TsOrDsToDate) and isinstance(sides[1], exp.Literal)
        )
    return isinstance(node, exp.AddMonths | exp.TsOrDsAdd | exp.TimestampAdd)


def _base(node: exp.Expr) -> exp.Expr:
    """The date that is shifted."""
    swapped = isinstance(node, exp.Add) and isinstance(node.this.unnest(), exp.Interval)
    found: exp.Expr = node.expression if swapped else node.this
    return found


def _shifted(node: exp.Expr, reading: Reading) -> date:
    start, by = day(_base(node), None, reading), node.expression.unnest()
    if _base(node) is node.expression:
        by = node.this.unnest()
    unit = by.args.get("unit") if isinstance(by, exp.Interval) else node.args.get("unit")
    word = "month" if isinstance(node, exp.AddMonths) else unit.name.lower().rstrip("s") if unit is not None else "day"
    count = _whole(by.this if isinstance(by, exp.Interval) else by)
    found = None
    if count is not None and abs(count) < FURTHEST:
        found = shifted(start, -count if isinstance(node, exp.Sub) else count, word)
    if found is None:
        raise Refusal("NOT_A_CONSTANT", "This is no day the guard can tell.", "Write the day itself: DATE '2026-03-01'.",
                      clause="grammar.where", at=node)  # fmt: skip
    return found


def _whole(node: exp.Expr) -> int | None:
    """A whole number as a parser may spell it: 7, '7', -7, and 7 * -1 for a date_sub."""
    node = node.unnest()
    if isinstance(node, exp.Neg):
        return None if (inner := _whole(node.this)) is None else -inner
    if isinstance(node, exp.Mul):
        one, two = _whole(node.this), _whole(node.expression)
        return None if one is None or two is None else one * two
    text = str(node.this) if isinstance(node, exp.Literal) else ""
    return int(text) if re.fullmatch(r"-?[0-9]{1,6}", text, re.ASCII) else None


def label(node: exp.Expr, found: Found, reading: Reading) -> Label:
    """The constant as a label of a dimension; raises Refusal when its type is not the column's."""
    value = constant(node, reading)
    kind = found.column.type.kind
    fits = {
        Kind.STRING: isinstance(value, str),
        Kind.BIGINT: _is_whole(value),
        Kind.BOOLEAN: isinstance(value, bool) or value in (0, 1) or str(value).lower() in ("true", "false"),
    }.get(kind, False)
    if not fits:
        how = {Kind.STRING: "text in single quotes", Kind.BIGINT: "a whole number", Kind.BOOLEAN: "TRUE or FALSE"}
        raise wrong_type(node, found, how.get(kind, "a date"))
    return as_label(value, found.column.type)


def _is_whole(value: Constant) -> bool:
    """A whole number, or its digits as text: '5411' compared with a column of codes that was found to be BIGINT means 5411."""
    if isinstance(value, str):
        return re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value, re.ASCII) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def day(node: exp.Expr, found: Found | None, reading: Reading) -> date:
    """The constant as a day; a timestamp must lie on midnight. `found`: the column it is compared with, for the finding."""
    value = constant(node, reading)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise wrong_type(node, found, "a date such as DATE '2026-03-01'") from None
        if moment != datetime(moment.year, moment.month, moment.day):
            clause, owner = ("grammar.where", ROOM) if found is None else (
                found.asset.clause("dimensions", found.column.name), found.asset.owner)  # fmt: skip
            raise Refusal("DATE_GRID", "A time of day is finer than any agreed grid.", "Compare with a day.",
                          clause=clause, owner=owner, at=node)  # fmt: skip
        return moment.date()
    if isinstance(value, date):
        return value
    raise wrong_type(node, found, "a date such as DATE '2026-03-01'")


def number(node: exp.Expr, found: Found, reading: Reading) -> Decimal:
    value = constant(node, reading)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise wrong_type(node, found, "a number")
    return Decimal(value)


def wrong_type(node: exp.Expr, found: Found | None, how: str) -> Refusal:
    what = "This date" if found is None else f"{found} is {found.column.type} and"
    return Refusal("LITERAL_TYPE", f"{what} cannot be compared with this.", f"Write {how}.",
                   clause="grammar.where", at=node)  # fmt: skip


def _parameter(node: exp.Placeholder, reading: Reading) -> Constant:
    name = node.name
    if name not in reading.parameters or name not in reading.choice:
        raise Refusal("PARAMETER", f":{name} is not enumerated." if name else "A parameter needs a name.",
                      "List its values under parameters: {flag: {type: choice, of: [0, 1]}}.",
                      clause="template.parameters", at=node)  # fmt: skip
    return reading.choice[name]


def _number(node: exp.Literal) -> int | Decimal:
    text = str(node.this)
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or len(text) > 40 or abs(value.adjusted()) > 40:
        raise Refusal("LITERAL_TYPE", "This number cannot be read.", "Write a plain decimal number.",
                      clause="grammar.where", at=node)  # fmt: skip
    return int(value) if text.isdigit() else value


def _cast(node: exp.Expr, reading: Reading) -> Constant:
    """CAST(constant AS DATE / TIMESTAMP), in whatever spelling; others are refused, because engines cast differently."""
    to = node.args.get("to")
    dated = ("DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPNTZ", "DATETIME")
    inner = constant(node.this, reading)
    if isinstance(node, exp.TsOrDsToDate) or (isinstance(to, exp.DataType) and to.this.value in dated):
        if isinstance(inner, str):
            return inner
    elif isinstance(to, exp.DataType) and to.this.value == "DOUBLE" and isinstance(inner, int | Decimal):
        return inner  # 5.0D
    raise Refusal("NOT_A_CONSTANT", "This cast of a constant is not in the grammar.",
                  "Write the constant itself, or DATE '2026-03-01'.", clause="grammar.where", at=node)  # fmt: skip
