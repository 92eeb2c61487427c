"""Secret scopes of a workspace."""

from __future__ import annotations

import base64
import re

from databricks.sdk.service.workspace import SecretsAPI

from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.refusal import SDK, denied, exists, invalid, missing
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_PATH = "/api/2.0/secrets"
_RANK = {"READ": 1, "WRITE": 2, "MANAGE": 3}


def _create_scope(call: Call) -> Json:
    name = call.body["scope"]
    if not re.fullmatch(r"[\w.@-]{1,128}", name):
        raise invalid("A scope's name is 1 to 128 letters, digits, dashes, underscores, periods and @.", SDK)
    if call.body.get("scope_backend_type", "DATABRICKS") != "DATABRICKS" or "backend_azure_keyvault" in call.body:
        raise invalid("The simulator keeps secrets itself only.", "simulator")
    if call.get("scope", name) is not None:
        raise exists(f"Scope {name} already exists!")
    manager = call.body.get("initial_manage_principal", call.caller)
    call.put("scope", name, {"acls": {manager: "MANAGE"}, "secrets": {}})
    return {}


def _scope(call: Call, name: str, permission: str) -> Json:
    found = call.get("scope", name)
    if found is None:
        raise missing(f"Scope {name} does not exist!")
    held = max((_RANK[each] for who, each in found["acls"].items() if who in {call.caller, "users", *call.groups}), default=0)
    if held < _RANK[permission] and "admins" not in call.groups:
        raise denied(f"User has no {permission} permission on scope {name}.", SDK)
    return found


def _put(call: Call) -> Json:
    name, key = call.body["scope"], call.body["key"]
    record = _scope(call, name, "WRITE")
    if ("string_value" in call.body) == ("bytes_value" in call.body):
        raise invalid("Give either string_value or bytes_value.", SDK)
    text = call.body.get("bytes_value") or base64.b64encode(str(call.body.get("string_value")).encode()).decode()
    record["secrets"][key] = {"value": text, "at": now()}
    call.put("scope", name, record)
    return {}


def _get(call: Call) -> Json:
    name, key = call.query["scope"], call.query["key"]
    found = _scope(call, name, "READ")["secrets"].get(key)
    if found is None:
        raise missing(f"No secret with key {key} in scope {name}.")
    return {"key": key, "value": found["value"]}


def _list(call: Call) -> Json:
    record = _scope(call, call.query["scope"], "READ")
    return {"secrets": [{"key": key, "last_updated_timestamp": each["at"]} for key, each in record["secrets"].items()]}


def _delete(call: Call) -> Json:
    name, key = call.body["scope"], call.body["key"]
    record = _scope(call, name, "WRITE")
    if record["secrets"].pop(key, None) is None:
        raise missing(f"No secret with key {key} in scope {name}.")
    call.put("scope", name, record)
    return {}


def _list_scopes(call: Call) -> Json:
    return {"scopes": [{"name": key, "backend_type": "DATABRICKS"} for key, _ in call.all("scope")]}


def _delete_scope(call: Call) -> Json:
    _scope(call, call.body["scope"], "MANAGE")
    call.state.delete("scope", call.place, call.body["scope"])
    return {}


def _put_acl(call: Call) -> Json:
    record = _scope(call, call.body["scope"], "MANAGE")
    record["acls"][call.body["principal"]] = call.body["permission"]
    call.put("scope", call.body["scope"], record)
    return {}


def _list_acls(call: Call) -> Json:
    record = _scope(call, call.query["scope"], "MANAGE")
    return {"items": [{"principal": who, "permission": each} for who, each in record["acls"].items()]}


ROUTES = [
    Route("POST", f"{_PATH}/scopes/create", _create_scope, SecretsAPI.create_scope),
    Route("POST", f"{_PATH}/scopes/delete", _delete_scope, SecretsAPI.delete_scope),
    Route("GET", f"{_PATH}/scopes/list", _list_scopes, SecretsAPI.list_scopes),
    Route("POST", f"{_PATH}/put", _put, SecretsAPI.put_secret),
    Route("GET", f"{_PATH}/get", _get, SecretsAPI.get_secret),
    Route("GET", f"{_PATH}/list", _list, SecretsAPI.list_secrets),
    Route("POST", f"{_PATH}/delete", _delete, SecretsAPI.delete_secret),
    Route("POST", f"{_PATH}/acls/put", _put_acl, SecretsAPI.put_acl),
    Route("GET", f"{_PATH}/acls/list", _list_acls, SecretsAPI.list_acls),
]
