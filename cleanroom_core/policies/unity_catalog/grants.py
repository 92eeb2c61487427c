"""Grants of Unity Catalog, and the way back. Names of privileges come from a closed list, principals and objects are quoted."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.names import ObjectName, SchemaName, object_part, principal
from cleanroom_core.policies.unity_catalog.spelling import Statement, spell
from cleanroom_core.sql.quoting import identifier

PRIVILEGES = {
    "CATALOG": ("USE CATALOG",),
    "SCHEMA": ("USE SCHEMA",),
    "TABLE": ("SELECT",),
    "FUNCTION": ("EXECUTE",),
    "CLEAN ROOM": ("MODIFY CLEAN ROOM", "EXECUTE CLEAN ROOM TASK", "BROWSE"),
}


@dataclass(frozen=True)
class Grant:
    """`on`: a schema, a table or view, a function, or the plain name of a catalog or room."""

    privilege: str
    kind: str
    on: ObjectName | SchemaName | str
    to: str

    def __post_init__(self) -> None:
        if self.privilege not in PRIVILEGES.get(self.kind, ()):
            known = "; ".join(f"{', '.join(privileges)} on a {kind.lower()}" for kind, privileges in PRIVILEGES.items())
            raise InputError(
                f"{self.privilege} on a {self.kind.lower()} is not granted here.", hint=f"Known are {known}.", code="GRANT"
            )
        principal(self.to)
        if isinstance(self.on, str):
            object.__setattr__(self, "on", object_part(self.on, self.kind.lower()))

    @classmethod
    def to_read(cls, reader: str, table: ObjectName) -> tuple[Grant, ...]:
        """What reading one table or view takes. Views are granted as tables."""
        return (
            cls("USE CATALOG", "CATALOG", table.catalog, reader),
            cls("USE SCHEMA", "SCHEMA", table.place, reader),
            cls("SELECT", "TABLE", table, reader),
        )

    def give(self) -> Statement:
        sql = spell("GRANT", *self._words(), "TO", principal(self.to))
        return Statement(f"Grant {self.privilege.lower()} on {_name(self.on)} to {self.to}.", sql)

    def take(self) -> Statement:
        sql = spell("REVOKE", *self._words(), "FROM", principal(self.to))
        return Statement(f"Take {self.privilege.lower()} on {_name(self.on)} from {self.to} again.", sql)

    def _words(self) -> tuple[str | exp.Expr, ...]:
        on = identifier(self.on) if isinstance(self.on, str) else self.on.tree()
        return self.privilege, "ON", self.kind, on


def room_grants(room: str, to: str) -> tuple[Grant, ...]:
    """What somebody needs who adds assets to a room and runs its notebooks."""
    return tuple(Grant(privilege, "CLEAN ROOM", room, to) for privilege in ("MODIFY CLEAN ROOM", "EXECUTE CLEAN ROOM TASK"))


def _name(on: ObjectName | SchemaName | str) -> str:
    return f"{on.catalog}.{on.schema}" if isinstance(on, SchemaName) else str(on)
