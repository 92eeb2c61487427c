"""Small plans for the tests of `certify`, and the brute force that says what a plan really gives away.

A sheet here is the columns it is keyed by and, at will, a condition; rows are tuples of labels with the number of a person.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleanroom_core.privacy.certify import CellTable, Certified, SheetInfo, Universe, certify
from cleanroom_core.privacy.certify_pairs import Pairs

Labels = tuple[int, ...]
_FIELD = (1 << 61) - 1  # a prime far from the 31-bit ones under test


@dataclass(frozen=True)
class Sheet:
    keys: tuple[int, ...]
    where: Callable[[Labels], bool] = lambda labels: True
    uses: tuple[int, ...] = ()  # columns of the condition
    released: bool = False

    def cell(self, labels: Labels) -> Labels | None:
        return tuple(labels[key] for key in self.keys) if self.where(labels) else None


@dataclass(frozen=True)
class Plan:
    cells: CellTable
    names: tuple[tuple[int, Labels], ...]  # sheet and labels of each cell
    sheets: tuple[SheetInfo, ...]
    universe: Universe

    def certify(self, seed: bytes = b"seed") -> Certified:
        return certify(self.cells, self.sheets, [self.universe], seed)

    def withheld(self, found: Certified) -> set[tuple[int, Labels]]:
        return {self.names[cell] for cell in found.withheld.tolist()}


def plan(
    rows: Sequence[tuple[Labels, int]], sheets: Sequence[Sheet], minimum: int, group: Callable[[int, Labels], int] | None = None
) -> Plan:
    """Cells of fewer than `minimum` people are no candidates, as in a room; all combinations of labels seen are phantoms."""
    people: dict[tuple[int, Labels], set[int]] = defaultdict(set)
    for labels, person in rows:
        for number, sheet in enumerate(sheets):
            if person >= 0 and (cell := sheet.cell(labels)) is not None:
                people[number, cell].add(person)
    names = tuple(sorted(cell for cell, held in people.items() if len(held) >= minimum))
    index = {cell: i for i, cell in enumerate(names)}

    def vectors(combinations: Iterable[Labels]) -> NDArray[np.int32]:
        found = [[index.get((n, s.cell(labels) or ()), -1) if s.cell(labels) is not None else -1 for n, s in enumerate(sheets)]
                 for labels in combinations]  # fmt: skip
        return np.array(found, np.int32).reshape(-1, len(sheets))

    distinct = sorted({labels for labels, _ in rows})
    at = {labels: i for i, labels in enumerate(distinct)}
    return Plan(
        CellTable(
            np.array([sheet for sheet, _ in names], np.int32),
            np.array([len(people[name]) for name in names], np.int64),
            np.array([sheets[sheet].released for sheet, _ in names], bool),
            np.array([i if group is None else group(*name) for i, name in enumerate(names)], np.int32),
        ),
        names,
        tuple(SheetInfo(frozenset(sheet.keys + sheet.uses)) for sheet in sheets),
        Universe(
            "asset",
            vectors(distinct),
            Pairs.of(np.array([at[labels] for labels, _ in rows], np.int64), np.array([who for _, who in rows], np.int64)),
            vectors(itertools.product(*(sorted(set(column)) for column in zip(*distinct, strict=True)))),
            minimum,
        ),
    )


def safe(plan: Plan, withheld: Iterable[int] = ()) -> bool:
    """Whether no combination of the cells that remain is non-zero only on rows of fewer people than the minimum, or of nobody.

    For each set of one person fewer than the minimum: the rows of all others must span every row and every phantom.
    """
    universe, kept = plan.universe, np.ones(len(plan.names), bool)
    kept[list(withheld)] = False
    dense = [_dense(universe.vectors, len(kept)), _dense(universe.phantoms, len(kept))]
    by_person: dict[int, set[int]] = defaultdict(set)
    for holder, person in zip(universe.pairs.holder.tolist(), universe.pairs.person.tolist(), strict=True):
        by_person[person].add(holder)

    few = list(itertools.combinations(by_person, min(universe.minimum - 1, len(by_person))))
    rest = [frozenset[int]().union(*(mine for person, mine in by_person.items() if person not in each)) for each in few]

    def learned(cells: NDArray[np.bool_]) -> list[int]:
        """How many independent things these cells tell about nobody but some few people, for each set of them."""
        total = rank({tuple(row) for row in np.concatenate(dense)[:, cells].tolist()})
        rows = list(map(tuple, dense[0][:, cells].tolist()))
        known = {others: rank({rows[at] for at in others}) for others in set(rest)}  # many sets leave the same rows
        return [total - known[others] for others in rest]

    old = kept & plan.cells.fixed
    return learned(kept) == (learned(old) if old.any() else [0] * len(few))


def _dense(vectors: NDArray[np.int32], cells: int) -> NDArray[np.int64]:
    found = np.zeros((len(vectors), cells + 1), np.int64)
    for row, standing in zip(found, vectors, strict=True):
        row[standing] = 1
    return found[:, :-1]


def rank(rows: Iterable[Labels]) -> int:
    left, found = [list(row) for row in rows], 0
    while left:
        row = left.pop()
        pivot = next((i for i, number in enumerate(row) if number), None)
        if pivot is None:
            continue
        found, inverse = found + 1, pow(row[pivot], -1, _FIELD)
        for other in left:
            if other[pivot]:
                factor = other[pivot] * inverse % _FIELD
                other[:] = [(a - factor * b) % _FIELD for a, b in zip(other, row, strict=True)]
    return found
