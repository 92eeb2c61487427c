"""Conditions: comparisons of dimensions, of what is derived from them, of dates and of banded measures with constants, under
AND, OR and NOT.

NOT is pushed down to the comparisons, where its meaning under NULL is exact: `NOT (d = 'x')` holds for every other label and
not for NULL. A label outside the agreed domain names nothing: the comparison is legal and no row meets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from sqlglot import exp

from cleanroom_core.guard.calendar import following, on_grid, truncate
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.label_functions import compared
from cleanroom_core.guard.logic import ALWAYS, NEVER, Condition, Within, both, either, otherwise
from cleanroom_core.guard.reading.constants import constant, day, is_constant, label, number
from cleanroom_core.guard.reading.dimensions import dated, labels_of, truncated
from cleanroom_core.guard.reading.scope import Found, Reading, Role
from cleanroom_core.guard.reading.values import COMPARISONS, DERIVED, PATTERNS, values
from cleanroom_core.guard.regions import Edge, Labels, Region, Spans
from cleanroom_core.guard.world import DATED
from cleanroom_core.sql.cells import Label
from cleanroom_core.sql.types import Kind

_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ, exp.NEQ: exp.NEQ, exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE,
}  # fmt: skip
_SIGNS: dict[type[exp.Expr], str] = {exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_STRICT: dict[type[exp.Expr], str] = {exp.LT: "<", exp.LTE: "<", exp.GT: ">=", exp.GTE: ">="}
_BESIDE: dict[type[exp.Expr], str] = {exp.LT: "<=", exp.LTE: "<", exp.GT: ">=", exp.GTE: ">"}
_ORDERED = (exp.LT, exp.LTE, exp.GT, exp.GTE)


def conjuncts(where: exp.Expr | None) -> list[exp.Expr]:
    """The parts of WHERE that are ANDed, so that each can be judged by itself."""
    if where is None:
        return []
    node = where.this.unnest()
    return list(node.flatten()) if isinstance(node, exp.And) else [node]


def condition(node: exp.Expr, reading: Reading, negated: bool = False) -> Condition:
    """Read one condition; raises Refusal at the first part that is not in the grammar."""
    node = node.unnest()
    if isinstance(node, exp.Not | exp.And | exp.Or | exp.Boolean | exp.Null):
        return _logical(node, reading, negated)
    if isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
        return _null_safe(node, reading, negated != isinstance(node, exp.NullSafeNEQ))
    if isinstance(node, exp.Between):
        low, high = (type_(this=node.this, expression=node.args[edge]) for type_, edge in ((exp.GTE, "low"), (exp.LTE, "high")))
        parts = [_comparison(part, part.this, part.expression, reading, negated) for part in (low, high)]
        return either(parts) if negated else both(parts)
    if isinstance(node, exp.In):
        return _listed(node, reading, negated)
    if isinstance(node, exp.Is):
        return _is(node, reading, negated)
    if type(node) in _MIRRORED:
        left, right = node.this, node.expression
        if is_constant(left) and not is_constant(right):
            return _comparison(_MIRRORED[type(node)](), right, left, reading, negated, node)
        return _comparison(node, left, right, reading, negated)
    if isinstance(node, exp.Column):
        found = _filterable(node, reading)
        if found.column.type.kind is Kind.BOOLEAN and found.role is Role.DIMENSION:
            return _labels(found, frozenset({True}), reading, negated, node)
    if isinstance(node, (exp.Case, exp.If, exp.Coalesce, exp.Nullif, *PATTERNS)):
        table = values(node, reading, condition)
        if table.kind in (Kind.BOOLEAN, None):
            return table.where(lambda value: value is not negated and value is not None)
    raise _no_condition(node)


def _logical(node: exp.Expr, reading: Reading, negated: bool) -> Condition:
    if isinstance(node, exp.Not):
        return condition(node.this, reading, not negated)
    if isinstance(node, exp.And | exp.Or):
        parts = [condition(part, reading, negated) for part in node.flatten()]
        return both(parts) if isinstance(node, exp.And) != negated else either(parts)
    return ALWAYS if isinstance(node, exp.Boolean) and bool(node.this) != negated else NEVER


def _no_condition(node: exp.Expr) -> Refusal:
    return Refusal("CONDITION", "This is not a condition the guard knows.",
                   "Compare a dimension with constants: =, <>, IN, IS NULL.", clause="grammar.where", at=node)  # fmt: skip


def _comparison(
    kind: exp.Expr, left: exp.Expr, right: exp.Expr, reading: Reading, negated: bool,
    at: exp.Expr | None = None,
) -> Condition:  # fmt: skip
    at = at or left
    if is_constant(left) and is_constant(right):
        return _folded(kind, left, right, reading, negated)
    if not is_constant(right):
        raise Refusal("COLUMN_COMPARISON", "Columns are compared with constants only.",
                      "Join keys belong into ON; compare a dimension with a constant.", clause="grammar.where",
                      at=right)  # fmt: skip
    if (found := _whole_days(left, reading)) is not None:
        return Within(found.ref, _not(_dates(kind, found, right, reading, whole_days=True), negated))
    if (period := truncated(left, reading)) is not None:
        found, grid = period
        start = day(right, found, reading)
        if truncate(start, grid) != start:
            raise _off_grid(found, right, (grid,), kind, start)
        return Within(found.ref, _not(_days(kind, start, following(start, grid)), negated))
    if isinstance(left.unnest(), DERIVED):
        return _derived(kind, left, right, reading, negated, at)
    found = _filterable(left, reading)
    if found.role is Role.MEASURE:
        return Within(found.ref, _not(_cut(kind, found, right, reading), negated))
    if found.column.type.kind in DATED:
        return Within(found.ref, _not(_dates(kind, found, right, reading), negated))
    value = label(right, found, reading)
    if isinstance(kind, exp.EQ | exp.NEQ):
        return _labels(found, frozenset({value}), reading, negated != isinstance(kind, exp.NEQ), at)
    if found.column.type.kind is not Kind.BIGINT:
        raise Refusal("CONDITION", f"{found} has no order that is agreed.", "Use =, <> or IN with its labels.",
                      clause="grammar.where", at=at)  # fmt: skip
    chosen = frozenset(one for one in labels_of(found, at) if one is not None and _holds(kind, one, value))
    return _labels(found, chosen, reading, negated, at)


def _listed(node: exp.In, reading: Reading, negated: bool) -> Condition:
    members = node.expressions
    if not members:
        raise Refusal("CONDITION", "IN takes a list of constants.", "Write the constants out.", clause="grammar.where", at=node)
    parts = [_comparison(exp.EQ(), node.this, member, reading, negated) for member in members]
    return both(parts) if negated else either(parts)


def _is(node: exp.Is, reading: Reading, negated: bool) -> Condition:
    if isinstance(node.expression, exp.Boolean):
        met = condition(node.this, reading, not node.expression.this)
        return otherwise(met, reading.labels) if negated else met
    if not isinstance(node.expression, exp.Null):
        raise Refusal("CONDITION", "IS goes with NULL, TRUE and FALSE.", "Write IS NULL.", clause="grammar.where", at=node)
    if isinstance(node.this.unnest(), DERIVED) and truncated(node.this, reading) is None:
        return values(node.this, reading, condition).where(lambda value: (value is None) != negated)
    if is_constant(node.this):
        return ALWAYS if isinstance(node.this.unnest(), exp.Null) != negated else NEVER
    if (period := truncated(node.this, reading)) is not None:
        return Within(period[0].ref, Spans(((None, None),)) if negated else Spans((), null=True))
    found = _filterable(node.this, reading)
    if found.role is Role.DIMENSION and found.column.type.kind not in DATED:
        known = frozenset(one for one in labels_of(found, node) if one is not None)
        return Within(found.ref, Labels(known if negated else frozenset({None})))
    return Within(found.ref, Spans(((None, None),)) if negated else Spans((), null=True))


def _null_safe(node: exp.Expr, reading: Reading, negated: bool) -> Condition:
    """`a <=> b`, IS NOT DISTINCT FROM: equality that is never unknown."""
    left, right = node.this, node.expression
    if is_constant(left) and not is_constant(right):
        left, right = right, left
    if isinstance(right.unnest(), exp.Null):
        return _is(exp.Is(this=left.copy(), expression=exp.Null()), reading, negated)
    met = _comparison(exp.EQ(), left, right, reading, negated=False)
    return otherwise(met, reading.labels) if negated else met


def _folded(kind: exp.Expr, left: exp.Expr, right: exp.Expr, reading: Reading, negated: bool) -> Condition:
    """A comparison of two constants, as in `1 = 1`."""
    one, two = (None if isinstance(side.unnest(), exp.Null) else constant(side, reading) for side in (left, right))
    if one is not None and two is not None and _family(one) != _family(two):
        raise Refusal("LITERAL_TYPE", "These are of different types and cannot be compared.",
                      "Compare numbers with numbers and text with text.", clause="grammar.where", at=left)  # fmt: skip
    holds = compared(COMPARISONS[type(kind)], one, two)
    return ALWAYS if holds is not None and holds != negated else NEVER


def _family(value: object) -> str:
    return "number" if isinstance(value, int | Decimal) and not isinstance(value, bool) else type(value).__name__


def _derived(kind: exp.Expr, left: exp.Expr, right: exp.Expr, reading: Reading, negated: bool, at: exp.Expr) -> Condition:
    """An expression over labels against a constant: the labels for which it holds."""
    try:
        table = values(left, reading, condition)
    except Refusal as refusal:
        raise refusal if refusal.code != "EXPRESSION" else _no_condition(refusal.at or left) from None
    value = constant(right, reading)
    if table.kind is Kind.DATE:
        value = day(right, None, reading)
    fits = {
        Kind.STRING: isinstance(value, str), Kind.BOOLEAN: isinstance(value, bool), Kind.DATE: True, None: True,
    }.get(table.kind, _family(value) == "number")  # fmt: skip
    if not fits:
        raise Refusal("LITERAL_TYPE", f"This is {table.kind} and cannot be compared with that.", "Compare it with its like.",
                      clause="grammar.where", at=right)  # fmt: skip
    if isinstance(kind, _ORDERED) and table.kind not in (Kind.BIGINT, Kind.DECIMAL, Kind.DATE, None):
        raise Refusal("CONDITION", "Labels have no order that is agreed.", "Use =, <> or IN.", clause="grammar.where", at=at)
    operation = COMPARISONS[type(kind)]
    return table.where(lambda one: (met := compared(operation, one, value)) is not None and met != negated)


def _filterable(node: exp.Expr, reading: Reading) -> Found:
    node = node.unnest()
    if not isinstance(node, exp.Column):
        raise Refusal("CONDITION", "Conditions are about columns as they are.", "Compare a dimension itself with a constant.",
                      clause="grammar.where", at=node)  # fmt: skip
    found = reading.scope.resolve(node)
    if found.role in (Role.DIMENSION, Role.MEASURE):
        return found
    if found.role in (Role.UNIT, Role.KEY):
        raise Refusal("IDENTITY", f"{found} identifies people and cannot be filtered on.", "Filter on a dimension.",
                      clause=found.asset.clause("privacy_unit" if found.role is Role.UNIT else "join_key"),
                      owner=found.asset.owner, at=node)  # fmt: skip
    raise Refusal("NO_ROLE", f"{found} may not be filtered on.", "Ask its owner to make it a dimension.",
                  clause=found.asset.clause("dimensions"), owner=found.asset.owner, at=node)  # fmt: skip


def _labels(found: Found, chosen: frozenset[Label], reading: Reading, negated: bool, at: exp.Expr) -> Condition:
    known = frozenset(one for one in labels_of(found, at) if one is not None)
    return Within(found.ref, Labels(known - chosen if negated else known & chosen))


def _cut(kind: exp.Expr, found: Found, right: exp.Expr, reading: Reading) -> Spans:
    """A measure is cut at its agreed bands and nowhere else; below and from the cut on, or up to it and above."""
    measure = found.asset.measure(found.column)
    bands = tuple(Decimal(cut) for cut in measure.bands) if measure is not None else ()
    cut = number(right, found, reading)
    if cut not in bands or not isinstance(kind, _ORDERED):
        agreed = ", ".join(str(band) for band in bands)
        raise Refusal(
            "BAND",
            f"{found} is a measure and may be cut only where a band is agreed.",
            _instead_of_cut(found, agreed),
            clause=found.asset.clause("measures", found.column.name, "bands"),
            owner=found.asset.owner,
            at=right,
            suggestion=_nearest_cut(kind, found, cut, bands),
        )
    edge = (cut, int(isinstance(kind, exp.LTE | exp.GT)))
    return _half(kind, edge)


def _nearest_cut(kind: exp.Expr, found: Found, cut: Decimal, bands: Sequence[Decimal]) -> str | None:
    """The same question where a band says it: above 7 is from 8 on, where there is nothing between. Else the nearest band."""
    name = found.column.name
    if isinstance(kind, _ORDERED) and found.column.type.kind in (Kind.BIGINT, Kind.DECIMAL):
        step = Decimal(1).scaleb(-(found.column.type.scale or 0))
        beside = cut + step if isinstance(kind, exp.GT | exp.LTE) else cut - step
        if beside in bands and cut == cut.quantize(step):
            return f"{name} {_BESIDE[type(kind)]} {beside}"
    return f"{name} {_SIGNS.get(type(kind), '<')} {min(bands, key=lambda band: abs(band - cut))}" if bands else None


def _instead_of_cut(found: Found, agreed: str) -> str:
    if agreed:
        return f"Compare with < or >= at {agreed}."
    measure = found.asset.measure(found.column)
    if measure is not None and Decimal(measure.min) == 0 and Decimal(measure.max) == 1:
        return f"Count in SELECT: sum({found.column.name}), or count_if({found.column.name} = 1); else filter on a dimension."
    return "Ask its owner for bands, or filter on a dimension."


def _whole_days(node: exp.Expr, reading: Reading) -> Found | None:
    """The column of CAST(column AS DATE), when days are no agreed grid: its comparisons may still be those of periods."""
    node = node.unnest()
    if not isinstance(node, exp.Cast | exp.TsOrDsToDate) or not isinstance(node.this, exp.Column):
        return None
    if isinstance(node, exp.Cast) and node.args["to"].this.value != "DATE":
        return None
    found = reading.scope.resolve(node.this)
    dimension = found.asset.dimension(found.column)
    dates = found.role is Role.DIMENSION and found.column.type.kind in DATED and dimension is not None and dimension.dates
    return found if dates and dimension is not None and "day" not in dimension.dates else None


def _dates(kind: exp.Expr, found: Found, right: exp.Expr, reading: Reading, whole_days: bool = False) -> Spans:
    """`whole_days`: the column is compared by its day, whatever the time."""
    grids = dated(found, right)
    start = day(right, found, reading)
    whole_days = whole_days or found.column.type.kind is Kind.DATE
    if isinstance(kind, exp.EQ | exp.NEQ):
        if not whole_days or "day" not in grids:
            raise _off_grid(found, right, grids, kind, start)
        return _days(kind, start, following(start, "day"))
    if isinstance(kind, exp.LTE | exp.GT):
        if not whole_days:
            raise _off_grid(found, right, grids, kind, start)
        start += timedelta(days=1)  # up to a day means before the next one
    if not on_grid(start, grids):
        raise _off_grid(found, right, grids, kind, start)
    return _half(kind, (start, 0))


def _days(kind: exp.Expr, start: date, stop: date) -> Spans:
    """A comparison of a whole period with one period [start, stop)."""
    inside = Spans((((start, 0), (stop, 0)),))
    if isinstance(kind, exp.EQ):
        return inside
    if isinstance(kind, exp.NEQ):
        return inside.complement()
    return _half(kind, (stop, 0) if isinstance(kind, exp.LTE | exp.GT) else (start, 0))


def _half(kind: exp.Expr, edge: Edge) -> Spans:
    return Spans(((None, edge),)) if isinstance(kind, exp.LT | exp.LTE) else Spans(((edge, None),))


def _not(region: Spans, negated: bool) -> Region:
    return region.complement() if negated else region


def _holds(kind: exp.Expr, one: Label, value: Label) -> bool:
    assert isinstance(one, int)  # noqa: S101
    assert isinstance(value, int)  # noqa: S101  both were read as labels of a BIGINT column
    if isinstance(kind, exp.LT | exp.LTE):
        return one < value or (one == value and isinstance(kind, exp.LTE))
    return one > value or (one == value and isinstance(kind, exp.GTE))


def _off_grid(found: Found, at: exp.Expr, grids: tuple[str, ...], kind: exp.Expr, day_: date) -> Refusal:
    """A cut within a period; the one where the period begins would pass, or where the next one does for what goes up to a day,
    or the period itself."""
    column, grid = found.column.name, grids[0]
    begins = truncate(day_, grid)
    if isinstance(kind, exp.LTE | exp.GT) and begins.year < date.max.year:
        begins = following(begins, grid)
    start = f"DATE '{begins}'"
    period = f"date_trunc('{grid}', {column}) = {start}"
    return Refusal(
        "DATE_GRID",
        f"{found} may be cut only where a {' or '.join(grids)} begins.",
        "Write ranges as column >= start AND column < end, with starts of periods.",
        clause=found.asset.clause("dimensions", found.column.name, "dates"),
        owner=found.asset.owner,
        at=at,
        suggestion=period if isinstance(kind, exp.EQ | exp.NEQ) else f"{column} {_STRICT[type(kind)]} {start}",
    )
