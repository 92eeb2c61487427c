"""The shape of what a generated room-side query returns, and the protected cells made of it.

The guard writes a `CellLayout` beside the SQL, `privacy.protect` reads it and returns `Cells`; both stand above this module
and know nothing of each other. A *cell* is one combination of key labels; its base figures are the number of rows and, per
figure column, an exact sum and the count of non-null values. People are counted per *unit*: the protected assets whose privacy
units are one and the same column of the joined rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.sql.kinds import require_labels, require_whole
from cleanroom_core.sql.types import Kind, SqlType

Label = None | str | int | bool | date
Value = None | str | int | bool | float | Decimal | date | datetime
Row = Sequence[Value]


@dataclass(frozen=True)
class Thresholds:
    """What both sides agreed: `minimum_cohort` per qualified asset (distinct people), `numerator_minimum` in people, and the p
    of the p % rule; 0 switches dominance off."""

    minimum_cohort: Mapping[str, int]
    numerator_minimum: int = 3
    dominance_percent: int = 10

    def minimum(self, assets: Sequence[str]) -> int:
        """The strictest cohort minimum of these assets; 2 is the least there can be. KeyError for an asset nobody agreed on."""
        return max(2, *(self.minimum_cohort[asset] for asset in assets))


@dataclass(frozen=True)
class KeyLayout:
    """One label column. `name`: `asset.column`, with `@month` for a truncated date. `labels`: the agreed domain as far as the
    sheet's own filter lets it through; None where it is not known (dates without published periods)."""

    name: str
    type: SqlType
    labels: tuple[Label, ...] | None


@dataclass(frozen=True)
class FigureLayout:
    """One column with base figures. `summed`: a measure, clipped and exact at `scale` digits; otherwise only counted.

    `binary`: a measure from 0 to 1, for which people with more than none and with less than all are counted too. `signed`:
    contributions may be negative, so that their size is summed besides. `clip`: the agreed bounds of a measure, as text.
    `squares`: the squares of the clipped values are summed, at `scale` digits. `step`: sums are released rounded to a multiple
    of it (decimal text)."""

    name: str
    summed: bool
    scale: int = 0
    binary: bool = False
    signed: bool = False
    clip: tuple[str, str] | None = None
    squares: bool = False
    step: str | None = None


@dataclass(frozen=True)
class UnitLayout:
    """One way of counting people: the assets whose privacy unit this is. `optional`: they may be unmatched in some rows, which
    are nobody's in this unit; its people are looked at where there are any."""

    assets: tuple[str, ...]
    optional: bool = False

    def counts(self, figure: FigureLayout) -> bool:
        """Whether a figure is about this unit's people: each is about everybody in its rows, but those of an optional asset are
        in the rows of its own columns only."""
        return not self.optional or any(figure.name.startswith(f"{asset}.") for asset in self.assets)


