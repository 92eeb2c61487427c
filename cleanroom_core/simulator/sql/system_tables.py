"""`system.*`: the events of clean rooms and the usage they are billed for, made from the simulator's own records."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlglot import exp

from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.sql.failure import SqlFailure, no_table
from cleanroom_core.simulator.strict import Json

_EVENTS = {
    "account_id": "STRING",
    "metastore_id": "STRING",
    "event_id": "STRING",
    "clean_room_name": "STRING",
    "central_clean_room_id": "STRING",
    "initiator_global_metastore_id": "STRING",
    "initiator_collaborator_alias": "STRING",
    "event_time": "TIMESTAMP",
    "event_type": "STRING",
}
_USAGE = {
    "record_id": "STRING",
    "account_id": "STRING",
    "workspace_id": "STRING",
    "sku_name": "STRING",
    "cloud": "STRING",
    "usage_start_time": "TIMESTAMP",
    "usage_end_time": "TIMESTAMP",
    "usage_date": "DATE",
    "usage_unit": "STRING",
    "usage_quantity": "DECIMAL(38,18)",
    "billing_origin_product": "STRING",
    "central_clean_room_id": "STRING",
}
# event type -> the struct that carries its details; here it is the struct's JSON text
_DETAILS = {
    "CLEAN_ROOM_CREATED": "clean_room_created_metadata",
    "CLEAN_ROOM_DELETED": "clean_room_deleted_metadata",
    "CLEAN_ROOM_ASSETS_UPDATED": "clean_room_assets_updated_metadata",
    "ASSET_REVIEW_CREATED": "asset_review_created_metadata",
    "RUN_NOTEBOOK_STARTED": "run_notebook_started_metadata",
    "RUN_NOTEBOOK_COMPLETED": "run_notebook_completed_metadata",
    "OUTPUT_SCHEMA_DELETED": "output_schema_deleted_metadata",
}


def query(call: Call, name: str) -> exp.Expr:
    """A query that yields the system table's rows. Raises SqlFailure when it is not simulated, or its schema not enabled."""
    if name not in ("system.access.clean_room_events", "system.billing.usage"):
        raise no_table(name)
    schema = name.split(".")[1]
    if (call.get("system_schema", schema) or {}).get("state") not in ("ENABLE_COMPLETED", "MANAGED"):
        raise SqlFailure("SCHEMA_NOT_FOUND", f"The schema `system`.`{schema}` is not enabled.", "42704")
    return _events(call) if schema == "access" else _usage(call)


def _events(call: Call) -> exp.Expr:
    seed = call.workspace.seed
    rows = []
    for _, event in call.all("room_event"):
        plain = {key: event.get(key) for key in _EVENTS}
        plain |= {
            "account_id": seed["account_id"],
            "metastore_id": seed["metastore_id"],
            "event_time": _time(event["event_time"]),
        }
        details = dict.fromkeys(_DETAILS.values())
        rows.append({**plain, **details, _DETAILS[event["event_type"]]: json.dumps(event["metadata"])})
    return _values(rows, {**_EVENTS, **dict.fromkeys(_DETAILS.values(), "STRING")})


def _usage(call: Call) -> exp.Expr:
    """One DBU per collaborator and day on which a room ran something: a third party's model, not a price list."""
    seed = call.workspace.seed
    days: dict[tuple[str, str], Json] = {}
    for key, event in call.all("room_event"):
        if event["event_type"] != "RUN_NOTEBOOK_COMPLETED":
            continue
        day = _time(event["event_time"])[:10]
        days[(event["central_clean_room_id"], day)] = {
            "record_id": key,
            "account_id": seed["account_id"],
            "workspace_id": str(seed["workspace_id"]),
            "sku_name": f"PREMIUM_CLEAN_ROOMS_{seed['region'].upper().replace('-', '_')}",
            "cloud": seed["cloud"].upper(),
            "usage_start_time": f"{day} 00:00:00",
            "usage_end_time": f"{day} 23:59:59",
            "usage_date": day,
            "usage_unit": "DBU",
            "usage_quantity": "1",
            "billing_origin_product": "CLEAN_ROOM",
            "central_clean_room_id": event["central_clean_room_id"],
        }
    return _values(list(days.values()), _USAGE)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _values(rows: list[Json], types: dict[str, str]) -> exp.Expr:
    """The rows as one VALUES list, each column cast to its type; empty when there are none."""
    tuples = [exp.Tuple(expressions=[_literal(row.get(key)) for key in types]) for row in rows or [{}]]
    alias = exp.TableAlias(this=exp.to_identifier("v"), columns=[exp.to_identifier(key, quoted=True) for key in types])
    columns = [
        exp.alias_(exp.Cast(this=exp.column(key, quoted=True), to=exp.DataType.build(kind, dialect="databricks")), key)
        for key, kind in types.items()
    ]
    query = exp.select(*columns).from_(exp.Values(expressions=tuples, alias=alias))
    return query if rows else query.where(exp.false())


def _literal(value: object) -> exp.Expr:
    return exp.Null() if value is None else exp.Literal.string(str(value))
