"""Kinds of values in texts that somebody else's software may have written: an agreement, a policy, a template from an entry.

Such a text is signed, kept for good and folded into the state by both sides, so a number where a name belongs must be refused
where the text is read; found later, it would stop every page that shows it.
"""

from __future__ import annotations

from collections.abc import Iterable

from cleanroom_core.errors import InputError


def require_texts(what: str, values: Iterable[object]) -> None:
    """Raise InputError (code KIND) unless every value is text."""
    _require(what, all(isinstance(value, str) for value in values), "text")


def require_whole(what: str, values: Iterable[object]) -> None:
    """Raise InputError (code KIND) unless every value is a whole number; true and false are none."""
    _require(what, all(isinstance(value, int) and not isinstance(value, bool) for value in values), "a whole number")


def require_labels(what: str, values: Iterable[object]) -> None:
    """Raise InputError (code KIND) unless every value is text, a whole number, true or false."""
    _require(what, all(isinstance(value, str | int) for value in values), "text, a whole number, true or false")


def _require(what: str, holds: bool, kind: str) -> None:
    if not holds:
        raise InputError(f"{what} must be {kind}.", hint="Correct the text; whoever wrote it says it again.", code="KIND")
