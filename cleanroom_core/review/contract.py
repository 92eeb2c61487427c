"""The output contract: what a result must look like to be what both sides signed. Pure; says held or not, never a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cleanroom_core.sql.cells import CellLayout, Cells, Thresholds

OF_CELLS = {
    "columns": "the columns are those the plan names",
    "types": "their types are those the plan names",
    "level": "it is grouped by the plan's dimensions and nothing finer",
    "cohort": "every row stands for at least the agreed number of people on each side",
    "labels": "every label is one of the agreed domain",
    "numerator": "small numerators show as text, not as figures",
}
CERTIFICATE = "certificate"
CHECKS = OF_CELLS | {CERTIFICATE: "nothing that can be added up from it and from what is out already is about fewer people"}


@dataclass(frozen=True)
class Sheet:
    """What was promised (`layout`) beside what came out (`cells`)."""

    layout: CellLayout
    cells: Cells


def check_contract(sheets: Sequence[Sheet], thresholds: Thresholds, *, certified: bool) -> dict[str, bool]:
    """Name of a check -> whether it holds for every sheet of a result. No sheet at all holds nothing. `certified`: whether the
    plan's certification passed with these sheets in it."""
    found = [_check(sheet, thresholds) for sheet in sheets]
    held = {name: bool(sheets) and all(checked[name] for checked in found) for name in OF_CELLS}
    return held | {CERTIFICATE: bool(sheets) and certified}


def _check(sheet: Sheet, thresholds: Thresholds) -> Mapping[str, bool]:
    promised, came = sheet.layout, sheet.cells.layout
    minimums = tuple(thresholds.minimum(unit.assets) for unit in promised.units)
    cells = sheet.cells.cells
    shaped = all(
        len(cell.labels) == len(promised.keys)
        and len(cell.people) == len(promised.units)
        and set(cell.figures) == {figure.name for figure in promised.figures}
        for cell in cells
    )
    return {
        "columns": shaped and promised.columns == came.columns,
        "types": tuple(key.type for key in promised.keys) == tuple(key.type for key in came.keys)
        and promised.figures == came.figures,
        "level": tuple(key.name for key in promised.keys) == tuple(key.name for key in came.keys)
        and promised.partition == came.partition
        and len({cell.labels for cell in cells}) == len(cells),
        "cohort": shaped
        and all(people >= minimum for cell in cells for people, minimum in zip(cell.people, minimums, strict=True)),
        "labels": shaped
        and all(
            key.labels is None or label in key.labels
            for cell in cells
            for key, label in zip(promised.keys, cell.labels, strict=True)
        ),
        "numerator": sheet.cells.numerator_minimum >= thresholds.numerator_minimum
        and all(figure.sum is None for cell in cells for figure in cell.figures.values() if figure.fewer),
    }
