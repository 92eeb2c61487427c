"""Clean rooms themselves: create, look, change owner and comment, delete, output catalogs."""

from __future__ import annotations

import uuid

from databricks.sdk.service.cleanrooms import CleanRoom, CleanRoomOutputCatalog, CleanRoomsAPI

from cleanroom_core.simulator import central as rooms
from cleanroom_core.simulator import faults, names, securables
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import holds, is_metastore_admin, need, owns
from cleanroom_core.simulator.refusal import DOCUMENTED, GUESS, SDK, Refusal, denied, exists, invalid, wrong_state
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import Workspace, now

_ROOMS = "/api/2.0/clean-rooms"
_GIVEN = {"name", "comment", "owner", "remote_detailed_info", "enable_shared_output"}
_GIVEN_REMOTE = {
    "cloud_vendor",
    "region",
    "collaborators",
    "compliance_security_profile",
    "egress_network_policy",
    "enable_shared_output",
    "package_provider_collaborator_alias",
}
_GIVEN_COLLABORATOR = {
    "collaborator_alias",
    "global_metastore_id",
    "invite_recipient_email",
    "invite_recipient_workspace_id",
}
_CHANGEABLE = {"owner", "comment"}
_ANY = ("BROWSE", "MODIFY_CLEAN_ROOM", "EXECUTE_CLEAN_ROOM_TASK", "MANAGE")


def _create(call: Call) -> Json:
    need(call, "metastore", call.workspace.metastore_id, "CREATE_CLEAN_ROOM")
    _only(call.body, _GIVEN, "clean_room")
    name = names.securable(call.body.get("name"), "name")
    remote = call.body.get("remote_detailed_info") or {}
    _only(remote, _GIVEN_REMOTE, "remote_detailed_info")
    parties = _parties(call, remote)
    _sharing_is_on(call, list(parties.values()))
    limit = (call.get("limits") or {}).get("rooms_per_metastore", 100)
    if sum(1 for _, room in call.all("room") if not room.get("deleted")) >= limit:
        raise Refusal(400, "RESOURCE_LIMIT_EXCEEDED", f"This metastore has its {limit} clean rooms already.", DOCUMENTED)
    for workspace in parties.values():
        if call.state.get("room", workspace.name, name) is not None:
            raise exists(f"Clean room '{name}' already exists in a collaborator's metastore.")
    owner = call.body.get("owner", call.caller)
    _principal(call, owner)
    room = _central(call, name, remote)
    alias = next(each for each, workspace in parties.items() if workspace is call.workspace)
    call.state.put("central_room", CENTRAL, room["id"], room)
    _settle(call, room, alias, owner, call.body)
    return {
        "name": name,
        "owner": owner,
        "comment": call.body.get("comment", ""),
        "created_at": room["created_at"],
        "status": "PROVISIONING",
    }


def _central(call: Call, name: str, remote: Json) -> Json:
    held = faults.take(call.state, call.place, "POST", _ROOMS, ("provisioning", "provisioning_failed")) or {}
    return {
        "id": str(uuid.uuid4()),
        "name": name,
        "created_at": now(),
        "status": "PROVISIONING",
        "fails": held.get("kind") == "provisioning_failed",
        "polls_left": held.get("polls", (call.get("limits") or {}).get("provisioning_polls", 2)),
        "collaborators": remote["collaborators"],
        "remote": {key: value for key, value in remote.items() if key != "collaborators"},
    }


def _settle(call: Call, room: Json, alias: str, owner: str, given: Json) -> None:
    record = {
        "name": room["name"],
        "central_id": room["id"],
        "alias": alias,
        "owner": owner,
        "comment": given.get("comment", ""),
        "enable_shared_output": given.get("enable_shared_output", False),
        "created_at": now(),
        "updated_at": now(),
    }
    call.put("room", room["name"], record)


def _parties(call: Call, remote: Json) -> dict[str, Workspace]:
    """Alias -> workspace, or a refusal for a mistake in cloud, region and collaborators; none of them can be changed later."""
    for key in ("cloud_vendor", "region", "collaborators"):
        if not remote.get(key):
            raise invalid(f"remote_detailed_info.{key} is required at creation.", SDK)
    if remote["cloud_vendor"] not in ("aws", "azure", "gcp"):
        raise invalid("cloud_vendor must be aws, azure or gcp.", SDK)
    if remote["cloud_vendor"] != call.workspace.seed["cloud"]:
        raise invalid("The clean room's cloud must be that of the creator's workspace; its region may differ.")
    given = remote["collaborators"]
    limit = (call.get("limits") or {}).get("collaborators_per_room", 10)
    if len(given) > limit:
        raise invalid(f"A clean room has at most {limit} collaborators, the creator included.", DOCUMENTED)
    if len(given) < 2:
        raise invalid("List all collaborators, the creator included; they cannot be added later.", DOCUMENTED)
    for each in given:
        _only(each, _GIVEN_COLLABORATOR, "collaborator")
        each["collaborator_alias"] = names.securable(each["collaborator_alias"], "collaborator_alias")
        _invitation(each)
    given_aliases = [each["collaborator_alias"] for each in given]
    if len(set(given_aliases)) < len(given_aliases):
        raise invalid("Collaborator aliases must be unique in the clean room.", SDK)
    own = [each for each in given if not each.get("invite_recipient_email")]
    if len(own) != 1 or own[0].get("global_metastore_id") != call.workspace.global_metastore_id:
        raise invalid("Exactly one collaborator is the creator: with your global_metastore_id and without invitation.", SDK)
    packager = remote.get("package_provider_collaborator_alias")
    if packager is not None and packager not in given_aliases:
        raise invalid("package_provider_collaborator_alias names no collaborator.")
    return {each["collaborator_alias"]: _workspace(call, each) for each in given}


