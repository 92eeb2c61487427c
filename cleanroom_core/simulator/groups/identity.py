"""Who is asking: discovery, OAuth client credentials, SCIM, the secrets of service principals."""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from databricks.sdk.service.iam import CurrentUserAPI, ServicePrincipalsV2API
from databricks.sdk.service.oauth2 import ServicePrincipalSecretsAPI, ServicePrincipalSecretsProxyAPI

from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.refusal import DOCUMENTED, GUESS, SDK, Refusal, denied, invalid, missing
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import DAY, fingerprint, now

_HOUR = 3600
_SECRETS = "/api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets"


def _well_known(call: Call) -> Json:
    seed = call.workspace.seed
    return {
        "oidc_endpoint": f"{call.host}/oidc",
        "account_id": seed["account_id"],
        "workspace_id": str(seed["workspace_id"]),
        "cloud": str(seed["cloud"]).upper(),
    }


def _oidc(call: Call) -> Json:
    return {
        "authorization_endpoint": f"{call.host}/oidc/v1/authorize",
        "token_endpoint": f"{call.host}/oidc/v1/token",
        "issuer": f"{call.host}/oidc",
    }


def _token(call: Call) -> Json:
    """OAuth 2 client credentials, the secret in the Basic header as the SDK sends it, or in the form."""
    if call.body.get("grant_type") != "client_credentials":
        raise Refusal(400, "unsupported_grant_type", "Only client_credentials is answered.")
    client, secret = _basic(call.headers.get("authorization", "")) or (
        call.body.get("client_id", ""),
        call.body.get("client_secret", ""),
    )
    principal = call.get("principal", client)
    if principal is None or principal["kind"] != "service" or not principal["active"]:
        raise Refusal(401, "invalid_client", "Client authentication failed.")
    known = [record for key, record in call.all("service_secret") if key.startswith(f"{principal['id']}/")]
    valid = [each for each in known if secrets.compare_digest(each["secret_hash"], fingerprint(secret))]
    if not valid or (valid[0]["expire_time"] is not None and valid[0]["expire_time"] <= now()):
        raise Refusal(401, "invalid_client", "Client authentication failed.")
    token = secrets.token_urlsafe(32)
    call.put("bearer", fingerprint(token), {"principal": client, "expires": now() + _HOUR * 1000})
    return {"access_token": token, "token_type": "Bearer", "expires_in": _HOUR, "scope": call.body.get("scope", "all-apis")}


def _basic(header: str) -> tuple[str, str] | None:
    kind, _, value = header.partition(" ")
    if kind != "Basic":
        return None
    try:
        client, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote(client), unquote(secret)


def _me(call: Call) -> Json:
    record = call.get("principal", call.caller) or {}
    named = {"userName": call.caller, "displayName": record["display"], "id": record["id"], "active": record["active"]}
    emails = [{"value": call.caller, "primary": True, "type": "work"}] if record["kind"] == "user" else []
    return {**named, "groups": _groups_of(call, record), "emails": emails}


def _groups_of(call: Call, principal: Json) -> list[Json]:
    return [
        {"display": name, "value": (call.get("group", name) or {}).get("id", "0"), "type": "direct"}
        for name in principal["groups"]
    ]


def _services(call: Call) -> Json:
    wanted = call.query.get("filter", "")
    found = [_service(call, key, each) for key, each in call.all("principal") if each["kind"] == "service"]
    if wanted:
        attribute, operator, value = [*wanted.split(" ", 2), "", ""][:3]
        if operator != "eq" or attribute not in ("applicationId", "displayName"):
            raise invalid("Only filters like applicationId eq '...' are answered.")
        found = [each for each in found if each[attribute] == value.strip("\"'")]
    if int(call.query.get("startIndex", "1")) > len(found):
        found = []
    return {"Resources": found, "totalResults": len(found), "startIndex": 1, "itemsPerPage": len(found)}


def _service(call: Call, application_id: str, record: Json) -> Json:
    return {
        "id": record["id"],
        "applicationId": application_id,
        "displayName": record["display"],
        "active": record["active"],
        "groups": _groups_of(call, record),
    }


def _one_service(call: Call) -> Json:
    key, record = _by_id(call, call.path["id"])
    return _service(call, key, record)


def _by_id(call: Call, number: str) -> tuple[str, Json]:
    for key, record in call.all("principal"):
        if record["kind"] == "service" and record["id"] == number:
            return key, record
    raise missing(f"Service principal {number} does not exist; its number is asked for, not its application id.")


