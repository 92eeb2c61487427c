"""SQL statements of a warehouse, for reading what a run wrote and copying it. Names and values are bound, never pasted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cleanroom_core.backends.databricks.translating import translated
from cleanroom_core.backends.waiting import STILL_WAITING, Pace, watch
from cleanroom_core.errors import (
    CleanRoomError,
    ConflictError,
    NotPermittedError,
    NotReadyError,
    PlatformError,
    QueryCancelledError,
    QueryTimeoutError,
    UnansweredError,
)

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.sql import StatementResponse, StatementState

_WAIT = "30s"
_STOPPING = 120.0  # seconds a statement has to end in once it was told to
_CLASS = re.compile(r"\s*\[([A-Z][A-Z0-9_.]{2,100})\]")  # in front of a message; words further on may be values of rows


@dataclass(frozen=True)
class Rows:
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Hints:
    """What to do next when something a statement needs is not there, or not allowed."""

    missing: str
    denied: str


OF_OUTPUT = Hints(
    missing="Outputs of runs end after 30 days. Run the notebook again.",
    denied="Only the service principal that ran the notebook may read its output.",
)


def execute(
    client: WorkspaceClient,
    warehouse: str,
    statement: str,
    doing: str,
    pace: Pace,
    hints: Hints = OF_OUTPUT,
    cancelled: Callable[[], bool] | None = None,
    *,
    names: Mapping[str, str] | None = None,
) -> Rows:
    """All rows, or an error. `names`: values of parameters. A failing statement is told by the class of its error alone: its
    text may hold values of rows.

    With `cancelled` the statement is stopped when that says so, and at the deadline: QueryCancelledError, QueryTimeoutError,
    unless it had ended by then; UnansweredError where nobody says whether it has. Without, it goes on: NotReadyError."""
    from databricks.sdk.service import sql

    parameters = [sql.StatementParameterListItem(name=name, value=value) for name, value in (names or {}).items()]
    with translated(doing):
        reply = client.statement_execution.execute_statement(
            statement,
            warehouse,
            parameters=parameters,
            wait_timeout=_WAIT,
            on_wait_timeout=sql.ExecuteStatementRequestOnWaitTimeout.CONTINUE,
            disposition=sql.Disposition.INLINE,
            format=sql.Format.JSON_ARRAY,
        )
    going = (sql.StatementState.PENDING, sql.StatementState.RUNNING, None)  # None: a state this SDK has no word for
    if _state(reply) in going:
        number = reply.statement_id or ""

        def look() -> StatementResponse:
            with translated(doing):
                return client.statement_execution.get_statement(number)

        try:
            for seen in watch(look, lambda each: _state(each) not in going, pace):
                reply = seen
                if cancelled is not None and _state(reply) in going and cancelled():
                    raise QueryCancelledError("The run was cancelled.", hint="Start it again when you want its result.")
        except (QueryCancelledError, NotReadyError) as stopped:
            if cancelled is None or (isinstance(stopped, NotReadyError) and stopped.code != STILL_WAITING):
                raise
            reply = _stopped(client, number, look, doing, pace)
            if _state(reply) is sql.StatementState.CANCELED:
                raise stopped if isinstance(stopped, QueryCancelledError) else _too_long(doing, pace) from None
    if _state(reply) is not sql.StatementState.SUCCEEDED:
        raise _failure(reply, doing, hints)
    return _rows(client, reply, doing)


def _stopped(
    client: WorkspaceClient, number: str, look: Callable[[], StatementResponse], doing: str, pace: Pace
) -> StatementResponse:
    """The statement after it was told to stop, once it has ended; it may have ended well. Raises UnansweredError."""
    from databricks.sdk.service import sql

    with translated(doing):
        client.statement_execution.cancel_execution(number)
    going = (sql.StatementState.PENDING, sql.StatementState.RUNNING, None)
    try:
        *_, last = watch(look, lambda each: _state(each) not in going, replace(pace, total=_STOPPING, first=1.0))
    except NotReadyError:
        raise UnansweredError(
            f"The statement to {doing} was told to stop and has not ended yet.",
            hint="Look in a minute: it may have been done.",
        ) from None
    return last


def _too_long(doing: str, pace: Pace) -> QueryTimeoutError:
    return QueryTimeoutError(
        f"To {doing} took longer than {pace.total:.0f} seconds.", hint="Use a larger warehouse, or share fewer rows."
    )


def _state(reply: StatementResponse) -> StatementState | None:
    return reply.status.state if reply.status else None


def _rows(client: WorkspaceClient, reply: StatementResponse, doing: str) -> Rows:
    manifest = reply.manifest
    if manifest is None or manifest.schema is None:
        return Rows((), ())
    if manifest.truncated:
        raise PlatformError(
            f"Could not {doing}: the table is larger than one answer.",
            hint="An output of a room holds cells, not rows: check what the notebook writes.",
            code="OUTPUT_SIZE",
        )
    rows = list((reply.result.data_array if reply.result else None) or ())
    for number in range(1, manifest.total_chunk_count or 1):
        with translated(doing):
            chunk = client.statement_execution.get_statement_result_chunk_n(reply.statement_id or "", number)
        rows += chunk.data_array or []
    if manifest.total_row_count is not None and len(rows) != manifest.total_row_count:
        raise PlatformError(f"Could not {doing}: a part of the rows is missing.", hint="Try again.", code="OUTPUT_PART")
    columns = tuple((each.name or "", each.type_text or "") for each in manifest.schema.columns or ())
    return Rows(columns, tuple(tuple(row) for row in rows))


def _failure(reply: StatementResponse, doing: str, hints: Hints) -> CleanRoomError:
    error = reply.status.error if reply.status else None
    state = (reply.status.sql_state or "") if reply.status else ""
    found = _CLASS.match(error.message or "") if error else None
    kind = found.group(1) if found else str(getattr(error.error_code, "value", "")) if error else ""
    said = f" [{kind}]" if kind else ""
    if "ALREADY_EXISTS" in kind or state == "42P07":
        return ConflictError(
            f"Could not {doing}: there is something of that name.{said}", hint="Look at it.", code="PLATFORM_CONFLICT"
        )
    if "CONCURRENT" in kind or "BLOCKED" in kind:
        return ConflictError(
            f"Could not {doing} as things stand.{said}", hint="Look at what is there, then try again.", code="PLATFORM_CONFLICT"
        )
    if "SECRET" in kind:
        return NotReadyError(
            f"Could not {doing}: a secret it names is not there, or not for this identity.{said}",
            hint="Put the token key into the secret scope, and let this identity READ the scope.",
            code="NO_SECRET",
        )
    if "NOT_FOUND" in kind or state.startswith("42P01") or state == "42704":
        return NotReadyError(
            f"Could not {doing}: it is not there.{said}",
            hint=hints.missing,
            code="PLATFORM_MISSING",
        )
    if "PERMISSION" in kind or state == "42501":
        return NotPermittedError(
            f"This identity may not {doing}.{said}",
            hint=hints.denied,
            code="PLATFORM_DENIED",
        )
    return PlatformError(
        f"Could not {doing}.{said}", hint="Look at the statement in the warehouse's query history.", code="STATEMENT"
    )
