"""What names mean to a notebook inside a room: collaborators' aliases are catalogs, and one output schema may be written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from cleanroom_core.simulator import central
from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.sql.database import physical
from cleanroom_core.simulator.sql.failure import SqlFailure, no_permission, no_table
from cleanroom_core.simulator.sql.rewrite import Function
from cleanroom_core.simulator.sql.workspace import WorkspaceResolver
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json


@dataclass(frozen=True)
class RoomResolver:
    """`call` is the runner's; `output` is catalog.schema of this run, None without an output catalog."""

    call: Call
    room: Json
    output: str | None

    def table(self, parts: tuple[str, ...]) -> exp.Expr:
        name = ".".join(parts)
        if self.output and name.startswith(f"{self.output}."):
            if self.call.get("table", name) is None:
                raise no_table(name)
            return physical(self.call.place, name)
        for kind in ("TABLE", "VIEW"):
            asset = self.call.state.get("asset", CENTRAL, f"{self.room['id']}/{kind}/{name}")
            if asset is not None:
                return self._shared(asset)
        raise no_table(name)

    def shared(self) -> Iterator[tuple[str, exp.Expr]]:
        """Every table and view of the room by its name in it, as the query of its rows."""
        for key, asset in self.call.state.all("asset", CENTRAL):
            room, kind, name = key.split("/", 2)
            if room == self.room["id"] and kind in ("TABLE", "VIEW"):
                yield name, exp.select("*").from_(self._shared(asset))

    def _shared(self, asset: Json) -> exp.Expr:
        """The asset's local table, read with the rights of the room's owner on the side that shares it."""
        side = central.seen_from(self.call, self.room, asset["owner_collaborator_alias"])
        owner = (side.get("room", self.room["name"]) or {})["owner"]
        parts = tuple(asset["local"]["local_name"].split("."))
        return WorkspaceResolver(side, "", "", owner).table(parts)

    def function(self, parts: tuple[str, ...]) -> Function | None:
        return None

    def inside(self, owner: str) -> RoomResolver:
        return self

    def target(self, parts: tuple[str, ...]) -> str:
        name = ".".join(parts)
        if self.output is None or len(parts) != 3 or not name.startswith(f"{self.output}."):
            raise no_permission("CREATE TABLE", "Schema", ".".join(parts[:-1]))
        return name

    def context(self, name: str, arguments: list[str]) -> exp.Expr | None:
        """Inside the room nobody is a member of anybody's groups, and current_user() is the room's own identity."""
        if name in ("current_user", "session_user", "user") and not arguments:
            return exp.Literal.string(f"clean-room-{self.room['id']}")
        if name in ("is_account_group_member", "is_member") and len(arguments) == 1:
            return exp.false()
        if name in ("secret", "try_secret") and len(arguments) == 2:
            raise SqlFailure("INVALID_SECRET_LOOKUP", "No workspace's secrets can be read in a clean room.", "22531")
        return None
