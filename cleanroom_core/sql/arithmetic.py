"""+ - * / % DIV and the minus sign, exact where the engines' own arithmetic would fail or differ.

BIGINT is computed in DECIMAL and comes back as BIGINT, NULL when it no longer fits; DECIMAL results have the digits the
operation needs, or are refused; division is done in DOUBLE and only by what cannot be zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from cleanroom_core.sql.typed import MAX_DIGITS, Typed, cast, coerce, decimal_of, operand
from cleanroom_core.sql.types import BIGINT, DOUBLE, Kind, SqlType

if TYPE_CHECKING:
    from cleanroom_core.sql.compiler import Compiler

_NUMBERS = (Kind.BIGINT, Kind.DECIMAL, Kind.DOUBLE)
_SMALLER = "CAST one of them to a smaller decimal or to DOUBLE first."


def negate(compiler: Compiler, node: exp.Expr) -> Typed:
    found = compiler.of_kind(node.this, "The minus sign", *_NUMBERS)
    if found.constant and not isinstance(found.tree, exp.Neg):
        return Typed(exp.Neg(this=found.tree), found.type, constant=True)
    return opposite(found)


def opposite(part: Typed) -> Typed:
    """-part; NULL for the one BIGINT that has no opposite."""
    if part.type == BIGINT:
        return Typed(cast(exp.Neg(this=cast(part.tree, SqlType(Kind.DECIMAL, 19, 0))), BIGINT, total=True), BIGINT)
    return Typed(exp.Neg(this=operand(part.tree)), part.type)


def add(compiler: Compiler, node: exp.Expr) -> Typed:
    """Addition and subtraction."""
    left, right = _numbers(compiler, node)
    if None in (left.type, right.type):
        return Typed(exp.Null(), left.type or right.type)
    if (exact := _in_double(node, left, right)) is not None:
        return exact
    one, other = decimal_of(left), decimal_of(right)
    assert one is not None and other is not None  # noqa: S101, PT018 - neither is DOUBLE
    scale = max(one.scale or 0, other.scale or 0)
    digits = max((one.precision or 0) - (one.scale or 0), (other.precision or 0) - (other.scale or 0)) + scale + 1
    if digits > MAX_DIGITS:
        compiler.fail(node, "The result would need more than 38 digits.", _SMALLER, "TYPE")
    return _exact(node, left, right, (one, other), SqlType(Kind.DECIMAL, digits, scale))


def multiply(compiler: Compiler, node: exp.Expr) -> Typed:
    left, right = _numbers(compiler, node)
    if None in (left.type, right.type):
        return Typed(exp.Null(), left.type or right.type)
    if (exact := _in_double(node, left, right)) is not None:
        return exact
    one, other = decimal_of(left), decimal_of(right)
    assert one is not None and other is not None  # noqa: S101, PT018 - neither is DOUBLE
    digits, scale = (one.precision or 0) + (other.precision or 0), (one.scale or 0) + (other.scale or 0)
    whole = left.type == right.type == BIGINT
    if not whole and digits >= MAX_DIGITS:  # Spark plans one digit more and would cut the scale
        compiler.fail(node, "The result could need more than 37 digits.", _SMALLER, "TYPE")
    return _exact(node, left, right, (one, other), SqlType(Kind.DECIMAL, digits, scale))


def divide(compiler: Compiler, node: exp.Expr) -> Typed:
    """Division in DOUBLE, by a number that is not zero or by nullif(x, 0)."""
    left, right = _numbers(compiler, node)
    if not (_not_zero(right) or _guarded(node.expression.unnest())):
        compiler.fail(
            node.expression,
            "Division is by a number that is not zero.",
            "Write x / 12, or x / nullif(y, 0), which is NULL at zero.",
            "ARGUMENT",
        )
    return Typed(exp.Div(this=operand(coerce(left, DOUBLE)), expression=operand(coerce(right, DOUBLE))), DOUBLE)


def whole_division(compiler: Compiler, node: exp.Expr) -> Typed:
    """`%` and DIV of a BIGINT by a positive literal; both follow the sign of the dividend, as Databricks has it."""
    left = compiler.of_kind(node.this, "Whole-number division", Kind.BIGINT)
    right = compiler.compile(node.expression)
    if (right.integer or 0) < 1:
        compiler.fail(
            node.expression, "The divisor is not a whole number above zero.", "Write it as a number: x % 10.", "ARGUMENT"
        )
    return Typed(type(node)(this=operand(left.tree), expression=right.tree), BIGINT)


def _numbers(compiler: Compiler, node: exp.Expr) -> tuple[Typed, Typed]:
    return compiler.of_kind(node.this, "Arithmetic", *_NUMBERS), compiler.of_kind(node.expression, "Arithmetic", *_NUMBERS)


def _in_double(node: exp.Expr, left: Typed, right: Typed) -> Typed | None:
    if DOUBLE not in (left.type, right.type):
        return None
    return Typed(type(node)(this=operand(coerce(left, DOUBLE)), expression=operand(coerce(right, DOUBLE))), DOUBLE)


def _exact(node: exp.Expr, left: Typed, right: Typed, decimals: tuple[SqlType, SqlType], result: SqlType) -> Typed:
    whole = left.type == right.type == BIGINT
    trees = [
        operand(part.tree) if part.type == decimal or (whole and part.constant) else cast(part.tree, decimal)
        for part, decimal in zip((left, right), decimals, strict=True)
    ]
    found = type(node)(this=trees[0], expression=trees[1])
    if whole:
        return Typed(cast(found, BIGINT, total=True), BIGINT)
    return Typed(cast(found, result), result)


def _not_zero(part: Typed) -> bool:
    return part.constant and float(part.tree.this.name if isinstance(part.tree, exp.Neg) else part.tree.name) != 0


def _guarded(node: exp.Expr) -> bool:
    """nullif(..., 0)"""
    return (
        isinstance(node, exp.Anonymous)
        and node.name.lower() == "nullif"
        and isinstance(zero := node.expressions[-1].unnest(), exp.Literal)
        and not zero.is_string
        and float(zero.name) == 0
    )
