"""Who owns a row of which vector: what of a universe grows with the table, kept once and never copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
_Places = NDArray[np.integer]


@dataclass(frozen=True)
class Pairs:
    """Distinct pairs of a vector and a person, sorted by vector, then by person; made by `of`. `person`: 0 .. `people` - 1."""

    holder: NDArray[np.int32]  # [pairs] index of a vector
    person: NDArray[np.int32]  # [pairs]
    people: int

    @classmethod
    def of(cls, holder: _Places, person: _Places) -> Pairs:
        """Pairs in any order and as often as you like; a negative person is nobody. Raises ValueError when they do not fit."""
        if len(holder) != len(person) or (len(holder) and not 0 <= holder.min() <= holder.max() < 1 << 31):
            raise ValueError("pairs must name a vector and a person each")
        if person.size and person.min() < 0:
            holder, person = holder[person >= 0], person[person >= 0]
        people = int(person.max()) + 1 if person.size else 0
        if people > max(2 * person.size, 1 << 16):  # numbers far apart: renumber, so that arrays by person stay small
            found, person = np.unique(person, return_inverse=True)
            people = len(found)
        sorted_ = distinct_numbers(holder.astype(np.int64) * max(1, people) + person)
        first, second = np.divmod(sorted_, max(1, people))
        return cls(first.astype(np.int32), second.astype(np.int32), people)

    def people_of(self, vectors: int) -> Indices:
        """How many people hold each vector."""
        return np.bincount(self.holder, minlength=vectors)

    def held(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which pairs are of a chosen vector."""
        return np.asarray(chosen[self.holder], np.bool_)


def distinct_numbers(numbers: Indices) -> Indices:
    """Sorted and distinct; numpy's own `unique` hashes, which is many times slower for millions of numbers."""
    numbers = np.sort(numbers)
    return numbers[np.r_[True, numbers[1:] != numbers[:-1]]] if numbers.size else numbers
