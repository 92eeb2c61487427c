"""`RoomEngine` on DuckDB: one process per run, which can read exactly the files of the given share tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cleanroom_core.engines import delta
from cleanroom_core.engines.duckdb.calling import call
from cleanroom_core.engines.job_json import computed_from_json, job_to_json
from cleanroom_core.engines.protocol import CellQuery, CellRows, Computed, ComputeJob, Limits, Progress, ShareTable
from cleanroom_core.errors import EngineLostError, IntegrityError


class DuckDBRoomEngine:
    """`work_dir` holds nothing but what a running query spills."""

    name = "duckdb"
    dialect = "duckdb"
    needs_java = False

    def __init__(self, work_dir: Path) -> None:
        self._work_dir = work_dir

    def run(
        self,
        queries: Sequence[CellQuery],
        tables: Mapping[str, ShareTable],
        limits: Limits,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[CellRows, ...]:
        body = {
            "tables": {name: _opened(table) for name, table in tables.items() if _is_read(name, queries)},
            "queries": [{"id": query.id, "sql": query.sql} for query in queries],
        }
        answer = call("room", "run", body, self._work_dir, limits, progress, cancelled)
        cells = []
        for query in queries:
            rows = answer.streams.get(query.id, ())
            if len(rows) != answer.result[query.id]["rows"]:
                raise EngineLostError("A part of the result is missing.", hint="Run it again.")
            cells.append(CellRows(query.id, answer.run, tuple(answer.result[query.id]["columns"]), rows))
        return tuple(cells)

    def compute(
        self,
        job: ComputeJob,
        tables: Mapping[str, ShareTable],
        limits: Limits,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Computed:
        read = {name for part in (*job.parts, *job.assumed, *job.beside) for name in part.query.assets}
        read |= {name for classes in job.classes for name in classes.assets}
        body = {
            "tables": {name: _opened(table) for name, table in tables.items() if name in read},
            "job": job_to_json(job),
        }
        answer = call("room", "compute", body, self._work_dir, limits, progress, cancelled)
        return computed_from_json(answer.run, answer.result, [part.layout for part in job.parts])


def _is_read(name: str, queries: Sequence[CellQuery]) -> bool:
    return any(name in query.assets for query in queries)


def _opened(table: ShareTable) -> dict[str, object]:
    found = delta.verify(table)
    if found.schema() != table.schema:
        raise IntegrityError(
            f"The share table {table.path.name} has other columns than its entry says.",
            hint="Its owner publishes it again.",
            code="SHARE_TABLE",
        )
    return {"files": [str(file.path) for file in found.files], "schema": table.schema.as_json()}
