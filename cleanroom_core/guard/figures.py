"""Output expressions: arithmetic over protected figures. They are computed here, in exact decimals, never by an engine, so that
no error, order or rounding of an engine can say anything about rows.

NULL propagates as in SQL. A figure whose numerator is too small is `Fewer`, one of a part without this cell is `Withheld`, and
so is everything computed from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from cleanroom_core.guard import label_functions
from cleanroom_core.guard.calendar import truncate
from cleanroom_core.sql.cells import Cell, Label
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DOUBLE, STRING, Kind, SqlType

PLACES = 12  # decimal places of a quotient
EXACT = Context(prec=100)
RATIO = SqlType(Kind.DECIMAL, 38, PLACES)


@dataclass(frozen=True)
class Fewer:
    """Stands where a 0/1 measure's numerator is fewer than `minimum` people, or all but fewer than that."""

    minimum: int

    def __str__(self) -> str:
        return f"fewer than {self.minimum}"


@dataclass(frozen=True)
class Withheld:
    """Stands where a part of the sheet has not released this cell."""

    def __str__(self) -> str:
        return "withheld"


Known = None | bool | Decimal | str | date
Hidden = Fewer | Withheld
Outcome = Known | Hidden


@dataclass(frozen=True)
class KeyLabel:
    """The label of the cell's key number `index`."""

    index: int
    type: SqlType


@dataclass(frozen=True)
class Rows:
    """`part`, here and below: the part of the sheet whose cell is looked at."""

    type: SqlType = BIGINT
    part: int = 0


@dataclass(frozen=True)
class People:
    """Distinct people of the layout's unit number `unit`, rounded down."""

    unit: int
    type: SqlType = BIGINT
    part: int = 0


@dataclass(frozen=True)
class Total:
    """The exact sum of a measure's clipped values; NULL when nobody had one."""

    figure: str
    type: SqlType
    part: int = 0


@dataclass(frozen=True)
class Squares:
    """The exact sum of the squares of a measure's clipped values; NULL when nobody had one."""

    figure: str
    type: SqlType
    part: int = 0


@dataclass(frozen=True)
class Counted:
    """How many rows have a value in the column."""

    figure: str
    type: SqlType = BIGINT
    part: int = 0


@dataclass(frozen=True)
class Constant:
    value: Known
    type: SqlType


@dataclass(frozen=True)
class Apply:
    """`operation` is a key of OPERATIONS, or `cast`, `case`, `and`, `or`, `coalesce`, `greatest`, `least`, which treat NULL in
    their own way."""

    operation: str
    arguments: tuple[Expression, ...]
    type: SqlType


Expression = KeyLabel | Rows | People | Total | Squares | Counted | Constant | Apply


def evaluate(node: Expression, cells: Sequence[Cell | None], numerator_minimum: int) -> Outcome:
    """The value of an output expression for one protected cell, as each part of the sheet has released it; that of the first
    part is there."""
    if isinstance(node, Apply):
        return _apply(node, [evaluate(argument, cells, numerator_minimum) for argument in node.arguments])
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, KeyLabel):
        assert cells[0] is not None  # noqa: S101  a row is a cell of the first part
        return _label(cells[0].labels[node.index])
    cell = cells[node.part]
    if cell is None:
        return Withheld()
    if isinstance(node, Rows):
        return Decimal(cell.rows)
    if isinstance(node, People):
        return Decimal(cell.people[node.unit]) if cell.people[node.unit] else Withheld()
    figure = cell.figures[node.figure]
    if isinstance(node, Counted):
        return Withheld() if figure.count is None else Decimal(figure.count)
    if figure.withheld:
        return Withheld()
    if figure.fewer:
        return Fewer(numerator_minimum)
    return None if figure.count == 0 else figure.sum


