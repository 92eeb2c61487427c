"""Protect computed cells: cohort, dominance, numerator. Pure Python over some thousand cells; nothing here reads data.

A cell of too few people stays away whole, and so does one most rows of which are one person's. A figure that one person
dominates, or nobody contributes to, or too few have a value of, is withheld, and nothing says which; the others of its cell
stay. `fewer` shows as text. People without a value are a group as well: where some, yet too few, are missing from a figure, its
count stays back. Sources: the SDC Handbook for the p % rule, facts of this project for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from cleanroom_core.errors import IntegrityError
from cleanroom_core.sql.cells import (
    Cell,
    CellLayout,
    Cells,
    Figure,
    FigureLayout,
    Label,
    Row,
    Thresholds,
    UnitLayout,
    Value,
    label_order,
)
from cleanroom_core.sql.types import Kind

EXACT = Context(prec=100)
ROWS = ""  # stands among the names of figures for the number of rows
PEOPLE_STEP = 10  # counts of people are not additive over rows, so that a plan's certificate does not cover them: rounded down


def protect(rows: Sequence[Row], layout: CellLayout, thresholds: Thresholds) -> Cells:
    """Turn base figures, in the order of `layout.columns`, into what may be released.

    The SQL has applied the cohort minimum and the label domain already; both are applied here again, so that neither alone
    has to be right. Raises IntegrityError when the rows do not have the layout's shape.
    """
    minimums = tuple(thresholds.minimum(unit.assets) for unit in layout.units)
    domains = [None if key.labels is None else frozenset(key.labels) for key in layout.keys]
    kept = []
    seen = set()
    met = _met(rows, layout)
    for row in rows:
        if len(row) != len(layout.columns):
            raise _misshapen()
        base = _Base(dict(zip(layout.columns, row, strict=True)))
        labels = tuple(_label(base.values[f"k{i}"], key.type.kind) for i, key in enumerate(layout.keys))
        if labels in seen:
            raise _misshapen()
        seen.add(labels)
        if any(domain is not None and label not in domain for domain, label in zip(domains, labels, strict=True)):
            continue
        if (cell := _protected(base, labels, layout, minimums, thresholds, met)) is not None:
            kept.append(cell)
    kept.sort(key=lambda cell: label_order(cell.labels))
    return Cells(layout, thresholds.numerator_minimum, minimums, tuple(kept))


def concealed(rows: Sequence[Row], layout: CellLayout, thresholds: Thresholds) -> dict[tuple[Label, ...], frozenset[str]]:
    """What must not be known of cells although enough people stand in them: by their labels, the names of figures that are
    dominated, and ROWS where one person has most of the rows.

    Such a figure is not shown, and must not follow from others by adding and subtracting either (SDC Handbook, complementary
    suppression); `engines.computing` sees to that. Raises IntegrityError as `protect` does.
    """
    minimums = tuple(thresholds.minimum(unit.assets) for unit in layout.units)
    found = {}
    for row in rows:
        if len(row) != len(layout.columns):
            raise _misshapen()
        base = _Base(dict(zip(layout.columns, row, strict=True)))
        if any(
            base.whole(f"u{u}_people") < minimum and not unit.optional
            for u, (unit, minimum) in enumerate(zip(layout.units, minimums, strict=True))
        ):
            continue  # too few people: the certification speaks of their rows themselves
        if names := frozenset(_concealed(base, layout, minimums, thresholds)):
            found[tuple(_label(base.values[f"k{i}"], key.type.kind) for i, key in enumerate(layout.keys))] = names
    return found


def _concealed(base: _Base, layout: CellLayout, minimums: tuple[int, ...], thresholds: Thresholds) -> Iterator[str]:
    percent, everything = thresholds.dominance_percent, range(len(layout.units))
    if any(_rows_dominated(base, layout, u, percent) for u in everything):
        yield ROWS
    for f, figure in enumerate(layout.figures):
        units = [u for u in everything if layout.units[u].counts(figure)]
        if any(base.whole(f"u{u}_f{f}_people") < minimums[u] for u in units):
            continue
        if any(_figure_dominated(base, f, u, figure, percent) for u in units):
            yield figure.name


def _rows_dominated(base: _Base, layout: CellLayout, u: int, percent: int) -> bool:
    total = base.number(f"u{u}_n") if layout.units[u].optional else base.number("n")
    return dominated(total, base.number(f"u{u}_n_first"), base.number(f"u{u}_n_second"), percent)


def released_people(people: int, minimum: int) -> int:
    """People as they may be said: rounded down to ten, yet never below the minimum that the cell has passed."""
    return max(minimum, people - people % PEOPLE_STEP)


def dominated(total: Decimal, first: Decimal, second: Decimal, percent: int) -> bool:
    """The p % rule: whoever made the second largest contribution could tell the largest to within p percent."""
    return (total - first - second) * 100 < percent * first


class _Base:
    """One row of base figures, read by column name; anything that is not the number expected is a fault of the engine."""

    def __init__(self, values: dict[str, Value]) -> None:
        self.values = values

    def whole(self, column: str) -> int:
        value = self.number(column)
        if value != int(value) or value < 0:
            raise _misshapen()
        return int(value)

    def number(self, column: str) -> Decimal:
        """NULL is zero: nobody contributed."""
        value = self.values[column]
        if isinstance(value, bool) or not isinstance(value, None | int | Decimal):
            raise _misshapen()
        return Decimal(0) if value is None else Decimal(value)


def _protected(
    base: _Base, labels: tuple[Label, ...], layout: CellLayout, minimums: tuple[int, ...], thresholds: Thresholds, met: set[int]
) -> Cell | None:
    percent, rows = thresholds.dominance_percent, base.whole("n")
    people = [base.whole(f"u{u}_people") for u in range(len(minimums))]
    for u, (unit, count, minimum) in enumerate(zip(layout.units, people, minimums, strict=True)):
        if count < minimum and not (unit.optional and count == 0 and (u not in met or _is_unmatched(unit, labels, layout))):
            return None  # nobody matched must not be told from few
        if _rows_dominated(base, layout, u, percent):
            return None
    figures = {}
    for f, figure in enumerate(layout.figures):
        units = [u for u, unit in enumerate(layout.units) if unit.counts(figure)]
        fewer = figure.binary and any(_too_few(base, f, u, thresholds.numerator_minimum) for u in units)
        if any(
            base.whole(f"u{u}_f{f}_people") < minimums[u] or (not fewer and _figure_dominated(base, f, u, figure, percent))
            for u in units
        ):
            figures[figure.name] = Figure(None, withheld=True)
            continue
        few_without = any(0 < base.whole(f"u{u}_f{f}_missing") < minimums[u] for u in units)
        values = None if few_without else base.whole(f"f{f}_count")
        total = _stepped(base.number(f"f{f}_sum"), figure.step) if figure.summed else Decimal(0)
        figures[figure.name] = Figure(
            values, total if figure.summed and not fewer else None, fewer, withheld=few_without and not figure.summed
        )
    shown = tuple(released_people(count, minimum) if count else 0 for count, minimum in zip(people, minimums, strict=True))
    return Cell(labels, rows, shown, figures)


def _met(rows: Sequence[Row], layout: CellLayout) -> set[int]:
    """The optional units that somebody in the sheet is matched to; where the filter asks for the unmatched, there is nobody."""
    at = {name: number for number, name in enumerate(layout.columns)}
    optional = [u for u, unit in enumerate(layout.units) if unit.optional]
    return {u for u in optional if any(len(row) == len(layout.columns) and row[at[f"u{u}_people"]] for row in rows)}


def _is_unmatched(unit: UnitLayout, labels: tuple[Label, ...], layout: CellLayout) -> bool:
    """Whether a label made of the asset's own columns says so already: it is missing, or derived from missing ones."""
    return any(
        f"{asset}." in key.name and (label is None or "#" in key.name)
        for label, key in zip(labels, layout.keys, strict=True)
        for asset in unit.assets
    )


