"""The metastore behind a workspace: assignment, facts, sharing settings, system schemas."""

from __future__ import annotations

from databricks.sdk.service.catalog import MetastoresAPI, SystemSchemasAPI

from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import is_metastore_admin, record_of
from cleanroom_core.simulator.refusal import DOCUMENTED, denied, exists, invalid, missing
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_UC = "/api/2.1/unity-catalog"
_SCHEMAS = f"{_UC}/metastores/{{metastore_id}}/systemschemas"
_SUMMARY = {
    "cloud",
    "created_at",
    "created_by",
    "delta_sharing_organization_name",
    "delta_sharing_recipient_token_lifetime_in_seconds",
    "delta_sharing_scope",
    "external_access_enabled",
    "global_metastore_id",
    "metastore_id",
    "name",
    "owner",
    "privilege_model_version",
    "region",
    "updated_at",
    "updated_by",
}
_YEAR = 365 * 86_400


def _current(call: Call) -> Json:
    return dict(call.get("assignment") or {})


def _summary(call: Call) -> Json:
    record = record_of(call, "metastore", call.workspace.metastore_id)
    return {key: value for key, value in record.items() if key in _SUMMARY}


def _admin(call: Call, metastore_id: str) -> Json:
    record = record_of(call, "metastore", metastore_id)
    if not is_metastore_admin(call):
        raise denied("Only a metastore admin may do this.")
    return record


def _get(call: Call) -> Json:
    return _admin(call, call.path["id"])


def _list(call: Call) -> Json:
    found = [record for _, record in call.all("metastore")] if is_metastore_admin(call) else []
    return call.page(found, "metastores", parameter="max_results")


def _update(call: Call) -> Json:
    """Sharing with other accounts wants a token lifetime, from one second to a year; 0 (unlimited) is no longer taken."""
    record = _admin(call, call.path["id"])
    given = dict(call.body)
    scope, lifetime = given.get("delta_sharing_scope"), given.get("delta_sharing_recipient_token_lifetime_in_seconds")
    if scope == "INTERNAL_AND_EXTERNAL" and lifetime is None:
        raise invalid("delta_sharing_scope needs delta_sharing_recipient_token_lifetime_in_seconds alongside.", DOCUMENTED)
    if lifetime is not None and not 0 < int(lifetime) <= _YEAR:
        raise invalid("The token lifetime must be more than 0 seconds and at most one year.", DOCUMENTED)
    if "new_name" in given:
        given["name"] = given.pop("new_name")
    if call.get("principal", given.get("owner", call.caller)) is None and call.get("group", given["owner"]) is None:
        raise invalid(f"Principal '{given['owner']}' does not exist.")
    record |= {**given, "updated_at": now(), "updated_by": call.caller}
    call.put("metastore", call.path["id"], record)
    return record


def _list_schemas(call: Call) -> Json:
    _admin(call, call.path["metastore_id"])
    found = [{"schema": key, "state": each["state"]} for key, each in call.all("system_schema")]
    return call.page(found, "schemas", parameter="max_results")


def _enable(call: Call) -> Json:
    return _switch(call, "ENABLE_COMPLETED", {"ENABLE_COMPLETED", "MANAGED"})


def _disable(call: Call) -> Json:
    return _switch(call, "AVAILABLE", set())


def _switch(call: Call, state: str, refused: set[str]) -> Json:
    _admin(call, call.path["metastore_id"])
    name = call.path["schema_name"]
    record = call.get("system_schema", name)
    if record is None:
        raise missing(f"System schema '{name}' does not exist.", "SCHEMA_DOES_NOT_EXIST")
    if record["state"] in refused:
        raise exists(f"System schema '{name}' is enabled already.", "SCHEMA_ALREADY_EXISTS")
    if record["state"] == "MANAGED":
        raise invalid(f"System schema '{name}' cannot be switched.")
    call.put("system_schema", name, {"state": state})
    return {}


ROUTES = [
    Route("GET", f"{_UC}/current-metastore-assignment", _current, MetastoresAPI.current),
    Route("GET", f"{_UC}/metastore_summary", _summary, MetastoresAPI.summary),
    Route("GET", f"{_UC}/metastores", _list, MetastoresAPI.list),
    Route("GET", f"{_UC}/metastores/{{id}}", _get, MetastoresAPI.get),
    Route("PATCH", f"{_UC}/metastores/{{id}}", _update, MetastoresAPI.update),
    Route("GET", _SCHEMAS, _list_schemas, SystemSchemasAPI.list),
    Route("PUT", f"{_SCHEMAS}/{{schema_name}}", _enable, SystemSchemasAPI.enable),
    Route("DELETE", f"{_SCHEMAS}/{{schema_name}}", _disable, SystemSchemasAPI.disable),
]
