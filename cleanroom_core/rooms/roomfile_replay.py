"""What a room file may leave out when it is only played against in memory, and what stands there instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_AGREEMENT = {"purposes": ["analysis"], "ends_on": "9999-12-31"}  # a rehearsal serves one purpose and ends with itself


def fill_unsigned(data: dict[str, Any]) -> None:
    """Put in what a replay never uses: token specs where no column is a token, purpose and end of a partnership."""
    if data.get("tokens") is None:
        data["tokens"] = {}
    agreement = data.get("agreement")
    if isinstance(agreement, dict):
        for key, value in _AGREEMENT.items():
            agreement.setdefault(key, value)


def columns_of_rule(rule: Mapping[str, Any]) -> tuple[str, ...]:
    """Every column an analysis rule names, once: what is known of share-safe data before it has been read."""
    names = [rule["privacy_unit"], rule["join_key"], *rule["dimensions"], *rule["measures"], *rule["counted"]]
    names += [rule["period_column"]] if "period_column" in rule else []
    return tuple(dict.fromkeys(names))
