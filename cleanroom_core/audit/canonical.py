"""Strict canonical JSON: one value, one byte string, so that a hash over the bytes is a hash over the meaning.

RFC 8785 (JCS) narrowed, so that no two readers can disagree:

- no floats (decimals travel as text), integers within +-(2^53 - 1), no duplicate names, no lone surrogates;
- entries in addition: strings in Unicode NFC, names in ASCII. Payloads carry data (labels, column names), and normalising data
  would change it, so `text="any"` leaves strings as they are.

Bytes are accepted only if encoding what they say gives the same bytes again. They are hashed as stored, never re-encoded first.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Literal

from cleanroom_core.errors import InputError, IntegrityError

Text = Literal["nfc", "any"]
INTEGER_LIMIT = 2**53 - 1
DEPTH_LIMIT = 64


class _RefusedError(Exception):
    """What is wrong, and where (a path of names and positions, never a value)."""


def encode(value: object, text: Text = "nfc") -> bytes:
    """Canonical bytes of `value` (dict, list, tuple, str, int, bool, None). Raises InputError naming the place."""
    try:
        return _encode(value, text)
    except _RefusedError as refused:
        raise InputError(
            f"This cannot be written to the log: {refused}.",
            hint="Write decimal numbers and dates as text, and names in plain letters.",
            code="CANONICAL",
        ) from None


def decode(data: bytes, text: Text = "nfc") -> Any:
    """The value of canonical bytes. Raises IntegrityError (code CANONICAL) for any other bytes, however well-formed as JSON."""
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float, parse_int=_integer
        )
        same = _encode(value, text) == data
    except _RefusedError as refused:
        raise _not_canonical(str(refused)) from None
    except (ValueError, RecursionError):
        raise _not_canonical("it is no JSON in UTF-8") from None
    if not same:
        raise _not_canonical("order of names, white space or escapes differ from the canonical form")
    return value


def _not_canonical(why: str) -> IntegrityError:
    return IntegrityError(
        f"The bytes are not canonical JSON: {why}.", hint="They were changed or written by another program.", code="CANONICAL"
    )


def _encode(value: object, text: Text) -> bytes:
    ascii_names = _check(value, text, ())
    if ascii_names:
        # For ASCII names and no floats the C encoder writes exactly RFC 8785 (a property test compares them), much faster.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
    import rfc8785  # only names outside ASCII need its order by UTF-16 units

    return rfc8785.dumps(value)  # type: ignore[arg-type]


def _check(value: object, text: Text, path: tuple[str | int, ...]) -> bool:
    """Raise _RefusedError unless `value` fits the profile; True if every name is ASCII."""
    if value is None or value is True or value is False:
        return True
    if isinstance(value, str):
        _check_string(value, text, path)
        return True
    if isinstance(value, int):
        if not -INTEGER_LIMIT <= value <= INTEGER_LIMIT:
            raise _RefusedError(f"an integer beyond 2^53 - 1{_at(path)}")
        return True
    if len(path) >= DEPTH_LIMIT:
        raise _RefusedError(f"more than {DEPTH_LIMIT} levels")
    if isinstance(value, dict):
        plain = True
        for name, inner in value.items():
            if not isinstance(name, str):
                raise _RefusedError(f"a name that is no text{_at(path)}")
            if not name.isascii():
                plain = False
                if text == "nfc":
                    raise _RefusedError(f"a name outside ASCII{_at(path)}")
                _check_string(name, text, path)
            plain = _check(inner, text, (*path, name)) and plain
        return plain
    if isinstance(value, list | tuple):
        plain = True
        for position, inner in enumerate(value):
            plain = _check(inner, text, (*path, position)) and plain
        return plain
    raise _RefusedError(f"a {type(value).__name__}{_at(path)}")


def _check_string(value: str, text: Text, path: tuple[str | int, ...]) -> None:
    if value.isascii():
        return
    if text == "nfc" and not unicodedata.is_normalized("NFC", value):
        raise _RefusedError(f"text that is not in Unicode NFC{_at(path)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _RefusedError(f"half a surrogate pair{_at(path)}") from None


def _at(path: tuple[str | int, ...]) -> str:
    return " at " + ".".join(str(part) for part in path) if path else ""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("a name stands twice in one object")
    return found


def _no_float(_: str) -> Any:
    raise _RefusedError("a number that is no plain integer")


def _integer(digits: str) -> int:
    if len(digits) > 17:  # before int(), which is slow for numbers of a million digits
        raise _RefusedError("an integer beyond 2^53 - 1")
    return int(digits)
