"""Counts under a condition on a flag: `count_if(fraud = 1)` is sum(fraud), `count_if(b.key IS NULL)` count(*) - count(b.key).

A *flag* is a whole measure from 0 to 1, or the key of an asset that may be unmatched. Neither is a dimension, and no cell is
made of it. Yet a flag has few values: the condition is read once for each, and the rows in which it has that value are put
together from figures that may be asked anyway (sum and count of the measure, count of matched keys). So nothing is released
here that a plain text could not have, and the numerator rule stands for a zero as for a one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.figures import BIGINT, Apply, Constant, Counted, Expression, Rows, Total
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.logic import NEVER, Condition
from cleanroom_core.guard.reading.parts import Aggregates
from cleanroom_core.guard.reading.scope import Found, Reading, Role
from cleanroom_core.sql.cells import FigureLayout, Label
from cleanroom_core.sql.types import Kind

_TESTS = (exp.Predicate, exp.Connector, exp.Not, exp.Where, exp.CountIf)


@dataclass(frozen=True)
class Flag:
    """`values`: a one, a zero and none at all; of a key, matched and unmatched."""

    found: Found
    values: tuple[Label, ...]

    @property
    def is_key(self) -> bool:
        return self.found.role is not Role.MEASURE


def flag_of(aggregate: exp.Expr, reading: Reading) -> Flag | None:
    """The flag on which conditions of this aggregate (FILTER, CASE, IF) depend; None where there is none. Raises Refusal for
    two: how often both are one together is no figure of either."""
    flags = {column: found for column in _tested(aggregate) if (found := _flag(column, reading)) is not None}
    if not flags:
        return None
    flag, others = next(iter(flags.values())), list(flags.items())
    if (other := next((column for column, found in others if found != flag), None)) is not None:
        raise Refusal("AGGREGATE", "One condition is about one 0/1 measure or about one match.", "Count each by itself.",
                      clause="grammar.aggregates", at=other)  # fmt: skip
    return flag


def supposing(aggregate: exp.Expr, flag: Flag, value: Label, reading: Reading) -> exp.Expr:
    """The aggregate for rows in which the flag has this value."""
    holder = exp.Paren(this=aggregate.copy())
    for column in list(_tested(holder)):
        if reading.scope.resolve(column) == flag.found:
            column.replace(trees.literal(value))
    supposed: exp.Expr = holder.this
    return supposed


def rows_in(met: Mapping[Label, Condition], flag: Flag, layout: FigureLayout, into: Aggregates, at: exp.Expr) -> Expression:
    """How many rows there are in `met`: for each value of the flag, the condition under which rows of that value count."""
    none = met[None]
    if flag.is_key:
        (some,) = (met[value] for value in flag.values if value is not None)
        return _put_together(None, some, none, flag, layout, into, at)
    zero, one = (met[value] for value in sorted(value for value in flag.values if value is not None))
    return _put_together(zero, one, none, flag, layout, into, at)


def _put_together(
    zero: Condition | None, one: Condition, none: Condition, flag: Flag, layout: FigureLayout, into: Aggregates, at: exp.Expr
) -> Expression:
    def part(rows: Condition) -> int:
        number = into.part(rows, at)
        into.parts[number].add(flag.found, layout)
        return number

    def ones(rows: Condition) -> Expression:
        return Apply("coalesce", (Total(layout.name, BIGINT, part(rows)), Constant(Decimal(0), BIGINT)), BIGINT)

    def valued(rows: Condition) -> Expression:
        return Counted(layout.name, part=part(rows))

    def less(rows: Condition, other: Expression) -> Expression:
        return Apply("sub", (Rows(part=into.part(rows, at)), other), BIGINT)

    zero = one if zero is None else zero
    if zero == one == none:
        return Rows(part=into.part(one, at))
    terms: list[Expression] = []
    if zero == one:
        terms += [valued(one)] if one != NEVER else []
        terms += [less(none, valued(none))] if none != NEVER else []
    elif zero == none != NEVER:
        terms += [less(none, ones(none))]
        terms += [ones(one)] if one != NEVER else []
    else:
        terms += [ones(one)] if one != NEVER else []
        terms += [Apply("sub", (valued(zero), ones(zero)), BIGINT)] if zero != NEVER else []
        terms += [less(none, valued(none))] if none != NEVER else []
    total = terms[0]
    for term in terms[1:]:
        total = Apply("add", (total, term), BIGINT)
    return total


def _tested(aggregate: exp.Expr) -> Iterator[exp.Column]:
    """The columns of an aggregate's conditions."""
    for column in aggregate.find_all(exp.Column):
        node: exp.Expr = column
        while node is not aggregate and node.parent is not None:
            above = node.parent
            if isinstance(above, _TESTS) or (isinstance(above, exp.If | exp.Case) and node.arg_key == "this"):
                yield column
                break
            node = above


def _flag(column: exp.Column, reading: Reading) -> Flag | None:
    found = reading.scope.resolve(column)
    null_test = isinstance(above := _above(column), exp.Is) and isinstance(above.expression, exp.Null)
    if found.asset.is_key(found.column):
        return Flag(found, (1, None)) if null_test and found.asset.qualified in reading.scope.optional else None
    measure = found.asset.measure(found.column) if found.role is Role.MEASURE else None
    if null_test or measure is None or measure.bands or Decimal(measure.min) != 0 or Decimal(measure.max) != 1:
        return None
    one_or_zero: Mapping[Kind, tuple[Label, ...]] = {Kind.BIGINT: (1, 0, None), Kind.BOOLEAN: (True, False, None)}
    values = one_or_zero.get(found.column.type.kind)
    return None if values is None else Flag(found, values)


def _above(node: exp.Expr) -> exp.Expr | None:
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    return above
