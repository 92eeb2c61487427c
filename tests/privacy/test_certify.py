"""certify: the linear attacks end with something withheld, no small plan is certified wrongly, and safe plans stay whole."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_core.privacy.certify import CellTable, Universe, certify
from cleanroom_core.privacy.certify_pairs import Pairs
from cleanroom_core.privacy.certify_proof import Proof
from cleanroom_core.privacy.certify_space import Draws, Space
from tests.privacy.small_plans import Labels, Plan, Sheet, plan, safe

K = 3


def crowd(*cells: Labels, people: int = 8, first: int = 0) -> list[tuple[Labels, int]]:
    """The same people with one row in each of the cells."""
    return [(labels, first + person) for labels in cells for person in range(people)]


TOTAL = Sheet(())

ATTACKS: dict[str, tuple[list[tuple[Labels, int]], list[Sheet]]] = {
    # Both cells have the same people; the difference is the rows of person 0 with label 9.
    "total minus total without a narrow combination": (
        [*crowd((0,), (1,)), ((9,), 0)],
        [TOTAL, Sheet((), lambda labels: labels[0] != 9, (0,))],
    ),
    # All pairs of sets differ by many people, total - A - B by one.
    "three terms": (
        [*crowd((0,), (1,)), ((2,), 3)],
        [TOTAL, Sheet((), lambda labels: labels[0] == 0, (0,)), Sheet((), lambda labels: labels[0] == 1, (0,))],
    ),
    # [1,8) - [4,8) + [4,11) - [2,11) is day 1.
    "sliding windows": (
        [*crowd(*((day,) for day in range(2, 11))), ((1,), 5)],
        [Sheet((), lambda labels, a=a, b=b: a <= labels[0] < b, (0,)) for a, b in ((1, 8), (4, 8), (4, 11), (2, 11))],
    ),
    # count(*) with count(*) FILTER (WHERE not rare) beside it, by region.
    "a condition inside an aggregate": (
        [*crowd((0, 0), (1, 0)), *crowd((0, 1)), ((1, 1), 2)],
        [Sheet((0,)), Sheet((0,), lambda labels: labels[1] == 0, (1,))],
    ),
    # One receiver has the months, the other the quarters without one rare combination.
    "two halves for two receivers": (
        [*crowd(*((month, 0) for month in range(3))), ((2, 1), 1), ((2, 1), 2)],
        [Sheet((0,)), Sheet((), lambda labels: labels != (2, 1), (0, 1))],
    ),
    # Everyone with label 1 has flag 1 and everyone else flag 0: equal cells say that the crossed combinations are empty.
    "an empty combination": (
        [*crowd((0, 0)), *crowd((1, 1), first=8)],
        [Sheet((0,)), Sheet((1,))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_linear_attack_leaves_something_withheld(name: str) -> None:
    rows, sheets = ATTACKS[name]
    attacked = plan(rows, sheets, K)
    assert not safe(attacked), "the brute force must see the attack, or this test shows nothing"
    found = attacked.certify()
    assert found.certified
    assert len(found.withheld)
    assert safe(attacked, found.withheld)


@pytest.mark.parametrize("name", ["total minus total without a narrow combination", "a condition inside an aggregate"])
def test_what_was_released_stays_and_the_new_cell_goes(name: str) -> None:
    rows, (old, new) = ATTACKS[name]
    attacked = plan(rows, [replace(old, released=True), new], K)
    found = attacked.certify()
    assert found.certified
    assert {sheet for sheet, _ in attacked.withheld(found)} == {1}
    assert safe(attacked, found.withheld)


def test_what_earlier_releases_give_away_is_said_and_nothing_new_is_learned() -> None:
    """The three released sheets are an attack already. A fourth that only repeats one of them tells nothing more; one with
    a condition of its own is certified as ever."""
    rows, sheets = ATTACKS["three terms"]
    lost = [replace(sheet, released=True) for sheet in sheets]
    for new in (Sheet((0,)), Sheet((0,), lambda labels: labels[0] != 1, (0,))):
        after = plan(rows, [*lost, new], K)
        found = after.certify()
        assert (found.certified, found.earlier) == (True, True)
        assert safe(after, found.withheld)
    assert not plan(rows, sheets, K).certify().earlier


def test_ordinary_margins_stay_whole() -> None:
    rows = crowd(*((a, b, c) for a in range(3) for b in range(4) for c in range(2)), people=5)
    ordinary = plan(
        rows, [TOTAL, Sheet((0,)), Sheet((0, 1)), Sheet((1, 2)), Sheet((2,)), Sheet((1,), lambda r: r[2] == 1, (2,))], K
    )
    found = ordinary.certify()
    assert (len(found.withheld), found.certified, found.whole) == (0, True, False)
    assert found.rank == {"asset": 12 + 4}  # twelve cells of (0, 1); of (1, 2) what its sums over 2 do not say yet


def test_the_smallest_cell_goes_and_no_more() -> None:
    """A total, its three parts, and a fourth part below the minimum: one of the four has to go, the smallest does."""
    rows = [*crowd((0,), people=9), *crowd((1,), people=6), *crowd((2,), people=4), *crowd((3,), people=2)]
    small = plan(rows, [TOTAL, Sheet((0,))], K)
    assert small.withheld(small.certify()) == {(1, (2,))}


def test_a_group_is_withheld_together() -> None:
    """The second cell of a group is another sheet's cell of the same label, as count(x) is beside count(*)."""
    rows = [*crowd((0,), people=9), *crowd((1,), people=6), *crowd((2,), people=4), *crowd((3,), people=2)]
    grouped = plan(rows, [TOTAL, Sheet((0,)), Sheet((0,))], K, group=lambda sheet, labels: labels[0] if labels else 9)
    assert grouped.withheld(grouped.certify()) == {(1, (2,)), (2, (2,))}


