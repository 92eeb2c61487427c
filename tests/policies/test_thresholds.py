"""The strictest clause wins and can be named; shapes of values; differences of policies."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.policies.combine import Clause, combine
from cleanroom_core.policies.difference import difference
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.preview import masked_shape
from cleanroom_core.sql import cells

TERMS = AgreementTerms(("fraud",), date(2027, 1, 1), minimum_cohort=100, numerator_minimum=3, dominance_percent=10)


def policy(owner: str, asset: str, **other: Any) -> Policy:
    rule = {"privacy_unit": "t", "join_key": "t", **other.pop("rule", {})}
    columns = other.pop("columns", {"t": {"token": "card", "from": "pan"}})
    return Policy.from_json({"asset": asset, "owner": owner, "columns": columns, "rule": rule, **other})


def test_the_strictest_minimum_wins_and_its_clause_and_owner_are_known() -> None:
    found = combine(
        TERMS, [policy("a", "x", rule={"minimum_cohort": 250}), policy("b", "y", rule={"minimum_cohort": 20}), policy("b", "z")]
    )
    assert found.minimum_cohort == {"a.x": 250, "b.y": 100, "b.z": 100}
    assert found.clauses["a.x"] == Clause("a.x: rule.minimum_cohort = 250", "a")
    assert found.clauses["b.y"] == Clause("agreement.minimum_cohort = 100")
    assert found.clauses["numerator_minimum"].owner is None
    assert found.clauses["dominance_percent"].text == "agreement.dominance_percent = 10"
    assert (found.numerator_minimum, found.dominance_percent) == (3, 10)


def test_thresholds_are_what_the_cells_are_protected_with() -> None:
    found = combine(TERMS, [policy("a", "x", rule={"minimum_cohort": 250}), policy("b", "y")])
    assert isinstance(found, cells.Thresholds)
    assert found.minimum(["a.x", "b.y"]) == 250
    assert found.minimum(["b.y"]) == 100


@given(st.integers(2, 500), st.lists(st.one_of(st.none(), st.integers(2, 500)), min_size=1, max_size=5))
def test_no_asset_ever_gets_less_than_the_agreement_or_its_own_rule(agreed: int, own: list[int | None]) -> None:
    policies = [policy("a", f"t{at}", rule={} if value is None else {"minimum_cohort": value}) for at, value in enumerate(own)]
    found = combine(replace(TERMS, minimum_cohort=agreed), policies)
    assert found.minimum_cohort == {f"a.t{at}": max(agreed, value or 0) for at, value in enumerate(own)}


def test_shapes_show_where_letters_and_digits_stand_and_nothing_of_them() -> None:
    assert masked_shape("4111 1111-Ab.") == "9999 9999-xx."
    assert masked_shape("４１é😀\u200b") == "99xxx"
    assert masked_shape(Decimal("-12.50")) == "-99.99"
    assert masked_shape(date(2024, 1, 31)) == "9999-99-99"
    assert masked_shape("a" * 30) == "x" * 24 + "…"
    assert masked_shape(None) is None
    assert masked_shape(True) == "xxxx"


@given(st.text())
def test_no_letter_or_digit_survives_in_a_shape(text: str) -> None:
    shape = masked_shape(text) or ""
    assert all(character in "9x…" or (character.isascii() and not character.isalnum()) for character in shape)
    assert len(shape) <= 25


def test_what_changed_between_two_policies() -> None:
    old = policy(
        "a", "x", columns={"t": {"token": "card", "from": "pan"}, "m": {}}, row_filter="consent", types={"m": "string"}
    )
    new = policy(
        "a",
        "x",
        columns={"t": {"token": "card", "from": "pan"}, "m": {"expression": "lower(m)"}, "n": {}},
        rule={"minimum_cohort": 200},
    )
    assert difference(old, old) == ()
    assert sorted(difference(old, new)) == [
        "+ columns.n: as it is",
        "+ rule.minimum_cohort: 200",
        "- row_filter: consent",
        "- types.m: STRING",
        "~ columns.m: as it is -> expression lower(m)",
    ]
    turned = policy(
        "a", "x", columns={"m": {}, "t": {"token": "card", "from": "pan"}}, row_filter="consent", types={"m": "string"}
    )
    assert difference(old, turned) == ("~ order of columns: m, t",)