def _groups(call: Call) -> Json:
    found = [{"id": each["id"], "displayName": key} for key, each in call.all("group")]
    if int(call.query.get("startIndex", "1")) > len(found):
        found = []
    return {"Resources": found, "totalResults": len(found), "startIndex": 1, "itemsPerPage": len(found)}


def _secret_info(record: Json) -> Json:
    reply: Json = {
        "id": record["id"],
        "secret_hash": record["secret_hash"],
        "create_time": _rfc3339(record["create_time"]),
        "update_time": _rfc3339(record["create_time"]),
        "scopes": record["scopes"],
        "status": "ACTIVE",
    }
    if record["expire_time"] is not None:
        reply["expire_time"] = _rfc3339(record["expire_time"])
    return reply


def _rfc3339(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _owned_secrets(call: Call) -> list[tuple[str, Any]]:
    number, account = call.path["service_principal_id"], call.workspace.seed["account_id"]
    if call.path.get("account_id", account) != account:
        raise missing("That account is not simulated here.", source="simulator")
    key, _ = _by_id(call, number)
    if call.caller != key and "admins" not in call.groups:
        raise denied("Only the service principal itself or a workspace admin sees its secrets.", GUESS)
    return [each for each in call.all("service_secret") if each[0].startswith(f"{number}/")]


def _list_secrets(call: Call) -> Json:
    return call.page([_secret_info(record) for _, record in _owned_secrets(call)], "secrets")


def _create_secret(call: Call) -> Json:
    """At most five per service principal; 730 days unless a shorter life is asked for."""
    if len(_owned_secrets(call)) >= 5:
        raise Refusal(
            400, "RESOURCE_LIMIT_EXCEEDED", "A service principal has at most 5 secrets; delete one first.", DOCUMENTED
        )
    lifetime = str(call.body.get("lifetime", f"{730 * 86400}s"))
    if not (lifetime.endswith("s") and lifetime[:-1].isdecimal() and 0 < int(lifetime[:-1]) <= 730 * 86400):
        raise invalid("lifetime is a number of seconds like '86400s', at most 730 days.", DOCUMENTED)
    secret, stamp = f"dose{secrets.token_hex(16)}", now()
    record = {
        "id": secrets.token_hex(8),
        "secret_hash": fingerprint(secret),
        "create_time": stamp,
        "expire_time": min(stamp + int(lifetime[:-1]) * 1000, stamp + 730 * DAY),
        "scopes": call.body.get("scopes", ["all-apis"]),
    }
    call.put("service_secret", f"{call.path['service_principal_id']}/{record['id']}", record)
    return {**_secret_info(record), "secret": secret}


def _delete_secret(call: Call) -> Json:
    _owned_secrets(call)
    if not call.state.delete("service_secret", call.place, f"{call.path['service_principal_id']}/{call.path['secret_id']}"):
        raise missing("That secret does not exist.")
    return {}


_OF_ACCOUNT = "/api/2.0/accounts/{account_id}/servicePrincipals/{service_principal_id}/credentials/secrets"
ROUTES = [
    Route("GET", "/.well-known/databricks-config", _well_known, source=SDK, anonymous=True),
    Route("GET", "/oidc/.well-known/oauth-authorization-server", _oidc, source=SDK, anonymous=True),
    Route("POST", "/oidc/v1/token", _token, source=SDK, anonymous=True, form=True),
    Route("GET", "/api/2.0/preview/scim/v2/Me", _me, CurrentUserAPI.me),
    Route("GET", "/api/2.0/preview/scim/v2/ServicePrincipals", _services),
    Route("GET", "/api/2.0/preview/scim/v2/ServicePrincipals/{id}", _one_service, ServicePrincipalsV2API.get),
    Route("GET", "/api/2.0/preview/scim/v2/Groups", _groups),
    Route("GET", _SECRETS, _list_secrets, ServicePrincipalSecretsProxyAPI.list),
    Route("POST", _SECRETS, _create_secret, ServicePrincipalSecretsProxyAPI.create),
    Route("DELETE", f"{_SECRETS}/{{secret_id}}", _delete_secret, ServicePrincipalSecretsProxyAPI.delete),
    Route("GET", _OF_ACCOUNT, _list_secrets, ServicePrincipalSecretsAPI.list),
    Route("POST", _OF_ACCOUNT, _create_secret, ServicePrincipalSecretsAPI.create),
    Route("DELETE", f"{_OF_ACCOUNT}/{{secret_id}}", _delete_secret, ServicePrincipalSecretsAPI.delete),
]
