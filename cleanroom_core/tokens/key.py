"""The text form of a token key: `crk1.<base64 of 32 bytes>.<first 8 hex digits of SHA-256 over the bytes>`.

The check value finds a key that lost or gained a character on its way; it tells nothing useful about 32 random bytes. Where a
key is kept is not decided here. No message repeats any part of what was given.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

from cleanroom_core.errors import TokenKeyError

KEY_BYTES = 32
_PREFIX = "crk1"
_CHECK = re.compile(r"[0-9a-f]{8}")
_AGAIN = "Copy the whole key again, from crk1 to the last of the 8 characters."


def check_value(key: bytes) -> str:
    """8 hex digits by which two people can compare a key aloud."""
    return hashlib.sha256(key).hexdigest()[:8]


def format_key(key: bytes) -> str:
    """The text of a key made from 32 random bytes. Raises TokenKeyError for any other length."""
    if len(key) != KEY_BYTES:
        raise _wrong("A token key has 32 bytes.", "Make it from 32 random bytes.", "LENGTH")
    if len(set(key)) == 1:
        raise _wrong("This key is one byte repeated.", "Make it from 32 random bytes.", "WEAK")
    return f"{_PREFIX}.{base64.b64encode(key).decode('ascii')}.{check_value(key)}"


def parse_key(text: str) -> bytes:
    """The 32 bytes of a key's text. Raises TokenKeyError that names what is wrong and repeats nothing of it."""
    if not text:
        raise _wrong("The token key is empty.", "Make a key, or take over the partner's.", "EMPTY")
    _refuse_white_space(text)
    parts = text.split(".")
    if parts[0] != _PREFIX:
        raise _wrong("The token key does not begin with crk1.", _AGAIN, "FORM")
    if len(parts) != 3:
        raise _wrong(f"The token key has {len(parts)} parts between points, not 3.", _AGAIN, "FORM")
    try:
        key = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        raise _wrong("The middle of the token key is not base64.", _AGAIN, "BASE64") from None
    if len(key) != KEY_BYTES or base64.b64encode(key).decode("ascii") != parts[1]:
        raise _wrong(f"The middle of the token key holds {len(key)} bytes, not {KEY_BYTES}.", _AGAIN, "LENGTH")
    if not _CHECK.fullmatch(parts[2]) or not hmac.compare_digest(parts[2], check_value(key)):
        raise _wrong("The check value at the end does not fit this token key.", _AGAIN, "CHECK_VALUE")
    if len(set(key)) == 1:
        raise _wrong("This key is one byte repeated.", "Make it from 32 random bytes.", "WEAK")
    return key


def _refuse_white_space(text: str) -> None:
    """A trailing line feed is how most token mismatches begin, so white space is named, never stripped in silence."""
    for position, character in enumerate(text):
        if character.isspace() or not character.isprintable():
            name = {
                " ": "a space",
                "\n": "a line feed",
                "\r": "a carriage return",
                "\t": "a tab",
                "\ufeff": "a byte order mark",
            }
            where = "at its beginning" if position == 0 else "at its end" if not text[position:].strip() else "inside"
            raise _wrong(
                f"The token key has {name.get(character, 'an invisible character')} {where}.",
                "Take it out and try again.",
                "WHITE_SPACE",
            )


def _wrong(message: str, hint: str, what: str) -> TokenKeyError:
    return TokenKeyError(message, hint=hint, code=f"TOKEN_KEY_{what}")
