"""Strict canonical JSON: RFC 8785's own order, and everything that must be refused."""

from __future__ import annotations

import json
import math
import unicodedata

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.audit import canonical
from cleanroom_core.errors import InputError, IntegrityError

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
nfc_text = any_text.map(lambda text: unicodedata.normalize("NFC", text))
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1)


def values(text, names):
    return st.recursive(
        scalars | text, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
    )


entry_values = values(nfc_text, st.text(st.characters(max_codepoint=127), max_size=8))
payload_values = values(any_text, any_text)


@given(entry_values)
def test_entry_values_come_back_and_equal_rfc8785(value):
    data = canonical.encode(value)
    assert data == rfc8785.dumps(value)
    assert canonical.decode(data) == value


@given(payload_values)
def test_payload_values_come_back_and_equal_rfc8785(value):
    data = canonical.encode(value, text="any")
    assert data == rfc8785.dumps(value)
    assert canonical.decode(data, text="any") == value


@given(payload_values)
def test_any_other_spelling_is_refused(value):
    data = canonical.encode(value, text="any")
    for other in (json.dumps(value, indent=1).encode(), data + b" ", b" " + data, b"\xef\xbb\xbf" + data):
        if other != data:
            with pytest.raises(IntegrityError):
                canonical.decode(other, text="any")


@given(st.binary(max_size=40))
def test_whatever_is_accepted_is_canonical(data):
    try:
        value = canonical.decode(data, text="any")
    except IntegrityError:
        return
    assert canonical.encode(value, text="any") == data


def test_names_are_ordered_by_utf16_units():
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    data = canonical.encode(value, text="any")
    found = list(json.loads(data))
    assert found == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert canonical.decode(data, text="any") == value


@pytest.mark.parametrize(
    "value", [1.0, 1e21, -0.0, math.nan, math.inf, 2**53, -(2**53), b"x", {1: 2}, {"a"}, "\ud800", object()]
)
def test_unwritable_values_are_refused_without_showing_them(value):
    with pytest.raises(InputError) as refused:
        canonical.encode({"deep": [{"place": value}]}, text="any")
    assert refused.value.code == "CANONICAL"
    assert "deep.0.place" in refused.value.message


def test_a_message_never_shows_the_value():
    with pytest.raises(InputError) as refused:
        canonical.encode({"amount": 4111.25})
    assert "4111" not in refused.value.diagnostics()


def test_too_deep_is_refused_both_ways():
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InputError):
        canonical.encode(deep)
    with pytest.raises(IntegrityError):
        canonical.decode(b"[" * 100_000 + b"]" * 100_000)


# Tamper case 23: the same meaning, or almost, in other bytes.
@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e0}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9007199254740992}',
        b'{"a":123456789012345678901234567890}',
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\/"}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1}\n',
        b'{"a":1}{}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b"",
        b"\x01" + b"\x00" * 64,
    ],
)
def test_case_23_non_canonical_json(data):
    for text in ("nfc", "any"):
        with pytest.raises(IntegrityError) as refused:
            canonical.decode(data, text=text)
        assert refused.value.code == "CANONICAL"


# Tamper case 24.
def test_case_24_entries_are_nfc_and_their_names_ascii():
    decomposed = unicodedata.normalize("NFD", "Zürich")
    for value in ({"place": decomposed}, {"größe": 1}):
        with pytest.raises(InputError):
            canonical.encode(value)
        with pytest.raises(IntegrityError):
            canonical.decode(rfc8785.dumps(value))
        assert canonical.decode(canonical.encode(value, text="any"), text="any") == value  # data keeps its own spelling
