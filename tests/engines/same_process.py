"""`same_process`: engine calls run in this process, the same tasks over the same wire and the same locked databases, without
starting a process for each of them, which costs a second. For tests that are about something else; import it in a conftest."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.engines.duckdb import owner, room, wire
from cleanroom_core.engines.duckdb.calling import Answer
from cleanroom_core.engines.duckdb.process import ROLES
from cleanroom_core.engines.duckdb.session import Session
from cleanroom_core.engines.duckdb.spill import spill_folder
from cleanroom_core.engines.protocol import Limits
from cleanroom_core.errors import QueryCancelledError


def _here(
    role: str, task: str, body: Mapping[str, Any], work: Path, limits: Limits,
    progress: object = None, cancelled: Callable[[], bool] | None = None, *_: object,
) -> Answer:  # fmt: skip
    if cancelled is not None and cancelled():
        raise QueryCancelledError("The run was cancelled.", hint="Start it again when you want its result.")
    with spill_folder(work / "spill") as (spill, _lock):
        output = io.BytesIO()
        session = Session("here", limits, spill, output)
        try:
            asked = wire.from_line(wire.to_line({"body": body}))
            session.send("result", result=import_module(ROLES[role]).TASKS[task](session, asked["body"]))
        finally:
            session.close()
    streams: dict[str, list[Any]] = {}
    messages = [wire.from_line(line) for line in output.getvalue().splitlines(keepends=True)]
    for message in messages:
        if message["kind"] == "rows":
            streams.setdefault(message["stream"], []).extend(wire.decode_rows(message["rows"]))
    return Answer("here", messages[-1]["result"], {name: tuple(rows) for name, rows in streams.items()})


def call_here(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(owner, "call", _here)
    patch.setattr(room, "call", _here)


@pytest.fixture
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    call_here(monkeypatch)
