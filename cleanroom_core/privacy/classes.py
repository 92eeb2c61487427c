"""From classes of rows to what `certify` asks for: each part and each figure of it becomes a sheet, each of its cells a number,
each row the numbers of the cells it stands in. Numpy over some million distinct pairs of person and classes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cleanroom_core.privacy.certify import CellTable, SheetInfo, Universe
from cleanroom_core.privacy.class_rows import ClassRows, Codes, Mask, Numbers, distinct
from cleanroom_core.privacy.protect import ROWS
from cleanroom_core.sql.cells import CellLayout, Cells, Figure, Label
from cleanroom_core.sql.classes import ByClass, ClassPlan, Every, InClasses, KeyClasses, PartClasses, Some, Test

_NOWHERE: Final = -1


@dataclass(frozen=True)
class Part:
    """Protected cells of one part of the plan, and whether they are out already. `people`: exactly how many stand in each cell
    and have a value of each figure, by the number of the cell; known for what is computed now, 0 otherwise. `concealed`: what
    must not be known of a label combination (`protect.concealed`). `beside`: asked by nobody, without cells; here for what must
    not be known of it alone."""

    cells: Cells
    fixed: bool
    people: Sequence[int] = ()
    figure_people: Mapping[str, Sequence[int]] = field(default_factory=dict)
    concealed: Mapping[tuple[Label, ...], frozenset[str]] = field(default_factory=dict)
    beside: bool = False

    def must_not_be_known(self, figure: str) -> list[tuple[Label, ...]]:
        """Label combinations of which this figure (or ROWS) must not be known, as far as they lie in the agreed domain."""
        domains = [frozenset(key.labels or ()) for key in self.cells.layout.keys]
        return [
            labels
            for labels, names in self.concealed.items()
            if figure in names and all(label in domain for label, domain in zip(labels, domains, strict=True))
        ]


def without_cells(part: Part, gone: Container[int]) -> Part:
    """The part without these cells, by their number."""
    kept = [at for at in range(len(part.cells.cells)) if at not in gone]
    return replace(
        part,
        cells=replace(part.cells, cells=tuple(part.cells.cells[at] for at in kept)),
        people=[part.people[at] for at in kept] if part.people else (),
        figure_people={name: [people[at] for at in kept] for name, people in part.figure_people.items()},
    )


def without_figure(part: Part, figure: str, cells: Container[int]) -> Part:
    """The part without one figure in these cells: neither its sum nor how many values there are."""
    return _changed(part, figure, cells, lambda _: Figure(None, withheld=True))


def without_sums(part: Part, figure: str, cells: Container[int]) -> Part:
    """The part without the sum of one figure in these cells; how many values there are stays. Of a column that is only counted
    that number is the figure."""
    if not any(layout.name == figure and layout.summed for layout in part.cells.layout.figures):
        return without_figure(part, figure, cells)
    return _changed(part, figure, cells, lambda known: replace(known, sum=None, withheld=True))


def _changed(part: Part, figure: str, cells: Container[int], change: Callable[[Figure], Figure]) -> Part:
    changed = [
        replace(cell, figures={**cell.figures, figure: change(cell.figures[figure])}) if at in cells else cell
        for at, cell in enumerate(part.cells.cells)
    ]
    return replace(part, cells=replace(part.cells, cells=tuple(changed)))


class Side(Enum):
    """Of a 0/1 measure: the rows that are one, and those that are not. Sum and count tell how many there are of either."""

    ONES = "ones"
    OTHERS = "others"


@dataclass(frozen=True)
class _Sheet:
    """A part, or where one of its figures has a value; `numbers`: place of the label combination -> number of the cell. `side`:
    only such rows of a 0/1 measure stand in it.

    `concealed`: not what is out, but what must not be known. Its cells count as out, so that a combination of others which
    amounts to one of them, and with it to nothing at all, is found: the cell alone is a phantom of its own."""

    part: int
    figure: str | None
    places: Numbers  # sorted
    numbers: NDArray[np.int32]
    concealed: bool = False
    side: Side | None = None

    def cells_at(self, places: Numbers) -> NDArray[np.int32]:
        found = np.full(len(places), _NOWHERE, np.int32)
        if not len(self.places):
            return found
        at = np.minimum(np.searchsorted(self.places, places), len(self.places) - 1)
        there = self.places[at] == places
        found[there] = self.numbers[at[there]]
        return found


@dataclass(frozen=True)
class Plan:
    """The whole plan in the words of `certify`. `owner`: cell -> (part, place in its `cells`), or (part, -1) if concealed."""

    parts: Sequence[Part]
    sheets: tuple[_Sheet, ...]
    infos: tuple[SheetInfo, ...]
    table: CellTable
    owner: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, parts: Sequence[Part], plans: Sequence[ClassPlan]) -> Plan:
        builder = _Builder(parts, plans)
        for p, part in enumerate(parts):
            places = _places(part.cells.layout, [cell.labels for cell in part.cells.cells])
            for figure in (None, *_with_gaps(part.cells)) if not part.beside else ():
                people = part.people if figure is None else part.figure_people.get(figure, ())
                shown = [
                    at for at, cell in enumerate(part.cells.cells) if figure is None or not _is_unknown(cell.figures[figure])
                ]
                known = [people[at] for at in shown] if people else ()
                builder.add(p, figure, places[shown], shown, builder.groups(len(shown)), known)
            builder.conceal(p, None, part.must_not_be_known(ROWS))
        return builder.plan()

    @classmethod
    def of_figure(cls, figure: str, parts: Sequence[Part], plans: Sequence[ClassPlan], side: Side | None = None) -> Plan:
        """The sums (or counts of values) of one figure alone, wherever they are shown, beside those that must not be known.
        With a `side` the numerators of a 0/1 measure: the rows of that side, of which no sum may be about too few people."""
        builder = _Builder(parts, plans)
        for p, part in enumerate(parts):
            if all(layout.name != figure for layout in part.cells.layout.figures):
                continue
            if part.beside:
                if side is None:
                    builder.conceal(p, figure, part.must_not_be_known(figure))
                continue
            shown = [at for at, cell in enumerate(part.cells.cells) if not _hidden(cell.figures[figure])]
            places = _places(part.cells.layout, [part.cells.cells[at].labels for at in shown])
            known = part.figure_people.get(figure, ())
            people = [known[at] for at in shown] if known else ()
            builder.add(p, figure, places, shown, builder.groups(len(shown)), people, side=side)
            if side is None:
                builder.conceal(p, figure, part.must_not_be_known(figure))
        return builder.plan()

    def universe(self, rows: ClassRows, minimum: int | None = None) -> Universe:
        """`minimum`: of people, where it is not the cohort's."""
        plan = rows.plan
        # Anybody could have any label and be on either side, as far as others know.
        asked = [part for number, part in plan.parts.items() if not self.parts[number].beside]
        phantoms = [self._vectors(plan, codes, there, anybody=True) for codes, there in _phantoms(plan, asked)]
        phantoms.append(self._alone(plan))
        made = distinct(np.concatenate(phantoms))[0]
        vectors = self._vectors(plan, rows.codes, rows.there)
        return Universe(plan.asset, vectors, rows.pairs, made[(made >= 0).any(axis=1)], minimum or plan.minimum)

    @cached_property
    def _told(self) -> frozenset[int]:
        """The parts something is said of: all, but those that nobody asks and of which everything may be known."""
        return frozenset({n for n, part in enumerate(self.parts) if not part.beside} | {sheet.part for sheet in self.sheets})

    def fits(self, universes: Sequence[Universe]) -> bool:
        """Whether every new cell is met by a row of some universe. Otherwise cells and rows are not numbered alike, and what is
        shown of the rows says nothing about the figures."""
        met = np.zeros(len(self.owner), np.bool_)
        for universe in universes:
            met[universe.vectors[universe.vectors >= 0]] = True
        asked = np.array([sheet.figure is None for sheet in self.sheets], np.bool_)
        return bool(met[~self.table.fixed & asked[self.table.sheet]].all()) if len(met) else True

    def _alone(self, plan: ClassPlan) -> NDArray[np.int32]:
        """Each concealed cell as a row that stands in it and nowhere else."""
        own = [(s, number) for s, sheet in enumerate(self.sheets) if sheet.concealed and sheet.part in plan.parts
               for number in sheet.numbers]  # fmt: skip
        found = np.full((len(own), len(self.sheets)), _NOWHERE, np.int32)
        for row, (s, number) in enumerate(own):
            found[row, s] = number
        return found

    def _vectors(self, plan: ClassPlan, codes: Codes, there: Mapping[int, Mask], anybody: bool = False) -> NDArray[np.int32]:
        found = np.full((len(codes), len(self.sheets)), _NOWHERE, np.int32)
        for number, part in plan.parts.items():
            if number not in self._told:
                continue
            places = cell_places(part, codes, there[part.view])
            for s, sheet in enumerate(self.sheets):
                if sheet.part != number:
                    continue
                if sheet.figure is None and part.rows:
                    found[:, s] = sheet.cells_at(places)
                elif sheet.figure is not None and sheet.figure in part.present:
                    here = _holds(part.present[sheet.figure], codes)
                    if sheet.side is not None and not anybody:
                        here = here & _holds(part.sides[sheet.figure][sheet.side is Side.OTHERS], codes)
                    found[:, s] = sheet.cells_at(np.where(here, places, _NOWHERE))
        return found


