"""The agreement as a form: a round trip, every mistake at its field, and the difference between two texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from cleanroom_core.agreements.clauses import clauses, difference, text
from cleanroom_core.agreements.fields import TermsFields, read_fields
from cleanroom_core.agreements.terms import AgreementTerms

TODAY = date(2026, 11, 22)
TERMS = AgreementTerms(
    purposes=("a", "b"), ends_on=date(2027, 1, 1), minimum_cohort=50, at_end={"outputs": "delete"}, contacts={"north": "office"}
)
SIDES = ("north", "south")


def test_terms_come_back_from_their_fields() -> None:
    assert read_fields(TermsFields.of(TERMS), SIDES, TODAY) == (TERMS, {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("purposes", " \n "), ("purposes", "x" * 101), ("minimum_cohort", 1), ("minimum_cohort", None),
        ("numerator_minimum", 0), ("numerator_minimum", 51), ("dominance_percent", 101), ("period", "hour"),
        ("output_owner", "east"), ("ends_on", None), ("ends_on", date(2026, 11, 21)), ("at_end", {"outputs": "burn"}),
        ("contacts", {"north": "x" * 201}),
    ],
)  # fmt: skip
def test_each_mistake_is_named_at_its_field(field: str, value: object) -> None:
    terms, problems = read_fields(replace(TermsFields.of(TERMS), **{field: value}), SIDES, TODAY)
    assert terms is None
    assert list(problems) == [field]


def test_all_mistakes_are_named_at_once() -> None:
    fields = TermsFields("", None, None, None, "", "", None)
    assert set(read_fields(fields, SIDES, TODAY)[1]) == {
        "purposes", "minimum_cohort", "numerator_minimum", "dominance_percent", "period", "output_owner", "ends_on",
    }  # fmt: skip


def test_every_term_is_a_clause_and_only_what_changed_differs() -> None:
    assert {clause.name for clause in clauses(TERMS)} == set(TERMS.as_json())
    assert difference(TERMS, TERMS) == ""
    changed = difference(TERMS, replace(TERMS, minimum_cohort=60))
    assert [line for line in changed.splitlines() if line[0] in "+-"] == [
        "-Minimum cohort: 50 distinct people on each side of every figure",
        "+Minimum cohort: 60 distinct people on each side of every figure",
    ]
    assert len(changed.splitlines()) == len(text(TERMS).splitlines()) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"purposes": ("a",)}, {"minimum_cohort": 51}, {"numerator_minimum": 4}, {"dominance_percent": 11}, {"period": "year"},
        {"output_owner": "north"}, {"ends_on": date(2027, 1, 2)}, {"at_end": {}}, {"contacts": {}},
    ],
)  # fmt: skip
def test_no_change_goes_unsaid(change: dict[str, object]) -> None:
    assert difference(TERMS, replace(TERMS, **change)) != ""
