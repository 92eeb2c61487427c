"""Do cloud and region of the room suit both sides? Neither can be changed later."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import (
    ASK_PARTNER,
    METASTORE_ADMIN,
    PARTNER,
    cannot_tell,
    failed,
    passed,
    unread,
)
from cleanroom_core.prechecks.fact import Fact, Known, Unknown
from cleanroom_core.rooms.sharing_identifier import CLOUDS

WHY = (
    "The central room lies in the creator's cloud, in a region chosen for good; collaborators may sit in any cloud. "
    "The region decides where both sides' rows are computed."
)
OFFICER = "an officer of either side"


@dataclass(frozen=True)
class Place:
    """A cloud and a region in lower case, as `metastores.summary()` says them."""

    cloud: str
    region: str

    def __str__(self) -> str:
        return f"{self.cloud} {self.region}"


@dataclass(frozen=True)
class RegionFacts:
    """`wanted`: the place agreed for the room, None when nobody said. `room`: where a room that is there already lies; Absent
    when there is none yet. `creator`: this side creates the room."""

    mine: Fact[Place]
    partner: Fact[Place]
    wanted: Place | None
    room: Fact[Place]
    creator: bool


def judge(facts: RegionFacts) -> Result:
    if facts.wanted is not None and facts.wanted.cloud not in CLOUDS:
        return failed(f"{facts.wanted.cloud} is no cloud", WHY, f"Give one of {', '.join(CLOUDS)}.", OFFICER)
    if isinstance(facts.room, Known):
        if facts.wanted is not None and facts.wanted != facts.room.value:
            return failed(
                f"The room lies in {facts.room.value}, agreed is {facts.wanted}",
                WHY,
                "Delete the room and make a new one in the agreed place, or agree on where it is.",
                OFFICER,
            )
        return passed(f"The room lies in {facts.room.value}", WHY)
    if isinstance(facts.room, Unknown):
        return unread("Where the room lies", facts.room, WHY, METASTORE_ADMIN)
    if not isinstance(facts.mine, Known):
        return unread("Cloud and region of this workspace", facts.mine, WHY, METASTORE_ADMIN)
    if not isinstance(facts.partner, Known):
        return cannot_tell(f"This side is in {facts.mine.value}; the partner's place is not known", WHY, ASK_PARTNER, PARTNER)
    here, there = facts.mine.value, facts.partner.value
    creator = here if facts.creator else there
    if facts.wanted is None:
        if here == there:
            return passed(f"Both sides are in {here}", WHY)
        return cannot_tell(
            f"This side is in {here}, the partner in {there}, and no place was agreed for the room",
            WHY,
            f"Agree on a region of {creator.cloud} and give it with --place {creator.cloud}:REGION.",
            OFFICER,
        )
    if facts.wanted.cloud != creator.cloud:
        return failed(
            f"Agreed is {facts.wanted}, and the creator is in {creator}",
            WHY,
            f"Agree on a region of {creator.cloud}, or have the other side create the room.",
            OFFICER,
        )
    return passed(f"Room in {facts.wanted}; this side in {here}, the partner in {there}", WHY)


CHECK = Check("region", "Cloud and region", WHY, RegionFacts, judge)
