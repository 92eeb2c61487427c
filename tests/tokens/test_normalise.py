"""Normalisation and validity: the same in Python and in DuckDB, and the same again when applied twice."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column
from cleanroom_core.tokens.normalise import FULLWIDTH_DIGITS, STRIPPED, normalise, normalised_tree
from cleanroom_core.tokens.spec import IDENTIFIERS, STEPS
from cleanroom_core.tokens.validity import is_valid, luhn, valid_tree
from cleanroom_core.tokens.vectors import IDENTIFIERS as VECTORS

AWKWARD = st.text(
    st.one_of(
        st.sampled_from(STRIPPED + FULLWIDTH_DIGITS + "0123456789+-/. @aZzAßİıſK\u0301٣𝟗^]["),
        st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"),
    ),
    max_size=24,
)
CHOICES = st.lists(st.sampled_from(STEPS), unique=True).map(tuple)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as found:
        yield found


def in_duckdb(connection: duckdb.DuckDBPyConnection, texts: list[str | None], sql: str) -> list[object]:
    values = ", ".join("(?)" for _ in texts)
    return [row[0] for row in connection.execute(f"SELECT {sql} FROM (VALUES {values}) AS given(c)", texts).fetchall()]


@settings(deadline=None)
@given(st.lists(AWKWARD, min_size=1, max_size=8), CHOICES)
def test_duckdb_normalises_as_python_does(
    connection: duckdb.DuckDBPyConnection, texts: list[str], steps: tuple[str, ...]
) -> None:
    sql = render(normalised_tree(column("c"), steps), "duckdb")
    assert in_duckdb(connection, [*texts, None], sql) == [*(normalise(text, steps) for text in texts), None]


@settings(deadline=None)
@given(AWKWARD, CHOICES)
def test_normalising_twice_changes_nothing_more(text: str, steps: tuple[str, ...]) -> None:
    once = normalise(text, steps)
    assert normalise(once, steps) == once


@pytest.mark.parametrize("character", STRIPPED)
def test_each_named_character_is_stripped_at_both_ends_only(connection: duckdb.DuckDBPyConnection, character: str) -> None:
    text = f"{character}{character}a{character}b{character}"
    assert normalise(text, ("strip",)) == f"a{character}b"
    assert in_duckdb(connection, [text], render(normalised_tree(column("c"), ("strip",)), "duckdb")) == [f"a{character}b"]


def test_what_the_steps_do() -> None:
    assert normalise(" ４１１１-1111 ", ("strip", "fullwidth_digits", "digits_only")) == "41111111"
    assert normalise("４１", ("digits_only",)) == ""
    assert normalise("Jürgen İ", ("lower",)) == "jürgen İ"
    assert normalise("straße", ("upper",)) == "STRAßE"
    with pytest.raises(KeyError):
        normalise("x", ("nfkc",))


@pytest.mark.parametrize("identifier", IDENTIFIERS)
@settings(deadline=None)
@given(texts=st.lists(AWKWARD, min_size=1, max_size=8))
def test_duckdb_finds_valid_what_python_does(connection: duckdb.DuckDBPyConnection, identifier: str, texts: list[str]) -> None:
    sql = render(valid_tree(column("c"), identifier), "duckdb")
    assert in_duckdb(connection, [*texts, None], sql) == [*(is_valid(text, identifier) for text in texts), False]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_duckdb_agrees_on_every_vector_and_all_its_neighbours(connection: duckdb.DuckDBPyConnection, identifier: str) -> None:
    texts = list(VECTORS[identifier].values())
    near = [text[:at] + sign + text[at + 1 :] for text in texts for at in range(len(text)) for sign in ("", "7", "@", " ", "é")]
    sql = render(valid_tree(column("c"), identifier), "duckdb")
    assert in_duckdb(connection, texts + near, sql) == [is_valid(text, identifier) for text in texts + near]


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10**18 - 1), st.integers(12, 19))
def test_exactly_one_check_digit_makes_a_card_number_valid(
    connection: duckdb.DuckDBPyConnection, body: int, length: int
) -> None:
    numbers = [f"{body}{digit}".zfill(length) for digit in range(10)]
    valid = [is_valid(number, "pan") for number in numbers]
    assert sum(valid) == 1
    assert in_duckdb(connection, list(numbers), render(valid_tree(column("c"), "pan"), "duckdb")) == valid


def test_luhn_against_the_example_of_the_standard() -> None:
    assert luhn("79927398713")
    assert [digit for digit in range(10) if luhn(f"7992739871{digit}")] == [3]


@pytest.mark.parametrize(
    ("identifier", "good", "bad"),
    [
        (
            "pan",
            ["4111111111111111", "378282246310005", "0004111111111111111"],
            ["", "4111111111111112", "٤١١١١١١١١١١١١١١١", "0" * 16],
        ),
        (
            "email",
            ["a@b.c", "ü@b.co.uk"],
            ["", "a@b", "@b.c", "a@.c", "a@b.", "a@@b.c", "a b@c.d", "a@b.c\u200b", "a@" + "b" * 260 + ".c"],
        ),
        ("phone", ["+442079460000", "1234567"], ["", "+", "++1234567", "123456", "1" * 16, "0000000", "1234+567"]),
        ("national_id", ["078-05-1120", "QQ123456C", "0001"], ["", "abc", "abcd", "12é4", "1" * 33, "１２３４"]),
        ("text", ["x", " "], [""]),
    ],
)
def test_what_gets_a_token(identifier: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not is_valid(text, identifier)] == []
    assert [text for text in bad if is_valid(text, identifier)] == []
