"""SELECT list, HAVING, ORDER BY and LIMIT as parts of a sheet: each is read over the keys and figures of one partition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from cleanroom_core.guard.figures import Expression, KeyLabel
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.logic import NEVER, Condition, Ref, Within, both, unmatched
from cleanroom_core.guard.question import Key, bearer, period_region
from cleanroom_core.guard.reading.conditions import condition, conjuncts
from cleanroom_core.guard.reading.constants import constant
from cleanroom_core.guard.reading.keys import AGGREGATES, grouped
from cleanroom_core.guard.reading.outputs import Frame, expression
from cleanroom_core.guard.reading.parts import Aggregates, PartFigures
from cleanroom_core.guard.reading.scope import Reading
from cleanroom_core.guard.sheet import Output, Sorting
from cleanroom_core.guard.world import DATED
from cleanroom_core.sql.types import Kind

_OUTPUT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ %-]{0,62}")


def frame_of(reading: Reading) -> Frame:
    """Keys in canonical order, each once, and a part of the text's own rows without figures yet."""
    items = tuple(grouped(reading))
    keys = tuple(sorted({key for _, key in items}, key=lambda key: key.name))
    where = both([condition(part, reading) for part in conjuncts(reading.select.args.get("where"))])
    optional = frozenset(name for name in reading.scope.optional if _may_be_unmatched(name, where, keys))
    where = both([where, *within_period(reading, optional)])
    return Frame(reading, keys, items, Aggregates(units_of(reading, optional), [PartFigures(where)], optional), {})


def _may_be_unmatched(name: str, where: Condition, keys: tuple[Key, ...]) -> bool:
    """Whether rows without this asset can be in a cell; if not, the join is an inner one in other words."""
    asset = frozenset({name})
    if unmatched(where, asset) == NEVER:
        return False
    return not any(key.branches and all(unmatched(rows, asset) == NEVER for _, rows in key.branches) for key in keys)


def within_period(reading: Reading, optional: frozenset[str]) -> Iterator[Condition]:
    """Rows of the world's period only, of every asset whose rule names a period column. Those of an optional asset are left out
    before the join, so that the row they would have matched stays."""
    period = reading.world.period
    for asset in reading.scope.assets.values() if period is not None else ():
        if asset.rule.period_column is not None and asset.qualified not in optional:
            column = asset.schema.get(asset.rule.period_column)
            if column is None or column.type.kind not in DATED:
                raise Refusal("PERIOD", f"{asset.qualified} has no date {asset.rule.period_column} to tell periods by.",
                              "Its owner publishes the column, or corrects the rule.", clause=asset.clause("period_column"),
                              owner=asset.owner)  # fmt: skip
            assert period is not None  # noqa: S101
            yield Within(Ref(asset.qualified, column.name), period_region(period))


