"""From classes of rows to what `certify` asks for: each part and each figure of it becomes a sheet, each of its cells a number,
each row the numbers of the cells it stands in. Numpy over some million distinct pairs of person and classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from cleanroom_core.privacy.certify import CellTable, SheetInfo, Universe
from cleanroom_core.sql.cells import Cells, Label
from cleanroom_core.sql.classes import ByClass, ClassPlan, Every, InClasses, KeyClasses, PartClasses, Some, Test

Codes = NDArray[np.int32]  # [rows, columns of the plan]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
_Int = TypeVar("_Int", np.int32, np.int64)
_NOWHERE: Final = -1


@dataclass(frozen=True)
class Part:
    """Protected cells of one part of the plan, and whether they are out already. `people`: exactly how many stand in each cell
    and have a value of each figure, by the number of the cell; known for what is computed now, 0 otherwise."""

    cells: Cells
    fixed: bool
    people: Sequence[int] = ()
    figure_people: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Sheet:
    """A part, or where one of its figures has a value; `numbers`: place of the label combination -> number of the cell."""

    part: int
    figure: str | None
    places: Numbers  # sorted
    numbers: NDArray[np.int32]

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
    """The whole plan in the words of `certify`. `owner`: cell -> (part, place in its `cells`)."""

    parts: Sequence[Part]
    sheets: tuple[_Sheet, ...]
    infos: tuple[SheetInfo, ...]
    table: CellTable
    owner: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, parts: Sequence[Part], plans: Sequence[ClassPlan]) -> Plan:
        names = {name: number for number, name in enumerate(sorted({c.name for plan in plans for c in plan.columns}))}
        sheets: list[_Sheet] = []
        infos: list[SheetInfo] = []
        owner: list[tuple[int, int]] = []
        sheet_of: list[int] = []
        people: list[int] = []
        group: list[int] = []
        groups = 0
        for p, part in enumerate(parts):
            places = _places(part.cells)
            order = np.argsort(places, kind="stable")
            for figure in (None, *_with_gaps(part.cells)):
                numbers = len(owner) + np.arange(len(places), dtype=np.int32)
                sheets.append(_Sheet(p, figure, places[order], numbers[order]))
                infos.append(SheetInfo(_dimensions(p, figure, plans, names)))
                owner += [(p, at) for at in range(len(places))]
                sheet_of += [len(sheets) - 1] * len(places)
                known = part.people if figure is None else part.figure_people.get(figure, ())
                people += list(known) or [0] * len(places)
                group += range(groups, groups + len(places))
            groups += len(places)
        table = CellTable(
            np.array(sheet_of, np.int32),
            np.array(people, np.int64),
            np.array([parts[p].fixed for p, _ in owner], np.bool_),
            np.array(group, np.int32),
        )
        return cls(parts, tuple(sheets), tuple(infos), table, tuple(owner))

    def universe(self, plan: ClassPlan, person: Numbers, words: Sequence[Numbers]) -> Universe:
        """`person` and `words`: the columns of the class query, -1 in a word where the row is not in its snapshot."""
        packed, row = _distinct(np.stack(words, axis=1))
        codes, there = unpacked(plan, list(packed.T))
        vectors, holder = _distinct(self._vectors(plan, codes, there))
        phantoms = [self._vectors(plan, codes, there) for codes, there in _phantoms(plan)]
        made = _distinct(np.concatenate(phantoms))[0] if phantoms else np.zeros((0, len(self.sheets)), np.int32)
        used = np.atleast_1d((vectors >= 0).any(axis=1))
        held = holder[row]
        seen = used[held]
        pairs = _distinct(np.stack([held[seen], person[seen]], axis=1))[0]
        return Universe(plan.asset, vectors, pairs[:, 0], pairs[:, 1], made[(made >= 0).any(axis=1)], plan.minimum)

    def _vectors(self, plan: ClassPlan, codes: Codes, there: Mapping[int, Mask]) -> NDArray[np.int32]:
        found = np.full((len(codes), len(self.sheets)), _NOWHERE, np.int32)
        for number, part in plan.parts.items():
            places = cell_places(part, codes, there[part.snapshot])
            for s, sheet in enumerate(self.sheets):
                if sheet.part == number:
                    here = places
                    if sheet.figure is not None:
                        here = np.where(_holds(part.present[sheet.figure], codes), places, _NOWHERE)
                    found[:, s] = sheet.cells_at(here)
        return found


def unpacked(plan: ClassPlan, words: Sequence[Numbers]) -> tuple[Codes, dict[int, Mask]]:
    """Classes of every column, and for each snapshot which rows are in it."""
    rows = len(words[0]) if words else 0
    codes = np.zeros((rows, len(plan.columns)), np.int32)
    there = {word.snapshot: np.ones(rows, np.bool_) for word in plan.words}
    for word, values in zip(plan.words, words, strict=True):
        there[word.snapshot] = values >= 0
        rest = np.maximum(values, 0)
        for column in word.columns:
            rest, codes[:, column] = np.divmod(rest, plan.columns[column].classes)
    return codes, there


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


def _phantoms(plan: ClassPlan) -> Iterator[tuple[Codes, dict[int, Mask]]]:
    """For each part every label combination of the columns it uses, in its own snapshot alone; all else stands by default."""
    default = np.array([column.phantoms[0] for column in plan.columns], np.int32)
    snapshots = {word.snapshot for word in plan.words}
    for part in plan.parts.values():
        choices = [plan.columns[column].phantoms for column in part.columns]
        codes = np.tile(default, (prod(len(choice) for choice in choices), 1))
        grids = np.meshgrid(*(np.array(choice, np.int32) for choice in choices), indexing="ij")
        for column, grid in zip(part.columns, grids, strict=True):
            codes[:, column] = grid.ravel()
        for number, column_of in enumerate(plan.columns):
            if column_of.owner is not None:
                codes[codes[:, column_of.owner] == 0, number] = column_of.absent
        yield codes, {snapshot: np.full(len(codes), snapshot == part.snapshot) for snapshot in snapshots}


def _places(cells: Cells) -> Numbers:
    """The label combination of each cell as one number, as `cell_places` counts them."""
    keys = [{label: number for number, label in enumerate(key.labels or ())} for key in cells.layout.keys]
    return np.array([_place(cell.labels, keys) for cell in cells.cells], np.int64)


def _place(labels: Sequence[Label], keys: Sequence[Mapping[Label, int]]) -> int:
    place = 0
    for label, numbers in zip(labels, keys, strict=True):
        place = place * len(numbers) + numbers[label]
    return place


def _with_gaps(cells: Cells) -> Iterator[str]:
    """Figures that not every row has a value of: counting and summing them tells which rows have."""
    for figure in cells.layout.figures:
        if any(cell.figures[figure.name].count != cell.rows for cell in cells.cells):
            yield figure.name


def _dimensions(part: int, figure: str | None, plans: Sequence[ClassPlan], names: Mapping[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for plan in plans:
        if (classes := plan.parts.get(part)) is not None:
            used = set(classes.columns) | (set(_columns(classes.present[figure])) if figure is not None else set())
            found |= {names[plan.columns[column].name] for column in used}
    return frozenset(found)


def _columns(test: Test) -> Iterator[int]:
    if isinstance(test, InClasses):
        yield test.column
    elif isinstance(test, Every | Some):
        for part in test.tests:
            yield from _columns(part)


def _distinct(rows: NDArray[_Int]) -> tuple[NDArray[_Int], Numbers]:
    """Distinct rows, and which of them each row is. Rows are compared by a hash first, which is looked at again afterwards."""
    if not rows.size:
        return rows[: min(1, len(rows))], np.zeros(len(rows), np.int64)
    numbers = rows.astype(np.uint64)  # negative ones wrap around, as the multiplication does
    hashed = numbers[:, 0] if rows.shape[1] == 1 else numbers @ _factors(rows.shape[1])
    _, first, which = np.unique(hashed, return_index=True, return_inverse=True)
    found, which = rows[first], which.reshape(-1).astype(np.int64)
    if (found[which] == rows).all():
        return found, which
    found, which = np.unique(rows, axis=0, return_inverse=True)
    return found, which.reshape(-1).astype(np.int64)


def _factors(count: int) -> NDArray[np.uint64]:
    """Odd factors of a hash, always the same, so that the order of what comes out is too."""
    return np.random.default_rng(0).integers(0, 2**63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
