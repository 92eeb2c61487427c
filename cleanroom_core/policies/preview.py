"""How a raw value is shown to those who may see its shape only: digits as 9, letters as x, at most 24 characters."""

from __future__ import annotations

LONGEST_SHAPE = 24


def masked_shape(value: object) -> str | None:
    """The shape of a value: `4111 1111-Ab` becomes `9999 9999-xx`. Numbers and dates are masked as they are written; what has
    more than 24 characters ends in an ellipsis. None stays None: that a value is missing is part of the shape."""
    if value is None:
        return None
    text = str(value)
    shape = "".join(_masked(character) for character in text[:LONGEST_SHAPE])
    return f"{shape}…" if len(text) > LONGEST_SHAPE else shape


def _masked(character: str) -> str:
    if character.isdigit() or character.isnumeric():
        return "9"
    # punctuation and blanks are the shape itself; any sign outside ASCII could be a letter to somebody
    return character if character.isascii() and not character.isalpha() else "x"