def _apply(node: Apply, values: list[Outcome]) -> Outcome:
    if node.operation == "case":
        return _case(values)
    if node.operation in ("and", "or"):
        return _kleene(node.operation, values)
    if node.operation == "coalesce":
        return next((value for value in values if value is not None), None)
    for value in values:
        if isinstance(value, Hidden):
            return value
    if node.operation == "is_null":
        return values[0] is None
    if node.operation in ("greatest", "least"):
        return _extreme(node.operation, [value for value in values if value is not None])
    known: list[Known] = [value for value in values if not isinstance(value, Hidden)]
    if node.operation == "nullif":
        return None if known[0] is not None and known[0] == known[1] else known[0]
    if any(value is None for value in known):
        return None
    if node.operation == "cast":
        return _cast(known[0], node.type)
    try:
        return OPERATIONS[node.operation](known)
    except (InvalidOperation, TypeError):
        return None  # beyond a hundred digits, or of types that do not go together: no figure, and no error that could tell


def _case(values: list[Outcome]) -> Outcome:
    """Pairs of condition and value, then the default. An unknown condition is not true; a hidden one hides the whole."""
    for when, then in zip(values[:-1:2], values[1:-1:2], strict=True):
        if isinstance(when, Hidden):
            return when
        if when is True:
            return then
    return values[-1]


def _extreme(operation: str, values: list[Any]) -> Known:
    """Missing values are passed over, as both engines do."""
    chosen: Known = None
    for value in values:
        if chosen is None or ((value > chosen) == (operation == "greatest") and value != chosen):
            chosen = value
    return chosen


def _kleene(operation: str, values: list[Outcome]) -> Known:
    decisive = operation == "or"
    if any(value is decisive for value in values):
        return decisive
    return None if any(value is None or isinstance(value, Hidden) for value in values) else not decisive


def _cast(value: Known, to: SqlType) -> Known:
    if to.kind is Kind.STRING:
        return text_of(value)
    if isinstance(value, str) and to.kind is Kind.BIGINT:
        return label_functions.whole_of(value)
    if isinstance(value, bool):
        value = Decimal(int(value))
    if not isinstance(value, Decimal):
        return value if to.kind is Kind.DATE and isinstance(value, date) else None
    if to.kind is Kind.DATE:
        return None
    if to.kind is Kind.BIGINT:
        return _quantized(value, 0, ROUND_DOWN)
    if to.kind is Kind.DECIMAL:
        fitted = _quantized(value, to.scale or 0)
        return fitted if fitted is not None and len(fitted.as_tuple().digits) <= (to.precision or 0) else None
    return value


def text_of(value: Known) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else f"{value:f}"


def _quantized(value: Decimal, places: int, rounding: str = ROUND_HALF_UP) -> Decimal | None:
    try:
        return value.quantize(Decimal(1).scaleb(-places), rounding=rounding, context=EXACT)
    except InvalidOperation:
        return None


def _rounded(values: list[Known], rounding: str) -> Known:
    value, places = values[0], values[1] if len(values) > 1 else Decimal(0)
    assert isinstance(value, Decimal)  # noqa: S101
    assert isinstance(places, Decimal)  # noqa: S101  the reader takes numbers only
    shifted = _quantized(value.scaleb(int(places), context=EXACT), 0, rounding)
    return None if shifted is None else shifted.scaleb(-int(places), context=EXACT)


def _divided(values: list[Known]) -> Known:
    top, bottom = values
    assert isinstance(top, Decimal)  # noqa: S101
    assert isinstance(bottom, Decimal)  # noqa: S101
    return EXACT.divide(top, bottom) if bottom else None


def _variance(values: list[Known], less: int) -> Known:
    """From the sum of squares, the sum and the count: exact until the one division."""
    squares, total, count = values
    assert isinstance(squares, Decimal)  # noqa: S101
    assert isinstance(total, Decimal)  # noqa: S101
    assert isinstance(count, Decimal)  # noqa: S101
    if count <= less:
        return None
    top = EXACT.subtract(EXACT.multiply(count, squares), EXACT.multiply(total, total))
    return EXACT.divide(max(top, Decimal(0)), EXACT.multiply(count, count - less))  # rounded sums may go below zero


def _of_label(work: Callable[..., Any]) -> Callable[[list[Known]], Known]:
    """A function of a released label and constants."""

    def computed(values: list[Known]) -> Known:
        made = work(*(int(value) if isinstance(value, Decimal) else value for value in values))
        return Decimal(made) if isinstance(made, int) and not isinstance(made, bool) else made

    return computed


