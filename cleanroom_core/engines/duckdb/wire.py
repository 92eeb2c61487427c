"""What the two ends of the pipe say to each other: one JSON object per line, values exact.

Text, integers of any size, booleans and null are themselves. A float, decimal, date, timestamp or bytes is an object with one
key (`f`, `n`, `d`, `t`, `b`) and its text; so nothing passes through binary floating point that was not a float before.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cleanroom_core.engines.protocol import Row

_DECODE: dict[str, Callable[[str], Any]] = {
    "f": float, "n": Decimal, "d": date.fromisoformat, "t": datetime.fromisoformat, "b": b64decode,
}  # fmt: skip


def encode(value: object) -> object:
    """Raises TypeError for a value that is none of `engines.protocol.Value` and not bytes."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Decimal):
        return {"n": str(value)}
    if isinstance(value, float):
        return {"f": repr(value)}
    if isinstance(value, datetime) and value.tzinfo is None:  # a datetime is a date too: this test comes first
        return {"t": value.isoformat()}
    if isinstance(value, date) and not isinstance(value, datetime):
        return {"d": value.isoformat()}
    if isinstance(value, bytes):
        return {"b": b64encode(value).decode()}
    raise TypeError(f"a {type(value).__name__} cannot cross the pipe")


def decode(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((tag, text),) = value.items()
    return _DECODE[tag](text)


def encode_rows(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    return [[encode(value) for value in row] for row in rows]


def decode_rows(rows: Iterable[Iterable[Any]]) -> tuple[Row, ...]:
    return tuple(tuple(decode(value) for value in row) for row in rows)


def to_line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> dict[str, Any]:
    """The message of a line; empty for a line that is none."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
