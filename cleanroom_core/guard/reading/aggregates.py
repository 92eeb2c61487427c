"""Aggregates: counts of rows, people and values, sums and averages of measures. Others would need base figures of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sqlglot import exp

from cleanroom_core.guard.figures import BIGINT, RATIO, Apply, Counted, Expression, People, Rows, Total
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.question import Ref
from cleanroom_core.guard.reading.constants import constant, is_constant
from cleanroom_core.guard.reading.scope import Found, Reading, Role
from cleanroom_core.policies.rule import Measure
from cleanroom_core.sql.cells import FigureLayout
from cleanroom_core.sql.types import Kind, SqlType

FINEST = 6  # decimal places of a DOUBLE measure; a decimal keeps its own
DIGITS = 18  # of a clipped value on its grid: two such sums fit 38 digits up to 10^20 rows


@dataclass
class Aggregates:
    """Base figures a text asks for, collected while it is read; one per column, however many aggregates use it."""

    figures: dict[str, tuple[Ref, FigureLayout]] = field(default_factory=dict)
    units: tuple[tuple[str, ...], ...] = ()

    def add(self, found: Found, layout: FigureLayout) -> None:
        known = self.figures.get(layout.name)
        if known is None or (layout.summed and not known[1].summed):
            self.figures[layout.name] = (found.ref, layout)


def aggregate(node: exp.Expr, reading: Reading, into: Aggregates) -> Expression:
    """Read count, sum or avg; raises Refusal for other arguments than the rules allow."""
    argument = node.this.unnest() if node.this is not None else None
    if isinstance(node, exp.Count):
        return _count(node, argument, reading, into)
    if isinstance(argument, exp.Distinct):
        raise Refusal("DISTINCT", "DISTINCT is for counting people only.", "Write count(DISTINCT privacy unit).",
                      clause="grammar.aggregates", at=node)  # fmt: skip
    found = _measure(argument, reading, node)
    layout = summed(found, node)
    into.add(found, layout)
    type_ = SqlType(Kind.DECIMAL, 38, layout.scale) if layout.scale else BIGINT
    total = Total(layout.name, type_)
    return total if isinstance(node, exp.Sum) else Apply("div", (total, Counted(layout.name)), RATIO)


def _count(node: exp.Count, argument: exp.Expr | None, reading: Reading, into: Aggregates) -> Expression:
    if isinstance(argument, exp.Star):
        return Rows()
    if isinstance(argument, exp.Distinct):
        return _people(argument, reading, into)
    if argument is not None and is_constant(argument) and not isinstance(argument, exp.Null):
        constant(argument, reading)
        return Rows()
    if not isinstance(argument, exp.Column):
        raise Refusal("AGGREGATE", "Only columns are counted.", "Write count(*) or count(column).",
                      clause="grammar.aggregates", at=node)  # fmt: skip
    found = reading.scope.resolve(argument)
    if found.role in (Role.UNIT, Role.KEY):
        raise Refusal("IDENTITY", f"{found} may be counted as people only.",
                      f"Write count(DISTINCT {found.column.name}) for people, count(*) for rows.",
                      clause=found.asset.clause("privacy_unit" if found.role is Role.UNIT else "join_key"),
                      owner=found.asset.owner, at=argument)  # fmt: skip
    if found.role is Role.NONE:
        raise Refusal("NO_ROLE", f"{found} may not be counted.", "Ask its owner to list it under counted.",
                      clause=found.asset.clause("counted"), owner=found.asset.owner, at=argument)  # fmt: skip
    if found.role is Role.MEASURE:
        into.add(found, layout := summed(found, node))
    else:
        into.add(found, layout := FigureLayout(str(found.ref), summed=False))
    return Counted(layout.name)


def _people(distinct: exp.Distinct, reading: Reading, into: Aggregates) -> Expression:
    only = distinct.expressions[0].unnest() if len(distinct.expressions) == 1 else None
    if isinstance(only, exp.Column):
        found = reading.scope.resolve(only)
        for unit, assets in enumerate(into.units):
            if found.asset.is_unit(found.column) and found.asset.qualified in assets:
                return People(unit)
        if found.role is Role.KEY:  # the same value after the join as somebody else's privacy unit
            for unit, assets in enumerate(into.units):
                others = [asset for asset in reading.scope.assets.values() if asset.qualified in assets]
                if any(asset.rule.privacy_unit.casefold() == asset.rule.join_key.casefold() for asset in others):
                    return People(unit)
    raise Refusal("DISTINCT", "Distinct values of a column other than the privacy unit are not counted.",
                  "Count people: count(DISTINCT privacy unit).", clause="grammar.aggregates", at=distinct)  # fmt: skip


def _measure(node: exp.Expr | None, reading: Reading, at: exp.Expr) -> Found:
    """The measure itself, its agreed clip `least(x, max)`, or a cast of it that changes no value."""
    node = node.unnest() if node is not None else None
    if isinstance(node, exp.Cast | exp.TryCast):
        found = _measure(node.this, reading, at)
        if _keeps(found, node.args["to"]):
            return found
    elif isinstance(node, exp.Least | exp.Greatest) and len(node.expressions) == 1:
        operands = [node.this.unnest(), node.expressions[0].unnest()]
        operands.sort(key=is_constant)
        if not is_constant(operands[0]) and is_constant(operands[1]):
            found = _measure(operands[0], reading, at)
            if _is_clip(found, node, constant(operands[1], reading)):
                return found
            measure = found.asset.measure(found.column)
            assert measure is not None  # noqa: S101  _measure returns measures only
            raise Refusal("CLIP", f"{found} has one agreed clip.", f"It lies between {measure.min} and {measure.max}.",
                          clause=found.asset.clause("measures", found.column.name), owner=found.asset.owner,
                          at=node)  # fmt: skip
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
                  "Write sum(column) or avg(column) and calculate with the results; a condition belongs into WHERE, other "
                  "arithmetic into a shared column of its own.", clause="grammar.aggregates",
                  at=node if node is not None else at)  # fmt: skip


def _keeps(found: Found, to: exp.Expr) -> bool:
    """Whether a cast leaves the clipped value as it is."""
    name = to.this.value if isinstance(to, exp.DataType) else ""
    if name in ("DOUBLE", "FLOAT"):
        return True
    if name in ("INT", "BIGINT"):
        return found.column.type.kind in (Kind.BIGINT, Kind.BOOLEAN)
    return False


def _is_clip(found: Found, node: exp.Expr, bound: object) -> bool:
    measure = found.asset.measure(found.column)
    if measure is None or isinstance(bound, bool) or not isinstance(bound, int | Decimal):
        return False
    return Decimal(bound) == Decimal(measure.max if isinstance(node, exp.Least) else measure.min)


def summed(found: Found, at: exp.Expr) -> FigureLayout:
    """Scale and clip of a measure on its exact grid; raises Refusal when its type or its bounds do not fit one."""
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
    binary = scale == 0 and low == 0 and high == 1
    return FigureLayout(str(found.ref), True, scale, binary, low < 0, (str(low), str(high)))


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