class _Builder:
    """Sheets and their cells, numbered as they come."""

    def __init__(self, parts: Sequence[Part], plans: Sequence[ClassPlan]) -> None:
        self._parts, self._plans = parts, plans
        self._names = {name: number for number, name in enumerate(sorted({c.name for plan in plans for c in plan.columns}))}
        self._sheets: list[_Sheet] = []
        self._infos: list[SheetInfo] = []
        self._owner: list[tuple[int, int]] = []
        self._sheet_of: list[int] = []
        self._people: list[int] = []
        self._group: list[int] = []
        self._groups = 0

    def groups(self, count: int) -> range:
        """As many numbers of groups as there are cells, none used before."""
        self._groups += count
        return range(self._groups - count, self._groups)

    def add(
        self, part: int, figure: str | None, places: Numbers, cells: Iterable[int], groups: Iterable[int],
        people: Sequence[int], concealed: bool = False, side: Side | None = None,
    ) -> None:  # fmt: skip
        order = np.argsort(places, kind="stable")
        numbers = len(self._owner) + np.arange(len(places), dtype=np.int32)
        self._sheets.append(_Sheet(part, figure, places[order], numbers[order], concealed, side))
        self._infos.append(SheetInfo(_dimensions(part, figure, self._plans, self._names)))
        self._owner += [(part, at) for at in cells]
        self._sheet_of += [len(self._sheets) - 1] * len(places)
        self._people += list(people) or [0] * len(places)
        self._group += groups

    def conceal(self, part: int, figure: str | None, labels: Sequence[tuple[Label, ...]]) -> None:
        if labels:
            places = _places(self._parts[part].cells.layout, labels)
            self.add(part, figure, places, [_NOWHERE] * len(labels), self.groups(len(labels)), (), concealed=True)

    def plan(self) -> Plan:
        fixed = [at == _NOWHERE or self._parts[p].fixed for p, at in self._owner]
        table = CellTable(
            np.array(self._sheet_of, np.int32),
            np.array(self._people, np.int64),
            np.array(fixed, np.bool_),
            np.array(self._group, np.int32),
        )
        return Plan(self._parts, tuple(self._sheets), tuple(self._infos), table, tuple(self._owner))


