"""`RoomEngine` on Spark: the guard's queries over the Parquet files of verified share tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cleanroom_core.engines import delta
from cleanroom_core.engines.protocol import CellQuery, CellRows, Limits, Progress, ShareTable
from cleanroom_core.engines.spark.reading import rows_of
from cleanroom_core.engines.spark.sessions import Sessions
from cleanroom_core.engines.spark.watched import Run


class SparkRoomEngine:
    """Works in the session of `sessions`, whose memory and threads are its own: of `Limits` only time and rows count here."""

    name = "spark"
    dialect = "spark"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def run(
        self,
        queries: Sequence[CellQuery],
        tables: Mapping[str, ShareTable],
        limits: Limits,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[CellRows, ...]:
        def work(run: Run) -> tuple[CellRows, ...]:
            cells = []
            for number, query in enumerate(queries):
                run.progress(query.id, number / len(queries))
                found = run.table(query.sql, query.assets, limits.result_rows)
                cells.append(CellRows(query.id, run.id, tuple(found.column_names), rows_of(found)))
            return tuple(cells)

        return self._started(queries, tables, limits).watched(work, progress, cancelled)

    def close(self) -> None:
        """End the session where this engine's side has opened it."""
        self._sessions.close()

    def _started(self, queries: Sequence[CellQuery], tables: Mapping[str, ShareTable], limits: Limits) -> Run:
        read = {name for query in queries for name in query.assets}
        return Run(self._sessions, {name: delta.verify(table) for name, table in tables.items() if name in read}, limits)
