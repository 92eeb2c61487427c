"""The reader itself: on small instances it finds a small combination exactly when trying every group of people finds one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tests.replay.linear_reader import Reader, isolated, listing
from tests.replay.market import UNIT, market


def _every_group(figures: list[frozenset[int]], people: dict[int, str], minimum: int) -> bool:
    """Whether some combination is zero on all rows but those of fewer than `minimum` people, and not zero there."""
    rows = sorted(people)
    matrix = np.array([[row in figure for row in rows] for figure in figures], dtype=float)
    rank = np.linalg.matrix_rank(matrix)
    everybody = sorted(set(people.values()))
    for group in combinations(everybody, minimum - 1):
        kept = [i for i, row in enumerate(rows) if people[row] not in group]
        if np.linalg.matrix_rank(matrix[:, kept]) < rank:
            return True
    return False


def test_it_finds_what_trying_every_group_finds() -> None:
    dice, found = np.random.default_rng(3), 0
    for _ in range(300):
        count, minimum = int(dice.integers(6, 14)), int(dice.integers(2, 4))
        people = {row: f"p{int(dice.integers(0, 8))}" for row in range(count)}
        chance = dice.choice([0.3, 0.5, 0.8])
        figures = [frozenset(np.flatnonzero(dice.random(count) < chance).tolist()) for _ in range(int(dice.integers(1, 6)))]
        expected = len(set(people.values())) >= minimum and _every_group(figures, people, minimum)
        if len(set(people.values())) < minimum:
            continue
        who = isolated([dict.fromkeys(figure, 1) for figure in figures], people, minimum)
        assert (who is not None) == expected, (figures, people, minimum)
        assert who is None or len(who) < minimum
        found += expected
    assert 50 < found < 290


@pytest.mark.parametrize(
    ("figures", "who"),
    [
        (["abcdef", "abcde"], {"f"}),
        (["abcdef", "abc", "def"], None),
        (["abcdef", "abc", "de"], {"f"}),
        (["abcd", "cdef", "efgh", "abgh"], None),
        (["abcd", "bcde"], {"a", "e"}),
        ([], None),
    ],
)
def test_differences_and_sums_of_three(figures: list[str], who: set[str] | None) -> None:
    people = {ord(letter): letter for letter in "abcdefgh" if any(letter in figure for figure in figures)}
    found = isolated([dict.fromkeys(map(ord, figure), 1) for figure in figures], people, 3)
    assert found == who


def test_it_reads_an_answer_against_the_true_rows(tmp_path) -> None:  # type: ignore[no-untyped-def]
    room = market(tmp_path)
    reader = Reader(room.tables, UNIT, room.minimum)
    sales = room.tables["provider.sales"]
    total, fish = len(sales), int(((sales["aisle"] == "fish") & (sales["city"] == "Bonn")).sum())
    assert fish > 0
    reader.read(1, "SELECT count(*) AS n FROM provider.sales", ["n"], [[total]])
    assert reader.smallest() is None
    rest = "SELECT count(*) AS n FROM provider.sales WHERE NOT (aisle = 'fish' AND city = 'Bonn')"
    reader.read(2, rest, ["n"], [[total - fish]])
    assert not reader.unexplained
    found = reader.smallest()
    assert found is not None
    assert found[2] == {"p7"}
    reader.read(3, rest, ["n"], [[total - fish - 1]])
    assert len(reader.unexplained) == 1


def test_it_reads_conditions_inside_aggregates() -> None:
    sql = "SELECT s.aisle AS k, count(*) FILTER (WHERE s.coupon) AS n, sum(CASE WHEN c.vip THEN s.amount ELSE 0 END) AS t"
    listed = listing(f"{sql} FROM provider.sales s LEFT JOIN consumer.clients c ON s.customer = c.customer GROUP BY 1",
                     ["k", "n", "t"], UNIT)  # fmt: skip
    assert [one.kind for one in listed.wanted] == ["rows", "sum"]
    assert listed.base == "sales"
    assert "LEFT JOIN" in listed.sql
