"""Recipients of shares: those with tokens, whose tokens end and are rotated, and those without."""

from __future__ import annotations

import uuid

from databricks.sdk.service.sharing import RecipientsAPI

from cleanroom_core.simulator import names
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import is_metastore_admin, need, owns, record_of
from cleanroom_core.simulator.refusal import DOCUMENTED, SDK, Refusal, denied, exists, invalid
from cleanroom_core.simulator.securables import stamped
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import DAY, now

_RECIPIENTS = "/api/2.1/unity-catalog/recipients"


def _create(call: Call) -> Json:
    need(call, "metastore", call.workspace.metastore_id, "CREATE_RECIPIENT")
    name = names.securable(call.body["name"], "name")
    if call.get("recipient", name) is not None:
        raise exists(f"Recipient '{name}' already exists.", "RECIPIENT_ALREADY_EXISTS")
    record: Json = {**stamped(call), **call.body, "name": name, "id": str(uuid.uuid4())}
    kind = record["authentication_type"]
    partner = record.get("data_recipient_global_metastore_id")
    if (kind == "DATABRICKS") != (partner is not None):
        raise invalid("data_recipient_global_metastore_id is given for authentication_type DATABRICKS and no other.", SDK)
    if partner is not None:
        names.global_metastore_id(partner)
    if kind == "TOKEN":
        record["tokens"] = [_token(call, record.pop("expiration_time", None))]
    call.put("recipient", name, record)
    return record


def _token(call: Call, wanted: int | None) -> Json:
    """A new token: the metastore's lifetime, or an earlier end when one is asked for; never more than a year."""
    lifetime = record_of(call, "metastore", call.workspace.metastore_id)["delta_sharing_recipient_token_lifetime_in_seconds"]
    stamp = now()
    latest = stamp + min(int(lifetime) * 1000, 365 * DAY)
    if wanted is not None and not stamp < int(wanted) <= latest:
        raise invalid("expiration_time must lie in the future and within the metastore's token lifetime.", DOCUMENTED)
    return {
        "id": str(uuid.uuid4()),
        "created_at": stamp,
        "created_by": call.caller,
        "expiration_time": int(wanted or latest),
        "activation_url": "https://simulator.invalid/delta_sharing/retrieve_config.html",
    }


def _seen(call: Call, name: str) -> Json:
    record = record_of(call, "recipient", name.lower())
    if not (owns(call, "recipient", name.lower()) or is_metastore_admin(call)):
        need(call, "metastore", call.workspace.metastore_id, "USE_RECIPIENT")
    return record


def _get(call: Call) -> Json:
    return _seen(call, call.path["name"])


def _list(call: Call) -> Json:
    wanted = call.query.get("data_recipient_global_metastore_id")
    found = [
        record
        for key, record in call.all("recipient")
        if (owns(call, "recipient", key) or is_metastore_admin(call))
        and wanted in (None, record.get("data_recipient_global_metastore_id"))
    ]
    return call.page(found, "recipients", parameter="max_results")


def _owned(call: Call) -> tuple[str, Json]:
    name = call.path["name"].lower()
    record = record_of(call, "recipient", name)
    if not owns(call, "recipient", name):
        raise denied("Only the recipient's owner may do this.", SDK)
    return name, record


def _rotate(call: Call) -> Json:
    """A second token beside the first, whose end comes no later than asked; no third while two live."""
    name, record = _owned(call)
    seconds = int(call.body["existing_token_expire_in_seconds"])
    if record["authentication_type"] != "TOKEN":
        raise invalid("Only recipients with authentication_type TOKEN have tokens to rotate.", DOCUMENTED)
    if seconds < 0:
        raise invalid("existing_token_expire_in_seconds must not be negative; 0 ends the token now.", SDK)
    stamp = now()
    alive = [token for token in record["tokens"] if token["expiration_time"] > stamp]
    if len(alive) > 1:
        raise Refusal(
            400, "INVALID_STATE", "The recipient has two live tokens; wait until the rotated one has ended.", DOCUMENTED
        )
    for token in alive:
        token["expiration_time"] = min(token["expiration_time"], stamp + seconds * 1000)
    record["tokens"] = [*alive, _token(call, None)]
    call.put("recipient", name, {**record, "updated_at": stamp, "updated_by": call.caller})
    return record


def _update(call: Call) -> Json:
    name, record = _owned(call)
    extra = sorted(set(call.body) - {"comment", "owner"})
    if extra:
        raise invalid(f"The simulator changes comment and owner only; '{extra[0]}' is not played.", "simulator")
    record |= {**call.body, "updated_at": now()}
    call.put("recipient", name, record)
    return record


def _delete(call: Call) -> Json:
    name, _ = _owned(call)
    call.state.delete("recipient", call.place, name)
    return {}


ROUTES = [
    Route("POST", _RECIPIENTS, _create, RecipientsAPI.create),
    Route("GET", _RECIPIENTS, _list, RecipientsAPI.list),
    Route("GET", f"{_RECIPIENTS}/{{name}}", _get, RecipientsAPI.get),
    Route("PATCH", f"{_RECIPIENTS}/{{name}}", _update, RecipientsAPI.update),
    Route("DELETE", f"{_RECIPIENTS}/{{name}}", _delete, RecipientsAPI.delete),
    Route("POST", f"{_RECIPIENTS}/{{name}}/rotate-token", _rotate, RecipientsAPI.rotate_token),
]
