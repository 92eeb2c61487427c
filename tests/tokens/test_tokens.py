"""Tokens: Python's hmac, the SQL form on DuckDB and published vectors agree; keys as text; vectors and their comparison."""

from __future__ import annotations

import base64
import hashlib
import hmac

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from cleanroom_core.errors import InputError, TokenKeyError
from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column, table
from cleanroom_core.tokens.hmac_expression import binary_parameters, token_expression, token_of
from cleanroom_core.tokens.key import check_value, format_key, parse_key
from cleanroom_core.tokens.spec import IDENTIFIERS, TokenSpec
from cleanroom_core.tokens.vectors import IDENTIFIERS as VECTORS
from cleanroom_core.tokens.vectors import compare, run_vectors

KEY = hashlib.sha256(b"a key for tests").digest()
CARD = TokenSpec("card", "pan", ("strip", "fullwidth_digits", "digits_only"), "card-2026-1")
TEXT = TokenSpec("customer", "text", (), "customer-1")


def digests_in_duckdb(spec: TokenSpec, key: bytes, texts: list[str]) -> list[str]:
    select = exp.Select(expressions=[token_expression(spec).digest(column("c"))]).from_(table("given"))
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE given (c VARCHAR)")
        connection.executemany("INSERT INTO given VALUES (?)", [[text] for text in texts])
        return [row[0] for row in connection.execute(render(select, "duckdb"), binary_parameters(spec, key)).fetchall()]


def test_rfc_4231_test_case_2_and_1() -> None:
    """RFC 4231, section 4.2 and 4.3 (section 4.2's data `Hi There`, key of 20 bytes 0x0b)."""
    assert digests_in_duckdb(TEXT, b"Jefe", ["what do ya want for nothing?"]) == [
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ]
    assert digests_in_duckdb(TEXT, b"\x0b" * 20, ["Hi There"]) == [
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ]


@settings(deadline=None)
@given(
    st.binary(min_size=32, max_size=32),
    st.lists(
        st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=200), min_size=1, max_size=6
    ),
)
def test_duckdb_gives_the_bytes_of_pythons_hmac(key: bytes, texts: list[str]) -> None:
    expected = [hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for text in texts]
    assert digests_in_duckdb(TEXT, key, texts) == expected


def test_awkward_texts_give_the_same_token() -> None:
    texts = [
        "",
        " ",
        "'",
        '"; DROP TABLE given; --',
        "\\x00\\",
        "é",
        "e\u0301",
        "😀",
        "\u200b",
        "a" * 63,
        "a" * 64,
        "a" * 65,
        "\n",
        "$card_inner_pad",
    ]
    assert digests_in_duckdb(TEXT, KEY, texts) == [
        token_of(text, TEXT, KEY) or hmac.new(KEY, b"", "sha256").hexdigest() for text in texts
    ]


def test_the_key_stands_in_no_text() -> None:
    tree = token_expression(CARD).digest(column("c"))
    for dialect in ("duckdb", "spark", "databricks"):
        text = render(tree, dialect)
        assert KEY.hex() not in text.lower()
        assert "card_inner_pad" in text
        assert "card_outer_pad" in text
    assert set(binary_parameters(CARD, KEY)) == set(token_expression(CARD).parameters)


def test_the_form_for_spark() -> None:
    assert render(token_expression(CARD).digest(column("c")), "databricks") == (
        "SHA2(CONCAT(:card_outer_pad, UNHEX(SHA2(CONCAT(:card_inner_pad, ENCODE(`c`, 'UTF-8')), 256))), 256)"
    )


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than one block"):
        binary_parameters(CARD, b"x" * 65)


def test_no_token_for_missing_empty_and_invalid() -> None:
    assert token_of(None, CARD, KEY) is None
    assert token_of("", CARD, KEY) is None
    assert token_of("4111111111111112", CARD, KEY) is None
    assert token_of("4111-1111 1111 1111\n", CARD, KEY) == token_of("４１１１１１１１１１１１１１１１", CARD, KEY) is not None
    assert token_of("0004111111111111111", CARD, KEY) != token_of("4111111111111111", CARD, KEY)


# keys


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32).filter(lambda key: len(set(key)) > 1))
def test_a_key_survives_its_text(key: bytes) -> None:
    text = format_key(key)
    assert parse_key(text) == key
    assert text == f"crk1.{base64.b64encode(key).decode()}.{check_value(key)}"