def _power(values: list[Known]) -> Known:
    """A whole power; powers of powers would soon have more digits than there is room for."""
    base, exponent = values
    assert isinstance(base, Decimal)  # noqa: S101
    assert isinstance(exponent, Decimal)  # noqa: S101  the reader takes numbers only
    return EXACT.power(base, exponent) if abs(base.adjusted()) * exponent < EXACT.prec else None


def _member(values: list[Known]) -> bool:
    return values[0] in values[1:]


OPERATIONS: Mapping[str, Callable[[list[Known]], Known]] = {
    "add": lambda v: EXACT.add(*v),  # type: ignore[arg-type]
    "sub": lambda v: EXACT.subtract(*v),  # type: ignore[arg-type]
    "mul": lambda v: EXACT.multiply(*v),  # type: ignore[arg-type]
    "div": _divided,
    "neg": lambda v: EXACT.minus(v[0]),  # type: ignore[arg-type]
    "abs": lambda v: EXACT.abs(v[0]),  # type: ignore[arg-type]
    "round": lambda v: _rounded(v, ROUND_HALF_UP),
    "ceil": lambda v: _rounded(v, "ROUND_CEILING"),
    "floor": lambda v: _rounded(v, "ROUND_FLOOR"),
    "eq": lambda v: v[0] == v[1],
    "neq": lambda v: v[0] != v[1],
    "lt": lambda v: v[0] < v[1],  # type: ignore[operator]
    "lte": lambda v: v[0] <= v[1],  # type: ignore[operator]
    "gt": lambda v: v[0] > v[1],  # type: ignore[operator]
    "gte": lambda v: v[0] >= v[1],  # type: ignore[operator]
    "not": lambda v: v[0] is not True,
    "in": _member,
    "concat": lambda v: "".join(text_of(one) or "" for one in v),
    "mod": lambda v: EXACT.remainder(*v) if v[1] else None,  # type: ignore[arg-type]
    "pow": _power,
    "sign": lambda v: Decimal((v[0] > 0) - (v[0] < 0)),  # type: ignore[operator]
    "sqrt": lambda v: EXACT.sqrt(v[0]) if isinstance(v[0], Decimal) and v[0] >= 0 else None,
    **{f"text_{name}": _of_label(work) for name, work in {**label_functions.TEXT, **label_functions.OF_TEXT}.items()},
    **{f"date_{name}": _of_label(work) for name, (work, _) in label_functions.PARTS.items()},
    "date_trunc": _of_label(truncate),
    "date_last_day": _of_label(label_functions.last_day),
    "date_written": _of_label(label_functions.in_pattern),
    "var_samp": lambda v: _variance(v, 1),
    "var_pop": lambda v: _variance(v, 0),
}


def _label(label: Label) -> Known:
    return Decimal(label) if isinstance(label, int) and not isinstance(label, bool) else label


def family(type_: SqlType) -> str:
    """Which values may be compared with each other: number, STRING, BOOLEAN or DATE."""
    return "number" if type_.is_numeric else type_.kind.value


def arithmetic_type(operation: str, types: list[SqlType]) -> SqlType:
    """Sums, differences and products of whole numbers are whole; everything else is a decimal with twelve places."""
    whole = all(type_.kind is Kind.BIGINT for type_ in types)
    return BIGINT if whole and operation in ("add", "sub", "mul", "neg", "abs", "ceil", "floor") else RATIO


def presented(outcome: Outcome, type_: SqlType) -> bool | int | Decimal | str | date | None:
    """The value as an answer shows it: whole numbers as int, decimals at the column's scale, what is hidden as its text."""
    if isinstance(outcome, Hidden):
        return str(outcome)
    if not isinstance(outcome, Decimal):
        return outcome
    if type_.kind is Kind.BIGINT:
        return int(outcome)
    places = type_.scale if type_.kind is Kind.DECIMAL and type_.scale is not None else PLACES
    return _quantized(outcome, places)


__all__ = [
    "BIGINT", "BOOLEAN", "DOUBLE", "OPERATIONS", "RATIO", "STRING", "Apply", "Constant", "Counted", "Expression", "Fewer",
    "Hidden", "KeyLabel", "Outcome", "People", "Rows", "Squares", "Total", "Withheld", "arithmetic_type", "evaluate", "family",
    "presented", "text_of",
]  # fmt: skip
