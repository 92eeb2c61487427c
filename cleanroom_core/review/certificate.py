"""What the certificate of a result says, in words for both sides. Other software may have written it: whatever is not of the
shape `engines.computing` gives is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def facts(certificate: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What was certified, line by line; nothing for a result that has no certificate."""
    found = [(words, str(certificate[name])) for name, words in _NUMBERS.items() if _is_number(certificate.get(name))]
    withheld = certificate.get("withheld")
    if isinstance(withheld, list) and all(_is_number(count) for count in withheld):
        found.append(("cells of this result that stay back for it", str(sum(withheld))))
    for each in _items(certificate.get("universes")):
        asset, minimum, people = (each.get(name) for name in ("asset", "minimum", "people"))
        if isinstance(asset, str) and _is_number(minimum) and _is_number(people):
            found.append((f"rows of {asset}", f"at least {minimum} people, of {people} or a few more"))
    if isinstance(commitment := certificate.get("seed_commitment"), str):
        found.append(("commitment to the seed of its draws", commitment))
    return tuple(found)


def blocked(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """Why some or all of the result has no cell, whatever the tables hold."""
    reasons = certificate.get("blocked")
    return tuple(reason for reason in reasons if isinstance(reason, str)) if isinstance(reasons, list) else ()


_NUMBERS = {
    "sheets": "partitions certified together",
    "earlier": "of them out before",
    "cells": "cells in them",
    "reused": "partitions of this result that were out already",
}


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
