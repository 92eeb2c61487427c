"""The likely cause of a mismatch, and a token spec as a form hands it over."""

from __future__ import annotations

import pytest

from cleanroom_core.tokens.cause import likely_cause
from cleanroom_core.tokens.fields import STEP_WORDS, read_spec_fields
from cleanroom_core.tokens.spec import STEPS, TokenSpec
from cleanroom_core.tokens.vectors import compare, run_vectors

SPEC = TokenSpec("card", "pan", ("strip", "digits_only"), "card-1")


def tokens(spec: TokenSpec, key: bytes) -> dict[str, str | None]:
    return {vector.case: vector.token for vector in run_vectors(spec, key)}


def cause(own: dict[str, str | None], partner: dict[str, str | None]) -> str:
    return likely_cause(compare(SPEC, own, partner), own, partner)


def test_each_cause_is_told_from_the_others() -> None:
    own = tokens(SPEC, b"1" * 16 + b"2" * 16)
    assert cause(own, own) == ""
    assert "the keys are not the same" in cause(own, tokens(SPEC, b"3" * 16 + b"4" * 16))
    other_steps = tokens(TokenSpec("card", "pan", (), "card-1"), b"1" * 16 + b"2" * 16)
    assert "normalised differently" in cause(own, other_steps)
    assert "different sets of test cases" in cause(own, {case: token for case, token in own.items() if case != "Visa"})


def test_every_step_has_words() -> None:
    assert set(STEP_WORDS) == set(STEPS)


def test_a_spec_comes_back_from_its_fields() -> None:
    assert read_spec_fields("Card", "pan", ["strip", "digits_only"], " card-1 ") == (SPEC, {})


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (("9", "pan", [], "k"), {"name"}), (("card", None, [], "k"), {"identifier"}),
        (("card", "pan", ["rot13"], "k"), {"normalise"}),
        (("card", "pan", [], ""), {"key_id"}), (("", "shoe", ["x"], "../k"), {"name", "identifier", "normalise", "key_id"}),
    ],
)  # fmt: skip
def test_every_mistake_at_its_field(fields: tuple[str, str | None, list[str], str], wrong: set[str]) -> None:
    spec, problems = read_spec_fields(*fields)
    assert spec is None
    assert set(problems) == wrong
