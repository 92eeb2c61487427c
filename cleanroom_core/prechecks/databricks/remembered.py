"""What the wizard's prechecks look at on Databricks, kept in a side's own home: names of profiles and objects, no credential.

databricks.json        {"format": 1, "profile": "bank", "account_profile": "", "asked": {"room": "joint", ...}}
partner-facts.json     the partner's file, as it came
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.prechecks.databricks.region import Place

FILE, PARTNER_FILE = "databricks.json", "partner-facts.json"
FORMAT = 1
_LISTS = frozenset({"tables", "principals", "runners", "clusters", "standards"})
_NUMBERS = frozenset({"room_limit", "collaborators"})


@dataclass(frozen=True)
class Remembered:
    """`profile`, `account_profile`: names in ~/.databrickscfg; empty: the environment decides, and no account is asked."""

    profile: str
    account_profile: str
    asked: Asked

    def to_text(self) -> str:
        asked = {**asdict(self.asked), "standards": sorted(self.asked.standards)}
        whole = {"format": FORMAT, "profile": self.profile, "account_profile": self.account_profile, "asked": asked}
        return json.dumps(whole, indent=1) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Remembered:
        """Raises InputError for anything but what `to_text` writes."""
        try:
            found = json.loads(text)
            if set(found) != {"format", "profile", "account_profile", "asked"} or found["format"] != FORMAT:
                raise _wrong()
            return cls(_text(found["profile"]), _text(found["account_profile"]), _asked(found["asked"]))
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise _wrong() from None


def _asked(found: Any) -> Asked:
    if not isinstance(found, dict) or set(found) - {field.name for field in fields(Asked)}:
        raise _wrong()
    given: dict[str, Any] = {}
    for name, value in found.items():
        if name == "place":
            given[name] = None if value is None else Place(**{key: _text(word) for key, word in value.items()})
        elif name in _LISTS:
            if not isinstance(value, list):
                raise _wrong()
            given[name] = tuple(_text(each) for each in value)
        elif name == "creator":
            given[name] = value is True
        elif name in _NUMBERS:
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise _wrong()
            given[name] = value
        else:
            given[name] = None if value is None else _text(value)
    given["standards"] = frozenset(given.get("standards", ()))
    return Asked(**given)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong()
    return value


def _wrong() -> InputError:
    return InputError(
        f"{FILE} in this side's home cannot be read.",
        hint="Write it anew: cleanroom precheck --databricks ... --remember ROOM:ALIAS",
        code="REMEMBERED",
    )
