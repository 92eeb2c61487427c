"""Functions that choose a value, and the type names that may be written like a function."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.sql.casts import convert
from cleanroom_core.sql.functions.call import Call, Function
from cleanroom_core.sql.portable import call
from cleanroom_core.sql.typed import Typed, coerce, operand
from cleanroom_core.sql.types import BOOLEAN, SqlType

_TYPES = ("string", "int", "bigint", "double", "boolean", "date", "timestamp", "smallint", "tinyint", "float")


def chosen(given: Call, test: exp.Expr, values: list[Typed]) -> Typed:
    """CASE WHEN test THEN first ELSE second END, both of one type."""
    type_ = given.compiler.unify(given.node, values)
    one, other = (value.tree if type_ is None else coerce(value, type_) for value in values)
    return Typed(exp.Case(ifs=[exp.If(this=test, true=one)], default=other), type_)


def _coalesce(given: Call) -> Typed:
    parts = given.compiled()
    type_ = given.compiler.unify(given.node, parts)
    if type_ is None:
        return Typed(exp.Null(), None)
    return Typed(call("COALESCE", *(coerce(part, type_) for part in parts)), type_)


def _nullif(given: Call) -> Typed:
    left, right = given.compiled()
    type_ = given.compiler.unify(given.node, [left, right])
    if type_ is None or left.type is None:
        return Typed(exp.Null(), left.type)
    return Typed(call("NULLIF", coerce(left, type_), coerce(right, type_)), type_)


def _iff(given: Call) -> Typed:
    return chosen(given, given.compiler.boolean(given.arguments[0]), given.compiled()[1:])


def _nvl2(given: Call) -> Typed:
    subject, one, other = given.compiled()
    return chosen(given, exp.Not(this=exp.Is(this=operand(subject.tree), expression=exp.Null())), [one, other])


def _isnull(given: Call) -> Typed:
    return Typed(exp.Is(this=operand(given.compiled()[0].tree), expression=exp.Null()), BOOLEAN)


def _isnotnull(given: Call) -> Typed:
    return Typed(exp.Not(this=_isnull(given).tree), BOOLEAN)


def _type(name: str) -> Function:
    target = SqlType.parse(name)
    return Function(
        (name,), f"{name}(value)", 1, 1, lambda given: convert(given.compiler, given.node, given.compiled()[0], target)
    )


FUNCTIONS = (
    Function(("coalesce",), "coalesce(a, b, ...)", 1, None, _coalesce),
    Function(("ifnull", "nvl"), "ifnull(a, b)", 2, 2, _coalesce),
    Function(("nullif",), "nullif(a, b)", 2, 2, _nullif),
    Function(("iff", "if"), "if(condition, a, b)", 3, 3, _iff),
    Function(("nvl2",), "nvl2(value, a, b)", 3, 3, _nvl2),
    Function(("isnull",), "isnull(value)", 1, 1, _isnull),
    Function(("isnotnull",), "isnotnull(value)", 1, 1, _isnotnull),
    *(_type(name) for name in _TYPES),
)