def test_rows_of_nobody_help_nobody() -> None:
    """Two people and many rows without a person: what touches these alone touches fewer than three people."""
    rows = [*crowd((0,), people=9), *crowd((1,), people=2), *(((1,), -1) for _ in range(50))]
    hidden = plan(rows, [TOTAL, Sheet((), lambda labels: labels[0] == 0, (0,))], K)
    found = hidden.certify()
    assert len(found.withheld) == 1
    assert safe(hidden, found.withheld)


def test_every_universe_is_certified_with_what_all_of_them_withhold() -> None:
    attacked = plan(*ATTACKS["three terms"], K)
    alone = plan([row for row in ATTACKS["three terms"][0] if row[0] != (2,)], ATTACKS["three terms"][1], K)
    both = certify(attacked.cells, attacked.sheets, [replace(alone.universe, name="other"), attacked.universe], b"seed")
    assert both.certified
    assert set(both.rank) == {"other", "asset"}
    assert len(alone.certify().withheld) == 0
    assert len(both.withheld) == 1
    assert safe(attacked, both.withheld)
    assert safe(alone, both.withheld)


def test_numbers_of_people_may_be_far_apart() -> None:
    far = plan([(labels, person * (1 << 58)) for labels, person in ATTACKS["three terms"][0]], ATTACKS["three terms"][1], K)
    near = plan(*ATTACKS["three terms"], K)
    assert far.certify().withheld.tolist() == near.certify().withheld.tolist()


def drawn(numbers: np.random.Generator) -> Plan:
    """One to three columns, one to four sheets, some of them under a condition, minimum 2 to 4, up to 13 people."""
    minimum = int(numbers.integers(2, 5))
    people, sizes = int(numbers.integers(minimum, 14)), numbers.integers(2, 4, int(numbers.integers(1, 4)))
    count = int(numbers.integers(people, 40))
    skewed = numbers.random(len(sizes)) < 0.5
    columns = [
        np.minimum(numbers.geometric(0.6, count), size) - 1 if rare else numbers.integers(size, size=count)
        for size, rare in zip(sizes, skewed, strict=True)
    ]
    person = np.where(numbers.random(count) < (0.1 if numbers.random() < 0.2 else 0), -1, numbers.integers(people, size=count))
    sheets = []
    for _ in range(int(numbers.integers(1, 5))):
        keys = tuple(sorted(numbers.choice(len(sizes), int(numbers.integers(0, len(sizes) + 1)), replace=False).tolist()))
        column, label = int(numbers.integers(len(sizes))), int(numbers.integers(2))
        if numbers.random() < 0.5:
            sheets.append(Sheet(keys, lambda labels, c=column, x=label: labels[c] != x, (column,)))
        else:
            sheets.append(Sheet(keys))
    rows = list(zip(map(tuple, np.stack(columns, axis=1).tolist()), person.tolist(), strict=True))
    return plan(rows, sheets, minimum)


def test_brute_force_agrees_on_two_thousand_plans() -> None:
    numbers, harmless, whole, needless, withheld = np.random.default_rng(5), 0, 0, 0, 0
    for number in range(2_000):
        small = drawn(numbers)
        found = small.certify(b"%d" % number)
        assert found.certified
        assert safe(small, found.withheld), f"instance {number} was certified wrongly"
        if not len(found.withheld) or safe(small):
            harmless, whole = harmless + 1, whole + (not len(found.withheld))
        else:
            left = set(found.withheld.tolist())
            withheld, needless = withheld + len(left), needless + sum(safe(small, left - {cell}) for cell in left)
    print(f"{whole} of {harmless} safe plans kept whole; {needless} of {withheld} cells withheld elsewhere were not needed")
    assert harmless > 1_000
    assert whole >= 0.95 * harmless
    assert needless <= 0.1 * withheld


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    width = draw(st.integers(1, 3))
    labels = st.tuples(*[st.integers(0, 2)] * width)
    rows = draw(st.lists(st.tuples(labels, st.integers(-1, 8)), min_size=4, max_size=30))
    columns = st.lists(st.integers(0, width - 1), unique=True).map(tuple)
    sheets = draw(
        st.lists(st.tuples(columns, st.none() | st.frozensets(labels, max_size=3), st.booleans()), min_size=1, max_size=4)
    )
    everything = tuple(range(width))
    return plan(
        rows,
        [Sheet(keys, released=old) if holes is None else Sheet(keys, lambda row, h=holes: row not in h, everything, old)
         for keys, holes, old in sheets],
        draw(st.integers(2, 3)),
        group=draw(st.sampled_from([None, lambda sheet, labels: sum(labels)])),
    )  # fmt: skip