def units_of(reading: Reading, optional: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Assets by how their people are counted: those whose privacy unit is the join key share one column of the joined rows. An
    asset that may be unmatched counts its own, where anything of it is asked at all, or its rows are what is counted."""
    assets = sorted(reading.scope.assets.values(), key=lambda asset: asset.qualified)
    matched = [asset for asset in assets if asset.qualified not in optional]
    alike = tuple(asset.qualified for asset in matched if asset.rule.privacy_unit.casefold() == asset.rule.join_key.casefold())
    used = {reading.scope.resolve(node).asset.qualified for node in _named(reading)} if optional else set()
    used |= {asset.qualified for asset in [bearer(tuple(assets))] if asset.rows_per_key != 1}
    return (
        ((alike,) if alike else ())
        + tuple((asset.qualified,) for asset in matched if asset.qualified not in alike)
        + tuple((asset.qualified,) for asset in assets if asset.qualified in optional & used)
    )


def _named(reading: Reading) -> Iterator[exp.Column]:
    """Every column of the text outside ON; names of outputs are not among them."""
    aliases = {item.alias.casefold() for item in reading.select.expressions if item.alias}
    for node in reading.select.find_all(exp.Column):
        clause = node.find_ancestor(exp.Join, exp.Group, exp.Having, exp.Order)
        if not isinstance(clause, exp.Join) and (clause is None or node.table or node.name.casefold() not in aliases):
            yield node


def outputs_of(frame: Frame) -> Iterator[Output | Refusal]:
    """Every output column, or why it cannot be one."""
    taken: set[str] = set()
    for number, item in enumerate(frame.reading.select.expressions, start=1):
        try:
            found = expression(item.unalias(), frame)
            yield Output(_output_name(item, number, taken), found)
        except Refusal as refusal:
            yield refusal


def having_of(frame: Frame) -> Expression | None:
    having = frame.reading.select.args.get("having")
    if having is None:
        return None
    found = expression(having.this, frame)
    if found.type.kind is not Kind.BOOLEAN:
        raise Refusal("LITERAL_TYPE", "HAVING takes a condition.", "Compare a figure with a number.",
                      clause="grammar.having", at=having)  # fmt: skip
    return found


def order_of(frame: Frame, outputs: list[Output]) -> Iterator[Sorting | Refusal]:
    order = frame.reading.select.args.get("order")
    for item in order.expressions if order is not None else ():
        try:
            yield Sorting(_sorted_by(item.this.unnest(), frame, outputs), bool(item.args.get("desc")),
                          bool(item.args.get("nulls_first")))  # fmt: skip
        except Refusal as refusal:
            yield refusal


def limit_of(reading: Reading) -> int | None:
    limit = reading.select.args.get("limit")
    if limit is None or (isinstance(limit.expression, exp.Var) and limit.expression.name.upper() == "ALL"):
        return None
    value = constant(limit.expression, reading)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refusal("LITERAL_TYPE", "LIMIT takes a whole number.", "Write LIMIT 10.", clause="grammar.limit", at=limit)
    return value


def check_aggregated(reading: Reading) -> None:
    """A text without GROUP BY and without an aggregate would list rows."""
    select = reading.select
    if select.args.get("group") is None and not any(item.find(*AGGREGATES) for item in select.expressions):
        raise Refusal("ROW_OUTPUT", "This would list single rows.", "Group by dimensions and count, sum or average.",
                      clause="grammar.select", at=select)  # fmt: skip


def _sorted_by(node: exp.Expr, frame: Frame, outputs: list[Output]) -> Expression:
    if isinstance(node, exp.Literal) and not node.is_string:
        position = int(node.this) if str(node.this).isdigit() else 0
        if not 1 <= position <= len(outputs):
            raise Refusal("POSITION", "There is no output column at this position.",
                          f"Positions run from 1 to {len(outputs)}.", clause="grammar.order_by", at=node)  # fmt: skip
        return outputs[position - 1].expression
    return expression(node, frame)


def _output_name(item: exp.Expr, number: int, taken: set[str]) -> str:
    inner = item.unalias().unnest()
    name = item.alias
    if name and _OUTPUT_NAME.fullmatch(name) is None:
        raise Refusal("OUTPUT_NAME", "This is not a name for an output column.",
                      "Use letters without accents, digits and underscores, at most 63.", clause="grammar.select",
                      at=item)  # fmt: skip
    if name and name.casefold() in taken:
        raise Refusal("OUTPUT_NAME", f"Two output columns are called {name}.", "Give each its own name.",
                      clause="grammar.select", at=item)  # fmt: skip
    name = name or _derived(inner, number)
    while name.casefold() in taken:
        name = f"{name}_{number}"
    taken.add(name.casefold())
    return name


def _derived(node: exp.Expr, number: int) -> str:
    """A readable name for a column without one: `count`, `people`, `avg_txn_amount`, or its position."""
    if isinstance(node, exp.Column):
        return str(node.name) if _OUTPUT_NAME.fullmatch(node.name) else f"column_{number}"
    if isinstance(node, exp.Count) and not isinstance(node.this, exp.Column):
        return "people" if isinstance(node.this, exp.Distinct) else "count"
    if isinstance(node, AGGREGATES) and isinstance(node.this, exp.Column) and _OUTPUT_NAME.fullmatch(node.this.name):
        return f"{type(node).__name__.lower()}_{node.this.name}"
    return f"column_{number}"


def with_aliases(frame: Frame, outputs: list[Output], *, hide_keys: bool) -> Frame:
    """The frame for HAVING (a key's own name comes first) or ORDER BY (an output's name comes first)."""
    names = {key.ref.column.casefold() for key in frame.keys if key.ref is not None} if hide_keys else set()
    aliases = {
        output.name.casefold(): output.expression
        for output in outputs
        if output.name.casefold() not in names or isinstance(output.expression, KeyLabel)
    }
    return replace(frame, aliases=aliases)
