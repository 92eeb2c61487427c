"""The value of a measure in one row: clipped to its agreed bounds and put on an exact grid, the same on every engine.

It is a decimal, or a BIGINT that counts steps of the grid: engines add these several times faster, and where the bounds are
small the sums of them fit 64 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.logic import Ref
from cleanroom_core.guard.question import Question
from cleanroom_core.guard.reading.measures import DIGITS, SQUARED, bounds
from cleanroom_core.guard.trees import cast, integer, number
from cleanroom_core.sql.cells import FigureLayout
from cleanroom_core.sql.types import Kind

_SMALL = 10**8  # steps that one value may be: 90 billion of them fit 64 bits


def is_small(figure: FigureLayout) -> bool:
    """Whether the statement adds steps of the figure's grid, as BIGINT, and only the last SELECT makes decimals of them."""
    return figure.clip is not None and max(abs(Decimal(text)) for text in figure.clip).scaleb(figure.scale) <= _SMALL


def value_of(value: exp.Expr, ref: Ref, figure: FigureLayout, question: Question) -> exp.Expr:
    """The value of a summed figure in one row, from that of its column: clipped, on the figure's grid, squared where asked."""
    kind = question.column(ref).type.kind
    if not figure.squares:
        return _steps(value, figure, kind) if is_small(figure) else _exact(value, figure, kind)
    asset = next(asset for asset in question.assets if asset.qualified == ref.asset)
    measure = asset.measure(question.column(ref))
    assert measure is not None  # noqa: S101  judged before
    low, high = bounds(measure, figure.scale // 2)
    plain = replace(figure, scale=figure.scale // 2, clip=(str(low), str(high)), squares=False)
    if is_small(figure):
        return exp.Mul(this=_steps(value, plain, kind), expression=_steps(value, plain, kind))
    squared = exp.Mul(this=_exact(value, plain, kind), expression=_exact(value, plain, kind))
    return cast(squared, f"DECIMAL({2 * SQUARED},{figure.scale})")


def _exact(value: exp.Expr, figure: FigureLayout, kind: Kind) -> exp.Expr:
    """The value within its agreed bounds, on the figure's grid. NULL stays NULL, though `least` skips it; NaN is no value."""
    if kind is Kind.DOUBLE:
        type_, step = f"DECIMAL({DIGITS},{figure.scale})", number(Decimal(1).scaleb(-figure.scale))
        return _on_grid(value, figure, lambda bound: cast(number(bound), type_),
                        lambda steps: cast(exp.Mul(this=steps, expression=step), type_))  # fmt: skip
    return cast(_clipped(value, figure, kind), f"DECIMAL({DIGITS},{figure.scale})")


def _steps(value: exp.Expr, figure: FigureLayout, kind: Kind) -> exp.Expr:
    """The same as a BIGINT: how many steps of the grid it is from zero."""
    if kind is Kind.DOUBLE:
        return _on_grid(value, figure, lambda bound: _whole(bound.scaleb(figure.scale)), lambda steps: steps)
    clipped = _clipped(value, figure, kind)
    if not figure.scale:
        return cast(clipped, "BIGINT")
    short = cast(clipped, f"DECIMAL({len(str(_SMALL))},{figure.scale})")  # so short that engines have no need of 128 bits
    return cast(exp.Mul(this=short, expression=integer(10**figure.scale)), "BIGINT")


def _clipped(value: exp.Expr, figure: FigureLayout, kind: Kind) -> exp.Expr:
    assert figure.clip is not None  # noqa: S101  every summed figure has one
    low, high = (_bound(Decimal(text), kind, figure.scale) for text in figure.clip)
    exact = cast(value.copy(), "BIGINT") if kind is Kind.BOOLEAN else value.copy()
    below, above = exp.LTE(this=exact.copy(), expression=low.copy()), exp.GTE(this=exact.copy(), expression=high.copy())
    return trees.case((below, low), (above, high), default=exact)


def _bound(bound: Decimal, kind: Kind, scale: int) -> exp.Expr:
    return cast(number(bound), "BIGINT" if kind in (Kind.BIGINT, Kind.BOOLEAN) else f"DECIMAL({DIGITS},{scale})")


def _on_grid(
    value: exp.Expr, figure: FigureLayout, bound: Callable[[Decimal], exp.Expr], of: Callable[[exp.Expr], exp.Expr]
) -> exp.Expr:
    """A DOUBLE clipped and rounded to the figure's scale. In steps that are IEEE's own, because engines round differently when
    they make a decimal of a double. `of`: the result from the number of steps."""
    assert figure.clip is not None  # noqa: S101  every summed figure has one
    low, high = (Decimal(text) for text in figure.clip)
    scaled = exp.Mul(this=value.copy(), expression=number(Decimal(1).scaleb(figure.scale)))
    shifted = exp.Add(this=scaled, expression=cast(number(Decimal("0.5")), "DOUBLE"))
    return trees.case(
        (exp.IsNan(this=value.copy()), exp.Null()),
        (exp.LTE(this=value.copy(), expression=cast(number(low), "DOUBLE")), bound(low)),
        (exp.GTE(this=value.copy(), expression=cast(number(high), "DOUBLE")), bound(high)),
        default=of(cast(exp.Floor(this=shifted), "BIGINT")),
    )


def _whole(value: Decimal) -> exp.Expr:
    return cast(number(Decimal(int(value))), "BIGINT")
