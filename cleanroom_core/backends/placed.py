"""Where a side's room really is, kept in that side's own home: names of profiles and objects, no credential.

platform.json    {"format": 1, "platform": "databricks", "room": "joint", "owner": "b", "runner": "b-sp", "warehouse": "01"}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from cleanroom_core.backends.asked import securable
from cleanroom_core.errors import InputError

FILE = "platform.json"
_FORMAT = {"format": 1, "platform": "databricks"}


@dataclass(frozen=True)
class Placed:
    """`owner`, `runner`: profiles of the SDK's configuration, empty for what the environment says; `room`: its name there."""

    room: str
    owner: str = ""
    runner: str = ""
    warehouse: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "room", securable(self.room, "The room's name"))

    def as_json(self) -> dict[str, object]:
        return {**_FORMAT, **asdict(self)}

    @classmethod
    def from_text(cls, text: str) -> Placed:
        """Raises InputError for anything but the text of `as_json`."""
        try:
            found = json.loads(text)
            rest = {name: value for name, value in found.items() if name not in _FORMAT}
            if {name: found[name] for name in _FORMAT} == _FORMAT and all(isinstance(value, str) for value in rest.values()):
                return cls(**rest)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            pass
        raise InputError(
            f"{FILE} in this side's home cannot be read.",
            hint="Write it anew: cleanroom platform connect ROOM:ALIAS --room NAME ...",
            code="PLACED",
        )
