"""What the room-side process can do: run the guard's queries over share tables, compute and certify parts of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from cleanroom_core.engines import computing
from cleanroom_core.engines.duckdb.locked import name, select
from cleanroom_core.engines.duckdb.reading import open_shared
from cleanroom_core.engines.duckdb.session import Session
from cleanroom_core.engines.job_json import computed_to_json, job_from_json
from cleanroom_core.engines.protocol import Row
from cleanroom_core.errors import QueryFailedError
from cleanroom_core.sql.types import Schema


def run(session: Session, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send each query's rows as the stream of its id; the result holds each query's column names and number of rows."""
    connection = _opened(session, body["tables"])
    found = {}
    for number, query in enumerate(body["queries"]):
        session.progress(query["id"], number / len(body["queries"]))
        relation, rows = _rows(session, connection, query["sql"])
        session.rows(query["id"], rows)
        found[query["id"]] = {"columns": list(relation.columns), "rows": len(rows)}
    return found


def compute(session: Session, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Compute, protect and certify here, where the tables are read; only what that leaves is sent."""
    import numpy as np

    connection = _opened(session, body["tables"])

    def arrays(sql: str, assets: tuple[str, ...]) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
        session.check()
        columns = select(connection, sql).fetchnumpy().values()
        return [np.ma.filled(column, -1).astype(np.int64, copy=False) for column in columns]

    job = job_from_json(body["job"])
    rows = lambda sql, assets: _rows(session, connection, sql)[1]  # noqa: E731
    return computed_to_json(computing.compute(job, "", rows, arrays, session.progress))


def _opened(session: Session, tables: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """A database with the tables by their qualified names, and nothing else."""
    connection = session.database(Path(file) for table in tables.values() for file in table["files"])
    for qualified, table in tables.items():
        alias, _, asset = qualified.partition(".")
        connection.execute(exp.Create(this=name(alias), kind="SCHEMA", exists=True).sql("duckdb"))
        open_shared(connection, exp.Table(this=name(asset), db=name(alias)), table["files"], Schema.from_json(table["schema"]))
    return connection


def _rows(session: Session, connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[duckdb.DuckDBPyRelation, list[Row]]:
    relation = select(connection, sql)
    rows = relation.limit(session.limits.result_rows + 1).fetchall()
    if len(rows) > session.limits.result_rows:
        raise QueryFailedError(
            f"A result has more than {session.limits.result_rows} rows.",
            hint="Group by fewer or coarser dimensions.",
            code="RESULT_ROWS",
        )
    return relation, rows


TASKS = {"run": run, "compute": compute}
