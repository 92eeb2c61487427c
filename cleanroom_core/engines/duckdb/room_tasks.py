"""What the room-side process can do: run the guard's queries over share tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlglot import exp

from cleanroom_core.engines.duckdb.locked import name, select
from cleanroom_core.engines.duckdb.reading import open_shared
from cleanroom_core.engines.duckdb.session import Session
from cleanroom_core.errors import QueryFailedError
from cleanroom_core.sql.types import Schema


def run(session: Session, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send each query's rows as the stream of its id; the result holds each query's column names and number of rows."""
    tables = body["tables"]
    connection = session.database(Path(file) for table in tables.values() for file in table["files"])
    for qualified, table in tables.items():
        alias, _, asset = qualified.partition(".")
        connection.execute(exp.Create(this=name(alias), kind="SCHEMA", exists=True).sql("duckdb"))
        open_shared(connection, exp.Table(this=name(asset), db=name(alias)), table["files"], Schema.from_json(table["schema"]))
    found = {}
    for number, query in enumerate(body["queries"]):
        session.progress(query["id"], number / len(body["queries"]))
        relation = select(connection, query["sql"])
        rows = relation.limit(session.limits.result_rows + 1).fetchall()
        if len(rows) > session.limits.result_rows:
            raise QueryFailedError(
                f"A result has more than {session.limits.result_rows} rows.",
                hint="Group by fewer or coarser dimensions.",
                code="RESULT_ROWS",
            )
        session.rows(query["id"], rows)
        found[query["id"]] = {"columns": list(relation.columns), "rows": len(rows)}
    return found


TASKS = {"run": run}
