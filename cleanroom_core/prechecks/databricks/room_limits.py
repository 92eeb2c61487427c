"""Is there still space for a room, for its collaborators, and for its name?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.names import object_part
from cleanroom_core.prechecks.check import ENGINEER, Check, Result
from cleanroom_core.prechecks.databricks.wording import METASTORE_ADMIN, api, cannot_tell, failed, passed, unread
from cleanroom_core.prechecks.fact import Fact, Known

COLLABORATORS = 10  # the creator included; docs.databricks.com, clean-rooms/create-clean-room
ROOMS_LOW, ROOMS_HIGH = 5, 100  # two pages of the documentation disagree: create-clean-room, resources/limits
WHY = "Name and collaborators are fixed when a room is made, and the platform refuses a room too many."


@dataclass(frozen=True)
class RoomLimitFacts:
    """`rooms`: names of this metastore's rooms that the identity sees; `complete`: it sees all of them. `limit`: rooms allowed,
    where somebody knows. `name`: of the room to make."""

    rooms: Fact[tuple[str, ...]]
    limit: int | None
    name: str | None
    collaborators: int
    complete: bool


def judge(facts: RoomLimitFacts) -> Result:
    if facts.collaborators > COLLABORATORS:
        return failed(
            f"{facts.collaborators} collaborators; a room has {COLLABORATORS} at most", WHY, "Split them over rooms.", ENGINEER
        )
    if facts.name is not None:
        try:
            object_part(facts.name, "room")
        except InputError as error:
            return failed(error.message, WHY, error.hint, ENGINEER)
    if not isinstance(facts.rooms, Known):
        return unread("The list of rooms", facts.rooms, WHY, METASTORE_ADMIN)
    count = len(facts.rooms.value)
    there = facts.name is not None and facts.name.lower() in facts.rooms.value
    if there:
        return passed(f"The room {facts.name} is there already, one of {count}", WHY)
    most = facts.limit if facts.limit is not None else ROOMS_HIGH
    if count >= most:
        return failed(
            f"{count} rooms, and {most} are allowed",
            WHY,
            "Close a room that is no longer used, or ask Databricks to raise the limit. The rooms:",
            METASTORE_ADMIN,
            api("get", "/api/2.0/clean-rooms"),
        )
    if facts.limit is None and count >= ROOMS_LOW:
        return cannot_tell(
            f"{count} rooms; one page of the documentation allows {ROOMS_LOW}, another {ROOMS_HIGH}",
            WHY,
            "Ask Databricks for the limit of your account, and give it with --room-limit.",
            METASTORE_ADMIN,
        )
    if not facts.complete:
        return cannot_tell(
            f"{count} rooms that this identity sees; it does not see all",
            WHY,
            f"Run this check again as somebody who sees all ({METASTORE_ADMIN}).",
            METASTORE_ADMIN,
        )
    allowed = f"{facts.limit} are allowed" if facts.limit is not None else f"at least {ROOMS_LOW} are allowed"
    return passed(f"{count} rooms, and {allowed}", WHY)


CHECK = Check("room-limits", "Limits of rooms", WHY, RoomLimitFacts, judge)
