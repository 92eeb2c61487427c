"""Protected cells as a table: what lies in quarantine, for the one person who may look."""

from __future__ import annotations

from collections import Counter
from typing import Any

import streamlit as st

from cleanroom_core.sql.cells import Cell, Cells, Figure
from cleanroom_core.stories.figures import SheetFigures
from pages._ui.cards import plain
from pages._ui.tables import show_table


def show_cells(sheet: SheetFigures) -> None:
    """One sheet: labels, rows, people per protected side, and each column's count and sum."""
    cells, chosen = sheet.cells, ", ".join(f"{name} = {value}" for name, value in sheet.parameters.items())
    if chosen:
        st.markdown(f"With {plain(chosen)}")
    if not cells.cells:
        st.caption("No segment reached the agreed minimum.")
        return
    show_table(_names(cells), [_row(cells, cell) for cell in cells.cells], alt=f"Figures in quarantine {chosen}")


def _names(cells: Cells) -> list[str]:
    """Short names, so that the figures are in sight beside the labels; whole ones where two columns are called the same."""
    layout = cells.layout
    whole = [*(key.name for key in layout.keys), *(figure.name for figure in layout.figures)]
    ends = Counter(_end(name) for name in whole)
    short = {name: _end(name) if ends[_end(name)] == 1 else name for name in whole}
    names = [short[key.name] for key in layout.keys] + ["rows"]
    names += [f"people of {', '.join(unit.assets)}" for unit in layout.units]
    for figure in layout.figures:
        names += [f"{short[figure.name]} count"] + ([f"{short[figure.name]} sum"] if figure.summed else [])
    return names


def _end(name: str) -> str:
    return name.rpartition(".")[2]


def _row(cells: Cells, cell: Cell) -> list[Any]:
    row: list[Any] = [*cell.labels, cell.rows, *cell.people]
    for layout in cells.layout.figures:
        figure = cell.figures[layout.name]
        row += ["withheld" if figure.count is None else figure.count] + (
            [_sum(figure, cells.numerator_minimum)] if layout.summed else []
        )
    return row


def _sum(figure: Figure, minimum: int) -> Any:
    return "withheld" if figure.withheld else f"fewer than {minimum}" if figure.fewer else figure.sum
