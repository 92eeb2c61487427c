"""protect: cohort, dominance, numerator; it never shows more when a threshold rises, and refuses rows of another shape."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.errors import IntegrityError
from cleanroom_core.privacy.protect import dominated, protect, released_people
from cleanroom_core.sql.cells import CellLayout, Cells, FigureLayout, KeyLayout, Thresholds, UnitLayout
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DATE, STRING

PLAIN = FigureLayout("p.t.amount", summed=True, scale=2, clip=("0", "100"))
BINARY = FigureLayout("p.t.fraud", summed=True, binary=True, clip=("0", "1"))
COUNTED = FigureLayout("p.t.device", summed=False)
SIGNED = FigureLayout("p.t.score", summed=True, scale=6, signed=True, clip=("-1", "1"))


def layout(*figures: FigureLayout, keys: tuple[KeyLayout, ...] = (), units: int = 1) -> CellLayout:
    return CellLayout("0" * 64, keys, figures, tuple(UnitLayout((f"p{u}.t",)) for u in range(units)))


def thresholds(minimum: int = 10, numerator: int = 3, percent: int = 10, units: int = 2) -> Thresholds:
    return Thresholds({f"p{u}.t": minimum for u in range(units)}, numerator, percent)


def row(shape: CellLayout, *labels: Any, **values: Any) -> tuple[Any, ...]:
    """A healthy cell of 50 people with two rows each; `values` overrides columns."""
    usual: dict[str, Any] = {"n": 100}
    for name in shape.columns:
        tail = name.rpartition("_")[2]
        usual.setdefault(name, {"people": 50, "first": 2, "second": 2, "ones": 25, "others": 25, "sum": Decimal(50),
                                "count": 100, "size": Decimal(60)}.get(tail))  # fmt: skip
    usual |= {f"k{i}": label for i, label in enumerate(labels)} | values
    return tuple(usual[name] for name in shape.columns)


def released(shape: CellLayout, found: tuple[Any, ...], **limits: int) -> bool:
    """Whether the cell is there, and every figure of it."""
    cells = protect([found], shape, thresholds(**limits)).cells
    return bool(cells) and not any(figure.withheld for figure in cells[0].figures.values())


def test_columns_are_named_in_one_order() -> None:
    assert layout(BINARY, COUNTED, keys=(KeyLayout("k", STRING, None),)).columns == (
        "k0", "n", "f0_sum", "f0_count", "f1_count", "u0_people", "u0_n_first", "u0_n_second", "u0_f0_people", "u0_f0_missing",
        "u0_f0_first", "u0_f0_second", "u0_f0_ones", "u0_f0_others", "u0_f1_people", "u0_f1_missing", "u0_f1_first",
        "u0_f1_second",
    )  # fmt: skip


@pytest.mark.parametrize(("people", "shown"), [(9, False), (10, True), (11, True)])
def test_cohort_in_people(people: int, shown: bool) -> None:
    shape = layout()
    assert released(shape, row(shape, u0_people=people)) == shown


def test_every_unit_must_reach_its_minimum() -> None:
    shape = layout(units=2)
    assert released(shape, row(shape))
    assert not released(shape, row(shape, u1_people=9))


def test_people_with_a_value_must_reach_the_minimum() -> None:
    shape = layout(PLAIN)
    assert not released(shape, row(shape, u0_f0_people=9))


@pytest.mark.parametrize(("total", "first", "second", "shown"), [
    (100, 90, 1, True), (100, 90, 2, False), (100, 91, 1, False), (0, 0, 0, False), (1, 1, None, False), (10, 5, 5, False),
])  # fmt: skip
def test_dominance(total: int, first: int, second: int | None, shown: bool) -> None:
    """p = 10: the rest after the two largest must be at least a tenth of the largest. Nobody looks like one or two."""
    shape = layout(PLAIN)
    found = row(shape, f0_sum=Decimal(total), u0_f0_first=Decimal(first), u0_f0_second=second and Decimal(second))
    assert released(shape, found) == shown
    assert released(shape, found, percent=0)


def test_dominance_holds_for_rows_counts_and_signed_sums() -> None:
    for shape, values in [
        (layout(), {"n": 1000, "u0_n_first": 950, "u0_n_second": 1}),
        (layout(COUNTED), {"f0_count": 100, "u0_f0_first": 95, "u0_f0_second": 1}),
        (
            layout(SIGNED),
            {"f0_sum": Decimal(0), "u0_f0_size": Decimal(20), "u0_f0_first": Decimal(10), "u0_f0_second": Decimal(10)},
        ),
    ]:
        assert released(shape, row(shape))
        assert not released(shape, row(shape, **values))


@pytest.mark.parametrize(
    ("ones", "others", "fewer"), [(0, 50, True), (2, 50, True), (3, 50, False), (50, 3, False), (50, 2, True)]
)
def test_numerators(ones: int, others: int, fewer: bool) -> None:
    shape = layout(BINARY)
    (cell,) = protect([row(shape, u0_f0_ones=ones, u0_f0_others=others)], shape, thresholds()).cells
    figure = cell.figures["p.t.fraud"]
    assert (figure.fewer, figure.sum is None) == (fewer, fewer)


def test_a_hidden_numerator_leaves_the_cell_though_it_would_be_dominated() -> None:
    shape = layout(BINARY)
    found = row(shape, f0_sum=Decimal(1), u0_f0_ones=1, u0_f0_first=Decimal(1), u0_f0_second=Decimal(0))
    assert released(shape, found)


def test_labels_outside_the_domain_are_dropped_again() -> None:
    shape = layout(keys=(KeyLayout("p.t.code", STRING, ("a", None)),))
    cells = protect([row(shape, "a"), row(shape, "z"), row(shape, None)], shape, thresholds()).cells
    assert [cell.labels for cell in cells] == [(None,), ("a",)]


@pytest.mark.parametrize(
    ("people", "minimum", "shown"), [(100, 100, 100), (109, 100, 100), (110, 100, 110), (27, 25, 25), (31, 25, 30)]
)
def test_people_are_rounded_down_and_never_below_the_minimum(people: int, minimum: int, shown: int) -> None:
    assert released_people(people, minimum) == shown


def test_rows_of_another_shape_are_refused() -> None:
    shape = layout(PLAIN, keys=(KeyLayout("p.t.code", STRING, None),))
    for broken in (
        row(shape, "a")[:-1],
        row(shape, 7),
        row(shape, "a", n=1.5),
        row(shape, "a", n=-1),
        row(shape, "a", f0_sum="12"),
        row(shape, "a", u0_people=True),
    ):
        with pytest.raises(IntegrityError):
            protect([broken], shape, thresholds())
    with pytest.raises(IntegrityError):
        protect([row(shape, "a"), row(shape, "a")], shape, thresholds())


def test_cells_survive_json_without_floats() -> None:
    keys = (KeyLayout("p.t.code", STRING, ("a", None)), KeyLayout("p.t.on", BOOLEAN, (False, True)),
            KeyLayout("p.t.big", BIGINT, None), KeyLayout("p.t.day@month", DATE, (date(2026, 1, 1),)))  # fmt: skip
    shape = layout(PLAIN, BINARY, COUNTED, keys=keys)
    found = [
        row(shape, "a", True, 2**60, datetime(2026, 1, 1), f0_sum=Decimal("12.30")),
        row(shape, None, False, None, date(2026, 1, 1), u0_f1_ones=0),
    ]
    cells = protect(found, shape, thresholds())
    assert len(cells.cells) == 2
    data = cells.as_json()
    assert Cells.from_json(data) == cells
    assert not [value for value in _leaves(data) if isinstance(value, float)]
    assert all(-(2**53) < value < 2**53 for value in _leaves(data) if isinstance(value, int))


def _leaves(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return [leaf for value in data.values() for leaf in _leaves(value)]
    return [leaf for value in data for leaf in _leaves(value)] if isinstance(data, list) else [data]


COUNTS = st.integers(0, 60)


@given(
    st.lists(st.fixed_dictionaries({"u0_people": COUNTS, "u0_f0_people": COUNTS, "u0_f0_ones": COUNTS, "u0_f0_others": COUNTS,
                                    "u0_f0_first": COUNTS.map(Decimal), "u0_f0_second": COUNTS.map(Decimal),
                                    "f0_sum": COUNTS.map(Decimal)}), max_size=6),
    st.integers(2, 40), st.integers(0, 20), st.integers(1, 8), st.integers(0, 4), st.integers(0, 100), st.integers(0, 50),
)  # fmt: skip
def test_stricter_thresholds_never_show_more(
    values: list[dict[str, Any]], minimum: int, more: int, numerator: int, higher: int, percent: int, extra: int
) -> None:
    """Monotone: a rising cohort minimum, numerator minimum or p never adds a cell or uncovers a sum. One exception by design: a
    numerator that becomes hidden may bring back a cell that its dominance had withheld; its sum stays hidden."""
    shape = layout(BINARY, keys=(KeyLayout("k", STRING, None),))
    rows = [row(shape, str(i), **value) for i, value in enumerate(values)]
    lax = protect(rows, shape, thresholds(minimum, numerator, percent)).cells
    for strict in (
        protect(rows, shape, thresholds(minimum + more, numerator, percent)).cells,
        protect(rows, shape, thresholds(minimum, numerator, percent + extra)).cells,
    ):
        assert {cell.labels for cell in strict} <= {cell.labels for cell in lax}
    hidden = protect(rows, shape, thresholds(minimum, numerator + higher, percent)).cells
    shown_before = {cell.labels for cell in lax if not cell.figures["p.t.fraud"].fewer}
    assert {cell.labels for cell in hidden if not cell.figures["p.t.fraud"].fewer} <= shown_before


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=8), st.integers(0, 100))
def test_dominated_by_definition(contributions: list[int], percent: int) -> None:
    ordered = sorted(contributions, reverse=True)
    rest = sum(ordered[2:])
    by_definition = rest < Decimal(percent) / 100 * ordered[0]
    assert dominated(Decimal(sum(ordered)), Decimal(ordered[0]), Decimal(ordered[1]), percent) == by_definition
