"""The iterated rank test for one universe: what must be zero for every combination that is about fewer people than the minimum.

Every step is an argument of docs/rank-test.md; nothing here decides what to withhold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cleanroom_core.privacy.certify_pairs import Pairs, distinct_numbers
from cleanroom_core.privacy.certify_space import Indices, Space, Vectors

_REACH = 16  # classes of one context that all others there are compared with; more finds little and costs squares
_DEALT_FIRST = 200_000  # pairs of class and person up to which hands are the cheaper rule (tests/replay/test_ordinary_work.py)
_PAIRS = 4_000_000  # pairs of classes looked at together, for memory


@dataclass
class Proof:
    """What is known, and the rows about which it is not known yet that combinations of few people are zero on them.

    Rows that no combination left tells apart are one class, with one of them for all. A class without a person is a phantom or
    a row of nobody: it must become zero too and helps to show nothing.
    """

    space: Space
    vectors: Vectors  # [S, classes]
    holder: NDArray[np.integer]  # [pairs] class; sorted
    person: NDArray[np.integer]  # [pairs] 0..; distinct with holder
    people: int
    minimum: int
    sheets: Mapping[int, Indices]  # column -> sheets that depend on it
    numbers: np.random.Generator
    rounds: int = 0
    learned: tuple[tuple[Vectors, Vectors | None], ...] = ()  # what has become zero since the first of the contexts was made
    # By column: combinations that use no sheet depending on it, and how much of `learned` is known there.
    contexts: Mapping[int, tuple[Space, int]] = field(default_factory=dict)

    @staticmethod
    def of(
        vectors: NDArray[np.int32], phantoms: NDArray[np.int32], pairs: Pairs, minimum: int,
        sheets: Mapping[int, Indices], cells: int, prime: int, numbers: np.random.Generator,
    ) -> Proof:  # fmt: skip
        """After a first round in which each vector is a class by itself, so that few of the pairs have to be looked at."""
        everything = np.ascontiguousarray(np.concatenate([vectors, phantoms]).T)
        space, popular = Space(cells, prime), np.flatnonzero(pairs.people_of(len(vectors)) >= minimum)
        space.vanish(np.ascontiguousarray(everything[:, popular]), None, numbers)
        proof = Proof(space, everything, pairs.holder, pairs.person, pairs.people, minimum, sheets, numbers, 1)
        proof._fold()
        return proof

    @property
    def holds(self) -> bool:
        """Every combination about too few people is zero on every row and every phantom."""
        return not self.vectors.shape[1]

    def settled(self) -> int:
        """The dimension of the combinations that are zero on every row and every phantom."""
        space = self.space.copy()
        space.vanish(self.vectors, None, self.numbers)
        return space.dimension

    def without(self, cells: Indices) -> Proof:
        """The same proof carried on after these cells are withheld; this one stays as it is."""
        proof = replace(self, space=self.space.copy(), numbers=_branch(self.numbers))
        if cells.size:
            proof.space.withhold(cells)
            proof.learned += ((cells[None, :].astype(np.int32), None),)
            proof.advance()
        return proof

    def advance(self, thorough: bool = False) -> None:
        """Rounds until nothing is left or nothing is added; `thorough` may cost one elimination for each hand dealt."""
        while True:
            self.rounds += 1
            self._fold()
            popular = np.bincount(self.holder, minlength=self.vectors.shape[1]) >= self.minimum
            if popular.any() and self._learn(self.vectors[:, popular], None):
                continue
            # The dearer rule last: it has fewer classes to look at then. Hands cost by cells, differences by pairs.
            dealt = thorough and self.holder.size < _DEALT_FIRST
            if dealt and self._split():
                continue
            if self.holder.size >= 2 * self.minimum - 1 and self._differences():
                continue
            if dealt or not thorough or not self._split():
                return

    def in_the_way(self, order: Indices) -> Indices:
        """The cells to give up, first by `order`, so that no combination is left that is not zero on some row."""
        first, basis = self.space.smallest_cells(order)
        return first[self.space.harmful(self.vectors, basis, self.numbers)]

    def _fold(self) -> None:
        """Forget the rows that are known to be zero and make one class of those that no combination tells apart."""
        key = self._key(self.space)
        kept = np.flatnonzero(key)
        at, of = _classes(key[kept])
        renamed = np.full(len(key), -1)
        renamed[kept] = of
        self.vectors = np.ascontiguousarray(self.vectors[:, kept[at]])
        alive = (renamed >= 0)[self.holder]
        pairs = distinct_numbers(renamed[self.holder[alive]] * self.people + self.person[alive])
        self.holder, self.person = np.divmod(pairs, max(1, self.people))

    def _key(self, space: Space) -> Indices:
        """One number of 62 bits for the class of each row; 0 for rows on which the whole space is zero."""
        high, low = space.random_values(self.vectors, None, self.numbers)
        return np.asarray(high << np.uint64(31) | low, np.int64)

    def _split(self) -> bool:
        """People dealt into as many hands as the minimum: whatever the rows of each hand force to be zero is zero."""
        if len(np.unique(self.person)) < self.minimum:
            return False
        # Any deal is right; one that does not depend on the seed makes the verdict depend on it less.
        hand = np.random.default_rng(0).permutation(self.people)[self.person] % self.minimum

        def without_hand(number: int) -> Space:
            space = self.space.copy()
            space.vanish(self.vectors[:, np.unique(self.holder[hand == number])], None, self.numbers)
            return space

        added = self.space.keep_sums(map(without_hand, range(self.minimum)), self.numbers)
        if added:
            self.contexts = {}  # sums are no vectors: contexts are made again
        return added

    def _differences(self) -> bool:
        """Classes that agree on every sheet that does not use one column: enough pairs of people with the same difference."""
        added = False
        for column in self.sheets:
            first, second = self._pairs(column)
            if not first.size:
                continue
            high, low = self.space.random_values(self.vectors, None, self.numbers)
            prime = np.uint64(self.space.prime)
            gap = [(part[first] + prime - part[second]) % prime for part in (high, low)]
            # The same difference either way round is one and the same.
            turned = [(prime - part) % prime for part in gap]
            swap = (turned[0] < gap[0]) | ((turned[0] == gap[0]) & (turned[1] < gap[1]))
            first, second = np.where(swap, second, first), np.where(swap, first, second)
            key = np.where(swap, turned[0] << np.uint64(31) | turned[1], gap[0] << np.uint64(31) | gap[1])
            first, second, key = self._held_enough(first, second, key)
            at, kind = _classes(key)
            enough = at[self._matched(first, second, kind) >= 2 * self.minimum - 1]
            if enough.size:
                added |= self._learn(self.vectors[:, first[enough]], self.vectors[:, second[enough]])
        return added

    def _pairs(self, column: int) -> tuple[Indices, Indices]:
        """Pairs of classes, both with people, that no combination of the other sheets alone tells apart."""
        held = np.bincount(self.holder, minlength=self.vectors.shape[1])
        rows = np.flatnonzero(held)
        _, context = _classes(self._key(self._context(column))[rows])
        order = np.lexsort((-held[rows], context))  # the most people of a context first
        rows, context = rows[order], context[order]
        starts = np.flatnonzero(np.r_[True, context[1:] != context[:-1]]) if rows.size else np.empty(0, np.int64)
        start = np.repeat(starts, np.diff(np.r_[starts, rows.size]))
        place = np.arange(rows.size)
        reach = min(_REACH, 1 + _PAIRS // max(1, rows.size))
        found = [(rows[start[place - start > k] + k], rows[place[place - start > k]]) for k in range(reach)]
        return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])

    def _context(self, column: int) -> Space:
        """Made once, and told afterwards what has become zero; proofs that are carried on from this one share it."""
        if column in self.contexts:
            space, known = self.contexts[column]
            space = space.copy() if known < len(self.learned) else space
            for plus, minus in self.learned[known:]:
                space.vanish(plus, minus, self.numbers)
        else:
            used = self.vectors[self.sheets[column]]
            space = self.space.copy()
            space.withhold(np.unique(used[used >= 0]))
        self.contexts = {**self.contexts, column: (space, len(self.learned))}
        return space

    def _learn(self, plus: Vectors, minus: Vectors | None) -> bool:
        """Keep only combinations that are zero on each vector `plus - minus`; true when that is new."""
        added = self.space.vanish(plus, minus, self.numbers)
        if added:
            self.learned += ((plus, minus),)
        return added

    def _held_enough(self, first: Indices, second: Indices, key: Indices) -> tuple[Indices, Indices, Indices]:
        """Without the differences that could not have pairs of people enough even if nobody stood in two of them."""
        held = np.bincount(self.holder, minlength=self.vectors.shape[1])
        _, kind = np.unique(key, return_inverse=True)
        most = np.bincount(kind, weights=np.minimum(held[first], held[second]))
        kept = most[kind] >= 2 * self.minimum - 1
        return first[kept], second[kept], key[kept]

    def _matched(self, first: Indices, second: Indices, kind: Indices) -> Indices:
        """For each kind of difference, how many pairs of people can be made with each person at most once on each side."""
        begins = np.searchsorted(self.holder, np.arange(self.vectors.shape[1] + 1))
        sides = []
        for classes in (first, second):
            count = begins[classes + 1] - begins[classes]
            pair = np.repeat(np.arange(len(classes)), count)
            at = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + begins[classes][pair]
            # The first pair of this kind that a person stands in is where the person counts.
            sides.append(np.bincount(_first_of(kind[pair] * self.people + self.person[at], pair), minlength=len(classes)))
        return np.bincount(kind, weights=np.minimum(*sides)).astype(np.int64)


def _classes(keys: Indices) -> tuple[Indices, Indices]:
    """Of equal keys the place of the first, and for each key its class; in order of appearance, whatever the draws were."""
    _, at, of = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(at)
    renamed = np.empty_like(order)
    renamed[order] = np.arange(len(order))
    return at[order], renamed[of]


def _first_of(keys: Indices, numbers: Indices) -> Indices:
    """For each distinct key its smallest number; keys and numbers sorted as one are several times faster than `unique`."""
    most = int(numbers.max(initial=0)) + 1
    if int(keys.max(initial=0)) >= (1 << 62) // most:
        order = np.lexsort((numbers, keys))
        keys, numbers = keys[order], numbers[order]
    else:
        keys, numbers = np.divmod(np.sort(keys * most + numbers), most)
    return numbers[np.r_[True, keys[1:] != keys[:-1]]] if keys.size else numbers


def _branch(numbers: np.random.Generator) -> np.random.Generator:
    return numbers.spawn(1)[0]