def may_be_dominated(number: int, layout: CellLayout, rows: Sequence[ClassRows]) -> bool:
    """Whether enough people for a cohort may stand in some cell of a part. Fewer are no matter of dominance."""
    for each in rows:
        if (part := each.plan.parts.get(number)) is not None:
            least = 1 if any(unit.optional for unit in layout.units) else each.plan.minimum
            places = cell_places(part, each.codes, each.there[part.view])
            held = places[each.pairs.holder]  # a person may hold several: no cell has more people than this
            if np.unique(held[held >= 0], return_counts=True)[1].max(initial=0) < least:
                return False
    return True


def cell_places(part: PartClasses, codes: Codes, there: Mask) -> Numbers:
    """The label combination of each row as one number, the last key counting fastest; -1 in no cell."""
    inside = there & _holds(part.where, codes)
    place = np.zeros(len(codes), np.int64)
    for key, size in zip(part.keys, part.sizes, strict=True):
        label = _label(key, codes)
        inside &= label >= 0
        place = place * size + label
    return np.where(inside, place, _NOWHERE)


def _holds(test: Test, codes: Codes) -> Mask:
    if isinstance(test, InClasses):
        column = codes[:, test.column]
        size = max(max(test.classes, default=0), int(column.max(initial=0))) + 1
        known = np.zeros(size, np.bool_)
        known[list(test.classes)] = True
        return known[column]
    found = np.full(len(codes), isinstance(test, Every))
    for part in test.tests:
        found = found & _holds(part, codes) if isinstance(test, Every) else found | _holds(part, codes)
    return found


