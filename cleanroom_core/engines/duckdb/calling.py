"""The parent's end of one call: start the engine's process, watch it, believe only the run that is alive."""

from __future__ import annotations

import logging
import os
import queue
import re
import secrets
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cleanroom_core
from cleanroom_core import errors
from cleanroom_core.engines.duckdb import wire
from cleanroom_core.engines.duckdb.spill import spill_folder
from cleanroom_core.engines.protocol import Limits, Progress, Row

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 2.0
_TAIL_LINES = 40
_PLACE = re.compile(r"[A-Z]\w+(Error|Exception|Interrupt)|\w+\.py:\d+")
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # nothing else: no key or credential reaches the process


@dataclass(frozen=True)
class Answer:
    """What a finished call returned. `streams`: rows by the name of the stream they were sent for."""

    run: str
    result: Mapping[str, Any]
    streams: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)


def call(
    role: str,
    task: str,
    body: Mapping[str, Any],
    work_dir: Path,
    limits: Limits,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    held: tuple[int, ...] = (),
) -> Answer:
    """Run one task in a process of its own. `held`: descriptors (locks) that shall live as long as the process.

    Raises QueryTimeoutError, QueryCancelledError, EngineLostError, QueryFailedError, or the error the task itself names.
    """
    with spill_folder(work_dir / "spill") as (spill, lock):
        run = secrets.token_hex(16)
        process = _Process(role, spill, (lock, *held))
        try:
            process.send({"run": run, "task": task, "limits": asdict(limits), "spill": str(spill), "body": body})
            return _watch(process, run, limits, progress, cancelled)
        finally:
            process.end()


def _watch(
    process: _Process, run: str, limits: Limits, progress: Progress | None, cancelled: Callable[[], bool] | None
) -> Answer:
    streams: dict[str, list[Row]] = {}
    ends = time.monotonic() + limits.seconds
    while True:
        if cancelled is not None and cancelled():
            raise errors.QueryCancelledError("The run was cancelled.", hint="Start it again when you want its result.")
        if time.monotonic() > ends:
            raise errors.QueryTimeoutError(
                f"The run took longer than {limits.seconds:g} seconds.", hint="Raise the time limit, or ask for less."
            )
        line = process.line(_POLL_SECONDS)
        if line is None:
            continue
        if line == b"":
            raise _lost(process)
        message = wire.from_line(line)
        if message.get("run") != run:
            continue  # late, foreign, or no message at all
        if message["kind"] == "progress" and progress is not None:
            progress(message["what"], message["done"])
        elif message["kind"] == "rows":
            streams.setdefault(message["stream"], []).extend(wire.decode_rows(message["rows"]))
        elif message["kind"] == "result":
            return Answer(run, message["result"], {name: tuple(rows) for name, rows in streams.items()})
        elif message["kind"] == "failure":
            raise _failed(message)


def _failed(message: Mapping[str, Any]) -> errors.CleanRoomError:
    if "message" in message:
        kind: type[errors.CleanRoomError] = getattr(errors, message["error"])
        return kind(message["message"], hint=message["hint"], code=message["code"])
    error_id = secrets.token_hex(4)
    _LOG.error("query failed: error %s, %s %s", error_id, message["exception"], message["about"])
    failure = errors.QueryFailedError(
        "The query could not be computed.", hint=f"Whoever runs this machine finds the cause in its log under error {error_id}."
    )
    failure.diagnostic_id = error_id
    return failure


def _lost(process: _Process) -> errors.EngineLostError:
    error_id = secrets.token_hex(4)
    status = process.end()
    _LOG.error("engine process ended before its answer: error %s, status %s", error_id, status)
    lost = errors.EngineLostError(
        "The engine's process ended before it had answered.", hint=f"Run it again; the log knows this as error {error_id}."
    )
    lost.diagnostic_id = error_id
    lost.add_note(process.tail())
    return lost


class _Process:
    """A child whose three pipes we hold. It ends when its input closes, and is killed if it does not."""

    def __init__(self, role: str, spill: Path, held: tuple[int, ...]) -> None:
        package = Path(cleanroom_core.__file__).parent.parent
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        child = subprocess.Popen(
            [sys.executable, "-P", "-s", "-X", "utf8", "-m", "cleanroom_core.engines.duckdb.process", role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=spill,
            env={"PYTHONPATH": str(package), "HOME": str(spill), "TMPDIR": str(spill), "TZ": "UTC"}
            | {name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            pass_fds=held,
            start_new_session=True,  # Ctrl-C is for the parent, which then closes our input
        )
        if child.stdin is None or child.stdout is None or child.stderr is None:
            raise AssertionError("all three pipes were asked for")
        self._child, self._input, self._output, self._errors = child, child.stdin, child.stdout, child.stderr
        self._readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def send(self, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # then the output ends too, which is what we report
            self._input.write(wire.to_line(message))
            self._input.flush()

    def line(self, seconds: float) -> bytes | None:
        """The next line; empty when there will be no more, None when there is none yet."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return None

    def tail(self) -> str:
        """Where in the code it ended, from the last lines it wrote; nothing else of them, for a library may quote values."""
        lines = (line.decode(errors="replace").strip() for line in self._tail)
        return "\n".join(line for line in lines if _PLACE.fullmatch(line))

    def end(self) -> int:
        """Close its input, wait a little, then kill. Returns the exit status; negative for a signal."""
        with suppress(BrokenPipeError):
            self._input.close()
        try:
            self._child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for reader in self._readers:
            reader.join()
        self._output.close()
        self._errors.close()
        return self._child.returncode

    def _read_output(self) -> None:
        for line in self._output:
            self._lines.put(line)
        self._lines.put(b"")

    def _read_errors(self) -> None:
        for line in self._errors:
            self._tail.append(line[:500])
