"""ABAC policies: kept, listed with what is inherited, looked at when a table becomes an asset. Queries ignore them."""

from __future__ import annotations

import uuid

from databricks.sdk.service.catalog import PoliciesAPI, PolicyInfo

from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import need, parents, record_of
from cleanroom_core.simulator.refusal import DOCUMENTED, Refusal, exists, invalid, missing
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_POLICIES = "/api/2.1/unity-catalog/policies"
_ON = f"{_POLICIES}/{{on_securable_type}}/{{on_securable_fullname}}"
_QUOTA = {"catalog": 100, "schema": 100, "table": 50}
_KIND = {"POLICY_TYPE_ROW_FILTER": "row_filter", "POLICY_TYPE_COLUMN_MASK": "column_mask"}


def _create(call: Call) -> Json:
    return create(call, call.body, replace=False)


def create(call: Call, given: Json, replace: bool) -> Json:
    """Keep a policy; with `replace` in place of one of that name. Raises Refusal."""
    kind, name = str(given.get("on_securable_type", "")).lower(), str(given.get("on_securable_fullname", "")).lower()
    if kind not in _QUOTA or not given.get("name"):
        raise invalid(
            "A policy needs name, on_securable_type (CATALOG, SCHEMA or TABLE) and on_securable_fullname.", DOCUMENTED
        )
    record_of(call, kind, name)
    need(call, kind, name, "MANAGE")
    _check(given)
    key = f"{kind}:{name}:{given['name']}"
    if not replace and call.get("policy", key) is not None:
        raise exists(f"Policy '{given['name']}' already exists.")
    if sum(1 for each, _ in call.all("policy") if each.startswith(f"{kind}:{name}:")) >= _QUOTA[kind]:
        raise Refusal(400, "RESOURCE_LIMIT_EXCEEDED", f"A {kind} has at most {_QUOTA[kind]} policies.", DOCUMENTED)
    record = {**given, "on_securable_fullname": name, "id": str(uuid.uuid4()), "created_at": now(), "created_by": call.caller}
    call.put("policy", key, record)
    return record


def _check(given: Json) -> None:
    wanted = _KIND.get(given["policy_type"])
    if wanted is None:
        raise invalid("The simulator keeps row filter and column mask policies only.", "simulator")
    if wanted not in given or given["for_securable_type"] != "TABLE":
        raise invalid(f"A policy of type {given['policy_type']} is for TABLE and carries {wanted}.")
    if len(given["to_principals"]) > 20 or len(given.get("except_principals", ())) > 20:
        raise invalid("TO and EXCEPT name at most 20 principals each.", DOCUMENTED)
    if len(given.get("match_columns", ())) > (6 if wanted == "row_filter" else 3):
        raise invalid("Too many column conditions: 6 for a row filter, 3 for a mask.", DOCUMENTED)


def _list(call: Call) -> Json:
    kind, name = call.path["on_securable_type"].lower(), call.path["on_securable_fullname"].lower()
    record_of(call, kind, name)
    on = parents(kind, name) if call.query.get("include_inherited") == "true" else [(kind, name)]
    places = {f"{each_kind}:{each}" for each_kind, each in on}
    found = [record for key, record in call.all("policy") if key.rsplit(":", 1)[0] in places]
    return call.page(found, "policies", parameter="max_results")


def _find(call: Call, kind: str, on: str, name: str) -> tuple[str, Json]:
    key = f"{kind}:{on}:{name}"
    found = call.get("policy", key)
    if found is None:
        raise missing(f"Policy '{name}' does not exist on {kind} '{on}'.", "POLICY_DOES_NOT_EXIST")
    return key, found


def _named(call: Call) -> tuple[str, str, str]:
    return call.path["on_securable_type"].lower(), call.path["on_securable_fullname"].lower(), call.path["name"]


def _get(call: Call) -> Json:
    return _find(call, *_named(call))[1]


def _delete(call: Call) -> Json:
    delete(call, *_named(call))
    return {}


def delete(call: Call, kind: str, on: str, name: str) -> None:
    """Forget a policy. Raises Refusal."""
    key, _ = _find(call, kind, on, name)
    need(call, kind, on, "MANAGE")
    call.state.delete("policy", call.place, key)


ROUTES = [
    Route("POST", _POLICIES, _create, PoliciesAPI.create_policy, PolicyInfo),
    Route("GET", _ON, _list, PoliciesAPI.list_policies),
    Route("GET", f"{_ON}/{{name}}", _get, PoliciesAPI.get_policy),
    Route("DELETE", f"{_ON}/{{name}}", _delete, PoliciesAPI.delete_policy),
]
