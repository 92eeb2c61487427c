"""What is in a room: tables, views and notebooks."""

from __future__ import annotations

import hashlib
import json

from databricks.sdk.service.cleanrooms import CleanRoomAsset, CleanRoomAssetAssetType, CleanRoomAssetsAPI

from cleanroom_core.simulator import central as rooms
from cleanroom_core.simulator import names, notebook
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.groups import reviews
from cleanroom_core.simulator.privileges import may_read, names_of, need, record_of
from cleanroom_core.simulator.refusal import DOCUMENTED, SDK, Refusal, conflict, denied, exists, invalid, missing
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_ASSETS = "/api/2.0/clean-rooms/{clean_room_name}/assets"
_ASSET = f"{_ASSETS}/{{asset_type}}/{{name}}"
_DETAILS = {
    "TABLE": "table_local_details",
    "VIEW": "view_local_details",
    "FOREIGN_TABLE": "foreign_table_local_details",
    "VOLUME": "volume_local_details",
    "NOTEBOOK_FILE": "notebook",
    "JAR_ANALYSIS": "jar_analysis",
}
_SHOWN = {"TABLE": "table", "VIEW": "view", "FOREIGN_TABLE": "foreign_table"}
_KINDS = {
    "TABLE": {"MANAGED", "EXTERNAL"},
    "VIEW": {"VIEW"},
    "FOREIGN_TABLE": {"FOREIGN"},
}


def _key(there: Json, kind: str, name: str) -> str:
    return f"{there['id']}/{kind}/{name.lower() if kind != 'NOTEBOOK_FILE' else name}"


def _create(call: Call) -> Json:
    here, there = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "MODIFY_CLEAN_ROOM")
    kind, name = _given(call, here, None)
    key = _key(there, kind, name)
    if call.state.get("asset", CENTRAL, key) is not None:
        raise exists(f"Asset '{name}' of type {kind} already exists in the clean room.")
    asset = {"name": name, "asset_type": kind, "owner_collaborator_alias": here["alias"], "added_at": now()}
    asset["central_id"] = there["id"]
    asset |= _content(call, here, there, kind, name, None)
    call.state.put("asset", CENTRAL, key, asset)
    _changed(call, there, here["alias"], "added_assets", name)
    return _shown(call, here, there, asset)


def _given(call: Call, here: Json, fixed: tuple[str, str] | None) -> tuple[str, str]:
    """Type and name of the request's asset, the parts the platform writes refused."""
    body = call.body
    kind = body["asset_type"]
    allowed = {"name", "asset_type", "clean_room_name", _DETAILS[kind]}
    extra = sorted(set(body) - allowed)
    if extra and fixed is None:
        raise invalid(f"asset.{extra[0]} does not belong to a new asset of type {kind}; give {_DETAILS[kind]}.", SDK)
    if str(body.get("clean_room_name", here["name"])).lower() != here["name"]:
        raise invalid("asset.clean_room_name is another room than the path's.")
    if kind == "JAR_ANALYSIS":
        raise Refusal(501, "NOT_IMPLEMENTED", "The simulator does not play JAR analyses.", "simulator")
    if _DETAILS[kind] not in body:
        raise invalid(f"An asset of type {kind} needs {_DETAILS[kind]}.", SDK)
    if kind == "NOTEBOOK_FILE":
        if "/" in body["name"] or not 0 < len(body["name"]) <= 255:
            raise invalid("A notebook's name is 1 to 255 characters without slashes.")
        return kind, body["name"]
    return kind, body["name"].lower()


def _content(call: Call, here: Json, there: Json, kind: str, name: str, old: Json | None) -> Json:
    if kind == "NOTEBOOK_FILE":
        return _notebook(call, here, there, name, old)
    if kind == "VOLUME":
        raise missing(
            f"Volume '{call.body[_DETAILS[kind]]['local_name']}' does not exist; volumes are not simulated.", source="simulator"
        )
    return _table(call, here, kind, name)


