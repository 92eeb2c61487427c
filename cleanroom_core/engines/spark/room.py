"""`RoomEngine` on Spark: the guard's queries over the Parquet files of verified share tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cleanroom_core.engines import computing, delta
from cleanroom_core.engines.arrow import numbers_of, rows_of
from cleanroom_core.engines.protocol import CellQuery, CellRows, Computed, ComputeJob, Limits, Progress, Row, ShareTable
from cleanroom_core.engines.spark.sessions import Sessions
from cleanroom_core.engines.spark.watched import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SparkRoomEngine:
    """Works in the session of `sessions`, whose memory and threads are its own: of `Limits` only time and rows count here."""

    name = "spark"
    dialect = "spark"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.needs_java = sessions.needs_java

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

        read = [name for query in queries for name in query.assets]
        return self._started(read, tables, limits).watched(work, progress, cancelled)

    def compute(
        self,
        job: ComputeJob,
        tables: Mapping[str, ShareTable],
        limits: Limits,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Computed:
        """Cells and classes come here from Spark and go no further; protecting and certifying is this process's work."""

        def work(run: Run) -> Computed:
            def rows(sql: str, assets: tuple[str, ...]) -> tuple[Row, ...]:
                return rows_of(run.table(sql, assets, limits.result_rows))

            def arrays(sql: str, assets: tuple[str, ...]) -> list[NDArray[np.int64]]:
                return numbers_of(run.table(sql, assets))

            return computing.compute(job, run.id, rows, arrays, run.progress)

        read = [name for part in (*job.parts, *job.assumed, *job.beside) for name in part.query.assets]
        read += [name for classes in job.classes for name in classes.assets]
        return self._started(read, tables, limits).watched(work, progress, cancelled)

    def close(self) -> None:
        """End the session where this engine's side has opened it."""
        self._sessions.close()

    def _started(self, read: Iterable[str], tables: Mapping[str, ShareTable], limits: Limits) -> Run:
        wanted = set(read)
        found = {name: delta.verify(table) for name, table in tables.items() if name in wanted}
        return Run(self._sessions, found, limits)
