"""The engine's process: `python -m cleanroom_core.engines.duckdb.process owner|room`, one call, then the end.

It reads one JSON line with the call, answers with JSON lines that carry the call's run id, and ends when its input closes, also
in the middle of a query: no process outlives the one that started it. The two roles know different tasks, so that one process
never sees raw rows and the other side's share tables.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Container, Mapping
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from cleanroom_core.engines.duckdb import wire
from cleanroom_core.engines.duckdb.session import Session, Stopped, private_output
from cleanroom_core.engines.protocol import Limits
from cleanroom_core.errors import CleanRoomError

Task = Callable[[Session, Mapping[str, Any]], Mapping[str, Any]]

ROLES = {"owner": "cleanroom_core.engines.duckdb.owner_tasks", "room": "cleanroom_core.engines.duckdb.room_tasks"}
_BEFORE_ROWS = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
_TARGET = re.compile(
    r".*\b(?:to|to type|destination type) (?P<type>U?INT\d+|BOOL|FLOAT|DOUBLE|DATE|TIMESTAMP|DECIMAL\(\d+,\d+\))( failed: .*)?"
    r"|Conversion Error: (?:invalid )?(?P<moment>timestamp|date) field .*",
    re.DOTALL,
)
_NAMED = {
    "BOOL": "BOOLEAN", "INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INT", "INT64": "BIGINT", "FLOAT": "DOUBLE",
    "timestamp": "TIMESTAMP", "date": "DATE",
}  # fmt: skip


def main(role: str) -> int:
    sys.excepthook = _without_values
    threading.excepthook = lambda args: _without_values(args.exc_type, args.exc_value, args.exc_traceback)
    call = wire.from_line(sys.stdin.buffer.readline())
    if not call:
        return 2
    session = Session(call["run"], Limits(**call["limits"]), Path(call["spill"]), private_output())
    threading.Thread(target=_watch, args=(session,), daemon=True).start()
    task: Task = import_module(ROLES[role]).TASKS[call["task"]]
    try:
        session.send("result", result=task(session, call["body"]))
    except Stopped:
        return 3
    except Exception as error:
        session.send("failure", **_failure(error, role, session.columns))
    finally:
        session.close()
    return 0


def _watch(session: Session) -> None:
    """Anything after the first line means stop; so does the end of the input."""
    sys.stdin.buffer.readline()
    session.stop()


def _failure(error: Exception, role: str, columns: Container[str]) -> dict[str, str]:
    """What may be said about a failure. A message of DuckDB may quote rows, unless it came before any row was read."""
    if isinstance(error, CleanRoomError):
        return {"error": type(error).__name__, "message": error.message, "hint": error.hint, "code": error.code}
    if role == "owner" and isinstance(error, duckdb.ConversionException) and (message := _conversion(str(error), columns)):
        return {
            "error": "TableError",
            "message": message,
            "hint": "Correct the value in the table, or the expression or type that reads it.",
            "code": "TABLE_VALUE",
        }
    about = str(error) if isinstance(error, _BEFORE_ROWS) else " < ".join(reversed(_places(error.__traceback__)))
    return {"error": "QueryFailedError", "exception": type(error).__name__, "about": about}


def _conversion(text: str, columns: Container[str]) -> str:
    """The column and type of a conversion error, without the value; empty when the text names neither. The text quotes the
    value before it names them, so only its end counts, and only names and types that are known."""
    said = text.rpartition("\n\nLINE ")[0] or text
    head, found, column = said.rpartition(" when casting from source column ")
    shape = _TARGET.fullmatch(head if found else said)
    if shape is None:
        return ""
    target = _NAMED.get(shape["type"] or shape["moment"], shape["type"])
    return (
        f"Column {column}: a value cannot be read as {target}." if column in columns else f"A value cannot be read as {target}."
    )


def _without_values(kind: type[BaseException], _: BaseException | None, trace: TracebackType | None) -> None:
    """Where it happened, without the message, which may hold a value."""
    print(kind.__name__, *_places(trace), sep="\n", file=sys.stderr)  # noqa: T201


def _places(trace: TracebackType | None) -> list[str]:
    return [f"{Path(frame.f_code.co_filename).name}:{line}" for frame, line in traceback.walk_tb(trace)]


if __name__ == "__main__":
    status = main(sys.argv[1])
    sys.stderr.flush()
    os._exit(status)  # everything is sent and closed; taking the interpreter apart would take as long as a small query
