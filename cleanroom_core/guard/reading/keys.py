"""GROUP BY: dimensions by name, alias or position, dates truncated on the rule's calendar grid, and expressions over them."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.logic import Condition, Within, both, computed
from cleanroom_core.guard.question import Key
from cleanroom_core.guard.reading.conditions import condition
from cleanroom_core.guard.reading.constants import is_constant
from cleanroom_core.guard.reading.days import expected
from cleanroom_core.guard.reading.dimensions import dated, labels_of, truncated
from cleanroom_core.guard.reading.scope import Reading, Role
from cleanroom_core.guard.reading.values import DERIVED, Values, values
from cleanroom_core.guard.regions import Labels, Spans
from cleanroom_core.guard.world import DATED
from cleanroom_core.policies.rule import GRIDS
from cleanroom_core.sql.cells import Label, label_order
from cleanroom_core.sql.types import DATE, STRING, Kind, SqlType

GROUPABLE = (Kind.STRING, Kind.BIGINT, Kind.BOOLEAN, *DATED)
AGGREGATES = (exp.Count, exp.Sum, exp.Avg, exp.CountIf, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance,
              exp.VariancePop, exp.Filter)  # fmt: skip
MOST_LABELS = 3000  # of one derived key; a plain one has as many as its domain


def grouped(reading: Reading) -> list[tuple[exp.Expr, Key]]:
    """Every GROUP BY item with its key, in the order written; raises Refusal at the first that is no dimension."""
    return [(node, key(node, reading)) for node in group_items(reading)]


def group_items(reading: Reading) -> list[exp.Expr]:
    """The expressions meant by GROUP BY: positions and aliases replaced by what they stand for, ALL by what is no aggregate.
    Constants are left out: they put all rows in one group."""
    select, group = reading.select, reading.select.args.get("group")
    if group is None:
        return []
    if group.args.get("all"):
        items = [node.unalias() for node in select.expressions if node.find(*AGGREGATES) is None]
    else:
        items = [_meant(node.unnest(), reading) for node in group.expressions]
    return [item for item in items if not is_constant(item) or item.find(exp.Placeholder)]


def key(node: exp.Expr, reading: Reading) -> Key:
    """The key an expression stands for; raises Refusal when it is neither a dimension, nor a date on an agreed grid, nor made
    of such."""
    node = node.unnest()
    if (period := truncated(node, reading)) is not None:
        found, grid = period
        return Key(found.ref, grid, (), DATE)
    if isinstance(node, DERIVED) and node.find(*AGGREGATES) is None:
        try:
            return _derived(values(node, reading, condition), node, reading)
        except Refusal as refusal:
            raise refusal if refusal.code != "EXPRESSION" else _no_key(refusal.at or node) from None
    if not isinstance(node, exp.Column):
        raise _no_key(node)
    found = reading.scope.resolve(node)
    if found.role in (Role.UNIT, Role.KEY):
        raise Refusal("IDENTITY", f"{found} identifies people and cannot be grouped by.", "Group by a dimension.",
                      clause=found.asset.clause("privacy_unit" if found.role is Role.UNIT else "join_key"),
                      owner=found.asset.owner, at=node)  # fmt: skip
    if found.role is not Role.DIMENSION:
        measure = found.asset.measure(found.column)
        banded = None
        if measure is not None and measure.bands:
            branches = " ".join(f"WHEN {found.column.name} < {cut} THEN 'below {cut}'" for cut in measure.bands)
            banded = f"CASE {branches} ELSE 'from {measure.bands[-1]}' END"
        raise Refusal("NOT_A_DIMENSION", f"{found} is a {found.role} and cannot be grouped by.",
                      "Group by its agreed bands." if banded
                      else "Ask its owner to make it, or a banded copy of it, a dimension.",
                      clause=found.asset.clause("dimensions"), owner=found.asset.owner, at=node,
                      suggestion=banded)  # fmt: skip
    if found.column.type.kind in DATED:
        if found.column.type.kind is Kind.DATE and "day" in dated(found, node):
            return Key(found.ref, "day", (), DATE)
        suggested = f"date_trunc('{dated(found, node)[0]}', {found.column.name})"
        raise Refusal("DATE_GRID", f"{found} may be grouped only by {' or '.join(dated(found, node))}.", f"Write {suggested}.",
                      clause=found.asset.clause("dimensions", found.column.name, "dates"),
                      owner=found.asset.owner, at=node, suggestion=suggested)  # fmt: skip
    labels_of(found, node)
    return Key(found.ref, None, (), found.column.type)


def _no_key(node: exp.Expr) -> Refusal:
    return Refusal("GROUPING", "Cells are keyed by dimensions, by truncated dates and by what is made of them.",
                   "Group by a dimension's name, alias or position, by date_trunc('month', column), or by CASE over them.",
                   clause="grammar.group_by", at=node)  # fmt: skip


def _derived(table: Values, node: exp.Expr, reading: Reading) -> Key:
    """The key of an expression over labels: the plain one where it only says the same in other words."""
    branches: list[tuple[Label, Condition]] = []
    for value, rows in table.branches:
        if value is not None and not isinstance(value, str | int | bool) and table.kind is not Kind.DATE:
            raise Refusal("EXPRESSION", "Labels are text, whole numbers, TRUE, FALSE or dates.", "Write them as text.",
                          clause="grammar.group_by", at=node)  # fmt: skip
        if value is not None or not _merely_missing(rows, reading):
            branches.append((value, rows))  # type: ignore[arg-type]
    if len(branches) > MOST_LABELS:
        raise Refusal("TOO_MANY_LABELS", f"This makes more than {MOST_LABELS} groups.", "Group by something coarser.",
                      clause="grammar.group_by", at=node)  # fmt: skip
    branches.sort(key=lambda branch: label_order((branch[0],)))
    refs = dict(ref for _, rows in branches for ref in computed(rows))
    days = both([Within(ref, expected(reading.scope.found(ref), node, reading)) for ref in refs])
    derived = Key(None, None, tuple(branches), STRING if table.kind is None else SqlType(table.kind), days)
    return _plain(derived, reading) or derived


def _merely_missing(rows: Condition, reading: Reading) -> bool:
    """Whether these are the rows without a value in one column, for which its owner has agreed on no cell. Where its asset may
    be unmatched, they are a cell."""
    if not isinstance(rows, Within) or rows.ref.asset in reading.scope.optional:
        return False
    if isinstance(rows.region, Labels):
        return rows.region.among == {None} and None not in reading.labels(rows.ref)
    found = reading.scope.found(rows.ref)
    published = [found.asset.periods(rows.ref.column, grid) or () for grid in GRIDS]
    return rows.region == Spans((), null=True) and not any(None in periods for periods in published)


def _plain(derived: Key, reading: Reading) -> Key | None:
    """The column or truncated date that has the same cells, when there is one."""
    if len(derived.refs) != 1:
        return None
    (ref,) = derived.refs
    found, branches = reading.scope.found(ref), dict(derived.branches)
    missing: set[Label] = {None} if ref.asset in reading.scope.optional else set()
    if found.column.type.kind not in DATED:
        plain = Key(ref, None, (), found.column.type)
        labels = reading.labels(ref) if found.asset.dimension(found.column) is not None else frozenset()
        return (
            plain
            if labels and derived.type == plain.type and branches == {label: plain.rows(label) for label in labels | missing}
            else None
        )
    for grid in dated(found, reading.select) if derived.type == DATE else ():
        plain, starts = Key(ref, grid, (), DATE), found.asset.periods(ref.column, grid)
        same = {start: plain.rows(start) for start in {*branches, *(starts or ()), *missing}}
        if starts and branches == same and (None in branches) == (None in {*starts, *missing}):
            return plain  # of all days on the calendar the published ones are labels
    return None


def _meant(node: exp.Expr, reading: Reading) -> exp.Expr:
    """What a GROUP BY item stands for: a position, or an alias that no column of that name hides."""
    items: list[exp.Expr] = reading.select.expressions
    if isinstance(node, exp.Literal) and not node.is_string:
        position = int(node.this) if str(node.this).isdigit() else 0
        if not 1 <= position <= len(items):
            raise Refusal("POSITION", "There is no output column at this position.", f"Positions run from 1 to {len(items)}.",
                          clause="grammar.group_by", at=node)  # fmt: skip
        return items[position - 1].unalias()
    if isinstance(node, exp.Column) and not node.table and not reading.scope.holds(node.name):
        for item in items:
            if item.alias and item.alias.casefold() == node.name.casefold():
                return item.unalias()
    return node
