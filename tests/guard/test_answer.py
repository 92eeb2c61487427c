"""Answers: outputs, HAVING, ORDER BY and LIMIT over protected cells; what is missing is said without saying why."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cleanroom_core.errors import ConflictError
from cleanroom_core.guard import judge_sql
from cleanroom_core.guard.answer import Answer, not_released_labels, project
from cleanroom_core.guard.sheet import Sheet
from cleanroom_core.sql.cells import Cell, Cells, Figure
from tests.guard.guard_worlds import world_named

T = "provider.transaction_signals"
AMOUNT, FRAUD, DEVICE = f"{T}.txn_amount", f"{T}.confirmed_fraud_flag", f"{T}.device"


def sheet_of(sql: str) -> Sheet:
    verdict = judge_sql(sql, "consumer", world_named("banks"))
    assert verdict.ok, [str(finding) for finding in verdict.findings]
    return verdict.sheets[0]


def cells_for(sheet: Sheet, *cells: tuple[tuple[Any, ...], int, int, dict[str, Figure]]) -> Cells:
    units = len(sheet.layout.units)
    made = tuple(Cell(labels, rows, (people,) * units, figures) for labels, rows, people, figures in cells)
    return Cells(sheet.layout, 3, (100,) * units, made)


BANDS = [
    (("0-50",), 900, 300, {AMOUNT: Figure(800, Decimal("20000.00")), FRAUD: Figure(900, Decimal(9))}),
    (("200+",), 400, 120, {AMOUNT: Figure(400, Decimal("100000.00")), FRAUD: Figure(400, None, fewer=True)}),
    (("50-200",), 700, 210, {AMOUNT: Figure(0), FRAUD: Figure(700, Decimal(70))}),
]  # one figure hidden, one measure without any value


def answer(select: str, rest: str = "") -> Answer:
    sheet = sheet_of(f"SELECT {select} FROM {T} GROUP BY txn_amount_band {rest}")
    wanted = {figure.name for figure in sheet.layout.figures}
    chosen = [
        (labels, rows, people, {n: f for n, f in figures.items() if n in wanted}) for labels, rows, people, figures in BANDS
    ]
    return project(sheet, cells_for(sheet, *chosen))


def column(expression: str) -> list[Any]:
    return [row[0] for row in answer(expression).rows]


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("count(*)", [900, 400, 700]),
        ("count(DISTINCT card_token)", [300, 120, 210]),
        ("sum(txn_amount)", [Decimal("20000.00"), Decimal("100000.00"), None]),
        ("count(txn_amount)", [800, 400, 0]),
        ("avg(txn_amount)", [Decimal("25.000000000000"), Decimal("250.000000000000"), None]),
        ("round(avg(confirmed_fraud_flag), 3)", [Decimal("0.010"), "fewer than 3", Decimal("0.100")]),
        ("100 * sum(confirmed_fraud_flag) / count(*)", [Decimal("1.000000000000"), "fewer than 3", Decimal("10.000000000000")]),
        ("sum(txn_amount) / nullif(count(*) - 400, 0)", [Decimal("40.000000000000"), None, None]),
        ("count(*) / (count(*) - 400)", [Decimal("1.800000000000"), None, Decimal("2.333333333333")]),
        ("coalesce(sum(confirmed_fraud_flag), 0)", [9, "fewer than 3", 70]),
        ("coalesce(sum(txn_amount), 0)", [Decimal("20000.000000000000"), Decimal("100000.000000000000"), Decimal("0E-12")]),
        ("CAST(avg(txn_amount) AS BIGINT)", [25, 250, None]),
        ("CAST(count(*) AS STRING)", ["900", "400", "700"]),
        ("CAST(count(*) / 7 AS DECIMAL(5,1))", [Decimal("128.6"), Decimal("57.1"), Decimal("100.0")]),
        ("CASE WHEN count(*) > 500 THEN 'big' ELSE 'small' END", ["big", "small", "big"]),
        ("CASE WHEN sum(confirmed_fraud_flag) > 50 THEN 'bad' ELSE 'good' END", ["good", "fewer than 3", "bad"]),
        ("-count(*) + 1", [-899, -399, -699]),
        ("floor(count(*) / 7)", [128, 57, 100]),
        ("ceil(count(*) / 7)", [129, 58, 100]),
        ("round(count(*), -2)", [900, 400, 700]),
        ("'EU'", ["EU", "EU", "EU"]),
    ],
)  # fmt: skip
def test_outputs(expression: str, shown: list[Any]) -> None:
    assert column(expression) == shown


@pytest.mark.parametrize(
    ("rest", "bands"),
    [
        ("HAVING count(*) > 500", ["0-50", "50-200"]),
        ("HAVING NOT count(*) > 500", ["200+"]),
        ("HAVING sum(confirmed_fraud_flag) >= 0", ["0-50", "50-200"]),  # a hidden figure is neither small nor large
        ("HAVING NOT sum(confirmed_fraud_flag) >= 0", []),
        ("HAVING sum(confirmed_fraud_flag) > 1000 OR count(*) = 400", ["200+"]),
        ("HAVING sum(txn_amount) IS NULL", ["50-200"]),
        ("HAVING count(DISTINCT card_token) BETWEEN 150 AND 250", ["50-200"]),
        ("HAVING count(*) IN (400, 700)", ["200+", "50-200"]),
        ("HAVING txn_amount_band <> '200+'", ["0-50", "50-200"]),
        ("ORDER BY count(*)", ["200+", "50-200", "0-50"]),
        ("ORDER BY count(*) DESC LIMIT 2", ["0-50", "50-200"]),
        (
            "ORDER BY sum(confirmed_fraud_flag) DESC",
            ["50-200", "0-50", "200+"],
        ),  # hidden stands with NULL: last when descending
        ("ORDER BY sum(confirmed_fraud_flag)", ["200+", "0-50", "50-200"]),
        ("ORDER BY sum(txn_amount) DESC NULLS FIRST", ["50-200", "200+", "0-50"]),
        ("ORDER BY txn_amount_band DESC", ["50-200", "200+", "0-50"]),
        ("LIMIT 0", []),
    ],
)
def test_having_order_and_limit_act_on_protected_figures(rest: str, bands: list[str]) -> None:
    assert [row[0] for row in answer("txn_amount_band", rest).rows] == bands


def test_withheld_says_that_something_is_missing_and_never_why() -> None:
    sheet = sheet_of(f"SELECT txn_amount_band, count(*) FROM {T} GROUP BY 1")
    every = [(labels, rows, people, {}) for labels, rows, people, _ in BANDS]
    assert not project(sheet, cells_for(sheet, *every)).withheld
    assert project(sheet, cells_for(sheet, *every[1:])).withheld
    assert project(sheet, cells_for(sheet)).withheld
    assert not answer("txn_amount_band", "HAVING count(*) > 500").withheld  # what this leaves out has a figure
    assert not answer("txn_amount_band", "LIMIT 1").withheld
    assert answer("txn_amount_band", "HAVING sum(confirmed_fraud_flag) > 5").withheld  # of a hidden one nobody can say
    assert answer("txn_amount_band", "HAVING sum(confirmed_fraud_flag) > 5 OR count(*) = 1").withheld


def test_the_filter_narrows_the_domain() -> None:
    sheet = sheet_of(f"SELECT cross_border_flag, count(*) FROM {T} WHERE cross_border_flag = 1 GROUP BY 1")
    assert not project(sheet, cells_for(sheet, ((1,), 500, 200, {}))).withheld
    tied = sheet_of(
        f"SELECT cross_border_flag, txn_amount_band, count(*) FROM {T}"
        " WHERE cross_border_flag = 1 OR txn_amount_band = '200+' GROUP BY 1, 2"
    )
    possible = [
        ((0, "200+"), 500, 200, {}),
        ((1, "0-50"), 500, 200, {}),
        ((1, "50-200"), 5, 200, {}),
        ((1, "200+"), 5, 200, {}),
    ]
    assert not project(tied, cells_for(tied, *possible)).withheld
    assert project(tied, cells_for(tied, *possible[1:])).withheld


def test_unknown_periods_cannot_be_said_to_be_complete() -> None:
    known = sheet_of(f"SELECT date_trunc('month', txn_ts) m, count(*) FROM {T} GROUP BY 1")
    both = [((date(2026, 1, 1),), 500, 200, {}), ((date(2026, 2, 1),), 500, 200, {})]
    assert not project(known, cells_for(known, *both)).withheld
    narrowed = sheet_of(f"SELECT date_trunc('month', txn_ts) m, count(*) FROM {T} WHERE txn_ts >= '2026-02-01' GROUP BY 1")
    assert not project(narrowed, cells_for(narrowed, both[1])).withheld
    unknown = sheet_of(f"SELECT date_trunc('week', txn_ts) m, count(*) FROM {T} GROUP BY 1")
    assert project(unknown, cells_for(unknown, ((date(2026, 1, 5),), 500, 200, {}))).withheld


def test_not_released_labels_per_dimension() -> None:
    sheet = sheet_of(f"SELECT txn_amount_band, cross_border_flag, count(*) FROM {T} GROUP BY 1, 2")
    cells = cells_for(sheet, ((0, "0-50"), 900, 300, {}), ((0, "200+"), 400, 120, {}))
    assert not_released_labels(sheet, cells) == {f"{T}.cross_border_flag": (1,), f"{T}.txn_amount_band": ("50-200",)}


def test_notes_explain_rounding_and_hidden_numerators() -> None:
    assert answer("count(*)").notes == ()
    people, few = answer("count(DISTINCT card_token), avg(confirmed_fraud_flag)").notes
    assert "rounded" in people
    assert "fewer than 3" in few


def test_a_question_in_other_words_is_answered_from_released_cells_and_another_is_not() -> None:
    released = sheet_of(f"SELECT txn_amount_band, avg(txn_amount), count(device) FROM {T} GROUP BY 1")
    figures = {AMOUNT: Figure(800, Decimal("20000.00")), DEVICE: Figure(700)}
    cells = cells_for(released, (("0-50",), 900, 300, figures))
    asked = sheet_of(f"SELECT count(*) AS n, x.txn_amount_band AS band FROM {T} x GROUP BY band ORDER BY n")
    assert project(asked, cells).rows == ((900, "0-50"),)
    for other in ("avg(txn_count_1h)", "avg(confirmed_fraud_flag)"):
        with pytest.raises(ConflictError):
            project(sheet_of(f"SELECT txn_amount_band, {other} FROM {T} GROUP BY 1"), cells)
    with pytest.raises(ConflictError):
        project(sheet_of(f"SELECT cross_border_flag, count(*) FROM {T} GROUP BY 1"), cells)
