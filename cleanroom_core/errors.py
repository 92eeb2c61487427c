"""Every error of the package, one tree.

    CleanRoomError
        InputError                 what was given cannot be used; nothing was changed
            RoomFileError          a room file with one or more problems, each with its line
            TableError             a table file that cannot be read as a table
            ExpressionError        SQL outside the closed expression grammar
            PolicyError            a policy that cannot be compiled, with all its problems
            TokenKeyError          key material that is not what it says
        NotPermittedError          this user may not do this (also a PermissionError)
        NotReadyError              a step before this one is missing: agreement, signature, acknowledgement
        ConflictError              the thing acted upon has changed meanwhile; look again
        IntegrityError             bytes that do not prove what they claim
            EquivocationError      one log, two histories, both signed
        EngineError                the data plane could not finish
            QueryFailedError       opaque on purpose: a failing query must not speak about rows
            QueryTimeoutError
            QueryCancelledError
            EngineLostError        the engine's process ended before its answer
        PlatformError              the control plane could not do it
            UnansweredError        no answer came: what was asked for may have been done or not; look before asking again
        StoreError                 entries or payloads could not be kept
        ExchangeError              what should carry letters between two homes is away, full, torn or foreign
        HomeError                  the directory with the state cannot be used as it is

A denial is an answer, not a crash: guard, prechecks and review return verdicts; only `enforce()`-like calls raise.
Every error says what happened (`message`), what the reader can do next (`hint`) and carries a stable `code`. No message may
contain a data value, a token or a credential.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class CleanRoomError(Exception):
    """Root of the tree. `str(error)` is the message alone; `diagnostics()` adds the hint."""

    code = "ERROR"

    def __init__(self, message: str, *, hint: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def diagnostics(self) -> str:
        return f"{self.message} {self.hint} [{self.code}]"


class InputError(CleanRoomError):
    code = "INPUT"


@dataclass(frozen=True)
class Problem:
    """One mistake in a text the user gave: what is wrong, what to do, and where (`line` and `column` count from 1)."""

    message: str
    hint: str
    path: tuple[str | int, ...] = ()
    line: int | None = None
    column: int | None = None
    code: str = "ROOM_FILE"

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.message} {self.hint}"


class RoomFileError(InputError):
    code = "ROOM_FILE"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1 and self.problems[0].line is None:  # no place in the file: there is no file
            super().__init__(self.problems[0].message, hint=self.problems[0].hint)
        else:
            lines = "\n".join(str(problem) for problem in self.problems)
            super().__init__(lines, hint="Correct the lines named and check again.")


class TableError(InputError):
    code = "TABLE"


class ExpressionError(InputError):
    """`line` and `column` count from 1 within the expression's own text."""

    code = "EXPRESSION"

    def __init__(
        self, message: str, *, hint: str, code: str | None = None, line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.line = line
        self.column = column


class PolicyError(InputError):
    code = "POLICY"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems), hint="Correct the places named and try again.")


class TokenKeyError(InputError):
    code = "TOKEN_KEY"


class NotPermittedError(CleanRoomError, PermissionError):
    code = "NOT_PERMITTED"


class NotReadyError(CleanRoomError):
    code = "NOT_READY"


class ConflictError(CleanRoomError):
    code = "CONFLICT"


class IntegrityError(CleanRoomError):
    code = "INTEGRITY"


class EquivocationError(IntegrityError):
    """`evidence`: two signed checkpoint notes of one log that no single history can satisfy."""

    code = "EQUIVOCATION"

    def __init__(self, message: str, *, hint: str, evidence: tuple[bytes, bytes] = (b"", b"")) -> None:
        super().__init__(message, hint=hint)
        self.evidence = evidence


class EngineError(CleanRoomError):
    """`diagnostic_id`: the error id under which the log of this machine knows more; None when there is no more to know."""

    code = "ENGINE"
    diagnostic_id: str | None = None


class QueryFailedError(EngineError):
    code = "QUERY_FAILED"


class QueryTimeoutError(EngineError):
    code = "QUERY_TIMEOUT"


class QueryCancelledError(EngineError):
    code = "QUERY_CANCELLED"


class EngineLostError(EngineError):
    code = "ENGINE_LOST"


class PlatformError(CleanRoomError):
    code = "PLATFORM"


class UnansweredError(PlatformError):
    """Whoever asked leaves the intent open: looking decides what became of it."""

    code = "UNANSWERED"


class StoreError(CleanRoomError):
    code = "STORE"


class ExchangeError(CleanRoomError):
    code = "EXCHANGE"


class HomeError(CleanRoomError):
    code = "HOME"
