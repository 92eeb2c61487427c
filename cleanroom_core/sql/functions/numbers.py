"""Functions over numbers: only those whose results are exact."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.sql.arithmetic import opposite
from cleanroom_core.sql.casts import rounded_double, whole
from cleanroom_core.sql.functions.call import Call, Function
from cleanroom_core.sql.portable import call
from cleanroom_core.sql.typed import Typed, cast, coerce, operand
from cleanroom_core.sql.types import BIGINT, DOUBLE, Kind, SqlType

_NUMBERS = (Kind.BIGINT, Kind.DECIMAL, Kind.DOUBLE)


def _abs(given: Call) -> Typed:
    found = given.of_kind(0, *_NUMBERS)
    if found.type != BIGINT:
        return Typed(call("ABS", found.tree), found.type)
    negative = exp.LT(this=operand(found.tree.copy()), expression=exp.Literal.number(0))
    return Typed(exp.Case(ifs=[exp.If(this=negative, true=opposite(found).tree)], default=found.tree.copy()), BIGINT)


def _to_whole(name: str) -> Function:
    def compile_(given: Call) -> Typed:
        found = given.of_kind(0, *_NUMBERS)
        if found.type is None or found.type == BIGINT:
            return Typed(found.tree, BIGINT)
        return Typed(whole(call(name.upper(), found.tree), found.type, found.tree), BIGINT)

    return Function((name, "ceiling") if name == "ceil" else (name,), f"{name}(number)", 1, 1, compile_)


def _round(given: Call) -> Typed:
    found = given.of_kind(0, *_NUMBERS)
    digits = given.fixed_number(1, "The number of digits", at_least=0) if len(given.arguments) == 2 else 0
    if digits > 10:
        given.fail("round() keeps at most 10 digits.", "Write round(x, 2).", 1)
    type_ = found.type
    if type_ is None or type_ == BIGINT:
        return Typed(found.tree, BIGINT)
    if type_ == DOUBLE:
        decimal = SqlType(Kind.DECIMAL, 38, digits)
        return Typed(coerce(Typed(rounded_double(found.tree, decimal), decimal), DOUBLE), DOUBLE)
    precision, scale = type_.precision or 0, type_.scale or 0
    if digits >= scale:
        return Typed(found.tree, type_)
    result = SqlType(Kind.DECIMAL, min(38, precision - scale + digits + 1), digits)
    return Typed(cast(found.tree, result), result)


def _extreme(name: str) -> Function:
    def compile_(given: Call) -> Typed:
        parts = given.compiled()
        type_ = given.compiler.unify(given.node, parts)
        if type_ is None or type_.kind is Kind.BOOLEAN:
            given.fail(f"{name}() needs values that have an order.", "Use numbers, texts or dates.", code="TYPE")
        return Typed(call(name.upper(), *(coerce(part, type_) for part in parts)), type_)

    return Function((name,), f"{name}(a, b, ...)", 2, None, compile_)


def _mod(given: Call) -> Typed:
    return given.compiler.compile(exp.Mod(this=given.arguments[0].copy(), expression=given.arguments[1].copy()))


FUNCTIONS = (
    Function(("abs",), "abs(number)", 1, 1, _abs),
    Function(("round",), "round(number, 2)", 1, 2, _round),
    _to_whole("floor"),
    _to_whole("ceil"),
    _extreme("greatest"),
    _extreme("least"),
    Function(("mod",), "mod(number, 10)", 2, 2, _mod),
)
