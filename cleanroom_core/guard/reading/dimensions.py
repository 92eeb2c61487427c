"""Dimensions and dates: the agreed labels of a column, and calendar grids it may be truncated on."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.guard.calendar import SPELLINGS
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.label_functions import PARTS
from cleanroom_core.guard.reading.scope import Found, Reading, Role
from cleanroom_core.guard.world import DATED
from cleanroom_core.sql.cells import Label
from cleanroom_core.sql.types import Kind


def truncated(node: exp.Expr, reading: Reading) -> tuple[Found, str] | None:
    """Column and grid of date_trunc('month', d), trunc(d, 'MM') or CAST(d AS DATE); None when `node` is nothing of the kind, or
    a grid coarser than the agreed ones, which is made of theirs."""
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


def _agreed(inner: exp.Expr, grid: str, reading: Reading, at: exp.Expr) -> tuple[Found, str] | None:
    if not isinstance(inner, exp.Column):
        raise Refusal("DATE_GRID", "Only a date column is truncated.", "Write date_trunc('month', column).",
                      clause="grammar.group_by", at=at)  # fmt: skip
    found = reading.scope.resolve(inner)
    if found.role is not Role.DIMENSION or found.column.type.kind not in DATED:
        raise Refusal("NOT_A_DIMENSION", f"{found} is not a date dimension.", "Ask its owner to make it one.",
                      clause=found.asset.clause("dimensions"), owner=found.asset.owner, at=at)  # fmt: skip
    if grid not in dated(found, at) and set(PARTS[grid][1] if grid in PARTS else ()) & set(dated(found, at)):
        return None  # coarser than what is agreed: made of its periods
    if grid not in dated(found, at):
        raise Refusal("DATE_GRID", f"{found} may be truncated only to {' or '.join(dated(found, at))}.",
                      f"Write date_trunc('{dated(found, at)[0]}', {found.column.name}).",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"), owner=found.asset.owner,
                      at=at, suggestion=f"date_trunc('{dated(found, at)[0]}', {found.column.name})")  # fmt: skip
    return found, grid


def _is_date(to: exp.Expr) -> bool:
    return isinstance(to, exp.DataType) and to.this.value == "DATE"
