"""From released cells to an answer: outputs, HAVING, ORDER BY and LIMIT over protected figures. Reads nothing else, so that it
is instant and tells nothing that was not released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cmp_to_key
from itertools import product
from math import prod

from cleanroom_core.errors import ConflictError
from cleanroom_core.guard.figures import Apply, Expression, Fewer, Outcome, People, evaluate, presented
from cleanroom_core.guard.question import AllOf, AnyOf, Within, possible
from cleanroom_core.guard.sheet import Sheet, Sorting
from cleanroom_core.sql.cells import Cell, Cells, Label
from cleanroom_core.sql.types import SqlType

ENUMERATED = 200_000  # combinations looked at one by one when the filter ties several dimensions together
Shown = bool | int | Decimal | str | date | None


@dataclass(frozen=True)
class Answer:
    """`columns`: name and type. A value may be text ("fewer than 3") in a column of numbers. `withheld`: some label combination
    of the agreed domain has no row here, for whatever reason. `notes`: what a reader of the table should know."""

    columns: tuple[tuple[str, SqlType], ...]
    rows: tuple[tuple[Shown, ...], ...]
    withheld: bool
    notes: tuple[str, ...] = ()


def project(sheet: Sheet, cells: Cells) -> Answer:
    """The sheet's answer from released cells. Raises ConflictError when these cells are another question's."""
    if not cells.layout.covers(sheet.layout):
        raise ConflictError(
            "These figures answer another question.", hint="Compute the template of this question first.", code="OTHER_SHEET"
        )
    minimum = cells.numerator_minimum
    kept = [cell for cell in cells.cells if sheet.having is None or evaluate(sheet.having, cell, minimum) is True]
    kept.sort(key=cmp_to_key(lambda one, two: _compare(sheet.order, one, two, minimum)))  # stable: ties stay in label order
    shown = kept if sheet.limit is None else kept[: sheet.limit]
    columns = tuple((output.name, output.type) for output in sheet.outputs)
    rows = tuple(
        tuple(presented(evaluate(output.expression, cell, minimum), output.type) for output in sheet.outputs) for cell in shown
    )
    return Answer(columns, rows, _incomplete(sheet, cells, shown), _notes(sheet, cells, shown))


def not_released_labels(sheet: Sheet, cells: Cells) -> Mapping[str, tuple[Label, ...]]:
    """Per key, by name of the layout, the labels of the agreed domain without any released cell. Never says why."""
    found: dict[str, tuple[Label, ...]] = {}
    for index, key in enumerate(cells.layout.keys):
        released = {cell.labels[index] for cell in cells.cells}
        found[key.name] = tuple(label for label in key.labels or () if label not in released)
    return found


def _incomplete(sheet: Sheet, cells: Cells, shown: list[Cell]) -> bool:
    """Fewer rows than label combinations; where the domain is not known, nobody can say that nothing is missing."""
    domains = [key.labels for key in cells.layout.keys]
    known = [domain for domain in domains if domain is not None]
    if len(known) < len(domains):
        return True
    combinations = prod(len(domain) for domain in known)
    if combinations <= ENUMERATED and _ties_dimensions(sheet):
        refs = {key.ref: i for i, key in enumerate(sheet.keys) if key.grid is None}
        combinations = sum(possible(sheet.where, {ref: labels[i] for ref, i in refs.items()}) for labels in product(*known))
    return not shown or len(shown) < combinations


def _ties_dimensions(sheet: Sheet) -> bool:
    """Whether the filter is more than one region per column: those have cut the layout's labels already."""
    parts = sheet.where.parts if isinstance(sheet.where, AllOf) else (sheet.where,)
    return not all(isinstance(part, Within) for part in parts) or sheet.where == AnyOf()


def _compare(order: tuple[Sorting, ...], one: Cell, two: Cell, minimum: int) -> int:
    for sorting in order:
        left, right = (_sortable(evaluate(sorting.expression, cell, minimum)) for cell in (one, two))
        if left == right:
            continue
        if left is None or right is None:
            return -1 if (left is None) == sorting.nulls_first else 1
        below = left < right  # type: ignore[operator]
        return 1 if below == sorting.descending else -1
    return 0


def _sortable(outcome: Outcome) -> bool | Decimal | str | date | None:
    """A hidden figure has no place in an order: it stands with NULL."""
    return None if isinstance(outcome, Fewer) else outcome


def _notes(sheet: Sheet, cells: Cells, shown: list[Cell]) -> tuple[str, ...]:
    notes = []
    if any(_speaks_of_people(output.expression) for output in sheet.outputs):
        notes.append("Counts of people are rounded down to ten.")
    if any(figure.fewer for cell in shown for figure in cell.figures.values()):
        least = Fewer(cells.numerator_minimum)
        notes.append(f"“{least}”: so few people, or all but so few, that the figure would be about them.")
    return tuple(notes)


def _speaks_of_people(node: Expression) -> bool:
    return isinstance(node, People) or (isinstance(node, Apply) and any(map(_speaks_of_people, node.arguments)))
