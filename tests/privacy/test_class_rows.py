"""ClassRows and Pairs: what is read once says the same as the rows it was read from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cleanroom_core.privacy.certify_pairs import Pairs
from cleanroom_core.privacy.certify_proof import _first_of
from cleanroom_core.privacy.class_rows import ClassRows
from cleanroom_core.sql.classes import ClassPlan, CodeColumn, Word


def _plan(sizes: Sequence[int], words: Sequence[Word]) -> ClassPlan:
    return ClassPlan("owner.asset", 2, tuple(CodeColumn(str(i), size, (0,)) for i, size in enumerate(sizes)), tuple(words), {})


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((3, 4, 2), [Word(0, (0, 1, 2))]),
        ((1 << 13, 1 << 13), [Word(0, (0, 1))]),  # too many possible values for a table of all of them
        ((3, 4, 2), [Word(0, (0, 1)), Word(0, (2,))]),
        ((3, 4), [Word(0, (0,)), Word(1, (1,))]),  # two views
    ],
)
def test_every_row_keeps_its_classes_and_its_person(sizes: tuple[int, ...], words: list[Word]) -> None:
    numbers = np.random.default_rng(1)
    rows = np.stack([numbers.integers(size, size=500) for size in sizes], axis=1)
    person = numbers.integers(40, size=500)
    away = {1: numbers.random(500) < 0.3} if words[-1].view else {}
    packed = []
    for word in words:
        value = np.zeros(500, np.int64)
        for column in reversed(word.columns):
            value = value * sizes[column] + rows[:, column]
        packed.append(np.where(away.get(word.view, np.zeros(500, bool)), -1, value))
    found = ClassRows.of(_plan(sizes, words), person, packed)

    def said(codes: np.ndarray, there: dict[int, np.ndarray], at: int) -> tuple[int | None, ...]:
        view = {column: word.view for word in words for column in word.columns}
        return tuple(int(codes[at, c]) if there[view[c]][at] else None for c in range(len(sizes)))

    here = {word.view: ~away.get(word.view, np.zeros(500, bool)) for word in words}
    expected = {(said(rows, here, at), int(person[at])) for at in range(500)}
    pairs = zip(found.pairs.holder.tolist(), found.pairs.person.tolist(), strict=True)
    assert {(said(found.codes, dict(found.there), holder), who) for holder, who in pairs} == expected
    assert len(found.pairs.holder) == len(expected)  # each once
    assert len({said(found.codes, dict(found.there), at) for at in range(len(found.codes))}) == len(found.codes)


def test_pairs_are_distinct_sorted_and_of_somebody() -> None:
    pairs = Pairs.of(np.array([2, 0, 2, 1, 0, 2]), np.array([5, 1, 5, -1, 0, 3]))
    assert list(zip(pairs.holder.tolist(), pairs.person.tolist(), strict=True)) == [(0, 0), (0, 1), (2, 3), (2, 5)]
    assert pairs.people_of(4).tolist() == [2, 0, 2, 0]
    assert pairs.held(np.array([True, False, False])).tolist() == [True, True, False, False]
    far = Pairs.of(np.array([0, 1, 1]), np.array([1 << 60, 7, 1 << 60]))
    assert (far.people, far.people_of(2).tolist()) == (2, [1, 2])
    with pytest.raises(ValueError, match="a vector and a person each"):
        Pairs.of(np.array([0, 1]), np.array([0]))


@pytest.mark.parametrize("scale", [1, 1 << 58])  # the larger ones do not fit one number with what stands beside them
def test_the_first_of_each_key(scale: int) -> None:
    draws = np.random.default_rng(2)
    keys, numbers = draws.integers(15, size=300) * scale, draws.integers(50, size=300)
    expected = [int(numbers[keys == key].min()) for key in np.unique(keys)]
    assert _first_of(keys, numbers).tolist() == expected
    assert _first_of(keys[:0], numbers[:0]).tolist() == []
