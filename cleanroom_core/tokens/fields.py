"""A token spec as a form hands it over: every mistake named at its field, all at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cleanroom_core.errors import InputError
from cleanroom_core.sql.names import checked_name
from cleanroom_core.tokens.spec import IDENTIFIERS, STEPS, TokenSpec

STEP_WORDS: Mapping[str, str] = {
    "strip": "take away white space at both ends",
    "digits_only": "keep the digits 0 to 9 only",
    "fullwidth_digits": "turn full-width digits into 0 to 9",
    "lower": "A to Z become a to z",
    "upper": "a to z become A to Z",
}
_KEY_ID = re.compile(r"[a-z][a-z0-9_.-]{0,40}")


def read_spec_fields(
    name: str, identifier: str | None, normalise: Sequence[str], key_id: str
) -> tuple[TokenSpec | None, Mapping[str, str]]:
    """The spec, or None and what is wrong: name of the field -> what to do about it."""
    problems: dict[str, str] = {}
    try:
        name = checked_name(name, "a token spec")
    except InputError as error:
        problems["name"] = error.hint
    if identifier not in IDENTIFIERS:
        problems["identifier"] = f"Choose one of {', '.join(IDENTIFIERS)}."
    if any(step not in STEPS for step in normalise):
        problems["normalise"] = f"Choose among {', '.join(STEPS)}."
    if _KEY_ID.fullmatch(key_id.strip()) is None:
        problems["key_id"] = "Use a small letter first, then small letters, digits, points, dashes or underscores; at most 41."
    if problems or identifier is None:
        return None, problems
    return TokenSpec(name, identifier, tuple(normalise), key_id.strip()), {}
