"""What both sides of a room see: the central record, each side's local one, and the events written to both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.refusal import missing, wrong_state
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now


def local(call: Call, name: str) -> Json:
    """This side's record of a room. Raises Refusal when it has none, or cannot see it yet."""
    found = call.get("room", name.lower())
    if found is None:
        raise missing(f"Clean room '{name}' does not exist.")
    return found


def usable(call: Call, name: str) -> tuple[Json, Json]:
    """(local, central) of a room that may be worked in. Raises Refusal while it is made, after it failed or was deleted."""
    here = local(call, name)
    there = call.state.get("central_room", CENTRAL, here["central_id"]) or {}
    status = "DELETED" if here.get("deleted") else there["status"]
    if status != "ACTIVE":
        raise wrong_state(f"Clean room '{here['name']}' is {status}.")
    return here, there


def collaborator(central: Json, alias: str) -> Json:
    return next(each for each in central["collaborators"] if each["collaborator_alias"] == alias)


def aliases(central: Json) -> list[str]:
    return [each["collaborator_alias"] for each in central["collaborators"]]


def seen_from(call: Call, central: Json, alias: str) -> Call:
    """The same request as the workspace of another collaborator would see it."""
    metastore = collaborator(central, alias)["global_metastore_id"]
    for workspace in call.workspaces.values():
        if workspace.global_metastore_id == metastore:
            return replace(call, workspace=workspace)
    raise missing(f"No workspace of collaborator '{alias}' is simulated.")


def members(call: Call, central: Json) -> Iterator[tuple[str, Call]]:
    """Each collaborator's alias with the view of its workspace."""
    for alias in aliases(central):
        yield alias, seen_from(call, central, alias)


def event(call: Call, central: Json, alias: str, kind: str, metadata: Json) -> None:
    """Add a row to every side's `system.access.clean_room_events`."""
    row = {
        "event_id": str(uuid.uuid4()),
        "clean_room_name": central["name"],
        "central_clean_room_id": central["id"],
        "initiator_global_metastore_id": collaborator(central, alias)["global_metastore_id"],
        "initiator_collaborator_alias": alias,
        "event_time": now(),
        "event_type": kind,
        "metadata": metadata,
    }
    for _, side in members(call, central):
        side.put("room_event", row["event_id"], row)
