"""Certifying a plan of 25 sheets, against numpy's own `unique` over the same vectors in the same run.

    python benchmarks/certify.py [ROWS] [MINIMUM]      default 1,000,000 rows of a twentieth as many people, minimum 100

Rows are drawn skewed, as card transactions are: seven columns, of which each sheet uses one to three, some under a condition.
Cells below the minimum are no candidates, as in a room. Printed: cells, what was withheld, seconds, peak memory, the ratio.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray

from cleanroom_core.privacy.certify import CellTable, SheetInfo, Universe, certify
from cleanroom_core.privacy.certify_pairs import Pairs

SIZES = (40, 4, 8, 3, 2, 12, 2)  # merchant, age band, region, channel, cross border, month, fraud
KEYS = (
    (0,), (1,), (2,), (3,), (5,), (0, 4), (1, 2), (2, 3), (5, 3), (5, 4), (1, 4), (2, 4), (0, 1), (1, 3), (2, 5),
    (0, 3), (1, 3, 4), (2, 3, 4), (1, 2), (5,), (0,), (1, 2, 4), (3, 4), (6,), (0, 6),
)  # fmt: skip
CONDITIONS = {5: (4, 1), 10: (6, 1), 15: (4, 0), 18: (6, 1), 19: (6, 1), 20: (6, 1), 21: (3, 0)}  # sheet -> column, label


def rows(count: int, people: int, seed: int) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Labels by column and the person of each row; age band and region belong to the person."""
    numbers = np.random.default_rng(seed)

    def skewed(size: int, n: int) -> NDArray[np.int64]:
        weights = 1 / np.arange(1, size + 1)
        return numbers.choice(size, n, p=weights / weights.sum())

    person = (people * numbers.random(count) ** 1.5).astype(np.int64)
    band, region = skewed(4, people)[person], skewed(8, people)[person]
    fraud = (numbers.random(count) < 0.03).astype(np.int64)
    columns = [skewed(40, count), band, region, skewed(3, count), skewed(2, count), numbers.integers(12, size=count), fraud]
    return columns, person


def codes(columns: list[NDArray[np.int64]], sheet: int) -> NDArray[np.int64]:
    code = np.zeros(len(columns[0]), np.int64)
    for key in KEYS[sheet]:
        code = code * SIZES[key] + columns[key]
    if sheet in CONDITIONS:
        column, label = CONDITIONS[sheet]
        code[columns[column] != label] = -1
    return code


def plan(count: int, minimum: int) -> tuple[CellTable, list[SheetInfo], Universe]:
    columns, person = rows(count, max(1, count // 20), 7)
    domain = [np.array(column) for column in np.array(list(itertools.product(*map(range, SIZES)))).T]
    sheet, people, vectors, phantoms = [], [], [], []
    for number in range(len(KEYS)):
        code, combinations = codes(columns, number), codes(domain, number)
        pairs = np.sort((code * (person.max() + 1) + person)[code >= 0])
        held = np.bincount(pairs[np.r_[True, pairs[1:] != pairs[:-1]]] // (person.max() + 1), minlength=combinations.max() + 1)
        candidates = np.flatnonzero(held >= minimum)
        index = np.full(combinations.max() + 2, -1)
        index[candidates] = len(sheet) + np.arange(len(candidates))
        sheet += [number] * len(candidates)
        people += held[candidates].tolist()
        vectors.append(index[code].astype(np.int32))
        phantoms.append(index[combinations].astype(np.int32))
    # One number for each label combination stands for the row's vector, as the class query of an engine does.
    key = np.zeros(count, np.int64)
    for size, column in zip(SIZES, columns, strict=True):
        key = key * size + column
    _, first, holder = np.unique(key, return_index=True, return_inverse=True)
    sheets = [
        SheetInfo(frozenset(KEYS[i]) | {CONDITIONS[i][0]} if i in CONDITIONS else frozenset(KEYS[i])) for i in range(len(KEYS))
    ]
    cells = CellTable(
        np.array(sheet, np.int32), np.array(people), np.zeros(len(sheet), bool), np.arange(len(sheet), dtype=np.int32)
    )
    atoms = np.column_stack(vectors)[first]
    return cells, sheets, Universe("transactions", atoms, Pairs.of(holder, person), np.column_stack(phantoms), minimum)


def main() -> None:
    count, minimum = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 100
    cells, sheets, universe = plan(count, minimum)
    print(f"{count:,} rows, {count // 20:,} people, {len(sheets)} sheets, {len(cells.sheet):,} cells, "
          f"{len(universe.vectors):,} vectors, {len(universe.phantoms):,} phantoms")  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = certify(cells, sheets, [universe], b"a benchmark's seed")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    np.unique(universe.vectors, axis=0)
    baseline = time.perf_counter() - start
    kept = 1 - cells.people[found.withheld].sum() / cells.people.sum()
    print(f"withheld {len(found.withheld)} of {len(cells.sheet):,}, keeping {kept:.2%} by people; certified {found.certified}, "
          f"rank {found.rank['transactions']}, rounds {found.rounds['transactions']}")  # fmt: skip
    print(f"{seconds:.1f} s, peak {peak // 1024:,} MB ({before // 1024:,} MB before), "
          f"{seconds / baseline:.1f} x np.unique of the vectors ({baseline:.1f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
