"""GROUP BY: dimensions by name, alias or position, and dates truncated on the rule's calendar grid."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.guard.calendar import SPELLINGS
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.question import Key
from cleanroom_core.guard.reading.scope import Found, Reading, Role
from cleanroom_core.guard.world import DATED
from cleanroom_core.sql.cells import Label
from cleanroom_core.sql.types import DATE, Kind

GROUPABLE = (Kind.STRING, Kind.BIGINT, Kind.BOOLEAN, *DATED)
AGGREGATES = (exp.Count, exp.Sum, exp.Avg)


def grouped(reading: Reading) -> list[tuple[exp.Expr, Key]]:
    """Every GROUP BY item with its key, in the order written; raises Refusal at the first that is no dimension."""
    return [(node, key(node, reading)) for node in group_items(reading.select)]


def group_items(select: exp.Select) -> list[exp.Expr]:
    """The expressions meant by GROUP BY: positions and aliases replaced by what they stand for, ALL by what is no aggregate."""
    group = select.args.get("group")
    if group is None:
        return []
    if group.args.get("all"):
        return [node.unalias() for node in select.expressions if node.find(*AGGREGATES) is None]
    return [_meant(node.unnest(), select) for node in group.expressions]


def key(node: exp.Expr, reading: Reading) -> Key:
    """The key an expression stands for; raises Refusal when it is neither a dimension nor a date on an agreed grid."""
    node = node.unnest()
    if (period := truncated(node, reading)) is not None:
        found, grid = period
        return Key(found.ref, grid, (), DATE)
    if not isinstance(node, exp.Column):
        raise Refusal("GROUPING", "Cells are keyed by dimensions and by truncated dates.",
                      "Group by a dimension's name, alias or position, or by date_trunc('month', column); bands and other "
                      "expressions are shared as a column of their own and named under dimensions.",
                      clause="grammar.group_by", at=node)  # fmt: skip
    found = reading.scope.resolve(node)
    if found.role in (Role.UNIT, Role.KEY):
        raise Refusal("IDENTITY", f"{found} identifies people and cannot be grouped by.", "Group by a dimension.",
                      clause=found.asset.clause("privacy_unit" if found.role is Role.UNIT else "join_key"),
                      owner=found.asset.owner, at=node)  # fmt: skip
    if found.role is not Role.DIMENSION:
        raise Refusal("NOT_A_DIMENSION", f"{found} is a {found.role} and cannot be grouped by.",
                      "Ask its owner to make it, or a banded copy of it, a dimension.",
                      clause=found.asset.clause("dimensions"), owner=found.asset.owner, at=node)  # fmt: skip
    if found.column.type.kind in DATED:
        if found.column.type.kind is Kind.DATE and "day" in dated(found, node):
            return Key(found.ref, "day", (), DATE)
        raise Refusal("DATE_GRID", f"{found} may be grouped only by {' or '.join(dated(found, node))}.",
                      f"Write date_trunc('{dated(found, node)[0]}', {found.column.name}).",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"),
                      owner=found.asset.owner, at=node)  # fmt: skip
    labels_of(found, node)
    return Key(found.ref, None, (), found.column.type)


def truncated(node: exp.Expr, reading: Reading) -> tuple[Found, str] | None:
    """Column and grid of date_trunc('month', d), trunc(d, 'MM') or CAST(d AS DATE); None when `node` is nothing of the kind."""
    node = node.unnest()
    if isinstance(node, exp.Cast | exp.TsOrDsToDate) and (isinstance(node, exp.TsOrDsToDate) or _is_date(node.args["to"])):
        inner = node.this.unnest()
        if isinstance(inner, exp.TimestampTrunc | exp.DateTrunc):
            return truncated(inner, reading)
        return _agreed(inner, "day", reading, node) if isinstance(inner, exp.Column) else None
    if not isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
        return None
    unit = node.args["unit"]
    grid = SPELLINGS.get(str(unit.name).lower())
    if grid is None:
        raise Refusal("DATE_GRID", "This is no calendar grid.", "Known are day, week, month, quarter and year.",
                      clause="grammar.group_by", at=node)  # fmt: skip
    inner = node.this.unnest()
    if isinstance(inner, exp.Cast | exp.TsOrDsToDate) and isinstance(inner.this, exp.Column):
        if isinstance(inner, exp.Cast) and not _is_date(inner.args["to"]):
            raise Refusal("DATE_GRID", "Only a cast to DATE is read here.", "Truncate the column itself.",
                          clause="grammar.group_by", at=node)  # fmt: skip
        inner = inner.this
    return _agreed(inner, grid, reading, node)


def dated(found: Found, at: exp.Expr) -> tuple[str, ...]:
    """The agreed grids of a date dimension; raises Refusal when there are none."""
    dimension = found.asset.dimension(found.column)
    if dimension is None or not dimension.dates:
        raise Refusal("DATE_GRID", f"No calendar grid is agreed for {found}.", "Ask its owner for one: {dates: [month]}.",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"), owner=found.asset.owner,
                      at=at)  # fmt: skip
    return dimension.dates


def labels_of(found: Found, at: exp.Expr) -> tuple[Label, ...]:
    """The agreed domain of a dimension that is no date; raises Refusal when the room does not know it."""
    if found.column.type.kind not in (Kind.STRING, Kind.BIGINT, Kind.BOOLEAN):
        raise Refusal("DIMENSION_TYPE", f"{found} is {found.column.type}, whose values are no labels.",
                      "Share a banded copy of it as text.", clause=found.asset.clause("dimensions", found.column.name),
                      owner=found.asset.owner, at=at)  # fmt: skip
    if (labels := found.asset.domain(found.column)) is None:
        raise Refusal("NO_LABELS", f"The labels of {found} are not known to the room.",
                      "Its owner publishes the table, or names a domain in the rule.",
                      clause=found.asset.clause("dimensions", found.column.name, "domain"), owner=found.asset.owner,
                      at=at)  # fmt: skip
    return labels


def _agreed(inner: exp.Expr, grid: str, reading: Reading, at: exp.Expr) -> tuple[Found, str]:
    if not isinstance(inner, exp.Column):
        raise Refusal("DATE_GRID", "Only a date column is truncated.", "Write date_trunc('month', column).",
                      clause="grammar.group_by", at=at)  # fmt: skip
    found = reading.scope.resolve(inner)
    if found.role is not Role.DIMENSION or found.column.type.kind not in DATED:
        raise Refusal("NOT_A_DIMENSION", f"{found} is not a date dimension.", "Ask its owner to make it one.",
                      clause=found.asset.clause("dimensions"), owner=found.asset.owner, at=at)  # fmt: skip
    if grid not in dated(found, at):
        raise Refusal("DATE_GRID", f"{found} may be truncated only to {' or '.join(dated(found, at))}.",
                      f"Write date_trunc('{dated(found, at)[0]}', {found.column.name}).",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"), owner=found.asset.owner,
                      at=at)  # fmt: skip
    return found, grid


def _is_date(to: exp.Expr) -> bool:
    return isinstance(to, exp.DataType) and to.this.value == "DATE"


def _meant(node: exp.Expr, select: exp.Select) -> exp.Expr:
    """What a GROUP BY item stands for: a position, or an alias that no column of that name hides."""
    items: list[exp.Expr] = select.expressions
    if isinstance(node, exp.Literal) and not node.is_string:
        position = int(node.this) if str(node.this).isdigit() else 0
        if not 1 <= position <= len(items):
            raise Refusal("POSITION", "There is no output column at this position.", f"Positions run from 1 to {len(items)}.",
                          clause="grammar.group_by", at=node)  # fmt: skip
        return items[position - 1].unalias()
    if isinstance(node, exp.Column) and not node.table:
        for item in items:
            inner: exp.Expr = item.unalias()
            if item.alias and item.alias.casefold() == node.name.casefold() and not _names(inner, node.name):
                return inner
    return node


def _names(inner: exp.Expr, name: str) -> bool:
    return isinstance(inner, exp.Column) and inner.name.casefold() == name.casefold() and not inner.table