def _table(call: Call, here: Json, kind: str, name: str) -> Json:
    parts = name.split(".")
    if len(parts) != 3:
        raise invalid("An asset of this type is named alias.schema.asset.", SDK)
    for part in parts:
        names.securable(part, "each part of the asset's name")
    if parts[0] != here["alias"]:
        raise invalid(f"The asset's first part must be your own alias '{here['alias']}', not '{parts[0]}'.", SDK)
    details = call.body[_DETAILS[kind]]
    local = details["local_name"].lower()
    if len(local.split(".")) != 3:
        raise invalid("local_name must be catalog.schema.table.", SDK)
    if details.get("partitions"):
        raise invalid("Sharing single partitions is not played.", "simulator")
    table = record_of(call, "table", local)
    if table.get("table_type") not in _KINDS[kind]:
        raise invalid(f"'{local}' is of type {table.get('table_type')} and cannot be shared as {kind}.")
    _shareable(call, here, local, table)
    for principal in (call.caller, here["owner"]):
        if not may_read(call, local, principal):
            raise denied(f"The clean room's owner and whoever adds the asset need SELECT on '{local}'.")
    return {"local": {**details, "local_name": local}}


def _shareable(call: Call, here: Json, name: str, table: Json) -> None:
    """A table with a row filter or a mask cannot be shared; one with ABAC only when the room's owner is exempt (by analogy)."""
    if table.get("row_filter"):
        raise invalid(f"Table '{name}' has a row filter and cannot be shared.", DOCUMENTED)
    masked = [column["name"] for column in table["columns"] if column.get("mask")]
    if masked:
        raise invalid(f"Table '{name}' has a column mask on '{masked[0]}' and cannot be shared.", DOCUMENTED)
    for _, policy in call.all("policy"):
        inside = f"{name}.".startswith(f"{policy['on_securable_fullname']}.")
        if inside and not names_of(call, here["owner"]) & set(policy.get("except_principals", ())):
            raise invalid(f"Policy '{policy['name']}' applies to '{name}' and the clean room's owner is not exempt from it.")


def _notebook(call: Call, here: Json, there: Json, name: str, old: Json | None) -> Json:
    given = call.body["notebook"]
    extra = sorted(set(given) & {"review_state", "reviews", "etag"})
    if old and given.get("etag", old["versions"][-1]["etag"]) != old["versions"][-1]["etag"]:
        raise conflict("The notebook has changed since the version with that etag; read it again.")
    if extra and old is None:
        raise invalid(f"notebook.{extra[0]} is set by the platform, not by the request.")
    notebook.from_content(given["notebook_content"])
    runners = given.get("runner_collaborator_aliases") or []
    unknown = [each for each in runners if each not in rooms.aliases(there)]
    if not runners or unknown:
        raise invalid("runner_collaborator_aliases must name at least one collaborator, by alias.", DOCUMENTED)
    number = (len(old["versions"]) if old else 0) + 1
    version = {
        "notebook_content": given["notebook_content"],
        "description": given.get("description", ""),
        "environment_version": given.get("environment_version", "2"),
        "runner_collaborator_aliases": runners,
        "updated_at": now(),
    }
    text = json.dumps([there["id"], name, number, version["notebook_content"], runners])
    version["etag"] = hashlib.sha256(text.encode()).hexdigest()
    version["reviews"] = reviews.automatic(call, there, here["alias"], runners)
    return {"versions": [*(old["versions"] if old else ()), version]}


def _changed(call: Call, there: Json, alias: str, how: str, name: str) -> None:
    lists = {key: [name] if key == how else [] for key in ("added_assets", "updated_assets", "removed_assets")}
    rooms.event(call, there, alias, "CLEAN_ROOM_ASSETS_UPDATED", lists)