def _invitation(given: Json) -> None:
    names.global_metastore_id(given.get("global_metastore_id"))
    if bool(given.get("invite_recipient_email")) != bool(given.get("invite_recipient_workspace_id")):
        raise invalid("invite_recipient_workspace_id and invite_recipient_email go together.", SDK)


def _workspace(call: Call, given: Json) -> Workspace:
    for workspace in call.workspaces.values():
        if workspace.global_metastore_id == given["global_metastore_id"]:
            wanted = given.get("invite_recipient_workspace_id")
            if wanted is not None and int(wanted) != workspace.workspace_id:
                raise invalid(f"Workspace {wanted} is not attached to metastore {given['global_metastore_id']}.")
            return workspace
    raise invalid(f"Metastore {given['global_metastore_id']} is not one of the two that are simulated.", "simulator")


def _sharing_is_on(call: Call, parties: list[Workspace]) -> None:
    foreign = any(each.seed["account_id"] != call.workspace.seed["account_id"] for each in parties)
    metastore = call.get("metastore", call.workspace.metastore_id) or {}
    if foreign and metastore.get("delta_sharing_scope") != "INTERNAL_AND_EXTERNAL":
        raise denied("Sharing with other accounts is off for this metastore (delta_sharing_scope).", GUESS)


def _get(call: Call) -> Json:
    """One look at a room; while it is made, looks bring it nearer to its end."""
    here = _visible(call)
    there = call.state.get("central_room", CENTRAL, here["central_id"]) or {}
    if there.get("status") == "PROVISIONING":
        there = _advance(call, there)
    return _shown(call, here, there, whole=True)


def _advance(call: Call, room: Json) -> Json:
    room["polls_left"] -= 1
    if room["polls_left"] <= 0:
        room["status"] = "FAILED" if room["fails"] else "ACTIVE"
    call.state.put("central_room", CENTRAL, room["id"], room)
    if room["status"] == "ACTIVE":
        creator = next(each for each in room["collaborators"] if not each.get("invite_recipient_email"))
        for alias, side in rooms.members(call, room):
            if alias != creator["collaborator_alias"]:
                owner = (side.get("metastore", side.workspace.metastore_id) or {})["owner"]
                _settle(side, room, alias, owner, {})
        others = {"collaborators": rooms.aliases(room), "egress_network_policy": room["remote"].get("egress_network_policy")}
        rooms.event(call, room, creator["collaborator_alias"], "CLEAN_ROOM_CREATED", others)
    return room


def _visible(call: Call) -> Json:
    here = rooms.local(call, call.path["name"])
    if not is_metastore_admin(call) and not any(holds(call, "clean_room", here["name"], each) for each in _ANY):
        raise denied(f"User has no privilege on clean room '{here['name']}'.")
    return here


def _shown(call: Call, here: Json, there: Json, whole: bool) -> Json:
    shown: Json = {key: here[key] for key in ("name", "owner", "comment", "created_at", "updated_at", "enable_shared_output")}
    shown["local_collaborator_alias"] = here["alias"]
    shown["status"] = "DELETED" if here.get("deleted") else there["status"]
    shown["access_restricted"] = _restricted(call, there)
    catalog = here.get("output_catalog")
    shown["output_catalog"] = {"status": "CREATED", "catalog_name": catalog} if catalog else {"status": "NOT_CREATED"}
    if whole and shown["status"] in ("ACTIVE", "DELETED"):
        creator = next(each for each in there["collaborators"] if not each.get("invite_recipient_email"))
        mine = creator["collaborator_alias"] == here["alias"]
        shown["remote_detailed_info"] = {
            **there["remote"],
            "central_clean_room_id": there["id"],
            "creator": _collaborator(call, creator, mine),
            "collaborators": [_collaborator(call, each, mine) for each in there["collaborators"]],
        }
    return shown


def _restricted(call: Call, there: Json) -> str:
    """A room with a compliance profile needs the same standards on each collaborator's side."""
    profile = there["remote"].get("compliance_security_profile") or {}
    wanted = set(profile.get("compliance_standards", ())) - {"NONE"} if profile.get("is_enabled") else set()
    return "CSP_MISMATCH" if wanted - set((call.get("compliance") or {}).get("compliance_standards", ())) else "NO_RESTRICTION"


