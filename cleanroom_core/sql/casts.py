"""CAST among the pairs that can be made equal on every engine. Each is total: what cannot be converted is NULL.

`CAST` and `TRY_CAST` therefore mean the same here. An integer type of any width is BIGINT, FLOAT is DOUBLE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from cleanroom_core.errors import InputError
from cleanroom_core.sql.portable import call
from cleanroom_core.sql.typed import Typed, cast, coerce, operand
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DOUBLE, STRING, Kind, SqlType

if TYPE_CHECKING:
    from cleanroom_core.sql.compiler import Compiler

_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_BELOW, _FROM = "9223372036854775808", "-9223372036854775808"  # exactly representable in DOUBLE
# Shapes of texts, written with character classes only: engines differ in backslashes and in what $ means beside a line feed,
# hence the second test that no other character occurs at all.
_SHAPES = {
    Kind.BIGINT: ("^ *[+-]?[0-9]+ *$", "[^0-9+ -]"),
    Kind.DECIMAL: ("^ *[+-]?[0-9]+([.][0-9]+)? *$", "[^0-9+. -]"),
    Kind.DOUBLE: ("^ *[+-]?[0-9]{1,300}([.][0-9]{1,300})? *$", "[^0-9+. -]"),
    Kind.DATE: ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "[^0-9-]"),
    Kind.TIMESTAMP: (
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?)?$",
        "[^0-9T:. -]",
    ),
}


def type_of(compiler: Compiler, node: exp.Expr) -> SqlType:
    """The target type of a parsed CAST; refused with the place when it is none of ours."""
    try:
        return SqlType.parse(node.args["to"].sql("databricks"))
    except InputError as error:
        compiler.fail(node, error.message, error.hint, "TYPE")


def convert(compiler: Compiler, node: exp.Expr, part: Typed, target: SqlType) -> Typed:
    """CAST(part AS target), refused where engines would differ."""
    source = part.type
    if source is None or source == target:
        return Typed(cast(part.tree, target), target)
    found = _converted(part, source, target)
    if found is None:
        compiler.fail(
            node,
            f"{source} cannot be made {target} alike on every engine.",
            _ADVICE.get((source.kind, target.kind), _OTHER),
            "TYPE",
        )
    return Typed(found, target)


_OTHER = "Leave the column as it is, or prepare it in the source table."
_ADVICE = {
    (Kind.DOUBLE, Kind.STRING): "Make it a decimal first: CAST(CAST(x AS DECIMAL(12,2)) AS STRING).",
    (Kind.DECIMAL, Kind.STRING): "Use a decimal with at most 6 digits behind the point.",
    (Kind.TIMESTAMP, Kind.STRING): "Use date_format(x, 'yyyy-MM-dd').",
}


def _converted(part: Typed, source: SqlType, target: SqlType) -> exp.Expr | None:
    if source.kind is Kind.STRING:
        return _from_text(part.tree, target)
    if target.kind is Kind.STRING:
        small = source.kind is Kind.DECIMAL and (source.scale or 0) <= 6  # more would come out as 1E-7 in Spark
        return cast(part.tree, STRING) if small or source.kind in (Kind.BIGINT, Kind.BOOLEAN, Kind.DATE) else None
    if source == BOOLEAN:
        return cast(cast(part.tree, BIGINT), target) if target.is_numeric else None
    if target == BOOLEAN:
        return exp.NEQ(this=operand(part.tree), expression=exp.Literal.number(0)) if source == BIGINT else None
    if source.is_numeric and target.is_numeric:
        return _number(part, source, target)
    both = {source.kind, target.kind}
    return cast(part.tree, target) if both == {Kind.DATE, Kind.TIMESTAMP} else None


def _number(part: Typed, source: SqlType, target: SqlType) -> exp.Expr | None:
    if target == DOUBLE:
        return coerce(part, DOUBLE)
    if target == BIGINT:
        return truncated(part.tree, source)
    if source == DOUBLE:
        return rounded_double(part.tree, target)
    return cast(part.tree, target, total=True)  # both engines round half away from zero


def truncated(tree: exp.Expr, source: SqlType) -> exp.Expr:
    """The whole part of a DECIMAL or DOUBLE as BIGINT, as Databricks' CAST has it; DuckDB's own would round."""
    towards_zero = exp.Case(
        ifs=[exp.If(this=exp.LT(this=operand(tree), expression=exp.Literal.number(0)), true=call("CEIL", tree.copy()))],
        default=call("FLOOR", tree.copy()),
    )
    return whole(towards_zero, source, tree)


def whole(rounded: exp.Expr, source: SqlType, tree: exp.Expr) -> exp.Expr:
    """A rounded number as BIGINT, NULL outside its range. Spark's FLOOR of a DOUBLE saturates: hence the test."""
    found = cast(rounded, BIGINT, total=True)
    if source != DOUBLE:
        return found
    low = exp.GTE(this=operand(tree.copy()), expression=cast(exp.Literal.string(_FROM), DOUBLE))
    high = exp.LT(this=operand(tree.copy()), expression=cast(exp.Literal.string(_BELOW), DOUBLE))
    return exp.Case(ifs=[exp.If(this=exp.And(this=low, expression=high), true=found)])


def rounded_double(tree: exp.Expr, target: SqlType) -> exp.Expr:
    """A DOUBLE as DECIMAL by way of its text: engines multiply before they round and differ at ties."""
    return cast(cast(tree, STRING), target, total=True)


def _from_text(tree: exp.Expr, target: SqlType) -> exp.Expr | None:
    if target == BOOLEAN:
        word = call("LOWER", exp.Trim(this=tree, expression=exp.Literal.string(" ")))
        return exp.Case(
            ifs=[
                exp.If(
                    this=exp.In(this=word.copy(), expressions=[exp.Literal.string(w) for w in words]),
                    true=exp.Boolean(this=value),
                )
                for words, value in ((_TRUE, True), (_FALSE, False))
            ]
        )
    if isinstance(tree, exp.Literal) and target.kind in (Kind.DATE, Kind.TIMESTAMP):
        return cast(tree, target)  # the compiler has checked it against the calendar
    shape, others = _SHAPES[target.kind]
    fits = exp.And(
        this=exp.RegexpLike(this=tree.copy(), expression=exp.Literal.string(shape)),
        expression=exp.Not(this=exp.RegexpLike(this=tree.copy(), expression=exp.Literal.string(others))),
    )
    if target.kind in (Kind.DATE, Kind.TIMESTAMP):  # year 0 is written in three ways
        fits = exp.And(this=fits, expression=exp.GTE(this=operand(tree.copy()), expression=exp.Literal.string("0001")))
    return exp.Case(ifs=[exp.If(this=fits, true=cast(tree, target, total=True))])
