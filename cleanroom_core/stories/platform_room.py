"""The room where it really is: create it with everybody in it, take part, add tables, close it.

Each effect has an intent before and an outcome after it; without an answer the intent stays open and `platform_looking` says
what to look at. Taking part is observed: no platform has a call for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from cleanroom_core.backends.asked import NewRoom, NewTable
from cleanroom_core.backends.protocol import Platform
from cleanroom_core.backends.seen import AssetKind, SeenAsset, SeenRoom, dangers, has_joined, is_ready
from cleanroom_core.backends.waiting import Pace, wait_active
from cleanroom_core.errors import ConflictError, NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.stories import open_room
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.collaborator import Collaborator


@dataclass(frozen=True)
class LookedAt:
    """`room`: None while this side sees none. `joined`: other alias -> something of theirs is in the room."""

    room: SeenRoom | None
    assets: tuple[SeenAsset, ...]
    joined: Mapping[str, bool]


def platform_of(side: Collaborator) -> Platform:
    """Raises NotReadyError for a side that has not said where its workspace is."""
    side.platform = side.platform or side.open_platform()
    if side.platform is None:
        raise NotReadyError(
            "This side is not connected to a platform.",
            hint="Connect it: cleanroom platform connect ROOM:ALIAS --room NAME ... A rehearsal needs none.",
            code="NO_PLATFORM",
        )
    return side.platform


def create_there(side: Collaborator, user: User, room: NewRoom) -> SeenRoom:
    """Ask for the room with all its collaborators; it is usually PROVISIONING afterwards. Asking again changes nothing."""
    user.require(Permission.ROOM_CREATE, side.organisation)
    side.require_agreement()
    platform = _here(side, room.name)
    if {party.alias for party in room.parties} != set(side.collaborators) or room.creator.alias != side.alias:
        raise ConflictError(
            "The room asked for has other collaborators than the agreement.",
            hint=f"Its aliases are {', '.join(side.collaborators)}, and {side.alias} creates it.",
            code="PARTIES",
        )
    with bracket(side, user, Permission.ROOM_CREATE, "platform_room", room.name, {"asked": room.as_json()}) as effect:
        seen = platform.owner.create_room(room)
        effect.payload = {"seen": seen.status.value}
    return seen


def open_there(
    side: Collaborator, user: User, room: NewRoom, pace: Pace, progress: Callable[[SeenRoom], None] = lambda _seen: None
) -> SeenRoom:
    """Wait until the room is ACTIVE and is the one asked for, then say so to the others. Waiting again is safe."""
    user.require(Permission.ROOM_CREATE, side.organisation)
    seen = wait_active(_here(side, room.name).owner, room.name, pace, progress)
    different = room.differs(seen) or dangers(seen)
    if different:
        raise ConflictError(
            f"The room {room.name} there is not the one asked for: {', '.join(different)}.",
            hint="Somebody made a room of this name before. Choose another name.",
            code="PLATFORM_OTHER",
        )
    if side.state().created is None:
        open_room.create_room(side, user)
    for party in room.parties:
        if party.invite_user:  # the platform invited them when it made the room
            open_room.invite(side, user, party.alias)
    return seen


def accept_there(side: Collaborator, user: User) -> SeenRoom:
    """Say that this side takes part, once its own platform shows the room ready. Raises NotReadyError with what is missing."""
    user.require(Permission.ROOM_ACCEPT, side.organisation)
    platform = platform_of(side)
    seen = platform.owner.room(platform.room)
    if seen is None or not is_ready(seen):
        what = "not to be seen" if seen is None else f"{seen.status}{f', {seen.restricted}' if seen.restricted else ''}"
        raise NotReadyError(
            f"The room {platform.room} is {what} on this side.",
            hint="A metastore admin of this side gives it to the room's owners (owner, or MODIFY CLEAN ROOM); then look again.",
            code="ROOM_NOT_READY",
        )
    if seen.alias != side.alias:
        raise ConflictError(
            f"In that room this side is {seen.alias}, not {side.alias}.", hint="It is another room.", code="PLATFORM_OTHER"
        )
    unsafe = dangers(seen)
    if unsafe:
        raise ConflictError(
            f"Nothing of this side should go into the room {platform.room}: {', '.join(unsafe)}.",
            hint="None of it can be changed later. Ask its creator for a new room with egress closed, for all sides to review.",
            code="ROOM_UNSAFE",
        )
    open_room.accept(side, user)
    return seen


def look_there(side: Collaborator, user: User) -> LookedAt:
    """What this side's platform shows now. Changes nothing."""
    user.require(Permission.ROOM_READ, side.organisation)
    platform = platform_of(side)
    room = platform.owner.room(platform.room)
    assets = platform.owner.assets(platform.room) if is_ready(room) else ()
    return LookedAt(room, assets, {alias: has_joined(alias, assets) for alias in side.collaborators if alias != side.alias})


def make_output_catalog(side: Collaborator, user: User, catalog: str) -> SeenRoom:
    """Where runs of this side write. One per room and side, for good."""
    user.require(Permission.ROOM_CREATE, side.organisation)
    platform = platform_of(side)
    with bracket(side, user, Permission.ROOM_CREATE, "platform_catalog", platform.room, {"catalog": catalog}):
        return platform.owner.create_output_catalog(platform.room, catalog)


def add_table_there(side: Collaborator, user: User, table: NewTable) -> SeenAsset:
    """Add a share-safe table of this side to the room."""
    user.require(Permission.POLICY_PUBLISH, side.organisation)
    side.require_agreement()
    platform = platform_of(side)
    with bracket(side, user, Permission.POLICY_PUBLISH, "platform_table", table.name, {"asked": asdict(table)}):
        return platform.owner.add_table(platform.room, table)


def remove_asset_there(side: Collaborator, user: User, kind: AssetKind, name: str) -> None:
    """Take an own asset out of the room; runs from now on do not see it."""
    user.require(Permission.POLICY_PUBLISH, side.organisation)
    platform = platform_of(side)
    with bracket(side, user, Permission.POLICY_PUBLISH, "platform_removal", name, {"kind": kind.value}):
        platform.owner.remove_asset(platform.room, kind, name)


def close_there(side: Collaborator, user: User) -> None:
    """Delete the room on this side. Nothing runs in it any more, on any side, and it cannot be opened again."""
    user.require(Permission.ROOM_CREATE, side.organisation)
    platform = platform_of(side)
    with bracket(side, user, Permission.ROOM_CREATE, "platform_close", platform.room):
        platform.owner.close_room(platform.room)


def _here(side: Collaborator, name: str) -> Platform:
    platform = platform_of(side)
    if name != platform.room:
        raise ConflictError(
            f"This side is set up for the room {platform.room}, not {name}.", hint="Use that name.", code="ROOM_NAME"
        )
    return platform
