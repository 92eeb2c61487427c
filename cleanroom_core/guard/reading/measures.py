"""Measures: which column is summed, and the exact grid its clipped values, and their squares, lie on."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sqlglot import exp

from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.question import bearer
from cleanroom_core.guard.reading.constants import constant, is_constant
from cleanroom_core.guard.reading.scope import Found, Reading, Role
from cleanroom_core.policies.rule import Measure
from cleanroom_core.sql.cells import FigureLayout
from cleanroom_core.sql.types import Kind

FINEST = 6  # decimal places of a DOUBLE measure; a decimal keeps its own
DIGITS = 18  # of a clipped value on its grid: two such sums fit 38 digits up to 10^20 rows
SQUARED = 13  # of a clipped value whose squares are summed: they fit 38 digits up to 10^12 rows


def measure_of(node: exp.Expr | None, reading: Reading, at: exp.Expr) -> Found:
    """The measure itself, its agreed clip `least(x, max)`, or a cast of it that changes no value."""
    node = node.unnest() if node is not None else None
    if isinstance(node, exp.Cast | exp.TryCast):
        found = measure_of(node.this, reading, at)
        if _keeps(found, node.args["to"]):
            return found
    elif isinstance(node, exp.Least | exp.Greatest) and len(node.expressions) == 1:
        operands = [node.this.unnest(), node.expressions[0].unnest()]
        operands.sort(key=is_constant)
        if not is_constant(operands[0]) and is_constant(operands[1]):
            found = measure_of(operands[0], reading, at)
            if _is_clip(found, node, constant(operands[1], reading)):
                return found
            measure = found.asset.measure(found.column)
            assert measure is not None  # noqa: S101  _measure returns measures only
            raise Refusal("CLIP", f"{found} has one agreed clip.", f"It lies between {measure.min} and {measure.max}.",
                          clause=found.asset.clause("measures", found.column.name), owner=found.asset.owner,
                          at=node, suggestion=found.column.name)  # fmt: skip
    elif isinstance(node, exp.Column):
        found = reading.scope.resolve(node)
        if found.role is Role.MEASURE:
            return found
        if found.role in (Role.UNIT, Role.KEY):
            raise Refusal("IDENTITY", f"{found} identifies people and is not calculated with.", "Use a measure.",
                          clause=found.asset.clause("privacy_unit" if found.role is Role.UNIT else "join_key"),
                          owner=found.asset.owner, at=node)  # fmt: skip
        raise Refusal("NOT_A_MEASURE", f"{found} is a {found.role} and cannot be summed.",
                      "Ask its owner to make it a measure with min and max.", clause=found.asset.clause("measures"),
                      owner=found.asset.owner, at=node)  # fmt: skip
    raise Refusal("AGGREGATE", "Only a measure as it is can be summed or averaged.",
                  "Write sum(column) or avg(column) and calculate with the results; other arithmetic belongs into a shared "
                  "column of its own.", clause="grammar.aggregates",
                  at=node if node is not None else at)  # fmt: skip


def _keeps(found: Found, to: exp.Expr) -> bool:
    """Whether a cast leaves the clipped value as it is."""
    name = to.this.value if isinstance(to, exp.DataType) else ""
    if name in ("DOUBLE", "FLOAT"):
        return True
    if name in ("INT", "BIGINT"):
        return found.column.type.kind in (Kind.BIGINT, Kind.BOOLEAN)
    digits = [int(one.name) for one in to.expressions] if name == "DECIMAL" else []
    measure = found.asset.measure(found.column)
    if measure is None or len(digits) != 2 or found.column.type.kind not in (Kind.BIGINT, Kind.DECIMAL):
        return False
    most = max(abs(Decimal(measure.min)), abs(Decimal(measure.max)))
    return digits[1] >= (found.column.type.scale or 0) and most < Decimal(10) ** (digits[0] - digits[1])


def _is_clip(found: Found, node: exp.Expr, bound: object) -> bool:
    measure = found.asset.measure(found.column)
    if measure is None or isinstance(bound, bool) or not isinstance(bound, int | Decimal):
        return False
    return Decimal(bound) == Decimal(measure.max if isinstance(node, exp.Least) else measure.min)


def summed(found: Found, at: exp.Expr, reading: Reading) -> FigureLayout:
    """Scale and clip of a measure on its exact grid; raises Refusal when its type or its bounds do not fit one.

    Two kinds of sums are released in steps of one value's bound. What the receiver has written into its own table could mark
    people in a question about somebody else's. And a measure of an asset that does not bear the rows stands in several rows of
    one person, so that two cells without a row in common may differ by one value."""
    measure = found.asset.measure(found.column)
    assert measure is not None  # noqa: S101  asked for measures only
    kind = found.column.type.kind
    if not (found.column.type.is_numeric or kind is Kind.BOOLEAN):
        raise _unfit(found, f"{found} is {found.column.type} and no number.", "Share it as a number.", at)
    scale = {Kind.DECIMAL: found.column.type.scale or 0, Kind.DOUBLE: FINEST}.get(kind, 0)
    low, high = bounds(measure, scale)
    if low >= high or max(abs(low), abs(high)) >= Decimal(10) ** (DIGITS - scale):
        hint = f"Between min and max lie numbers with {scale} decimal places, of {DIGITS} digits in all."
        raise _unfit(found, f"The bounds of {found} do not fit its type.", hint, at)
    binary = low == 0 and high == 1  # what lies between counts on both sides: nobody's 0.37 is a small numerator
    rows_of = bearer(tuple(reading.scope.assets.values()))
    own = found.asset.owner == reading.receiver and any(
        asset.owner != reading.receiver for asset in reading.scope.assets.values()
    )
    repeated = found.asset != rows_of and rows_of.rows_per_key != 1
    step = str(max(abs(low), abs(high))) if own or repeated else None
    return FigureLayout(str(found.ref), True, scale, binary, low < 0, (str(low), str(high)), step=step)


def squared_of(layout: FigureLayout, found: Found, at: exp.Expr) -> FigureLayout:
    """The layout of the squares of a measure: twice the places, so that they are exact too."""
    assert layout.clip is not None  # noqa: S101  of a measure
    low, high = (Decimal(text) for text in layout.clip)
    most = max(abs(low), abs(high))
    if most >= Decimal(10) ** (SQUARED - layout.scale):
        hint = f"Deviations take bounds of at most {SQUARED} digits, {layout.scale} of them decimal places."
        raise _unfit(found, f"The squares of {found} do not fit.", hint, at)
    least = Decimal(0) if low <= 0 <= high else min(abs(low), abs(high)) ** 2
    step = None if layout.step is None else str(Decimal(layout.step) ** 2)
    return FigureLayout(f"{layout.name}^2", True, 2 * layout.scale, clip=(str(least), str(most**2)), squares=True, step=step)


def bounds(measure: Measure, scale: int) -> tuple[Decimal, Decimal]:
    """min and max moved inwards to the grid: for values on the grid they clip alike."""
    step = Decimal(1).scaleb(-scale)
    return (
        Decimal(measure.min).quantize(step, rounding=ROUND_CEILING),
        Decimal(measure.max).quantize(step, rounding=ROUND_FLOOR),
    )


def _unfit(found: Found, message: str, hint: str, at: exp.Expr) -> Refusal:
    return Refusal("MEASURE", message, hint, clause=found.asset.clause("measures", found.column.name),
                   owner=found.asset.owner, at=at)  # fmt: skip
