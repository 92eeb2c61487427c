"""Making and dropping catalogs, schemas, tables and functions: the record and what lies in the database, together."""

from __future__ import annotations

from cleanroom_core.simulator import names
from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.privileges import need, record_of
from cleanroom_core.simulator.refusal import DOCUMENTED, Refusal, exists
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now


def stamped(call: Call) -> Json:
    """What every new securable says about its making."""
    at = now()
    return {"owner": call.caller, "created_at": at, "created_by": call.caller, "updated_at": at, "updated_by": call.caller}


def create_catalog(call: Call, given: object, comment: str = "") -> str:
    name = names.securable(given, "name")
    if call.get("catalog", name) is not None:
        raise exists(f"Catalog '{name}' already exists.", "CATALOG_ALREADY_EXISTS")
    call.put("catalog", name, {**stamped(call), "catalog_type": "MANAGED_CATALOG", "comment": comment})
    call.put("schema", f"{name}.default", stamped(call))
    return name


def create_schema(call: Call, catalog: str, given: object, comment: str = "") -> str:
    """Raises Refusal without CREATE_SCHEMA on the catalog."""
    record_of(call, "catalog", catalog.lower())
    need(call, "catalog", catalog.lower(), "CREATE_SCHEMA")
    name = f"{catalog.lower()}.{names.securable(given, 'name')}"
    if call.get("schema", name) is not None:
        raise exists(f"Schema '{name}' already exists.", "SCHEMA_ALREADY_EXISTS")
    call.put("schema", name, {**stamped(call), "comment": comment})
    return name


def drop(call: Call, kind: str, name: str, cascade: bool = False) -> None:
    """Remove a securable, with what is in it when `cascade` says so. Raises Refusal for what a clean room still shares."""
    inside = _inside(call, kind, name)
    if inside and not cascade:
        code = "CATALOG_NOT_EMPTY" if kind == "catalog" else "SCHEMA_NOT_EMPTY"
        raise Refusal(409, code, f"{kind.capitalize()} '{name}' is not empty.")
    for each_kind, each in [*inside, (kind, name)]:
        if each_kind == "table":
            _not_shared(call, each)
    for each_kind, each in [*inside, (kind, name)]:
        if each_kind == "table":
            call.state.delete("history", call.place, each)
            call.database.drop_table(call.place, each, (call.get("table", each) or {}).get("table_type") == "VIEW")
        call.state.delete(each_kind, call.place, each)
        call.state.delete("grant", call.place, f"{each_kind}:{each}")


def _inside(call: Call, kind: str, name: str) -> list[tuple[str, str]]:
    found = [(each, key) for each in ("table", "function") for key, _ in call.all(each) if key.startswith(f"{name}.")]
    if kind == "catalog":
        found += [("schema", key) for key, _ in call.all("schema") if key.startswith(f"{name}.") and key != f"{name}.default"]
    return found if kind in ("catalog", "schema") else []


def _not_shared(call: Call, table: str) -> None:
    here = {room["central_id"]: room["alias"] for _, room in call.all("room")}
    for _, asset in call.state.all("asset", CENTRAL):
        local = asset.get("local", {}).get("local_name")
        if local == table and here.get(asset["central_id"]) == asset["owner_collaborator_alias"]:
            raise Refusal(
                409,
                "DELTA_SHARING_SECURABLE_DELETE_BLOCKED.BY_CLEAN_ROOMS",
                f"'{table}' is shared in a clean room; remove the asset first.",
                DOCUMENTED,
            )