GOOD = format_key(KEY)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "EMPTY", "empty"),
        (GOOD + "\n", "WHITE_SPACE", "a line feed at its end"),
        (GOOD + " ", "WHITE_SPACE", "a space at its end"),
        (" " + GOOD, "WHITE_SPACE", "a space at its beginning"),
        (GOOD[:20] + "\r\n" + GOOD[20:], "WHITE_SPACE", "a carriage return inside"),
        ("\ufeff" + GOOD, "WHITE_SPACE", "a byte order mark at its beginning"),
        (GOOD[:9] + "\u200b" + GOOD[9:], "WHITE_SPACE", "an invisible character inside"),
        (GOOD[5:], "FORM", "does not begin with crk1"),
        (GOOD.upper(), "FORM", "does not begin with crk1"),
        (GOOD.rpartition(".")[0], "FORM", "2 parts"),
        (GOOD + ".x", "FORM", "4 parts"),
        (GOOD.replace(GOOD[5:8], "!!!"), "BASE64", "not base64"),
        (GOOD[:5] + GOOD[9:], "LENGTH", "29 bytes"),
        (GOOD[:5] + ("A" if GOOD[5] != "A" else "B") + GOOD[6:], "CHECK_VALUE", "does not fit"),
        (GOOD[:-1], "CHECK_VALUE", "does not fit"),
        (GOOD[:-8] + GOOD[-8:].upper(), "CHECK_VALUE", "does not fit"),
        (f"crk1.{base64.b64encode(bytes(32)).decode()}.{check_value(bytes(32))}", "WEAK", "one byte repeated"),
    ],
)
def test_what_is_wrong_with_a_key_is_named_and_never_shown(text: str, code: str, words: str) -> None:
    with pytest.raises(TokenKeyError) as caught:
        parse_key(text)
    said = caught.value.diagnostics()
    assert caught.value.code == f"TOKEN_KEY_{code}"
    assert words in said
    assert not [text[at : at + 6] for at in range(5, len(text) - 6) if text[at : at + 6].strip() and text[at : at + 6] in said]


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_key_or_a_token_key_error(text: str) -> None:
    with pytest.raises(TokenKeyError):
        parse_key(text)


def test_only_32_bytes_make_a_key() -> None:
    for wrong in (b"", b"x" * 31, b"x" * 33, bytes(32)):
        with pytest.raises(TokenKeyError):
            format_key(wrong)


# spec and vectors


def test_other_spellings_of_a_step_become_one_word() -> None:
    spec = TokenSpec("mail", "email", ("trim", "ascii_lower"), "mail-1")
    assert spec.normalise == ("strip", "lower")
    assert TokenSpec.from_json("mail", spec.as_json()) == spec
    with pytest.raises(InputError):
        TokenSpec("mail", "email", ("nfkc",), "mail-1")
    with pytest.raises(InputError):
        TokenSpec("mail'; --", "email", (), "mail-1")


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_every_identifier_type_has_vectors_with_and_without_a_token(identifier: str) -> None:
    vectors = run_vectors(TokenSpec("t", identifier, ("strip", "fullwidth_digits"), "k-1"), KEY)
    assert len({vector.case for vector in vectors}) == len(VECTORS[identifier])
    assert any(vector.token is None for vector in vectors)
    assert sum(vector.token is not None for vector in vectors) >= 4
    assert {vector.case: vector.token for vector in vectors}["empty"] is None


def test_the_big_card_types_all_get_a_token_and_different_ones() -> None:
    found = {vector.case: vector.token for vector in run_vectors(CARD, KEY)}
    schemes = [case for case in found if case.split(",")[0] in
               ("Visa", "Mastercard", "American Express", "Diners Club", "Discover", "JCB", "UnionPay", "Maestro")]  # fmt: skip
    assert len(schemes) == 10
    assert len({found[case] for case in schemes}) == 10
    assert None not in {found[case] for case in schemes}
    assert found["dashes"] == found["full-width digits"] == found["trailing space"] == found["Visa"]


def test_a_fixed_vector_so_that_no_release_changes_tokens_in_silence() -> None:
    found = {vector.case: vector.token for vector in run_vectors(CARD, bytes(range(32)))}
    assert found["Visa"] == "0622241201382a45912fb22828b3f7db5153cf2072722a73ded22623ea79abc9"


def test_comparing_two_sides_case_by_case() -> None:
    own = {vector.case: vector.token for vector in run_vectors(CARD, KEY)}
    assert all(case.match for case in compare(CARD, own, own))
    other_steps = TokenSpec("card", "pan", (), "card-2026-1")
    theirs = {vector.case: vector.token for vector in run_vectors(other_steps, KEY)}
    different = {case.case: case.why for case in compare(CARD, own, theirs) if not case.match}
    assert "the partner makes no token" in different["trailing space"]
    assert "Visa" not in different
    other_key = {vector.case: vector.token for vector in run_vectors(CARD, KEY[::-1])}
    different = {case.case: case.why for case in compare(CARD, own, other_key) if not case.match}
    assert "another key" in different["Visa"]
    assert "empty" not in different
    assert [case.case for case in compare(CARD, {}, own) if case.match] == []
    assert compare(CARD, own, {**own, "a case of tomorrow": "00"})[-1].why == "this side has not run this case"
