"""The child's view of one call: what it may use, how it answers, and how it stops in the middle of a query."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import duckdb

from cleanroom_core.engines.duckdb import wire
from cleanroom_core.engines.duckdb.locked import open_locked
from cleanroom_core.engines.protocol import Limits

_GRACE_SECONDS = 1.0
_CHUNK = 1000


class Stopped(Exception):  # noqa: N818 - the parent asked for it, nothing went wrong
    """The parent has cancelled the call, or is gone."""


class Session:
    """Stopping interrupts the running query; whatever does not end by itself within a second is ended with the process."""

    def __init__(self, run: str, limits: Limits, spill: Path, output: BinaryIO) -> None:
        self.limits = limits
        self.columns: tuple[str, ...] = ()  # names that a message may mention: those of the source
        self._run = run
        self._spill = spill
        self._output = output
        self._stopped = threading.Event()
        self._connections: list[duckdb.DuckDBPyConnection] = []

    def database(self, files: Iterable[Path]) -> duckdb.DuckDBPyConnection:
        """A locked database that reads these files only; it is interrupted when the session stops."""
        connection = open_locked(files, self.limits, self._spill)
        self._connections.append(connection)
        self.check()
        return connection

    def check(self) -> None:
        if self._stopped.is_set():
            raise Stopped

    def stop(self) -> None:
        """Called by the thread that watches the input."""
        self._stopped.set()
        for connection in list(self._connections):
            connection.interrupt()
        timer = threading.Timer(_GRACE_SECONDS, self._leave)
        timer.daemon = True
        timer.start()

    def _leave(self) -> None:
        shutil.rmtree(self._spill, ignore_errors=True)
        os._exit(3)

    def send(self, kind: str, **content: object) -> None:
        self._output.write(wire.to_line({"run": self._run, "kind": kind, **content}))
        self._output.flush()

    def progress(self, what: str, done: float) -> None:
        self.check()
        self.send("progress", what=what, done=done)

    def rows(self, stream: str, rows: Iterable[Sequence[object]]) -> None:
        """Send rows that belong to the named stream."""
        encoded = wire.encode_rows(rows)
        for start in range(0, len(encoded), _CHUNK):
            self.send("rows", stream=stream, rows=encoded[start : start + _CHUNK])

    def close(self) -> None:
        """Also removes what was spilled, for there may be no parent left to do it."""
        for connection in self._connections:
            connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)


def private_output() -> BinaryIO:
    """The pipe to the parent, for us alone: whatever a library prints goes to stderr from here on."""
    handle = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(handle, "wb")