def _stepped(total: Decimal, step: str | None) -> Decimal:
    """The sum at the nearest multiple of the step; a half goes away from zero."""
    if step is None:
        return total
    size = Decimal(step)
    return EXACT.multiply(EXACT.divide(total, size).quantize(Decimal(1), ROUND_HALF_UP, EXACT), size)


def _too_few(base: _Base, f: int, u: int, minimum: int) -> bool:
    return any(base.whole(f"u{u}_f{f}_{side}") < minimum for side in ("ones", "others"))


def _figure_dominated(base: _Base, f: int, u: int, figure: FigureLayout, percent: int) -> bool:
    unsigned = f"f{f}_sum" if figure.summed else f"f{f}_count"
    total, first = base.number(f"u{u}_f{f}_size" if figure.signed else unsigned), base.number(f"u{u}_f{f}_first")
    if first == 0 and not figure.binary:
        return percent > 0  # nobody contributes, which must not be told from one or two who do
    return dominated(total, first, base.number(f"u{u}_f{f}_second"), percent)


def _label(value: Value, kind: Kind) -> Label:
    if kind is Kind.DATE and value is not None:
        if not isinstance(value, date):
            raise _misshapen()
        return value.date() if isinstance(value, datetime) else value
    wanted: type = {Kind.STRING: str, Kind.BIGINT: int, Kind.BOOLEAN: bool}.get(kind, str)
    if value is not None and type(value) is not wanted:
        raise _misshapen()
    return value  # type: ignore[return-value]


def _misshapen() -> IntegrityError:
    return IntegrityError(
        "The engine's base figures do not have the shape the guard asked for.",
        hint="Nothing was released. Run the plan again; if it stays, report it with the error id.",
        code="CELLS",
    )
