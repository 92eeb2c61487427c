"""A compiled part of an expression with its type, and how two parts come to one type.

The rules are narrower than any engine's: what one engine would convert silently and another would not is refused, and every
conversion that stays is written out as a CAST that is exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlglot import exp

from cleanroom_core.errors import ExpressionError
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DATE, DOUBLE, TIMESTAMP, Kind, SqlType

MAX_DIGITS = 38
EXACT_IN_DOUBLE = 15  # decimal digits that survive the way into DOUBLE by one correctly rounded division
_KINDS = {
    Kind.STRING: exp.DType.TEXT,
    Kind.BIGINT: exp.DType.BIGINT,
    Kind.DOUBLE: exp.DType.DOUBLE,
    Kind.BOOLEAN: exp.DType.BOOLEAN,
    Kind.DATE: exp.DType.DATE,
    Kind.TIMESTAMP: exp.DType.TIMESTAMPNTZ,  # no time zone: "TIMESTAMP" in DuckDB, "TIMESTAMP_NTZ" in Spark
}


_WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?")


@dataclass(frozen=True)
class Typed:
    """`type` None: the NULL literal. `constant`: a literal as written, which may take the type of what stands beside it."""

    tree: exp.Expr
    type: SqlType | None
    constant: bool = False

    @property
    def text(self) -> str | None:
        """The text of a string literal, else None."""
        return self.tree.name if isinstance(self.tree, exp.Literal) and self.tree.is_string else None

    @property
    def integer(self) -> int | None:
        """The number of an integer literal, else None."""
        if not self.constant or self.type is None or self.type.kind is not Kind.BIGINT:
            return None
        return -int(self.tree.this.name) if isinstance(self.tree, exp.Neg) else int(self.tree.name)

    @property
    def word(self) -> str:
        return "NULL" if self.type is None else str(self.type)


def string(text: str) -> Typed:
    return Typed(exp.Literal.string(text), SqlType(Kind.STRING), constant=True)


def number(text: str) -> Typed | None:
    """A number as written: BIGINT, DECIMAL with just its digits, or DOUBLE with an exponent; None when it fits none of them."""
    tree = exp.Literal.number(text)
    if "e" in text.lower():
        return Typed(tree, DOUBLE, constant=True) if abs(float(text)) != float("inf") else None
    whole, _, fraction = text.partition(".")
    whole = whole.lstrip("0")
    if not fraction and "." not in text and int(text) < 2**63:
        return Typed(exp.Literal.number(str(int(text))), BIGINT, constant=True)
    digits = max(1, len(whole) + len(fraction))
    if digits > MAX_DIGITS:
        return None
    return Typed(
        exp.Literal.number(f"{whole or '0'}.{fraction}".rstrip(".")),
        SqlType(Kind.DECIMAL, digits, len(fraction)),
        constant=True,
    )


def cast(tree: exp.Expr, type_: SqlType, *, total: bool = False) -> exp.Expr:
    """CAST, or TRY_CAST when `total`: a value that does not fit is NULL."""
    if total:
        return exp.TryCast(this=tree, to=data_type(type_), safe=True)
    return exp.Cast(this=tree, to=data_type(type_))


def data_type(type_: SqlType) -> exp.DataType:
    if type_.kind is Kind.DECIMAL:
        sizes = [exp.DataTypeParam(this=exp.Literal.number(size)) for size in (type_.precision, type_.scale)]
        return exp.DataType(this=exp.DType.DECIMAL, expressions=sizes)
    return exp.DataType(this=_KINDS[type_.kind])


def mismatch(message: str, hint: str) -> ExpressionError:
    """Two parts cannot come to one type; the compiler adds the place."""
    return ExpressionError(message, hint=hint, code="TYPE")


def unify(parts: Iterable[Typed]) -> SqlType | None:
    """The one type all parts can take exactly; None when all are NULL. A literal yields to its neighbours.

    Raises ExpressionError without a place.
    """
    known = [part for part in parts if part.type is not None]
    found: SqlType | None = None
    for part in [part for part in known if not part.constant] + [part for part in known if part.constant]:
        found = part.type if found is None else _pair(found, part)
    return found


def operand(tree: exp.Expr) -> exp.Expr:
    """The tree in parentheses where it would bind differently beside an operator."""
    return exp.Paren(this=tree) if isinstance(tree, (exp.Binary, exp.Not, exp.Between, exp.In)) else tree


def decimal_of(part: Typed) -> SqlType | None:
    """DECIMAL that holds every value of an exact number; None for DOUBLE and what is no number."""
    if part.type is None or part.type.kind not in (Kind.BIGINT, Kind.DECIMAL):
        return None
    if part.type.kind is Kind.DECIMAL:
        return part.type
    value = part.integer
    return SqlType(Kind.DECIMAL, 19 if value is None else len(str(abs(value))), 0)


def coerce(part: Typed, target: SqlType) -> exp.Expr:
    """The tree of a part as `target`, which must come from `unify`."""
    if part.type is None or part.type == target:
        return part.tree
    if part.constant and target == BOOLEAN:
        return exp.Boolean(this=part.integer == 1)
    if target == DOUBLE and part.type.kind is Kind.DECIMAL and (part.type.precision or 0) > EXACT_IN_DOUBLE:
        return cast(cast(part.tree, SqlType(Kind.STRING)), DOUBLE)  # by way of text: engines divide large decimals differently
    return cast(part.tree, target)


def comparable(parts: Sequence[Typed]) -> list[exp.Expr]:
    """The trees of parts that are to be compared. Exact numbers compare exactly without a CAST. Raises ExpressionError."""
    beside = next((part.type for part in parts if not part.constant and part.type is not None), None)
    parts = [_quoted(part, beside) for part in parts]
    target = unify(parts)
    if target is None or target.kind in (Kind.BIGINT, Kind.DECIMAL):
        return [part.tree for part in parts]
    return [coerce(part, target) for part in parts]


def _quoted(part: Typed, beside: SqlType | None) -> Typed:
    """A text constant as what it spells: codes, and true or false, are often written in quotes, and a column of them that was
    found to be BIGINT or BOOLEAN means the same. Only where the spelling is the one and only; '007' is no whole number."""
    text = part.text or ""
    if beside == BIGINT and _WHOLE.fullmatch(text):
        return number(text) or part
    if beside == BOOLEAN and text.lower() in ("true", "false"):
        return Typed(exp.Boolean(this=text.lower() == "true"), BOOLEAN, constant=True)
    return part


def _pair(left: SqlType, right: Typed) -> SqlType:
    type_ = right.type
    if type_ is None or left == type_:
        return left
    if right.text is not None and left in (DATE, TIMESTAMP):
        check_moment(right, left)
        return left
    if left == BOOLEAN and right.integer in (0, 1):
        return left
    if left.is_numeric and type_.is_numeric:
        return _number(left, right)
    if {left, type_} == {DATE, TIMESTAMP}:
        return TIMESTAMP
    raise mismatch(f"A {left} and a {type_} do not go together here.", _advice(left, right))


def _number(left: SqlType, right: Typed) -> SqlType:
    one, other = decimal_of(Typed(exp.Null(), left)), decimal_of(right)
    if one is None or other is None:
        return DOUBLE
    if left == BIGINT and right.type == BIGINT:
        return BIGINT
    scale = max(one.scale or 0, other.scale or 0)
    digits = max((one.precision or 0) - (one.scale or 0), (other.precision or 0) - (other.scale or 0)) + scale
    if digits > MAX_DIGITS:
        raise mismatch("Together these numbers need more than 38 digits.", "CAST one of them to a smaller decimal first.")
    return SqlType(Kind.DECIMAL, max(digits, 1), scale)


def check_moment(literal: Typed, type_: SqlType) -> None:
    """Raise ExpressionError unless a text literal is a date, or for TIMESTAMP a date or a time, of the years 1 to 9999."""
    text = literal.text or ""
    try:
        if _DAY.fullmatch(text):
            date.fromisoformat(text)
            return
        if type_ == TIMESTAMP and _MOMENT.fullmatch(text):
            datetime.fromisoformat(text)
            return
    except ValueError:
        pass
    wanted = "'2026-01-31'" if type_ == DATE else "'2026-01-31 12:00:00'"
    raise mismatch(f"The text beside a {type_} is not one of the calendar.", f"Write it as {wanted}.")


def _advice(left: SqlType, right: Typed) -> str:
    if left.kind is Kind.STRING and right.constant and right.type is not None and right.type.is_numeric:
        return "Put the number in single quotes, because the other side is a text."
    if left.is_numeric and right.text is not None:
        return "Leave out the quotes, because the other side is a number; for a column use backticks."
    return "Bring both to one type with CAST."
