"""What is asked of the platform, put together from what this side knows, so that nobody types it twice; and asked again."""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom_core.backends.asked import NewRoom, Party
from cleanroom_core.errors import ConflictError, InputError, NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.sharing_identifier import MetastoreIdentifier, RoomIdentifier
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.platform_connect import connection_of, try_connection


def room_to_create(side: Collaborator, user: User, partners: Mapping[str, str], owner: str = "") -> NewRoom:
    """The room with everybody in it, in this side's own region. `partners`: other alias -> the sharing identifier they sent;
    `owner`: the group that is to own it, empty for whoever is connected.

    Raises InputError for an identifier that is none, or is this side's own; NotReadyError while this side's metastore cannot be
    told."""
    user.require(Permission.ROOM_CREATE, side.organisation)
    placed = connection_of(side)
    if placed is None:
        raise NotReadyError("This side is not connected to a platform.", hint="Connect it first.", code="NO_PLATFORM")
    own = try_connection(side, user, placed).owner.metastore
    if own is None:
        raise NotReadyError(
            "The metastore of this side could not be told.", hint="Test the connection; it says why.", code="NO_METASTORE"
        )
    place = MetastoreIdentifier.parse(own)
    parties = [Party(side.alias, str(place))]
    for alias in side.collaborators:
        if alias == side.alias:
            continue
        found = RoomIdentifier.parse(partners.get(alias, ""))
        if found.metastore == place:
            raise InputError(
                f"The identifier of {side.collaborators[alias]} names this side's own metastore.",
                hint="Ask them for theirs.",
                code="SHARING_IDENTIFIER",
            )
        parties.append(Party(alias, str(found.metastore), found.user, str(found.workspace_id)))
    return NewRoom(placed.room, place.cloud, place.region, tuple(parties), owner)


def asked_room(side: Collaborator) -> NewRoom | None:
    """The room this side asked for last, under the name it is connected to; None when it has asked for none."""
    placed = connection_of(side)
    for intent in reversed(list(side.state().intents.values())):
        if placed and (intent.action, intent.object, intent.by.alias) == ("platform_room", placed.room, side.alias):
            payload = side.log.records(start=intent.ref.seq, stop=intent.ref.seq + 1)[0].payload or {}
            return NewRoom.from_json(payload["asked"])
    return None


def asked_again(side: Collaborator) -> NewRoom:
    """The same, to be waited for. Raises ConflictError when it was never asked for."""
    found = asked_room(side)
    if found is None:
        raise ConflictError("This side has asked for no room there yet.", hint="Create it first.", code="NO_ROOM")
    return found
