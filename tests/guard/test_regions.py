"""Regions and conditions against brute force: membership point by point, three-valued logic row by row."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.guard.calendar import following, on_grid, truncate
from cleanroom_core.guard.question import AllOf, AnyOf, Condition, Ref, Within, both, either, possible
from cleanroom_core.guard.regions import Edge, Labels, Spans

POINTS = [Decimal(number) / 2 for number in range(-1, 12)]
EDGES = st.one_of(st.none(), st.tuples(st.sampled_from([Decimal(n) for n in range(5)]), st.sampled_from([0, 1])))


def _half(edge: Edge, up: bool) -> Spans:
    return Spans(((edge, None),)) if up else Spans(((None, edge),))


SPANS = st.recursive(
    st.one_of(
        st.builds(_half, st.tuples(st.sampled_from([Decimal(n) for n in range(5)]), st.sampled_from([0, 1])), st.booleans()),
        st.just(Spans((), null=True)),
        st.just(Spans(((None, None),))),
    ),
    lambda inner: st.one_of(st.builds(lambda a, b: a & b, inner, inner), st.builds(lambda a, b: a | b, inner, inner)),
    max_leaves=6,
)


@given(SPANS, SPANS)
def test_spans_are_sets_of_points(one: Spans, two: Spans) -> None:
    for point in [*POINTS, None]:
        assert (point in (one & two)) == (point in one and point in two)
        assert (point in (one | two)) == (point in one or point in two)


@given(SPANS)
def test_a_complement_holds_the_other_points_and_never_null(spans: Spans) -> None:
    other = spans.complement()
    assert None not in other
    assert all((point in other) != (point in spans) for point in POINTS)


@given(SPANS, SPANS)
def test_equal_sets_of_points_have_one_form(one: Spans, two: Spans) -> None:
    """Canonical: spans that hold the same of all half points are written alike."""
    if all((point in one) == (point in two) for point in [*POINTS, None]):
        assert one.as_json() == two.as_json()


REFS = [Ref("a.t", "x"), Ref("a.t", "y"), Ref("b.u", "z")]
LABELS = ["p", "q", None]
ATOMS = st.builds(
    lambda ref, among: Within(ref, Labels(frozenset(among))), st.sampled_from(REFS), st.sets(st.sampled_from(LABELS))
)
CONDITIONS = st.recursive(ATOMS, lambda inner: st.one_of(st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
                                                         st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))))  # fmt: skip


def _simplified(condition: Condition) -> Condition:
    if isinstance(condition, Within):
        return condition
    parts = [_simplified(part) for part in condition.parts]
    return both(parts) if isinstance(condition, AllOf) else either(parts)


@given(CONDITIONS)
def test_normal_form_means_the_same(condition: Condition) -> None:
    simple = _simplified(condition)
    for values in product(LABELS, repeat=3):
        row = dict(zip(REFS, values, strict=True))
        assert possible(condition, row) == possible(simple, row)
    assert _simplified(simple) == simple


def test_calendar() -> None:
    assert truncate(date(2026, 8, 19), "week") == date(2026, 8, 17)
    assert truncate(date(2026, 8, 19), "quarter") == date(2026, 7, 1)
    assert following(date(2026, 12, 1), "month") == date(2027, 1, 1)
    assert following(date(2026, 10, 1), "quarter") == date(2027, 1, 1)
    assert on_grid(date(2026, 8, 17), ("month", "week"))
    assert not on_grid(date(2026, 8, 18), ("month", "week"))


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_every_day_lies_in_one_period(day: date, grid: str) -> None:
    start = truncate(day, grid)
    assert start <= day < following(start, grid)
    assert truncate(start, grid) == start
