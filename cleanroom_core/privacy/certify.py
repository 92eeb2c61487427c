"""Certify a release plan: no linear combination of new and earlier cells is about fewer people than agreed. The proof:
docs/rank-test.md.

Pure numpy, no reading and no clock: who calls has turned the rows into vectors of cells. Randomness comes from a seed that the
caller draws and keeps; the certificate holds a commitment to it, so that the run can be repeated later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleanroom_core.privacy.certify_pairs import Pairs
from cleanroom_core.privacy.certify_proof import Proof
from cleanroom_core.privacy.certify_space import Draws, Indices, Space


@dataclass(frozen=True)
class CellTable:
    """All cells of all sheets, by their index 0..C-1; each array has length C."""

    sheet: NDArray[np.int32]  # number of the sheet
    people: NDArray[np.int64]  # exact distinct people, for the order of withholding alone
    fixed: NDArray[np.bool_]  # released earlier: cannot be withheld
    group: NDArray[np.int32]  # cells of one group are withheld together


@dataclass(frozen=True)
class SheetInfo:
    dimensions: frozenset[int]  # the columns of the universe's coordinates that the sheet depends on


@dataclass(frozen=True)
class Universe:
    """The rows of one asset, as the cells see them. Vectors need not be distinct; one without a pair is a row of nobody."""

    name: str
    vectors: NDArray[np.int32]  # [n, S]: for each sheet the cell that the row is in, -1 when it is in none
    pairs: Pairs  # whose rows they are
    phantoms: NDArray[np.int32]  # [m, S]: vectors of label combinations, whether or not anybody has them
    minimum: int  # people

    def sizes(self) -> tuple[int, int]:
        """How many distinct vectors with a cell there are, and how many people with such a row."""
        used = np.atleast_1d((self.vectors >= 0).any(axis=1))
        met = np.zeros(self.pairs.people, np.bool_)
        met[self.pairs.person[self.pairs.held(used)]] = True
        return len(np.unique(self.vectors[used], axis=0)), int(met.sum())


@dataclass(frozen=True)
class Certified:
    """What must stay back so that the rest is certified. Not `certified`: two primes disagree, so release nothing. `earlier`:
    whether combinations of earlier releases alone are about too few people; that was known before, and nothing new follows."""

    withheld: Indices  # sorted
    whole: bool  # every new cell is withheld
    certified: bool
    earlier: bool
    rank: Mapping[str, int]  # by universe: the dimension of what its rows and phantoms span in the remaining cells
    rounds: Mapping[str, int]
    prime: int
    commitment: str  # SHA-256 of the seed


def certify(cells: CellTable, sheets: Sequence[SheetInfo], universes: Sequence[Universe], seed: bytes) -> Certified:
    """Find cells to withhold so that the test passes for every universe. Raises ValueError when tables do not fit together."""
    _check(cells, sheets, universes)
    draws = Draws(seed)
    prime = draws.prime(0)
    plan = _Plan(cells)
    starts = [
        Proof.of(each.vectors, each.phantoms, each.pairs, each.minimum, sheets_of(sheets), len(cells.sheet), prime,
                 draws.generator("universe", each.name))
        for each in universes
    ]  # fmt: skip
    for start in starts:
        start.advance(thorough=True)  # nothing is withheld yet: what is found here holds for every choice of cells
    groups = plan.give_back(starts, plan.withhold(starts))
    withheld = plan.cells(groups)
    proofs = {each.name: start.without(withheld) for each, start in zip(universes, starts, strict=True)}
    # A prime drawn apart from all above: neither the choice of cells nor rows that were made one class can have met it.
    ranks = {each.name: _rank(each, len(cells.sheet), withheld, draws.prime(1), draws.generator("rank")) for each in universes}
    return Certified(
        withheld,
        len(groups) == len(plan.groups) > 0,
        all(plan.holds(proof) and len(cells.sheet) - proof.settled() == ranks[name] for name, proof in proofs.items()),
        not all(proof.holds for proof in proofs.values()),
        {name: rank - len(withheld) for name, rank in ranks.items()},
        {name: proof.rounds for name, proof in proofs.items()},
        prime,
        hashlib.sha256(seed).hexdigest(),
    )


def _rank(universe: Universe, cells: int, withheld: Indices, prime: int, numbers: np.random.Generator) -> int:
    """The dimension of what the rows, the phantoms and the withheld cells span."""
    space = Space(cells, prime)
    space.withhold(withheld)
    for vectors in (universe.vectors, universe.phantoms):
        space.vanish(vectors.T, None, numbers)
    return cells - space.dimension


def sheets_of(sheets: Sequence[SheetInfo]) -> Mapping[int, Indices]:
    """For each column the numbers of the sheets that depend on it."""
    columns = sorted(frozenset().union(*(sheet.dimensions for sheet in sheets)))
    return {column: np.flatnonzero([column in sheet.dimensions for sheet in sheets]) for column in columns}


class _Plan:
    """Which cells go first: ascending people, a whole group at a time."""

    def __init__(self, cells: CellTable) -> None:
        self._fixed, self._group = cells.fixed, cells.group
        self.groups = frozenset(cells.group[~cells.fixed].tolist())
        self._cost = dict.fromkeys(self.groups, 0)
        for group, people in zip(cells.group[~cells.fixed].tolist(), cells.people[~cells.fixed].tolist(), strict=True):
            self._cost[group] = max(self._cost[group], people)
        cost = np.array([self._cost.get(group, 0) for group in cells.group.tolist()], np.int64)
        self._order: Indices = np.lexsort((np.arange(len(cost)), cells.group, cost, cells.fixed))  # earlier releases last

    def cells(self, groups: Iterable[int]) -> Indices:
        return np.flatnonzero(np.isin(self._group, np.fromiter(groups, np.int64)) & ~self._fixed)

    def holds(self, proof: Proof) -> bool:
        """Whether the proof holds but for combinations of earlier releases alone. In the echelon form the combinations that use
        a new cell are told from those that do not: each of the former must be zero everywhere, so that a sum with the latter
        says what the latter says."""
        return proof.holds or (bool(self._fixed.any()) and bool(self._fixed[proof.in_the_way(self._order)].all()))

    def withhold(self, starts: Sequence[Proof]) -> frozenset[int]:
        """Withhold small cells until every proof holds."""
        withheld: frozenset[int] = frozenset()
        proofs = [start.without(np.empty(0, np.int64)) for start in starts]
        while stuck := next((proof for proof in proofs if not self.holds(proof)), None):
            in_the_way = stuck.in_the_way(self._order)
            new = sorted({int(group) for group in self._group[in_the_way[~self._fixed[in_the_way]]]}, key=self._rank)
            # Less often helps: what a few small cells merge may let larger ones stay.
            chosen = frozenset(new[: max(1, len(new) // 4)])
            withheld |= chosen
            proofs = [proof.without(self.cells(chosen)) for proof in proofs]
        return withheld

    def give_back(self, starts: Sequence[Proof], groups: frozenset[int]) -> frozenset[int]:
        """Drop every group, the largest first, that the proofs hold without withholding."""
        for group in sorted(groups, key=self._rank, reverse=True):
            fewer = self.cells(groups - {group})
            if all(self.holds(start.without(fewer)) for start in starts):
                groups -= {group}
        return groups

    def _rank(self, group: int) -> tuple[int, int]:
        return self._cost[group], group


def _check(cells: CellTable, sheets: Sequence[SheetInfo], universes: Sequence[Universe]) -> None:
    total, names = len(cells.sheet), [each.name for each in universes]
    if any(len(column) != total for column in (cells.people, cells.fixed, cells.group)):
        raise ValueError("the columns of the table of cells differ in length")
    if len(set(names)) != len(names):
        raise ValueError("two universes have the same name")
    for each in universes:
        if each.minimum < 1:
            raise ValueError(f"universe {each.name}: the minimum is {each.minimum}, and must be at least one person")
        for vectors in (each.vectors, each.phantoms):
            if vectors.ndim != 2 or vectors.shape[1] != len(sheets):
                raise ValueError(f"universe {each.name}: vectors need one column for each of the {len(sheets)} sheets")
            for number, column in enumerate(vectors.T):
                used = column[column >= 0]
                if used.size and (used.max() >= total or (cells.sheet[used] != number).any()):
                    raise ValueError(f"universe {each.name}: a vector names a cell that is not one of sheet {number}")
        if each.pairs.holder.size and each.pairs.holder[-1] >= len(each.vectors):
            raise ValueError(f"universe {each.name}: a pair must name a vector")
