"""From released cells to an answer: outputs, HAVING, ORDER BY and LIMIT over protected figures. Reads nothing else, so that it
is instant and tells nothing that was not released."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cmp_to_key
from itertools import product
from math import prod

from cleanroom_core.errors import ConflictError
from cleanroom_core.guard.figures import (
    Apply,
    Constant,
    Expression,
    Fewer,
    Hidden,
    KeyLabel,
    Outcome,
    People,
    Withheld,
    evaluate,
    presented,
)
from cleanroom_core.guard.logic import NEVER, Condition, Ref, Within, both, computed, conjuncts_of, possible
from cleanroom_core.guard.question import Key
from cleanroom_core.guard.regions import Spans
from cleanroom_core.guard.safe_query import question_of
from cleanroom_core.guard.sheet import Sheet, Sorting
from cleanroom_core.sql.cells import Cell, Cells, Label
from cleanroom_core.sql.types import SqlType

DERIVED = 20_000  # combinations of labels made of the same columns
ENUMERATED = 200_000  # combinations looked at one by one when the filter ties several dimensions together
Shown = bool | int | Decimal | str | date | None


@dataclass(frozen=True)
class Answer:
    """`columns`: name and type. A value may be text ("fewer than 3") in a column of numbers. `withheld`: some label combination
    of the agreed domain has no figure, for whatever reason; what HAVING and LIMIT leave out has one. `notes`: what a reader of
    the table should know."""

    columns: tuple[tuple[str, SqlType], ...]
    rows: tuple[tuple[Shown, ...], ...]
    withheld: bool
    notes: tuple[str, ...] = ()


Row = tuple[Cell | None, ...]  # one label combination, as each part has released it or not; the first part has


def project(sheet: Sheet, released: Cells | Sequence[Cells]) -> Answer:
    """The sheet's answer from released cells, those of each of its parts in order. There is a row where the first part has a
    cell; a figure of a part that has not shows as "withheld", and a row of nothing else is not there. Raises ConflictError when
    these are another question's cells."""
    parts = (released,) if isinstance(released, Cells) else tuple(released)
    if len(parts) != len(sheet.parts) or not all(
        cells.layout.covers(part.layout) for cells, part in zip(parts, sheet.parts, strict=True)
    ):
        raise ConflictError(
            "These figures answer another question.", hint="Compute the template of this question first.", code="OTHER_SHEET"
        )
    cells, minimum = parts[0], parts[0].numerator_minimum
    others = [{cell.labels: cell for cell in part.cells} for part in parts[1:]]
    rows: list[Row] = [(cell, *(other.get(cell.labels) for other in others)) for cell in cells.cells]
    figures = [output.expression for output in sheet.outputs if not isinstance(output.expression, KeyLabel | Constant)]
    rows = [row for row in rows if not figures or not all(_is_withheld(figure, row, minimum) for figure in figures)]
    passes = [True if sheet.having is None else evaluate(sheet.having, row, minimum) for row in rows]
    kept = [row for row, passed in zip(rows, passes, strict=True) if passed is True]

    def compare(one: Row, two: Row) -> int:
        return _compare(sheet.order, one, two, minimum)

    kept.sort(key=cmp_to_key(compare))  # stable: ties stay in label order
    shown = kept if sheet.limit is None else kept[: sheet.limit]
    columns = tuple((output.name, output.type) for output in sheet.outputs)
    outcomes = [[evaluate(output.expression, row, minimum) for output in sheet.outputs] for row in shown]
    texts = tuple(
        tuple(presented(outcome, type_) for outcome, (_, type_) in zip(line, columns, strict=True)) for line in outcomes
    )
    withheld = any(isinstance(outcome, Withheld) for line in outcomes for outcome in line)
    # What HAVING and LIMIT leave out is there to be asked for; what HAVING cannot tell, for a hidden figure, is not.
    unknown = any(
        passed is not True and _depends_on_hidden(sheet.having, row, minimum) for row, passed in zip(rows, passes, strict=True)
    )
    incomplete = unknown or not shown or _incomplete(sheet, cells, [cell.labels for cell, *_ in rows if cell is not None])
    return Answer(columns, texts, withheld or incomplete, _notes(sheet, cells, shown, withheld))


def _depends_on_hidden(having: Expression | None, row: Row, minimum: int) -> bool:
    """Whether some figure that HAVING speaks of is hidden."""
    if isinstance(having, Apply):
        return any(_depends_on_hidden(part, row, minimum) for part in having.arguments)
    return having is not None and isinstance(evaluate(having, row, minimum), Hidden)


def _is_withheld(figure: Expression, row: Row, minimum: int) -> bool:
    return isinstance(evaluate(figure, row, minimum), Withheld)


