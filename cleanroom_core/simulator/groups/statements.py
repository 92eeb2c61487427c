"""SQL statements over HTTP: executed at once, shown as the API shows them. A statement that fails is no HTTP error."""

from __future__ import annotations

import uuid

from databricks.sdk.service.sql import StatementExecutionAPI

from cleanroom_core.simulator import playing
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.refusal import DOCUMENTED, invalid, missing
from cleanroom_core.simulator.sql import values
from cleanroom_core.simulator.sql.database import Rows
from cleanroom_core.simulator.sql.execute import Session
from cleanroom_core.simulator.sql.failure import SqlFailure
from cleanroom_core.simulator.sql.workspace import WorkspaceResolver
from cleanroom_core.simulator.strict import Json

_STATEMENTS = "/api/2.0/sql/statements"


def _execute(call: Call) -> Json:
    body = call.body
    playing.expire(call)
    if call.get("warehouse", body["warehouse_id"]) is None:
        raise missing(f"Warehouse {body['warehouse_id']} does not exist.")
    _wait(body.get("wait_timeout", "10s"))
    if body.get("disposition", "INLINE") != "INLINE" or body.get("format", "JSON_ARRAY") != "JSON_ARRAY":
        raise invalid("The simulator answers with disposition INLINE and format JSON_ARRAY.", "simulator")
    resolver = WorkspaceResolver(
        call, str(body.get("catalog", "")).lower(), str(body.get("schema", "default")).lower(), call.caller
    )
    statement_id = str(uuid.uuid4())
    try:
        parameters = values.bound(body.get("parameters") or ())
        found = Session(call, resolver, parameters).run(body["statement"])
    except SqlFailure as failure:
        status = {"state": "FAILED", "error": {"error_code": failure.code, "message": str(failure)}}
        if failure.state:
            status["sql_state"] = failure.state
        reply: Json = {"statement_id": statement_id, "status": status}
    else:
        reply = {"statement_id": statement_id, "status": {"state": "SUCCEEDED"}, **_result(found, body.get("row_limit"))}
    looks = int((call.get("limits") or {}).get("statement_looks", 0))
    call.put("statement", statement_id, {**reply, "caller": call.caller, "looks": looks})
    return _running(statement_id) if looks else reply


def _running(statement_id: str) -> Json:
    return {"statement_id": statement_id, "status": {"state": "RUNNING"}}


def _wait(text: str) -> None:
    if text != "0s" and not (text.endswith("s") and text[:-1].isdecimal() and 5 <= int(text[:-1]) <= 50):
        raise invalid("wait_timeout must be 0s or between 5s and 50s.", DOCUMENTED)


def _result(found: Rows, limit: int | None) -> Json:
    rows = values.arrays(found)
    truncated = limit is not None and len(rows) > int(limit)
    rows = rows[: int(limit)] if limit is not None else rows
    columns = [values.of_column(name, kind, number) for number, (name, kind) in enumerate(found.columns)]
    return {
        "manifest": {
            "format": "JSON_ARRAY",
            "schema": {"column_count": len(columns), "columns": columns},
            "total_chunk_count": 1,
            "total_row_count": len(rows),
            "truncated": truncated,
        },
        "result": {"chunk_index": 0, "row_offset": 0, "row_count": len(rows), "data_array": rows},
    }


def _find(call: Call) -> Json:
    found = call.get("statement", call.path["statement_id"])
    if found is None or found["caller"] != call.caller:
        raise missing(f"The statement {call.path['statement_id']} was not found.", "NOT_FOUND")
    if found.get("looks"):
        call.put("statement", found["statement_id"], {**found, "looks": found["looks"] - 1})
        return _running(found["statement_id"])
    return {key: value for key, value in found.items() if key not in ("caller", "looks")}


def _chunk(call: Call) -> Json:
    found = _find(call)
    if call.path["chunk_index"] != "0" or "result" not in found:
        raise invalid("The statement's result has one chunk, 0.")
    return dict(found["result"])


def _cancel(call: Call) -> Json:
    """It was executed when it was submitted: what is cancelled shows no result, and what it did stays done."""
    found = call.get("statement", call.path["statement_id"])
    if found is None or found["caller"] != call.caller:
        raise missing(f"The statement {call.path['statement_id']} was not found.", "NOT_FOUND")
    if found.get("looks"):
        stopped = {"statement_id": found["statement_id"], "status": {"state": "CANCELED"}, "caller": call.caller}
        call.put("statement", found["statement_id"], stopped)
    return {}


ROUTES = [
    Route("POST", _STATEMENTS, _execute, StatementExecutionAPI.execute_statement),
    Route("GET", f"{_STATEMENTS}/{{statement_id}}", _find, StatementExecutionAPI.get_statement),
    Route("POST", f"{_STATEMENTS}/{{statement_id}}/cancel", _cancel, StatementExecutionAPI.cancel_execution),
    Route(
        "GET",
        f"{_STATEMENTS}/{{statement_id}}/result/chunks/{{chunk_index}}",
        _chunk,
        StatementExecutionAPI.get_statement_result_chunk_n,
    ),
]