def _label(key: KeyClasses, codes: Codes) -> Numbers:
    if isinstance(key, ByClass):
        return np.array(key.labels, np.int64)[codes[:, key.column]]
    found = np.full(len(codes), _NOWHERE, np.int64)
    for label, test in key.branches:
        found[(found == _NOWHERE) & _holds(test, codes)] = label
    return found


def _phantoms(plan: ClassPlan, parts: Iterable[PartClasses]) -> Iterator[tuple[Codes, dict[int, Mask]]]:
    """For each of these parts every label combination of the columns it uses, in its own view alone; all else by default."""
    default = np.array([column.phantoms[0] for column in plan.columns], np.int32)
    views = {word.view for word in plan.words}
    for part in parts:
        choices = [plan.columns[column].phantoms for column in part.columns]
        codes = np.tile(default, (prod(len(choice) for choice in choices), 1))
        grids = np.meshgrid(*(np.array(choice, np.int32) for choice in choices), indexing="ij")
        for column, grid in zip(part.columns, grids, strict=True):
            codes[:, column] = grid.ravel()
        for number, column_of in enumerate(plan.columns):
            if column_of.owner is not None:
                codes[codes[:, column_of.owner] == 0, number] = column_of.absent
        yield codes, {view: np.full(len(codes), view == part.view) for view in views}


def _places(layout: CellLayout, combinations: Sequence[Sequence[Label]]) -> Numbers:
    """Each label combination as one number, as `cell_places` counts them."""
    keys = [{label: number for number, label in enumerate(key.labels or ())} for key in layout.keys]
    return np.array([_place(labels, keys) for labels in combinations], np.int64)


def _hidden(figure: Figure) -> bool:
    return figure.fewer or figure.withheld


def _is_unknown(figure: Figure) -> bool:
    """Whether neither a sum nor a count is shown."""
    return figure.count is None and (figure.sum is None and not figure.fewer)


def _place(labels: Sequence[Label], keys: Sequence[Mapping[Label, int]]) -> int:
    place = 0
    for label, numbers in zip(labels, keys, strict=True):
        place = place * len(numbers) + numbers[label]
    return place


def _with_gaps(cells: Cells) -> Iterator[str]:
    """Figures that not every row has a value of, counting and summing them tells which rows have; and those of an asset that
    rows may be without, whose people they alone are about."""
    apart = [unit for unit in cells.layout.units if unit.optional]
    for figure in cells.layout.figures:
        gaps = any(cell.figures[figure.name].count != cell.rows for cell in cells.cells)
        if not figure.squares and (gaps or any(unit.counts(figure) for unit in apart)):
            yield figure.name


def _dimensions(part: int, figure: str | None, plans: Sequence[ClassPlan], names: Mapping[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for plan in plans:
        if (classes := plan.parts.get(part)) is not None:
            present = None if figure is None else classes.present.get(figure)  # not there where the asset does not count
            used = set(classes.columns) | (set() if present is None else set(_columns(present)))
            found |= {names[plan.columns[column].name] for column in used}
    return frozenset(found)


def _columns(test: Test) -> Iterator[int]:
    if isinstance(test, InClasses):
        yield test.column
    elif isinstance(test, Every | Some):
        for part in test.tests:
            yield from _columns(part)
