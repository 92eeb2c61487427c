"""What each column of an answer is: a label, or a figure and what it counts. For the axes of a chart, nothing depends on it."""

from __future__ import annotations

from cleanroom_core.guard.figures import Apply, Counted, Expression, KeyLabel, People, Rows, Total
from cleanroom_core.guard.sheet import Sheet
from cleanroom_core.sql.cells import CellLayout

LABEL = "label"  # stands in the place of a unit for columns that name a segment
SHARE = "share, 0 to 1"


def units_of(sheet: Sheet) -> dict[str, str]:
    """Column -> `label`, or the unit of its figures: rows, people, a share; empty where nobody has said."""
    return {output.name: _unit(output.expression, sheet.layout) for output in sheet.outputs}


def _unit(node: Expression, layout: CellLayout) -> str:
    if isinstance(node, KeyLabel):
        return LABEL
    if isinstance(node, Rows | Counted):
        return "rows"
    if isinstance(node, People):
        return "people"
    if isinstance(node, Apply):
        return _applied(node, layout)
    return ""


def _applied(node: Apply, layout: CellLayout) -> str:
    if node.operation in ("round", "ceil", "floor", "cast", "coalesce", "nullif", "abs"):
        return _unit(node.arguments[0], layout)
    if node.operation == "div" and len(node.arguments) == 2:
        top, bottom = node.arguments
        if isinstance(top, Rows) and isinstance(bottom, Rows) and top.part != 0 and bottom.part == 0:
            return SHARE  # the rows of a part are some of the sheet's
        binary = {figure.name for figure in layout.figures if figure.binary}
        if isinstance(top, Total) and isinstance(bottom, Counted | Rows) and top.figure in binary:
            return SHARE
    return ""
