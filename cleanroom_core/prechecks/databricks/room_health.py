"""Is the room, where it is there already, as it should be, and are its assets?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.prechecks.check import ENGINEER, Check, Result
from cleanroom_core.prechecks.databricks.wording import (
    ACCOUNT_ADMIN,
    METASTORE_ADMIN,
    api,
    cannot_tell,
    failed,
    listed,
    part,
    passed,
    unread,
)
from cleanroom_core.prechecks.fact import Absent, Fact, Known

WHY = (
    "A room that failed, was deleted by the other side, or shuts this side out runs nothing; an asset is gone once the room's "
    "owner has lost SELECT."
)


@dataclass(frozen=True)
class Room:
    """`status`, `restricted` (`access_restricted`): None for one the SDK does not know. `alias`: of this side. What is
    enforced and where the room lies is not said while it is made: None."""

    name: str
    status: str | None
    restricted: str | None
    alias: str | None
    owner: str | None
    standards: frozenset[str] | None
    cloud: str | None
    region: str | None


@dataclass(frozen=True)
class RoomHealthFacts:
    """`name`: the room asked about. `assets`: name -> status."""

    name: str | None
    room: Fact[Room]
    assets: Fact[Mapping[str, str | None]]


def judge(facts: RoomHealthFacts) -> Result:
    if facts.name is None:
        return cannot_tell("No room was named", WHY, "Name it with --room NAME.", ENGINEER)
    look = api("get", f"/api/2.0/clean-rooms/{part(facts.name)}")
    if isinstance(facts.room, Absent):
        return passed(f"{facts.name} is not there yet", WHY)
    if not isinstance(facts.room, Known):
        return unread(f"The room {facts.name}", facts.room, WHY, METASTORE_ADMIN, command=look)
    room = facts.room.value
    if room.status in ("FAILED", "DELETED"):
        return failed(
            f"{room.name} is {room.status}", WHY, "Delete it on this side, and make a new room.", "the owner of the room",
            api("delete", f"/api/2.0/clean-rooms/{part(room.name)}"),
        )  # fmt: skip
    if room.restricted == "CSP_MISMATCH":
        return failed(f"{room.name} shuts this side out: CSP_MISMATCH", WHY, "See the check compliance.", ACCOUNT_ADMIN)
    lost = (
        [name for name, status in facts.assets.value.items() if status == "PERMISSION_DENIED"]
        if isinstance(facts.assets, Known)
        else []
    )
    if lost:
        return failed(
            f"The room's owner may no longer read {listed(lost)}",
            WHY,
            f"Grant SELECT on the shared table to {room.owner or 'the owner of the room'} again, best a group.",
            "the owner of the table",
        )
    if room.status == "ACTIVE" and room.restricted is None:
        return cannot_tell(f"{room.name} is ACTIVE; whether it shuts this side out is not said", WHY, "Look.", ENGINEER, look)
    if room.status != "ACTIVE":
        return cannot_tell(
            f"{room.name} is {room.status or 'in a state this version does not know'}",
            WHY,
            "Look again in a minute.",
            ENGINEER,
            look,
        )
    if not isinstance(facts.assets, Known):
        return unread(f"The assets of {room.name}", facts.assets, WHY, "the owner of the room")
    if unsaid := [name for name, status in facts.assets.value.items() if status is None]:
        return cannot_tell(
            f"The state of {listed(unsaid)} is in a word this version does not know", WHY, "Look.", ENGINEER, f"{look}/assets"
        )
    return passed(f"{room.name} is ACTIVE with {len(facts.assets.value)} assets, this side is {room.alias}", WHY)


CHECK = Check("room", "Health of the room", WHY, RoomHealthFacts, judge)
