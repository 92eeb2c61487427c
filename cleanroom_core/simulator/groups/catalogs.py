"""Catalogs, schemas, tables and functions as Unity Catalog lists them. Tables, views and functions are made with SQL."""

from __future__ import annotations

from databricks.sdk.service.catalog import CatalogsAPI, FunctionsAPI, SchemasAPI, TablesAPI

from cleanroom_core.simulator import playing, securables
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import holds, is_metastore_admin, need, owns, record_of
from cleanroom_core.simulator.refusal import denied, invalid
from cleanroom_core.simulator.strict import Json

_UC = "/api/2.1/unity-catalog"
_SEEN = {
    "catalog": ("USE_CATALOG", "BROWSE"),
    "schema": ("USE_SCHEMA", "BROWSE"),
    "table": ("SELECT", "MODIFY", "BROWSE"),
    "function": ("EXECUTE", "BROWSE"),
}
_FULL = {"catalog": "name", "schema": "full_name", "table": "full_name", "function": "name"}


def _seen(call: Call, kind: str, name: str) -> bool:
    return is_metastore_admin(call) or any(holds(call, kind, name, each) for each in _SEEN[kind])


def shown(call: Call, kind: str, name: str, record: Json) -> Json:
    parts = name.split(".")
    found = {**record, "name": parts[-1], "full_name": name, "metastore_id": call.workspace.metastore_id}
    if kind == "schema":
        found["catalog_name"] = parts[0]
    elif kind in ("table", "function"):
        found |= {"catalog_name": parts[0], "schema_name": parts[1]}
    return found


def _get_one(kind: str, call: Call) -> Json:
    playing.expire(call)
    name = call.path[_FULL[kind]].lower()
    record = record_of(call, kind, name)
    if not _seen(call, kind, name):
        raise denied(f"User has no privilege on {kind} '{name}'.")
    return shown(call, kind, name, record)


def _list_all(kind: str, call: Call) -> Json:
    playing.expire(call)
    inside = ""
    if kind != "catalog":
        record_of(call, "catalog", call.query["catalog_name"].lower())
        inside = f"{call.query['catalog_name'].lower()}."
    if kind in ("table", "function"):
        inside += f"{call.query['schema_name'].lower()}."
        record_of(call, "schema", inside.rstrip("."))
    found = [
        shown(call, kind, key, record) for key, record in call.all(kind) if key.startswith(inside) and _seen(call, kind, key)
    ]
    return call.page(found, f"{kind}s", parameter="max_results")


def _delete_one(kind: str, call: Call) -> Json:
    name = call.path[_FULL[kind]].lower()
    record_of(call, kind, name)
    need(call, kind, name, "MANAGE")
    securables.drop(call, kind, name, cascade=call.query.get("force") == "true")
    return {}


def _create_catalog(call: Call) -> Json:
    need(call, "metastore", call.workspace.metastore_id, "CREATE_CATALOG")
    _plainly(call, {"name", "comment", "properties"})
    name = securables.create_catalog(call, call.body["name"], call.body.get("comment", ""))
    return shown(call, "catalog", name, call.get("catalog", name) or {})


def _create_schema(call: Call) -> Json:
    _plainly(call, {"name", "catalog_name", "comment", "properties"})
    name = securables.create_schema(call, call.body["catalog_name"], call.body["name"], call.body.get("comment", ""))
    return shown(call, "schema", name, call.get("schema", name) or {})


def _plainly(call: Call, answered: set[str]) -> None:
    extra = sorted(set(call.body) - answered)
    if extra:
        raise invalid(f"The simulator makes managed catalogs and schemas only; '{extra[0]}' is not played.", "simulator")


def _change(kind: str, call: Call) -> Json:
    name = call.path[_FULL[kind]].lower()
    record = record_of(call, kind, name)
    extra = sorted(set(call.body) - {"owner", "comment"})
    if extra:
        raise invalid(f"The simulator changes owner and comment only; '{extra[0]}' is not played.", "simulator")
    if not (owns(call, kind, name) or holds(call, kind, name, "MANAGE") or is_metastore_admin(call)):
        raise denied(f"User does not own {kind} '{name}'.")
    record |= call.body
    call.put(kind, name, record)
    return {} if kind == "table" else shown(call, kind, name, record)


def _exists(call: Call) -> Json:
    return {"table_exists": call.get("table", call.path["full_name"].lower()) is not None}


ROUTES = [
    Route("GET", f"{_UC}/catalogs", lambda call: _list_all("catalog", call), CatalogsAPI.list),
    Route("POST", f"{_UC}/catalogs", _create_catalog, CatalogsAPI.create),
    Route("GET", f"{_UC}/catalogs/{{name}}", lambda call: _get_one("catalog", call), CatalogsAPI.get),
    Route("PATCH", f"{_UC}/catalogs/{{name}}", lambda call: _change("catalog", call), CatalogsAPI.update),
    Route("DELETE", f"{_UC}/catalogs/{{name}}", lambda call: _delete_one("catalog", call), CatalogsAPI.delete),
    Route("GET", f"{_UC}/schemas", lambda call: _list_all("schema", call), SchemasAPI.list),
    Route("POST", f"{_UC}/schemas", _create_schema, SchemasAPI.create),
    Route("GET", f"{_UC}/schemas/{{full_name}}", lambda call: _get_one("schema", call), SchemasAPI.get),
    Route("PATCH", f"{_UC}/schemas/{{full_name}}", lambda call: _change("schema", call), SchemasAPI.update),
    Route("DELETE", f"{_UC}/schemas/{{full_name}}", lambda call: _delete_one("schema", call), SchemasAPI.delete),
    Route("GET", f"{_UC}/tables", lambda call: _list_all("table", call), TablesAPI.list),
    Route("GET", f"{_UC}/tables/{{full_name}}/exists", _exists, TablesAPI.exists),
    Route("GET", f"{_UC}/tables/{{full_name}}", lambda call: _get_one("table", call), TablesAPI.get),
    Route("PATCH", f"{_UC}/tables/{{full_name}}", lambda call: _change("table", call), TablesAPI.update),
    Route("DELETE", f"{_UC}/tables/{{full_name}}", lambda call: _delete_one("table", call), TablesAPI.delete),
    Route("GET", f"{_UC}/functions", lambda call: _list_all("function", call), FunctionsAPI.list),
    Route("GET", f"{_UC}/functions/{{name}}", lambda call: _get_one("function", call), FunctionsAPI.get),
    Route("DELETE", f"{_UC}/functions/{{name}}", lambda call: _delete_one("function", call), FunctionsAPI.delete),
]
