"""Lists of values as people type them: `0, 1` or `"0742", 5411`. Text in quotes stays text, whatever it looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PIECE = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,]*)\s*(?:,|$)""")
_QUOTED = re.compile(r"""(["'])(.*)\1""")
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
TypedValue = str | int | bool


def read_values(text: str) -> list[TypedValue]:
    """Values between commas: whole numbers, true and false, everything else text. A comma inside quotes belongs to the text."""
    return [_value(piece) for piece in _pieces(text)]


def read_texts(text: str) -> list[str]:
    """The same, where every value is a text: `5411` is the text 5411."""
    return [_unquoted(piece) for piece in _pieces(text)]


def write_values(values: Sequence[TypedValue], texts: bool = False) -> str:
    """What `read_values` reads back; with `texts` what `read_texts` does."""
    return ", ".join(_written(value, texts) for value in values)


def _pieces(text: str) -> list[str]:
    return [piece.strip() for piece in _PIECE.findall(text) if piece.strip()]


def _unquoted(piece: str) -> str:
    quoted = _QUOTED.fullmatch(piece)
    return piece if quoted is None else quoted.group(2)


def _value(piece: str) -> TypedValue:
    if _QUOTED.fullmatch(piece) is not None:
        return _unquoted(piece)
    if piece in ("true", "false"):
        return piece == "true"
    return int(piece) if _WHOLE.fullmatch(piece) else piece


def _written(value: TypedValue, texts: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    again = read_texts(value) if texts else read_values(value)
    if again == [value]:
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'
