"""One call on Spark: its work in a thread of its own, watched by the caller, who can stop it in the middle of a query."""

from __future__ import annotations

import queue
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cleanroom_core.engines import failures
from cleanroom_core.engines.arrow import naive
from cleanroom_core.engines.delta import Snapshot
from cleanroom_core.engines.protocol import Limits, Progress
from cleanroom_core.engines.spark.reading import opened
from cleanroom_core.engines.spark.sessions import Sessions, interrupt, mark
from cleanroom_core.engines.spark.statement import RefusedStatement, with_views
from cleanroom_core.errors import CleanRoomError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

T = TypeVar("T")
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 10.0
_INTERRUPT_EVERY = 0.2


class Stopped(Exception):  # noqa: N818 - the caller asked for it, nothing went wrong
    """The call was cancelled or took too long."""


class Run:
    """What the work of one call may use. Its tables are temporary views with names nobody else has; its queries bear its id,
    so that they can be interrupted and no others."""

    def __init__(self, sessions: Sessions, tables: Mapping[str, Snapshot], limits: Limits) -> None:
        self.id = secrets.token_hex(16)
        self.limits = limits
        self._sessions = sessions
        self._tables = tables
        self._views = {name: f"cleanroom_{self.id}_{number}" for number, name in enumerate(tables)}
        self._session: SparkSession | None = None
        self._stopped = threading.Event()
        self._messages: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def progress(self, what: str, done: float) -> None:
        self.check()
        self._messages.put(("progress", (what, done)))

    def check(self) -> None:
        if self._stopped.is_set():
            raise Stopped

    def table(self, sql: str, assets: tuple[str, ...], limit: int | None = None) -> pa.Table:
        """The whole result of one SELECT over `assets`. Raises QueryFailedError when it has more than `limit` rows."""
        self.check()
        assert self._session is not None  # noqa: S101 - `table` is for the work, which runs in `_opened`
        statement = with_views(sql, {name: self._views[name] for name in assets})
        found = self._session.sql(statement)
        if limit is not None:
            found = found.limit(limit + 1)
        result = naive(found.toArrow())
        self.check()
        if limit is not None and result.num_rows > limit:
            raise failures.too_many_rows(limit)
        return result

    @contextmanager
    def _opened(self) -> Iterator[None]:
        session = self._session = self._sessions.session()
        mark(session, self.id)
        try:
            for name, found in self._tables.items():
                self.check()
                opened(session, found).createOrReplaceTempView(self._views[name])
            yield
        finally:
            with suppress(Exception):  # a session that is lost has no views any more either
                for view in self._views.values():
                    session.catalog.dropTempView(view)

    def _do(self, work: Callable[[Run], object]) -> None:
        try:
            with self._opened():
                found = work(self)
            self._messages.put(("result", found))
        except BaseException as error:
            self._messages.put(("failure", error))

    def watched(self, work: Callable[[Run], T], progress: Progress | None, cancelled: Callable[[], bool] | None) -> T:
        """What `work` returns, or the error that may be said about its failure."""
        thread = threading.Thread(target=self._do, args=(work,), name="cleanroom-spark", daemon=True)
        ends = time.monotonic() + self.limits.seconds
        thread.start()
        try:
            while True:
                if cancelled is not None and cancelled():
                    raise failures.cancelled()
                if time.monotonic() > ends:
                    raise failures.timed_out(self.limits)
                try:
                    kind, content = self._messages.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                if kind == "progress" and progress is not None:
                    progress(*content)
                elif kind == "result":
                    found: T = content
                    return found
                elif kind == "failure":
                    raise self._said(content) from None
        finally:
            self._stop(thread)

    def _stop(self, thread: threading.Thread) -> None:
        """Interrupt until the thread is through; a query may begin just after the first interrupt."""
        self._stopped.set()
        ends = time.monotonic() + _GRACE_SECONDS
        thread.join(_INTERRUPT_EVERY)
        while thread.is_alive() and time.monotonic() < ends:
            if self._session is not None:
                with suppress(Exception):
                    interrupt(self._session, self.id)
            thread.join(_INTERRUPT_EVERY)

    def _said(self, error: BaseException) -> BaseException:
        if isinstance(error, CleanRoomError) or not isinstance(error, Exception):
            return error
        name, places = type(error).__name__, " < ".join(reversed(_places(error)))
        if _is_lost(error):
            self._sessions.forget()
            return failures.lost(name, places)
        if isinstance(error, RefusedStatement):
            return failures.opaque(name, str(error))
        condition = getattr(error, "getCondition", lambda: None)()  # the name of a Spark error holds no value, its text may
        return failures.opaque(name, f"{condition} {places}" if condition else places)


def _is_lost(error: Exception) -> bool:
    """No answer from the Java process or from the server, as opposed to an answer that is an error."""
    from py4j.protocol import Py4JError, Py4JJavaError
    from pyspark.errors import RetriesExceeded

    if isinstance(error, Py4JError):
        return not isinstance(error, Py4JJavaError)
    if isinstance(error, RetriesExceeded):
        return True
    status = getattr(error, "getGrpcStatusCode", lambda: None)()
    return isinstance(error, ConnectionError) or getattr(status, "name", "") == "UNAVAILABLE"


def _places(error: Exception) -> list[str]:
    return [f"{Path(frame.f_code.co_filename).name}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
