"""Where a side's room really is, kept in that side's own home: names of profiles and objects, no credential.

platform.json    {"format": 1, "platform": "databricks", "room": "joint", "owner": "b", "runner": "b-sp", "warehouse": "01",
                  "share_schema": "fraud.share", "secret_scope": "cleanroom", "publisher": "", "exempt": ""}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from cleanroom_core.backends.asked import securable
from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.names import SchemaName

FILE = "platform.json"
_FORMAT = {"format": 1, "platform": "databricks"}


@dataclass(frozen=True)
class Placed:
    """`owner`, `runner`: profiles of the SDK's configuration, empty for what the environment says; `room`: its name there.

    `share_schema`: catalog.schema that share-safe tables are published into; empty: into this home. It needs the warehouse and
    the `secret_scope` with the token keys. `publisher`: profile that publishes, empty: the owner's. `exempt`: the group that
    row filters and masks of raw tables do not hold back, and that the publisher is in."""

    room: str
    owner: str = ""
    runner: str = ""
    warehouse: str = ""
    share_schema: str = ""
    secret_scope: str = ""
    publisher: str = ""
    exempt: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "room", securable(self.room, "The room's name"))
        if self.share is not None and not (self.warehouse and self.secret_scope):
            raise InputError(
                f"Tables are to be shared in {self.share_schema}, and no warehouse or no secret scope is named.",
                hint="Name the SQL warehouse that writes them and the scope that holds the token keys.",
                code="SHARE_SCHEMA",
            )
        if self.share is None and (self.secret_scope or self.publisher or self.exempt):
            raise InputError(
                "There is a scope, a publisher or an exempt group, and no schema to publish into.",
                hint="Name the schema too, as catalog.schema.",
                code="SHARE_SCHEMA",
            )

    @property
    def share(self) -> SchemaName | None:
        """Where share-safe tables go; None: into the home. Raises InputError for what is no catalog.schema."""
        if not self.share_schema:
            return None
        parts = self.share_schema.split(".")
        if len(parts) != 2:
            raise InputError(
                f"{self.share_schema!r} is no schema of a catalog.", hint="Write catalog.schema.", code="SHARE_SCHEMA"
            )
        return SchemaName(*parts)

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
