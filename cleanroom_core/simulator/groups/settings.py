"""Settings of a workspace and of its account that prechecks read."""

from __future__ import annotations

from databricks.sdk.service.settings import ComplianceSecurityProfileAPI, WorkspaceConfAPI

from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.refusal import denied, missing
from cleanroom_core.simulator.strict import Json


def _compliance(call: Call) -> Json:
    profile = {"is_enabled": False, "compliance_standards": [], **(call.get("compliance") or {})}
    return {"compliance_security_profile_workspace": profile, "setting_name": "default", "etag": "1"}


def _conf(call: Call) -> Json:
    known = call.get("conf") or {}
    return {key: known.get(key) for key in call.query["keys"].split(",")}


def _workspace(call: Call) -> Json:
    seed = call.workspace.seed
    if call.path["account_id"] != seed["account_id"]:
        raise missing("That account is not simulated here.")
    if "admins" not in call.groups:
        raise denied("Only account admins see the account's workspaces.")
    named = {"workspace_id": seed["workspace_id"], "workspace_name": seed["name"], "account_id": seed["account_id"]}
    return {**named, "cloud": seed["cloud"], "aws_region": seed["region"], **(call.get("account") or {})}


def _one_workspace(call: Call) -> Json:
    found = _workspace(call)
    if call.path["workspace_id"] != str(found["workspace_id"]):
        raise missing("That workspace is not in this account.")
    return found


_SETTING = "/api/2.0/settings/types/shield_csp_enablement_ws_db/names/default"
ROUTES = [
    Route("GET", _SETTING, _compliance, ComplianceSecurityProfileAPI.get),
    Route("GET", "/api/2.0/workspace-conf", _conf, WorkspaceConfAPI.get_status),
    Route("GET", "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}", _one_workspace),
]
