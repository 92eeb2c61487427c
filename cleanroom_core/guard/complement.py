"""What nobody asks and anybody can subtract, as parts of their own: what a condition leaves out, and what two questions leave
between them.

These rows are never released. They are looked at where the tables are read, because one person may dominate them: then neither
their number nor their sums must follow from what is released (`protect.concealed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Final

from cleanroom_core.guard.differences import Difference, differences, rows_of, turned
from cleanroom_core.guard.question import Question
from cleanroom_core.guard.safe_query import question_of, sealed
from cleanroom_core.guard.sheet import Part
from cleanroom_core.sql.cells import CellLayout, Thresholds

MOST: Final = 200  # parts beside one job


def complements(new: Sequence[Part], earlier: Sequence[Part], thresholds: Thresholds) -> tuple[Part, ...]:
    """Each part with one of its conditions turned round and the others as they are; then the differences of two parts, of which
    at least one is new, without those that somebody asks anyway. Of more than `MOST` those of the newest parts are taken."""
    now = [question_of(part.query) for part in new]
    before = [question_of(part.query) for part in reversed(earlier)]
    asked: dict[str, CellLayout] = {}
    for question in (*now, *before):
        layout = asked.setdefault(rows_of(question), question.layout)
        if set(layout.figures) <= set(question.layout.figures):
            asked[rows_of(question)] = question.layout
    found: dict[str, Question] = {}
    for each in _all(now, before):
        if each.rows in asked and set(each.question.layout.figures) <= set(asked[each.rows].figures):
            continue
        known = found.get(each.rows)
        found[each.rows] = each.question if known is None else _with_figures(known, each.question)
        if len(found) == MOST:
            break
    return tuple(Part(sealed(each, thresholds), each.layout, each.layout.partition) for each in found.values())


def _all(now: Sequence[Question], before: Sequence[Question]) -> Iterator[Difference]:
    read = {_assets(question) for question in now}
    for question in (*now, *(each for each in before if _assets(each) in read)):
        yield from turned(question)
    for one, two in (*combinations(now, 2), *product(now, before)):
        yield from differences(one, two)


def _assets(question: Question) -> tuple[str, ...]:
    return tuple(asset.qualified for asset in question.assets)


def _with_figures(one: Question, two: Question) -> Question:
    """The first with the figures of both."""
    names = {figure.name for figure in one.layout.figures}
    more = [figure for figure in two.layout.figures if figure.name not in names]
    figures = tuple(sorted((*one.layout.figures, *more), key=lambda figure: figure.name))
    return replace(one, figures={**two.figures, **one.figures}, layout=replace(one.layout, figures=figures))