def _collaborator(call: Call, given: Json, for_creator: bool) -> Json:
    """The invitation's e-mail address is shown to the creator alone."""
    shown = {key: value for key, value in given.items() if for_creator or key != "invite_recipient_email"}
    for workspace in call.workspaces.values():
        if workspace.global_metastore_id == given["global_metastore_id"]:
            metastore = call.state.get("metastore", workspace.name, workspace.metastore_id) or {}
            organisation = metastore.get("delta_sharing_organization_name", "")
            shown |= {"organization_name": organisation, "display_name": organisation or given["collaborator_alias"]}
    return shown


def _list(call: Call) -> Json:
    metastore = call.get("metastore", call.workspace.metastore_id) or {}
    if metastore.get("delta_sharing_scope") != "INTERNAL_AND_EXTERNAL":
        raise denied("External sharing is not enabled on this metastore.", GUESS)
    found = []
    for _, here in call.all("room"):
        if is_metastore_admin(call) or any(holds(call, "clean_room", here["name"], each) for each in _ANY):
            there = call.state.get("central_room", CENTRAL, here["central_id"]) or {}
            found.append(_shown(call, here, there, whole=False))
    return call.page(found, "clean_rooms")


def _update(call: Call) -> Json:
    """Owner and comment only; anything else may be sent along unchanged."""
    here = _visible(call)
    _, there = rooms.usable(call, here["name"])
    given = call.body.get("clean_room") or {}
    shown = _shown(call, here, there, whole=True)
    for key, value in given.items():
        if key not in _CHANGEABLE and value != shown.get(key):
            raise invalid(f"clean_room.{key} cannot be changed after creation.")
    owner, comment = str(given.get("owner", here["owner"])), given.get("comment", here["comment"])
    managing = owns(call, "clean_room", here["name"]) or holds(call, "clean_room", here["name"], "MANAGE")
    if owner != here["owner"] and not (managing or is_metastore_admin(call)):
        raise denied("Only the owner, a holder of MANAGE or a metastore admin changes the owner.")
    if comment != here["comment"] and not (managing or holds(call, "clean_room", here["name"], "MODIFY_CLEAN_ROOM")):
        raise denied("A metastore admin may change the owner only; the comment needs MODIFY_CLEAN_ROOM.", SDK)
    _principal(call, owner)
    call.put("room", here["name"], {**here, "owner": owner, "comment": comment, "updated_at": now()})
    return _shown(call, {**here, "owner": owner, "comment": comment}, there, whole=True)


def _delete(call: Call) -> Json:
    """Gone on this side; what the others keep is a room in state DELETED."""
    here = rooms.local(call, call.path["name"])
    need(call, "clean_room", here["name"], "MANAGE")
    there = call.state.get("central_room", CENTRAL, here["central_id"]) or {}
    if not here.get("deleted"):
        for alias, side in rooms.members(call, there):
            record = side.get("room", here["name"])
            if alias != here["alias"] and record is not None:
                side.put("room", here["name"], {**record, "deleted": True, "updated_at": now()})
        rooms.event(call, there, here["alias"], "CLEAN_ROOM_DELETED", {"central_clean_room_id": there["id"]})
    call.state.delete("room", call.place, here["name"])
    return {}


def _create_output_catalog(call: Call) -> Json:
    here, _ = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "MODIFY_CLEAN_ROOM")
    need(call, "metastore", call.workspace.metastore_id, "CREATE_CATALOG")
    _only(call.body, {"catalog_name"}, "output_catalog")
    if here.get("output_catalog"):
        raise wrong_state("This clean room has its output catalog already.")
    name = names.securable(call.body.get("catalog_name"), "catalog_name")
    securables.create_catalog(call, name)
    call.put("room", here["name"], {**here, "output_catalog": name, "updated_at": now()})
    return {"output_catalog": {"catalog_name": name, "status": "CREATED"}}


def _principal(call: Call, owner: str) -> None:
    if call.get("principal", owner) is None and call.get("group", owner) is None:
        raise invalid(f"Principal '{owner}' does not exist.")


def _only(given: Json, allowed: set[str], where: str) -> None:
    extra = sorted(set(given) - allowed)
    if extra:
        raise invalid(f"{where}.{extra[0]} is set by the platform, not by the request.")


ROUTES = [
    Route("POST", _ROOMS, _create, CleanRoomsAPI.create, CleanRoom),
    Route("GET", _ROOMS, _list, CleanRoomsAPI.list),
    Route("GET", f"{_ROOMS}/{{name}}", _get, CleanRoomsAPI.get),
    Route("PATCH", f"{_ROOMS}/{{name}}", _update, CleanRoomsAPI.update),
    Route("DELETE", f"{_ROOMS}/{{name}}", _delete, CleanRoomsAPI.delete),
    Route(
        "POST",
        f"{_ROOMS}/{{clean_room_name}}/output-catalogs",
        _create_output_catalog,
        CleanRoomsAPI.create_output_catalog,
        CleanRoomOutputCatalog,
        source=GUESS,
    ),
]
