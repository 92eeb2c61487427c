"""Registered share-safe tables in the room where it really is: what they are called there, and putting them in."""

from __future__ import annotations

from cleanroom_core.backends.asked import NewTable
from cleanroom_core.backends.seen import SeenAsset
from cleanroom_core.errors import NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.state import RoomState
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.platform_room import add_table_there
from cleanroom_core.stories.publish import published_table


def room_tables(state: RoomState) -> dict[str, ObjectName]:
    """Qualified asset -> alias.schema.table in the room, of every registered asset; both sides derive the same.

    Raises NotReadyError that names the assets whose owner registered them without a place on the platform."""
    missing = sorted(qualified for qualified, asset in state.assets.items() if asset.there is None)
    if missing:
        raise NotReadyError(
            f"{', '.join(missing)}: registered from a file, not from a workspace.",
            hint="Its owner connects with --share and --scope, publishes it there and registers it again.",
            code="NOT_THERE",
        )
    return {qualified: asset.there for qualified, asset in sorted(state.assets.items()) if asset.there is not None}


def share_there(side: Collaborator, user: User, qualified: str) -> SeenAsset:
    """Put this side's registered table into the room under the name its entry says. Doing so again changes nothing.

    Raises NotReadyError for a table that is not registered from this side's workspace as it is published now."""
    user.require(Permission.POLICY_PUBLISH, side.organisation)
    asset = side.state().assets.get(qualified)
    if asset is None or asset.owner != side.alias or asset.there is None or asset.there != side.name_there(qualified):
        raise NotReadyError(
            f"{qualified} is not registered from this side's workspace.",
            hint="Publish it there and register it first.",
            code="NOT_THERE",
        )
    table = published_table(side, qualified)
    if table is None or table.digest != asset.digest:
        raise NotReadyError(
            f"What lies in the workspace as {qualified} is not what is registered.",
            hint="Publish it again, then register it.",
            code="NOT_REGISTERED",
        )
    return add_table_there(side, user, NewTable(str(asset.there), str(table.path)))