@dataclass(frozen=True)
class CellLayout:
    """The columns of one generated query. `partition` identifies assets, filter and keys: equal partitions have equal cells."""

    partition: str
    keys: tuple[KeyLayout, ...]
    figures: tuple[FigureLayout, ...]
    units: tuple[UnitLayout, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in order. Per unit: people, the two largest row counts, and of an optional one its rows; per figure and
        unit: people with a value, people with a row without one, the two largest contributions, and where they apply size,
        people with a one, people with a value that is not one."""
        names = [f"k{i}" for i in range(len(self.keys))] + ["n"]
        for f, figure in enumerate(self.figures):
            names += [f"f{f}_sum", f"f{f}_count"] if figure.summed else [f"f{f}_count"]
        for u, unit in enumerate(self.units):
            names += [f"u{u}_people", f"u{u}_n_first", f"u{u}_n_second"]
            names += [f"u{u}_n"] if unit.optional else []
            for f, figure in enumerate(self.figures):
                if not unit.counts(figure):
                    continue
                at = f"u{u}_f{f}"
                names += [f"{at}_people", f"{at}_missing", f"{at}_first", f"{at}_second"]
                names += [f"{at}_size"] if figure.signed else []
                names += [f"{at}_ones", f"{at}_others"] if figure.binary else []
        return tuple(names)

    def covers(self, other: CellLayout) -> bool:
        """Whether cells of this layout answer a question of the other: the same partition, and every figure it needs."""
        return self.partition == other.partition and set(other.figures) <= set(self.figures) and self.units == other.units


@dataclass(frozen=True)
class Figure:
    """Protected base figures of one column in one cell. `sum` is None when the column is only counted or has no value; `fewer`
    says that the numerator of a 0/1 measure is too small, or all but too small, and the sum is not there for that reason;
    `withheld` that the sum is not there because one person dominates it, too few have a value, or it would lead to one that
    must not be known. `count` is None where it would tell that too few people are without a value, or have one."""

    count: int | None
    sum: Decimal | None = None
    fewer: bool = False
    withheld: bool = False


@dataclass(frozen=True)
class Cell:
    """`people` per unit, rounded down; `figures` by name."""

    labels: tuple[Label, ...]
    rows: int
    people: tuple[int, ...]
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Cells:
    """The protected cells of one sheet: all that may ever be stored, shown or answered from."""

    layout: CellLayout
    numerator_minimum: int
    minimum_cohort: tuple[int, ...]  # per unit of the layout
    cells: tuple[Cell, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Stable, and free of floats: decimals and integer labels are text, dates ISO 8601."""
        layout = self.layout
        return {
            "partition": layout.partition,
            "keys": [
                {
                    "name": key.name,
                    "type": str(key.type),
                    "labels": None if key.labels is None else [label_to_json(label) for label in key.labels],
                }
                for key in layout.keys
            ],
            "figures": [
                {
                    "name": f.name,
                    "summed": f.summed,
                    "scale": f.scale,
                    "binary": f.binary,
                    "signed": f.signed,
                    "clip": None if f.clip is None else list(f.clip),
                    "squares": f.squares,
                    "step": f.step,
                }
                for f in layout.figures
            ],
            "units": [
                {"assets": list(unit.assets), "optional": True} if unit.optional else list(unit.assets) for unit in layout.units
            ],
            "numerator_minimum": self.numerator_minimum,
            "minimum_cohort": list(self.minimum_cohort),
            "cells": [
                {
                    "labels": [label_to_json(label) for label in cell.labels],
                    "rows": cell.rows,
                    "people": list(cell.people),
                    "figures": [_figure_to_json(cell.figures[f.name]) for f in layout.figures],
                }
                for cell in self.cells
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Cells:
        """Read stored cells, which another side's software may have written. Raises InputError (code CELLS)."""
        try:
            return cls._read(data)
        except Exception:
            raise InputError("These stored figures cannot be read.", hint="Compute the plan again.", code="CELLS") from None

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> Cells:
        keys = tuple(
            KeyLayout(
                key["name"],
                type_ := SqlType.parse(key["type"]),
                None if key["labels"] is None else tuple(label_from_json(label, type_) for label in key["labels"]),
            )
            for key in data["keys"]
        )
        figures = tuple(
            FigureLayout(**{**figure, "clip": None if figure["clip"] is None else tuple(figure["clip"])})
            for figure in data["figures"]
        )
        units = tuple(
            UnitLayout(tuple(unit["assets"]), unit["optional"] is True) if isinstance(unit, dict) else UnitLayout(tuple(unit))
            for unit in data["units"]
        )
        layout = CellLayout(data["partition"], keys, figures, units)
        cells = tuple(
            Cell(
                tuple(label_from_json(label, key.type) for label, key in zip(cell["labels"], keys, strict=True)),
                cell["rows"],
                tuple(cell["people"]),
                {f.name: _figure_from_json(item) for f, item in zip(figures, cell["figures"], strict=True)},
            )
            for cell in data["cells"]
        )
        whole = [data["numerator_minimum"], *data["minimum_cohort"], *(figure.scale for figure in figures)]
        whole += [number for cell in cells for number in (cell.rows, *cell.people)]
        counts = [figure.count for cell in cells for figure in cell.figures.values()]
        require_whole("A count", whole + [count for count in counts if count is not None])
        require_labels("A label", (str(label) if isinstance(label, date) else label
                                   for cell in cells for label in cell.labels if label is not None))  # fmt: skip
        if any(len(cell.people) != len(layout.units) for cell in cells):
            raise ValueError("people are counted per unit")
        return cls(layout, data["numerator_minimum"], tuple(data["minimum_cohort"]), cells)


def label_to_json(label: Label) -> str | bool | None:
    """Integers become text because canonical JSON ends at 2^53; the key's type says how to read them back."""
    if label is None or isinstance(label, bool | str):
        return label
    return label.isoformat() if isinstance(label, date) else str(label)


def label_from_json(data: str | bool | None, type_: SqlType) -> Label:
    if data is None or isinstance(data, bool) or type_.kind is Kind.STRING:
        return data
    return date.fromisoformat(data) if type_.kind is Kind.DATE else int(data)


def label_order(labels: Sequence[Label]) -> tuple[tuple[int, Any], ...]:
    """Sorting key for labels of one column type each: NULL first, then the type's own order."""
    return tuple((0, 0) if label is None else (1, label) for label in labels)


def _figure_to_json(figure: Figure) -> dict[str, Any]:
    found = {"count": figure.count, "sum": None if figure.sum is None else str(figure.sum), "fewer": figure.fewer}
    return found | ({"withheld": True} if figure.withheld else {})


def _figure_from_json(data: Mapping[str, Any]) -> Figure:
    total = None if data["sum"] is None else Decimal(data["sum"])
    found = Figure(data["count"], total, data["fewer"] is True, data.get("withheld") is True)
    if found.sum is not None and not found.sum.is_finite():
        raise ValueError("a sum is a number")
    return found
