"""Functions of labels are worked out by the guard itself, for every label of the domain: as SQL has them, and never slowly."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.guard.label_functions import OF_TEXT

TEXTS = st.text("aAb_%é", max_size=8)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@given(TEXTS, TEXTS)
def test_like_is_that_of_sql(connection: duckdb.DuckDBPyConnection, text: str, pattern: str) -> None:
    assert connection.execute("SELECT $1 LIKE $2, $1 ILIKE $2", [text, pattern]).fetchone() == (
        OF_TEXT["like"](text, pattern),
        OF_TEXT["ilike"](text, pattern),
    )


@pytest.mark.parametrize("pattern", ["%" * 5_000 + "x", "%e" * 400 + "x", "%_" * 400 + "x"])
def test_no_pattern_takes_long(pattern: str) -> None:
    """One that tries every way to share the letters out would not end."""
    assert not OF_TEXT["like"]("e" * 300, pattern)
