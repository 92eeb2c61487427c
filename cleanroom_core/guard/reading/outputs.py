"""SELECT, HAVING and ORDER BY: keys and aggregates, and arithmetic over them that is done on protected figures only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from cleanroom_core.errors import InputError
from cleanroom_core.guard.figures import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    RATIO,
    STRING,
    Apply,
    Constant,
    Expression,
    KeyLabel,
    arithmetic_type,
    family,
)
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.question import Key
from cleanroom_core.guard.reading.aggregates import aggregate
from cleanroom_core.guard.reading.constants import constant, is_constant
from cleanroom_core.guard.reading.dimensions import truncated
from cleanroom_core.guard.reading.keys import AGGREGATES, key
from cleanroom_core.guard.reading.parts import Aggregates
from cleanroom_core.guard.reading.scope import Reading, Role
from cleanroom_core.guard.reading.values import (
    DATE_PARTS,
    DERIVED,
    LABELLED,
    OF_TEXT,
    TRIMMED,
    dated_argument,
    of_date,
    of_text,
)
from cleanroom_core.sql.types import DATE, Kind, SqlType

_OF_LABELS = (*LABELLED, *OF_TEXT, exp.Trim, exp.Concat, exp.DPipe, exp.Extract, exp.TimeToStr, exp.LastDay,
              exp.TimestampTrunc, exp.DateTrunc)  # fmt: skip
_ALIKE: dict[type[exp.Expr], str] = {
    exp.Coalesce: "coalesce", exp.Nullif: "nullif", exp.Greatest: "greatest", exp.Least: "least",
}  # fmt: skip
MOST_POWER = 9
_ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Add: "add", exp.Sub: "sub", exp.Mul: "mul", exp.Div: "div", exp.Neg: "neg", exp.Abs: "abs", exp.Round: "round",
    exp.Ceil: "ceil", exp.Floor: "floor", exp.Mod: "mod", exp.Sqrt: "sqrt", exp.Sign: "sign", exp.Pow: "pow",
}  # fmt: skip
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "eq", exp.NEQ: "neq", exp.LT: "lt", exp.LTE: "lte", exp.GT: "gt", exp.GTE: "gte",
}  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """What an output expression may speak of: the reading, its keys in canonical order, and the aggregates met so far.

    `grouped`: the expressions of GROUP BY with their keys. `aliases`: output names, for HAVING and
    ORDER BY."""

    reading: Reading
    keys: tuple[Key, ...]
    grouped: tuple[tuple[exp.Expr, Key], ...]
    aggregates: Aggregates
    aliases: Mapping[str, Expression]


def expression(node: exp.Expr, frame: Frame) -> Expression:
    """Read one expression over protected figures; raises Refusal at the first part that is not in the grammar."""
    node = node.unnest()
    if isinstance(node, AGGREGATES):
        return aggregate(node, frame.reading, frame.aggregates)
    if (label := _key(node, frame)) is not None:
        return label
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return _constant(node, frame)
    if is_constant(node):
        return _constant(node, frame)
    if type(node) in _ARITHMETIC:
        return _arithmetic(node, frame)
    if type(node) in _COMPARISONS:
        left, right = expression(node.this, frame), expression(node.expression, frame)
        return _compared(_COMPARISONS[type(node)], [left, right], node)
    if isinstance(node, exp.And | exp.Or):
        parts = tuple(_boolean(part, frame) for part in node.flatten())
        return Apply("and" if isinstance(node, exp.And) else "or", parts, BOOLEAN)
    if isinstance(node, exp.Not):
        return Apply("not", (_boolean(node.this, frame),), BOOLEAN)
    return _special(node, frame)


def _special(node: exp.Expr, frame: Frame) -> Expression:
    if isinstance(node, exp.Between):
        value = expression(node.this, frame)
        low, high = (expression(node.args[edge], frame) for edge in ("low", "high"))
        return Apply("and", (_compared("gte", [value, low], node), _compared("lte", [value, high], node)), BOOLEAN)
    if isinstance(node, exp.In) and node.expressions:
        return _compared("in", [expression(part, frame) for part in (node.this, *node.expressions)], node)
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return Apply("is_null", (expression(node.this, frame),), BOOLEAN)
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean):
        met, wanted = _boolean(node.this, frame), bool(node.expression.this)
        same = _compared("eq", [met, Constant(wanted, BOOLEAN)], node)
        return Apply("coalesce", (same, Constant(False, BOOLEAN)), BOOLEAN)
    if isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
        return _null_safe(node, frame)
    if isinstance(node, _OF_LABELS):
        return _labelled(node, frame)
    if isinstance(node, exp.Cast | exp.TryCast):
        return _cast(expression(node.this, frame), node)
    if type(node) in _ALIKE:
        operands = [node.this, *node.expressions] if node.expressions else [node.this, node.expression]
        return _alike(_ALIKE[type(node)], [expression(operand, frame) for operand in operands if operand is not None], node)
    if isinstance(node, exp.Case | exp.If):
        return _case(node, frame)
    if isinstance(node, exp.Column):
        raise _not_aggregated(node, frame)
    raise Refusal("EXPRESSION", "This is not an expression the guard knows.",
                  "Use aggregates, their arithmetic, ROUND, CAST, COALESCE, NULLIF and CASE.", clause="grammar.select",
                  at=node)  # fmt: skip


def _key(node: exp.Expr, frame: Frame) -> Expression | None:
    """The label of a key when `node` is one, or what an output name stands for."""
    for meant, key_ in frame.grouped:
        if key_.ref is None and meant == node:
            return KeyLabel(frame.keys.index(key_), key_.type)
    if isinstance(node, DERIVED) and (same := _derived(node, frame)) is not None:
        return same
    if (period := truncated(node, frame.reading)) is not None:
        wanted = Key(period[0].ref, period[1], (), DATE)
    elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        if not node.table and node.name.casefold() in frame.aliases:
            return frame.aliases[node.name.casefold()]
        found = frame.reading.scope.resolve(node)
        dated = found.column.type.kind is Kind.DATE
        wanted = Key(found.ref, "day" if dated else None, (), DATE if dated else found.column.type)
    else:
        return None
    if wanted in frame.keys:
        index = frame.keys.index(wanted)
        return KeyLabel(index, wanted.type)
    raise _not_aggregated(node, frame)


def _derived(node: exp.Expr, frame: Frame) -> Expression | None:
    """The label of a key that GROUP BY spells in another way."""
    if all(key_.ref is not None for key_ in frame.keys) and all(type(meant) is exp.Column for meant, _ in frame.grouped):
        return None
    if node.find(exp.Column) is None or node.find(*AGGREGATES) is not None:
        return None
    try:
        wanted = key(node, frame.reading)
    except Refusal:
        return None  # made of what is not grouped by, or of an output's name: read as an expression over labels
    return KeyLabel(frame.keys.index(wanted), wanted.type) if wanted in frame.keys else None


def _labelled(node: exp.Expr, frame: Frame) -> Expression:
    """Functions of labels, computed over those that were released."""
    if isinstance(node, exp.Concat | exp.DPipe):
        parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
        return Apply("concat", tuple(expression(part, frame) for part in parts), STRING)
    if isinstance(node, _OF_LABELS[-5:]) or type(node) in DATE_PARTS:
        part = of_date(node)
        return _computed(part.operation, expression(dated_argument(node), frame), part.constants, "DATE", part.kind, node)
    label = expression(node.this, frame)
    if type(node) in OF_TEXT:
        name, constants, kind = of_text(node, frame.reading)
        found = _computed(f"text_{name}", label, constants, "STRING", kind, node)
        return Apply("not", (found,), BOOLEAN) if node.args.get("negate") else found
    if isinstance(node, exp.Trim):
        if node.args.get("expression") is not None:
            raise _unfit(node)
        position = str(node.args.get("position") or "").upper()
        return _computed(f"text_{TRIMMED.get(position, 'trim')}", label, (), "STRING", Kind.STRING, node)
    return _computed(f"text_{LABELLED[type(node)]}", label, (), "STRING", Kind.STRING, node)


def _computed(
    operation: str, label: Expression, constants: Sequence[str | int], wanted: str, kind: Kind, node: exp.Expr
) -> Apply:
    """A function of a released label."""
    if family(label.type) != wanted:
        raise _unfit(node)
    rest = [Constant(Decimal(one), BIGINT) if isinstance(one, int) else Constant(one, STRING) for one in constants]
    return Apply(operation, (label, *rest), {Kind.DATE: DATE, Kind.BIGINT: BIGINT, Kind.BOOLEAN: BOOLEAN}.get(kind, STRING))


def _unfit(node: exp.Expr) -> Refusal:
    return Refusal("EXPRESSION", "This function does not go with that.", "Text functions take text, parts of a date a date.",
                   clause="grammar.select", at=node)  # fmt: skip


def _cast(value: Expression, node: exp.Expr) -> Apply:
    """CAST; what would be an error in SQL for any value, or differ from engine to engine, is refused."""
    to = _target(node)
    taken = {"number": "number BOOLEAN", "STRING": "number STRING BOOLEAN DATE", "DATE": "DATE"}[family(to)].split()
    if family(to) == "number" and to.kind is Kind.BIGINT:
        taken.append("STRING")
    if family(value.type) not in taken and not (isinstance(value, Constant) and value.value is None):
        raise Refusal("EXPRESSION", f"This is no {to}, whatever its value.", "Cast to BIGINT, DECIMAL(p,s), DOUBLE or STRING.",
                      clause="grammar.select", at=node)  # fmt: skip
    return Apply("cast", (value,), to)


def _null_safe(node: exp.Expr, frame: Frame) -> Expression:
    left, right = expression(node.this, frame), expression(node.expression, frame)
    missing = Apply("and", tuple(Apply("is_null", (side,), BOOLEAN) for side in (left, right)), BOOLEAN)
    equal = Apply("coalesce", (_compared("eq", [left, right], node), Constant(False, BOOLEAN)), BOOLEAN)
    same = Apply("or", (missing, equal), BOOLEAN)
    return Apply("not", (same,), BOOLEAN) if isinstance(node, exp.NullSafeNEQ) else same


def _not_aggregated(node: exp.Expr, frame: Frame) -> Refusal:
    if isinstance(node, exp.Column):
        found = frame.reading.scope.resolve(node)
        if found.role in (Role.UNIT, Role.KEY):
            return Refusal("IDENTITY", f"{found} identifies people and cannot be shown.",
                           "It may stand in ON, in USING and in count(DISTINCT ...) only.",
                           clause=found.asset.clause("privacy_unit" if found.role is Role.UNIT else "join_key"),
                           owner=found.asset.owner, at=node)  # fmt: skip
        if found.role is not Role.DIMENSION:
            return Refusal("ROW_OUTPUT", f"{found} would show single rows.",
                           f"Write avg({found.column.name}) or sum({found.column.name})." if found.role is Role.MEASURE
                           else "Leave it out.", clause=found.asset.clause("dimensions"), owner=found.asset.owner, at=node,
                           suggestion=f"avg({found.column.name})" if found.role is Role.MEASURE else None)  # fmt: skip
    return Refusal("NOT_GROUPED", "This is neither grouped by nor aggregated.", "Add it to GROUP BY.",
                   clause="grammar.group_by", at=node)  # fmt: skip


def _constant(node: exp.Expr, frame: Frame) -> Expression:
    if isinstance(node, exp.Null):
        return Constant(None, RATIO)
    value = constant(node, frame.reading)
    if isinstance(value, bool):
        return Constant(value, BOOLEAN)
    if isinstance(value, int):
        return Constant(Decimal(value), BIGINT)
    return Constant(value, RATIO if isinstance(value, Decimal) else STRING)


def _arithmetic(node: exp.Expr, frame: Frame) -> Expression:
    operation = _ARITHMETIC[type(node)]
    operands = [node.this, node.args.get("expression") or node.args.get("decimals")]
    arguments = tuple(expression(operand, frame) for operand in operands if operand is not None)
    for argument in arguments:
        if family(argument.type) != "number":
            raise Refusal("EXPRESSION", "Only numbers are calculated with.", "Use figures and numbers here.",
                          clause="grammar.select", at=node)  # fmt: skip
    if operation in ("round", "ceil", "floor") and len(arguments) > 1:
        return Apply(operation, arguments, _rounded_type(arguments[0], arguments[1], node))
    if operation in ("round", "ceil", "floor", "sign"):
        return Apply(operation, arguments, BIGINT)
    if operation == "pow" and not (isinstance(arguments[1], Constant) and arguments[1].value in range(MOST_POWER + 1)):
        raise Refusal("EXPRESSION", f"Powers are whole numbers from 0 to {MOST_POWER}.", "Write power(avg(x), 2).",
                      clause="grammar.select", at=node)  # fmt: skip
    return Apply(operation, arguments, arithmetic_type(operation, [argument.type for argument in arguments]))


def _rounded_type(value: Expression, places: Expression, node: exp.Expr) -> SqlType:
    if not (isinstance(places, Constant) and places.type is BIGINT and isinstance(places.value, Decimal)) and not (
        isinstance(places, Apply) and places.operation == "neg"
    ):
        raise Refusal("EXPRESSION", "Round to a fixed number of places.", "Write round(avg(x), 2).", clause="grammar.select",
                      at=node)  # fmt: skip
    digits = int(places.value) if isinstance(places, Constant) and isinstance(places.value, Decimal) else -1
    if digits > RATIO.scale:  # type: ignore[operator]
        raise Refusal("EXPRESSION", f"Figures have at most {RATIO.scale} decimal places.", "Round to fewer places.",
                      clause="grammar.select", at=node)  # fmt: skip
    return BIGINT if digits <= 0 or value.type is BIGINT else SqlType(Kind.DECIMAL, 38, digits)


def _compared(operation: str, arguments: list[Expression], node: exp.Expr) -> Apply:
    if len({_comparable(argument) for argument in arguments} - {"any"}) > 1:
        raise Refusal("LITERAL_TYPE", "These are of different types and cannot be compared.",
                      "Compare numbers with numbers and text with text.", clause="grammar.having", at=node)  # fmt: skip
    return Apply(operation, tuple(_as_date(arguments)), BOOLEAN)


def _comparable(argument: Expression) -> str:
    if isinstance(argument, Constant) and argument.value is None:
        return "any"
    return "STRING" if argument.type == DATE else family(argument.type)


def _as_date(arguments: list[Expression]) -> list[Expression]:
    """Dates are compared as ISO text, in which a date literal is written; the order is the same."""
    if not any(argument.type == DATE for argument in arguments):
        return arguments
    return [Apply("cast", (argument,), STRING) if argument.type == DATE else argument for argument in arguments]


def _alike(operation: str, arguments: list[Expression], node: exp.Expr) -> Apply:
    _compared("eq", arguments, node)
    types = [one.type for one in arguments if not (isinstance(one, Constant) and one.value is None)]
    return Apply(operation, tuple(arguments), types[0] if len(set(types)) == 1 else RATIO)


def _boolean(node: exp.Expr, frame: Frame) -> Expression:
    found = expression(node, frame)
    if found.type is not BOOLEAN and found.type.kind is not Kind.BOOLEAN:
        raise Refusal("LITERAL_TYPE", "A condition is expected here.", "Compare a figure with a number.",
                      clause="grammar.having", at=node)  # fmt: skip
    return found


def _case(node: exp.Expr, frame: Frame) -> Apply:
    branches = node.args["ifs"] if isinstance(node, exp.Case) else [node]
    subject = expression(node.this, frame) if isinstance(node, exp.Case) and node.this is not None else None
    arguments: list[Expression] = []
    for branch in branches:
        if subject is None:
            arguments.append(_boolean(branch.this, frame))
        else:
            arguments.append(_compared("eq", [subject, expression(branch.this, frame)], branch))
        arguments.append(expression(branch.args["true"], frame))
    default = node.args.get("default") if isinstance(node, exp.Case) else node.args.get("false")
    arguments.append(expression(default, frame) if default is not None else Constant(None, RATIO))
    return Apply("case", tuple(arguments), _alike("coalesce", arguments[1::2] + arguments[-1:], node).type)


def _target(node: exp.Expr) -> SqlType:
    try:
        spelled = node.args["to"].sql("databricks").lower()
        wanted = SqlType.parse(spelled)
    except InputError:
        raise Refusal("EXPRESSION", "Figures are not cast to this type.", "Cast to BIGINT, DECIMAL(p,s), DOUBLE or STRING.",
                      clause="grammar.select", at=node) from None  # fmt: skip
    if wanted.kind in (Kind.BOOLEAN, Kind.TIMESTAMP):
        raise Refusal("EXPRESSION", "Figures are not cast to this type.", "Cast to BIGINT, DECIMAL(p,s), DOUBLE or STRING.",
                      clause="grammar.select", at=node)  # fmt: skip
    return DOUBLE if wanted.kind is Kind.DOUBLE else wanted
