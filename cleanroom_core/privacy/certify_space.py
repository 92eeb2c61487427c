"""The combinations of cells that are still possible, modulo a prime: the linear algebra under `certify`.

A combination is one number for each cell. Its value on a row is the sum over the cells that the row stands in. `Space` holds
a basis of all combinations that are zero on everything known so far; each further vector that must be zero takes one dimension
away. That is the same knowledge as a basis of the vectors themselves, but it stays sparse, gives random combinations at once,
and makes withholding a cell the same step as knowing a vector: no combination may use the cell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]  # residues, below the prime
Indices = NDArray[np.int64]
Vectors = NDArray[np.int32]  # [sheets, n]: the cell of each sheet that a row is in, -1 in none

TWO = 2  # functionals drawn for each comparison: 62 bits, so that 10 million rows do not collide by chance
_FIRST, _MOST = 1 << 10, 1 << 18  # vectors looked at together, at first and at most
_BATCH = 64  # vectors taken, at least, between two looks at which of the others are known by then
_LARGE = 10_000  # going through so many numbers of a basis costs about as much as taking one vector
_HALF = np.uint64(0xFFFF)
_WITNESSES = (2, 3, 5, 7)  # Miller-Rabin with these is exact below 3,215,031,751 (Pomerance, Selfridge and Wagstaff 1980)


@dataclass(frozen=True)
class Draws:
    """Randomness from the seed alone: the same seed gives the same certificate, and nobody else can guess the draws."""

    seed: bytes

    def generator(self, *purpose: object) -> np.random.Generator:
        text = "/".join(map(str, purpose)).encode()
        return np.random.default_rng(int.from_bytes(hashlib.sha256(self.seed + b"\0" + text).digest()))

    def prime(self, purpose: object) -> int:
        """A random prime of 31 bits: two residues can be multiplied, and a third one added, in 64 bits."""
        numbers = self.generator("prime", purpose)
        while not _is_prime(number := int(numbers.integers(1 << 30, 1 << 31)) | 1):
            pass
        return number


def _is_prime(number: int) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in _WITNESSES:
        power = pow(witness, odd, number)
        if power in {1, number - 1}:
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


class Space:
    """A basis of the combinations that remain possible, one a column; the last row is no cell (index -1) and stays zero."""

    def __init__(self, cells: int, prime: int) -> None:
        self.prime = prime
        self._basis: Numbers = np.eye(cells + 1, cells, dtype=np.uint64)
        self._used: Indices = np.ones(cells, np.int64)  # how many cells each column uses

    @property
    def dimension(self) -> int:
        return int(self._basis.shape[1])

    def copy(self) -> Space:
        twin = Space(0, self.prime)
        twin._basis, twin._used = self._basis.copy(), self._used.copy()
        return twin

    def random(self, numbers: np.random.Generator, count: int = TWO) -> Numbers:
        """[cells + 1, count] random combinations out of the space."""
        return self._drawn(np.arange(len(self._basis)), numbers, count)

    def random_values(self, plus: Vectors, minus: Vectors | None, numbers: np.random.Generator) -> Numbers:
        """[2, n]: what two random combinations out of the space give on each vector `plus - minus`."""
        used = np.zeros(len(self._basis), np.bool_)
        for vectors in (plus, *([] if minus is None else [minus])):
            used[vectors] = True
        drawn = self._drawn(np.flatnonzero(used), numbers, TWO)
        found = self._values(drawn, plus)
        if minus is not None:
            found = self._reduced(found + (np.uint64(self.prime) - self._values(drawn, minus)))
        return found

    def _drawn(self, cells: Indices, numbers: np.random.Generator, count: int) -> Numbers:
        """Random combinations, of which only the numbers of these cells are worked out."""
        found = np.zeros((len(self._basis), count), np.uint64)
        basis = self._basis if len(cells) == len(self._basis) else self._basis[cells]
        for i in range(count):
            weights = numbers.integers(self.prime, size=self.dimension, dtype=np.uint64)
            # In halves of 16 bits a sum over 65,536 products fits 64 bits, and no product needs to be stored.
            low, high = basis @ (weights & _HALF), basis @ (weights >> np.uint64(16))
            found[cells, i] = self._reduced(self._reduced(high) * (_HALF + np.uint64(1)) + self._reduced(low))
        return found

    def _values(self, combinations: Numbers, vectors: Vectors) -> Numbers:
        """[count, n]: what each combination gives on each vector."""
        found = np.zeros((combinations.shape[1], vectors.shape[1]), np.uint64)
        for i, combination in enumerate(np.ascontiguousarray(combinations.T)):
            for cells in vectors:
                found[i] += combination[cells]
        return self._reduced(found)

    def vanish(self, plus: Vectors, minus: Vectors | None, numbers: np.random.Generator) -> bool:
        """Keep only combinations that are zero on each vector `plus - minus`; true when the space became smaller."""
        before, after, size = self.dimension, 0, _FIRST
        order = numbers.permutation(plus.shape[1])  # neighbours are much alike, and add little to each other
        while after < plus.shape[1] and self.dimension:
            self._vanish(order[after : after + size], plus, minus, numbers)
            after, size = after + size, min(4 * size, _MOST)  # the first ones leave little for the others to add
        return self.dimension < before

    def _vanish(self, left: Indices, plus: Vectors, minus: Vectors | None, numbers: np.random.Generator) -> None:
        while left.size and self.dimension:
            if left.size > _BATCH:  # a few are taken as fast as looked at
                chosen = None if minus is None else minus[:, left]
                left = left[self.random_values(plus[:, left], chosen, numbers).any(axis=0)]
            batch = max(_BATCH, self._basis.size // _LARGE)
            for i in left[:batch]:
                value = np.add.reduce(self._basis[plus[:, i]], axis=0)
                if minus is not None:
                    value += np.add.reduce(self.prime - self._basis[minus[:, i]], axis=0)
                self._take(self._reduced(value))
            left = left[batch:]

    def keep_sums(self, parts: Iterable[Space], numbers: np.random.Generator) -> bool:
        """Keep only sums of combinations of the parts, which lie in this space; true when the space became smaller."""
        before = self.dimension
        common = Space(len(self._basis) - 1, self.prime)  # roles swapped: the vectors on which all of the parts are zero
        for part in parts:
            common._vanish_on(part._basis, numbers)
            if common.dimension + before == len(self._basis) - 1:
                return False
        self._vanish_on(common._basis, numbers)
        return self.dimension < before

    def withhold(self, cells: Indices) -> None:
        """Keep only combinations that do not use these cells."""
        for cell in cells:
            self._take(self._basis[cell].copy())

    def smallest_cells(self, order: Indices) -> tuple[Indices, Numbers]:
        """The reduced echelon form for this order of the cells: of each basis vector the first cell it uses, and the vectors.

        No other basis vector uses that cell: a combination that avoids some of these cells is built of the other vectors alone.
        """
        twin, first = self.copy(), np.full(self.dimension, -1)
        waiting = np.ones(self.dimension, bool)
        for cell in order[self._basis[order].any(axis=1)]:
            row = twin._basis[cell]
            found = (row * waiting).nonzero()[0]
            if found.size:
                pivot = int(found[twin._used[found].argmin()])
                first[pivot], waiting[pivot] = cell, False
                twin._clear(pivot, row.copy())
        return first, twin._basis

    def harmful(self, vectors: Vectors, basis: Numbers, numbers: np.random.Generator) -> NDArray[np.bool_]:
        """For each combination of the basis whether it is not zero on some of the vectors; random sums of them tell."""
        found = np.zeros(basis.shape[1], bool)
        for _ in range(TWO):
            weights = numbers.integers(self.prime, size=vectors.shape[1], dtype=np.uint64)
            total = np.zeros(len(basis), np.uint64)
            for cells in vectors:
                np.add.at(total, cells, weights)
            products = self._reduced(basis * self._reduced(total)[:, None])
            found |= self._reduced(products.sum(axis=0, dtype=np.uint64)) != 0
        return found

    def _vanish_on(self, columns: Numbers, numbers: np.random.Generator) -> None:
        """As `vanish`, for vectors that are not sparse: [cells + 1, n]."""
        left = np.arange(columns.shape[1])
        while left.size and self.dimension:
            drawn = self.random(numbers, 1)
            products = self._reduced(columns[:, left] * drawn)
            left = left[self._reduced(products.sum(axis=0, dtype=np.uint64)) != 0]
            for i in left[:_BATCH]:
                rows = np.flatnonzero(columns[:, i])
                products = self._reduced(self._basis[rows] * columns[rows, i, None])
                self._take(self._reduced(products.sum(axis=0, dtype=np.uint64)))
            left = left[_BATCH:]

    def _take(self, value: Numbers) -> None:
        (touched,) = value.nonzero()
        if not touched.size:
            return
        # The sparsest one is given up, so that the others stay as sparse as they can.
        pivot = int(touched[self._used[touched].argmin()])
        self._clear(pivot, value)
        self._basis[:, pivot] = self._basis[:, -1]
        self._used[pivot] = self._used[-1]
        self._basis, self._used = self._basis[:, :-1], self._used[:-1]

    def _clear(self, pivot: int, value: Numbers) -> None:
        """Subtract multiples of the pivot's column from the others, so that `value` becomes zero everywhere else."""
        inverse = np.uint64(pow(int(value[pivot]), -1, self.prime))
        value[pivot] = 0
        (others,), (rows,) = value.nonzero(), self._basis[:, pivot].nonzero()
        factor = self._reduced((self.prime - value[others]) * inverse)
        block = (rows[:, None], others)
        before = self._basis[block]
        after = self._reduced(before + self._basis[rows, pivot, None] * factor)
        self._basis[block] = after
        self._used[others] += np.add.reduce((after > 0).view(np.int8) - (before > 0).view(np.int8), axis=0, dtype=np.int64)

    def _reduced(self, numbers: Numbers) -> Numbers:
        numbers -= numbers // np.uint64(self.prime) * np.uint64(self.prime)  # several times faster than %
        return numbers
