"""Lists of values as people type them: what is written is read back, whatever the values are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.sql.value_text import read_texts, read_values, write_values

TEXT = st.text(min_size=1, max_size=12).filter(lambda text: not ('"' in text and "'" in text) and "\n" not in text)
VALUE = st.one_of(TEXT, st.integers(-(10**17), 10**17), st.booleans())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0, 1", [0, 1]),
        ('"0742", 5411', ["0742", 5411]),
        ("0742", ["0742"]),
        ("true, False", [True, "False"]),
        ("'a, b', c", ["a, b", "c"]),
        (" , ,", []),
        ("", []),
        ('"1"', ["1"]),
        ("-5, - 5", [-5, "- 5"]),
    ],
)
def test_values(text: str, values: list[object]) -> None:
    assert read_values(text) == values


def test_texts_stay_texts() -> None:
    assert read_texts("5411, true, 010") == ["5411", "true", "010"]


@given(st.lists(VALUE, max_size=6))
def test_written_values_are_read_back(values: list[str | int | bool]) -> None:
    again = read_values(write_values(values))
    assert [(type(value), value) for value in again] == [(type(value), value) for value in values]


@given(st.lists(TEXT, max_size=6))
def test_written_texts_are_read_back(values: list[str]) -> None:
    assert read_texts(write_values(values, texts=True)) == values
