"""Facts of a workspace for its prechecks: each read once, each in one of three states, none hiding another.

A refusal, a late answer or none at all makes the one fact unknown, with the status before the reason (403, 429, no answer).
Where the workspace cannot be reached at all, the first fact finds that out and the others do not wait for it again; where it
is busy, a minute is spent in all.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from cleanroom_core.backends.databricks.connection import Connection
from cleanroom_core.backends.databricks.translating import translated
from cleanroom_core.errors import CleanRoomError
from cleanroom_core.prechecks.fact import Absent, Fact, Known, Unknown

T = TypeVar("T")
_CONFIGURATION = re.compile(r"\.? Config: host=.*", re.DOTALL)  # where the SDK adds what it is configured with
PATIENT = {"http_seconds": 30.0, "retry_seconds": 20, "longest_pause": 10.0}  # a precheck is many calls; none may hold it up


def for_prechecks(profile: str = "") -> Connection:
    """Unified authentication, with less patience than a room's effects have."""
    return Connection(profile=profile, **PATIENT)  # type: ignore[arg-type]  # three numbers


ALL_PATIENCE = 60.0  # seconds spent on calls that were not answered; then the rest is not asked any more
_SILENT = "no answer"
_WAITED = frozenset({_SILENT, "429", "503"})


class Reader:
    """`fact` for the same key asks once. For one run; the next looks anew. `clock`: seconds, for patience only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._had: dict[Any, Any] = {}
        self._answered = False
        self._waited = 0.0
        self._given_up = ""

    def fact(self, key: object, doing: str, call: Callable[[], T | None], *, refused_is_absent: bool = False) -> Fact[T]:
        """`doing`: completes "this identity may not ...". An answer of None is one that this SDK cannot read.

        `refused_is_absent`: a refused credential (401) is an answer to the question.
        """
        if key not in self._had:
            self._had[key] = self._read(doing, call, refused_is_absent)
        found: Fact[T] = self._had[key]
        return found

    def _read(self, doing: str, call: Callable[[], T | None], refused_is_absent: bool) -> Fact[T]:
        if self._given_up:
            return Unknown(self._given_up)
        started = self._clock()
        try:
            with translated(doing):
                found = call()
        except CleanRoomError as error:
            status = _status(error)
            reason = f"{status}: {_CONFIGURATION.sub('.', error.message)}"
            if status in _WAITED:
                self._waited += self._clock() - started
                if self._waited > ALL_PATIENCE or (not self._answered and _unreachable(error)):
                    self._given_up = reason
            self._answered = self._answered or status != _SILENT
            absent = status == "404" and _not_there(error.__cause__)
            return Absent(reason) if absent or (refused_is_absent and status == "401") else Unknown(reason)
        self._answered = True
        return Unknown(f"the answer says nothing that could be read, asked to {doing}") if found is None else Known(found)


def _status(error: CleanRoomError) -> str:
    from databricks.sdk import errors

    of_class = {
        errors.Unauthenticated: "401",
        errors.PermissionDenied: "403",
        errors.NotFound: "404",
        errors.ResourceConflict: "409",
        errors.TooManyRequests: "429",
        errors.BadRequest: "400",
        errors.TemporarilyUnavailable: "503",
        errors.InternalError: "500",
    }
    cause: BaseException | None = error
    while cause is not None:
        for kind, status in of_class.items():
            if isinstance(cause, kind):
                return status
        cause = cause.__cause__
    return _SILENT


def _not_there(cause: BaseException | None) -> bool:
    """Says the platform that the object is missing, and not that it has no such call or feature?"""
    code = str(getattr(cause, "error_code", "") or "")
    return code.endswith(("DOES_NOT_EXIST", "NOT_FOUND")) and code != "ENDPOINT_NOT_FOUND"


def _unreachable(error: CleanRoomError) -> bool:
    import requests

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, requests.ConnectionError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
