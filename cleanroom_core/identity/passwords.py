"""Passwords of people: what is accepted, how it is kept, how it is compared.

A password is compared and kept in Unicode form NFC, so that the same keys pressed on two machines are the same password.
bcrypt reads 72 bytes and no more, hence the limit in bytes beside the one in characters.
"""

from __future__ import annotations

import unicodedata

from cleanroom_core.errors import InputError

MINIMUM_CHARACTERS = 12
MAXIMUM_CHARACTERS = 64
MAXIMUM_BYTES = 72
ROUNDS = 12

# Compared against when there is no such user, so that an unknown name takes as long as a known one. Nobody knows its password:
# it was made from 32 random bytes that were thrown away.
_NOBODY = "$2b$12$qIyf4O7e/542ns3Mumt1/.4dBafMRPzGJvaFO9vHlUaZb9K2xXdLi"


def check_password(password: str, username: str = "") -> None:
    """Raise InputError unless this password may be set."""
    text = unicodedata.normalize("NFC", password)
    hint = "Several words in a row make a good password."
    if len(text) < MINIMUM_CHARACTERS:
        raise InputError(f"A password has at least {MINIMUM_CHARACTERS} characters.", hint=hint, code="PASSWORD")
    if len(text) > MAXIMUM_CHARACTERS:
        raise InputError(f"A password has at most {MAXIMUM_CHARACTERS} characters.", hint="Leave some out.", code="PASSWORD")
    if len(text.encode()) > MAXIMUM_BYTES:
        raise InputError(
            f"This password takes more than {MAXIMUM_BYTES} bytes.",
            hint="Letters with accents and symbols take two to four bytes each: use fewer of them.",
            code="PASSWORD",
        )
    if text != text.strip() or not text.isprintable():
        raise InputError(
            "A password neither begins nor ends with a space and has no invisible characters.",
            hint="Spaces between words are fine.",
            code="PASSWORD",
        )
    if len(set(text)) < 4 or (username and username.casefold() in text.casefold()):
        raise InputError("This password is easily guessed.", hint=f"Do not use your user name in it. {hint}", code="PASSWORD")


def hash_password(password: str, rounds: int = ROUNDS) -> str:
    """bcrypt of the password, as text. Call `check_password` before."""
    import bcrypt

    return bcrypt.hashpw(unicodedata.normalize("NFC", password).encode(), bcrypt.gensalt(rounds)).decode()


def password_matches(password: str, hashed: str | None) -> bool:
    """Whether this is the password; with `hashed` None the answer is no, and it takes as long."""
    import bcrypt

    given = unicodedata.normalize("NFC", password).encode()
    usable = len(given) <= MAXIMUM_BYTES and hashed is not None
    same = bcrypt.checkpw(given[:MAXIMUM_BYTES], (hashed or _NOBODY).encode())
    return same and usable