def not_released_labels(sheet: Sheet, cells: Cells) -> Mapping[str, tuple[Label, ...]]:
    """Per key, by name of the layout, the labels of the agreed domain without any released cell. Never says why."""
    found: dict[str, tuple[Label, ...]] = {}
    for index, (key, layout) in enumerate(zip(sheet.keys, cells.layout.keys, strict=True)):
        released = {cell.labels[index] for cell in cells.cells}
        missing = (label for label in layout.labels or () if label not in released)
        found[layout.name] = tuple(label for label in missing if both([key.expected, key.rows(label)]) != NEVER)
    return found


def _incomplete(sheet: Sheet, cells: Cells, shown: Sequence[tuple[Label, ...]]) -> bool:
    """Fewer rows than label combinations; where the domain is not known, nobody can say that nothing is missing."""
    domains = [key.labels for key in cells.layout.keys]
    known = [domain for domain in domains if domain is not None]
    if len(known) < len(domains):
        return True
    combinations, count = prod(len(domain) for domain in known), len(shown)
    refs = [ref for key in sheet.keys for ref in key.refs]
    if len(set(refs)) < len(refs) or any(key.ref is None for key in sheet.keys):
        if combinations <= DERIVED:
            where = both([sheet.where, *(key.expected for key in sheet.keys)])
            combinations = _reachable(where, list(zip(sheet.keys, known, strict=True)))
            count = sum(
                both([where, *(key.rows(label) for key, label in zip(sheet.keys, labels, strict=True))]) != NEVER
                for labels in shown
            )
    elif combinations <= ENUMERATED and _ties_dimensions(sheet):
        at = {key.ref: i for i, key in enumerate(sheet.keys) if key.grid is None and key.ref is not None}
        combinations = sum(possible(sheet.where, {ref: labels[i] for ref, i in at.items()}) for labels in product(*known))
    return not shown or count < combinations


def _reachable(where: Condition, keys: list[tuple[Key, tuple[Label, ...]]]) -> int:
    """Label combinations some row can have, where keys are made of the same columns."""
    if where == NEVER:
        return 0
    if not keys:
        return 1
    (key, labels), rest = keys[0], keys[1:]
    return sum(_reachable(both([where, key.rows(label)]), rest) for label in labels)


def _ties_dimensions(sheet: Sheet) -> bool:
    """Whether the filter is more than one region per column: those have cut the layout's labels already."""
    return sheet.where == NEVER or not all(isinstance(part, Within) for part in conjuncts_of(sheet.where))


def _compare(order: tuple[Sorting, ...], one: Row, two: Row, minimum: int) -> int:
    for sorting in order:
        left, right = (_sortable(evaluate(sorting.expression, row, minimum)) for row in (one, two))
        if left == right:
            continue
        if left is None or right is None:
            return -1 if (left is None) == sorting.nulls_first else 1
        below = left < right  # type: ignore[operator]
        return 1 if below == sorting.descending else -1
    return 0


def _sortable(outcome: Outcome) -> bool | Decimal | str | date | None:
    """A hidden figure has no place in an order: it stands with NULL."""
    return None if isinstance(outcome, Hidden) else outcome


def _notes(sheet: Sheet, cells: Cells, shown: list[Row], withheld: bool) -> tuple[str, ...]:
    notes = []
    if any(_speaks_of_people(output.expression) for output in sheet.outputs):
        notes.append("Counts of people are rounded down to ten.")
    if any(figure.fewer for row in shown for cell in row if cell is not None for figure in cell.figures.values()):
        least = Fewer(cells.numerator_minimum)
        notes.append(f"“{least}”: so few people, or all but so few, that the figure would be about them.")
    figures = [figure for part in sheet.parts for figure in part.layout.figures if not (figure.squares or figure.binary)]
    for name, step in sorted({(figure.name, figure.step) for figure in figures if figure.step is not None}):
        notes.append(f"Sums of {name} are rounded to steps of {step}, the most one value can be.")
    notes += sorted({_calendar(ref, known) for ref, known in _computed(sheet)})
    if withheld:
        notes.append(f"“{Withheld()}”: the rows this figure is about have not been released, for whatever reason.")
    return tuple(notes)


def _computed(sheet: Sheet) -> Iterator[tuple[Ref, Spans]]:
    questions = [question_of(part.query) for part in sheet.parts]
    for condition in (*(question.where for question in questions), *(rows for key in sheet.keys for _, rows in key.branches)):
        yield from computed(condition)


def _calendar(ref: Ref, known: Spans) -> str:
    """Says which days an expression over a date knows; all others meet no condition made of it."""
    days = [edge[0].isoformat() for part in known.parts for edge in part if edge is not None and isinstance(edge[0], date)]
    stretches = " and ".join(f"from {start} to before {stop}" for start, stop in zip(days[::2], days[1::2], strict=True))
    return f"What is made of {ref.column} is known {stretches}: rows with other dates are in no figure and no group of it."


def _speaks_of_people(node: Expression) -> bool:
    return isinstance(node, People) or (isinstance(node, Apply) and any(map(_speaks_of_people, node.arguments)))
