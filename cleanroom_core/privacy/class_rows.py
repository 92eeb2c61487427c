"""What a class query returned, read once for every run of the certification: distinct packed classes, and who has which.

Millions of pairs are sorted here and never copied afterwards; what follows works on the distinct classes, some ten thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from cleanroom_core.privacy.certify_pairs import Pairs
from cleanroom_core.sql.classes import ClassPlan

Codes = NDArray[np.int32]  # [rows, columns of the plan]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
_Int = TypeVar("_Int", np.int32, np.int64)
_COUNTED: Final = 1 << 24  # so many possible values of a word are told apart by a table of all of them


@dataclass(frozen=True)
class ClassRows:
    """`codes`: distinct combinations of classes, one a row; `there`: of each view, which of them are in it; `pairs`: person by
    row of `codes`."""

    plan: ClassPlan
    codes: Codes
    there: Mapping[int, Mask]
    pairs: Pairs

    @classmethod
    def of(cls, plan: ClassPlan, person: Numbers, words: Sequence[Numbers]) -> ClassRows:
        """`person` and `words`: the columns of the class query, -1 in a word where the row is not in its view."""
        if len(words) == 1:
            packed, row = _distinct_word(words[0], prod(plan.columns[column].classes for column in plan.words[0].columns))
            columns = [packed]
        else:
            together, row = distinct(np.stack(words, axis=1))
            columns = list(together.T)
        return cls(plan, *unpacked(plan, columns), Pairs.of(row, person))


def unpacked(plan: ClassPlan, words: Sequence[Numbers]) -> tuple[Codes, dict[int, Mask]]:
    """Classes of every column, and for each view which rows are in it."""
    rows = len(words[0]) if words else 0
    codes = np.zeros((rows, len(plan.columns)), np.int32)
    there = {word.view: np.ones(rows, np.bool_) for word in plan.words}
    for word, values in zip(plan.words, words, strict=True):
        there[word.view] = values >= 0
        rest = np.maximum(values, 0)
        for column in word.columns:
            rest, codes[:, column] = np.divmod(rest, plan.columns[column].classes)
    return codes, there


def distinct(rows: NDArray[_Int]) -> tuple[NDArray[_Int], Numbers]:
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


def _distinct_word(values: Numbers, possible: int) -> tuple[Numbers, Numbers]:
    """As `distinct`, for one column of numbers from -1 to below `possible`."""
    if not values.size or possible > _COUNTED:
        found, which = distinct(values[:, None])
        return found[:, 0] if found.size else values, which
    there = np.bincount(values + 1, minlength=possible + 1) > 0
    return np.flatnonzero(there) - 1, (np.cumsum(there) - 1)[values + 1]


def _factors(count: int) -> NDArray[np.uint64]:
    """Odd factors of a hash, always the same, so that the order of what comes out is too."""
    return np.random.default_rng(0).integers(0, 2**63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