@given(plans())
@settings(deadline=None)
def test_nothing_new_is_learned_about_few_whatever_was_released_before(small: Plan) -> None:
    found = small.certify()
    fixed = np.flatnonzero(small.cells.fixed)
    assert not set(found.withheld.tolist()) & set(fixed.tolist())
    assert found.certified
    assert safe(small, found.withheld)


def test_the_same_seed_gives_the_same_and_other_seeds_the_same_verdict() -> None:
    numbers = np.random.default_rng(11)
    for _ in range(60):
        small = drawn(numbers)
        found, again, other = small.certify(b"a"), small.certify(b"a"), small.certify(b"b")
        assert (found.withheld.tolist(), found.rank, found.rounds, found.prime) == (
            again.withheld.tolist(), again.rank, again.rounds, again.prime)  # fmt: skip
        assert (found.certified, found.withheld.tolist()) == (other.certified, other.withheld.tolist())
        assert found.prime != other.prime
    assert found.commitment == hashlib.sha256(b"a").hexdigest()


@pytest.mark.parametrize(
    ("with_x", "with_y", "known"),
    [
        ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], 1),
        ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], 1),  # the same people with both
        ([0, 1, 2, 3], [4, 5, 6, 7], 0),
        ([0, 2, 1, 3], [4, 0, 5, 1], 0),  # x1, y2, x3, y4 are all that x - y + z1 + z3 - ... is about: persons 0 and 1
        ([0, 0, 0, 0, 0], [1, 2, 3, 4, 5], 0),  # x alone is about person 0
    ],
)
def test_differences_need_pairs_of_enough_people(with_x: list[int], with_y: list[int], known: int) -> None:
    """Cells x and y of one column, a cell for each context of the other; minimum 3, so that five pairs say x - y = 0."""
    contexts = len(with_x)
    vectors = np.array([[label, 2 + z] for label in (0, 1) for z in range(contexts)], np.int32)
    draws, sheets = Draws(b"seed"), {0: np.array([0]), 1: np.array([1])}
    owners = np.array(with_x + with_y)
    proof = Proof.of(
        vectors, vectors[:0], Pairs.of(np.arange(2 * contexts), owners), 3, sheets, 2 + contexts, draws.prime(0),
        draws.generator(0),
    )  # fmt: skip
    proof.advance()
    assert proof.space.dimension == 2 + contexts - known


def test_hands_show_what_no_popular_class_can() -> None:
    """Each row is another combination of ten columns: no class has two people, yet either half of the people spans all."""
    numbers = np.random.default_rng(3)
    vectors = (numbers.integers(3, size=(120, 10)) + np.arange(0, 30, 3)).astype(np.int32)
    people, draws = np.arange(120), Draws(b"seed")
    proof = Proof.of(vectors, vectors[:0], Pairs.of(people, people), 2, {}, 30, draws.prime(0), draws.generator(0))
    plainly = proof.without(np.empty(0, np.int64))
    plainly.advance()
    assert not plainly.holds
    proof.advance(thorough=True)
    assert proof.holds


def test_primes_and_spaces() -> None:
    primes = {Draws(b"seed").prime(number) for number in range(20)}
    assert len(primes) == 20
    for prime in primes:
        assert 1 << 30 < prime < 1 << 31
        assert all(prime % divisor for divisor in range(2, 2_000))
    space, numbers = Space(3, min(primes)), np.random.default_rng(0)
    assert space.vanish(np.array([[0], [2]], np.int32), None, numbers)  # x0 + x2 = 0
    assert not space.vanish(np.array([[0], [2]], np.int32), None, numbers)
    assert space.dimension == 2
    space.withhold(np.array([0]))
    assert space.dimension == 1
    assert space.random(numbers, 1)[:, 0].astype(bool).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vectors": np.array([[0, 1]], np.int32)}, "one column for each"),
        ({"vectors": np.array([[7]], np.int32)}, "not one of sheet 0"),
        ({"phantoms": np.array([[1]], np.int32)}, "not one of sheet 0"),
        ({"pairs": Pairs.of(np.array([3]), np.array([0]))}, "must name a vector"),
        ({"minimum": 0}, "minimum"),
    ],
)
def test_tables_that_do_not_fit_together(change: dict[str, object], says: str) -> None:
    pairs = Pairs.of(np.array([0]), np.array([0]))
    fitting = Universe("asset", np.array([[0]], np.int32), pairs, np.empty((0, 1), np.int32), 2)
    cells = CellTable(np.array([0, 1], np.int32), np.array([5, 5]), np.array([False, False]), np.array([0, 1], np.int32))
    with pytest.raises(ValueError, match=says):
        certify(cells, [plan([((0,), 0)], [TOTAL], 1).sheets[0]], [replace(fitting, **change)], b"seed")
