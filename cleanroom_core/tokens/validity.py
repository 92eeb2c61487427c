"""Which normalised identifiers get a token, twice: in Python and as an SQL condition. Empty or invalid: no token.

An invalid identifier joined to another invalid one would be a false match of two people, so it is left out and counted instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from cleanroom_core.tokens.normalise import STRIPPED

if TYPE_CHECKING:
    from sqlglot import exp

PAN_DIGITS = (12, 19)  # ISO/IEC 7812-1: at most 19; the shortest in use have 12
PHONE_DIGITS = (7, 15)  # ITU-T E.164: at most 15; shorter than 7 is no subscriber of anything
EMAIL_LENGTH = 254  # RFC 5321 path limit, less the angle brackets
NATIONAL_ID_LENGTH = (4, 32)
NATIONAL_ID_CHARACTERS = ascii_letters + digits + "-/. "


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1 Annex B over ASCII digits."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _pan(text: str) -> bool:
    low, high = PAN_DIGITS
    return low <= len(text) <= high and not text.strip(digits) and bool(text.strip("0")) and luhn(text)


def _email(text: str) -> bool:
    local, _, domain = text.partition("@")
    blank = any(character in STRIPPED for character in text)
    return bool(local) and "." in domain[1:-1] and text.count("@") == 1 and len(text) <= EMAIL_LENGTH and not blank


def _phone(text: str) -> bool:
    number = text[1:] if text.startswith("+") else text
    low, high = PHONE_DIGITS
    return low <= len(number) <= high and not number.strip(digits) and bool(number.strip("0"))


def _national_id(text: str) -> bool:
    low, high = NATIONAL_ID_LENGTH
    allowed = all(character in NATIONAL_ID_CHARACTERS for character in text)
    return low <= len(text) <= high and allowed and any(character in digits for character in text)


_IN_PYTHON: Mapping[str, Callable[[str], bool]] = {
    "pan": _pan,
    "email": _email,
    "phone": _phone,
    "national_id": _national_id,
    "text": bool,
}


def is_valid(normalised: str, identifier: str) -> bool:
    """Whether a normalised identifier of this type (`spec.IDENTIFIERS`) gets a token."""
    return _IN_PYTHON[identifier](normalised)


def valid_tree(normalised: exp.Expr, identifier: str) -> exp.Expr:
    """The same as an SQL condition over a STRING tree; FALSE for NULL."""
    from cleanroom_core.tokens.validity_sql import CONDITIONS, all_of

    return all_of(*CONDITIONS[identifier](normalised))