def find(call: Call, there: Json) -> tuple[str, Json]:
    """(key, record) of the asset in the request's path."""
    kind, name = call.path["asset_type"], call.path["name"]
    if kind not in [each.value for each in CleanRoomAssetAssetType]:
        raise invalid(f"Asset type {kind} is not known.")
    key = _key(there, kind, name)
    found = call.state.get("asset", CENTRAL, key)
    if found is None:
        raise missing(f"Asset '{name}' of type {kind} does not exist in the clean room.")
    return key, found


def _shown(call: Call, here: Json, there: Json, asset: Json) -> Json:
    kind = asset["asset_type"]
    shown: Json = {key: asset[key] for key in ("name", "asset_type", "owner_collaborator_alias", "added_at")}
    shown["clean_room_name"] = here["name"]
    shown["status"] = "ACTIVE"
    if kind == "NOTEBOOK_FILE":
        shown["notebook"] = reviews.notebook_shown(there, asset, asset["versions"][-1])
        return shown
    side = rooms.seen_from(call, there, asset["owner_collaborator_alias"])
    owner = (side.get("room", here["name"]) or {}).get("owner", "")
    local = asset["local"]["local_name"]
    table = side.get("table", local)
    if table is None or not may_read(side, local, owner):
        shown["status"] = "PERMISSION_DENIED"
    shown[_SHOWN[kind]] = {"columns": table["columns"] if table else []}
    if asset["owner_collaborator_alias"] == here["alias"]:
        shown[_DETAILS[kind]] = asset["local"]
    return shown


def _get(call: Call) -> Json:
    here, there = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "BROWSE", "MODIFY_CLEAN_ROOM", "EXECUTE_CLEAN_ROOM_TASK")
    return _shown(call, here, there, find(call, there)[1])


def _list(call: Call) -> Json:
    here, there = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "BROWSE", "MODIFY_CLEAN_ROOM", "EXECUTE_CLEAN_ROOM_TASK")
    found = [_shown(call, here, there, each) for _, each in of_room(call, there)]
    return call.page(found, "assets")


def of_room(call: Call, there: Json) -> list[tuple[str, Json]]:
    return [(key, each) for key, each in call.state.all("asset", CENTRAL) if key.startswith(f"{there['id']}/")]


def _update(call: Call) -> Json:
    """A notebook's new version, or another local table behind the same name; only by the side that owns the asset."""
    here, there, key, asset = _own(call)
    kind, name = _given(call, here, (asset["asset_type"], asset["name"]))
    if (kind, name) != (asset["asset_type"], asset["name"]):
        raise invalid("An asset's type and name cannot be changed.")
    asset |= _content(call, here, there, kind, name, asset)
    call.state.put("asset", CENTRAL, key, asset)
    _changed(call, there, here["alias"], "updated_assets", name)
    return _shown(call, here, there, asset)


def _delete(call: Call) -> Json:
    here, there, key, asset = _own(call)
    call.state.delete("asset", CENTRAL, key)
    _changed(call, there, here["alias"], "removed_assets", asset["name"])
    return {}


def _own(call: Call) -> tuple[Json, Json, str, Json]:
    here, there = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "MODIFY_CLEAN_ROOM")
    key, asset = find(call, there)
    if asset["owner_collaborator_alias"] != here["alias"]:
        raise denied(f"The asset belongs to '{asset['owner_collaborator_alias']}'.")
    return here, there, key, asset


ROUTES = [
    Route("POST", _ASSETS, _create, CleanRoomAssetsAPI.create, CleanRoomAsset),
    Route("GET", _ASSETS, _list, CleanRoomAssetsAPI.list),
    Route("GET", _ASSET, _get, CleanRoomAssetsAPI.get),
    Route("PATCH", _ASSET, _update, CleanRoomAssetsAPI.update, CleanRoomAsset),
    Route("DELETE", _ASSET, _delete, CleanRoomAssetsAPI.delete),
]
