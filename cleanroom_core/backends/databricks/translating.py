"""Errors of the SDK become ours, once. The class of an error decides, never its text: the platform's codes are not documented.

Nothing secret comes along: the SDK's messages are cut to one line, and those that carry a log of the request are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cleanroom_core.errors import (
    CleanRoomError,
    ConflictError,
    InputError,
    NotPermittedError,
    NotReadyError,
    PlatformError,
    UnansweredError,
)

Found = TypeVar("Found")
_SIGN_IN = "Renew the credential of this side (connection page), then try again: what is done already is not done twice."
_LOOK = "Try again in a minute: it is looked at first, and what is done already is not done twice."


class AsksTooLongError(Exception):
    """The platform asks to wait longer than anybody should sit in front of one call."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} seconds")
        self.seconds = seconds


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Errors inside are told as "could not `doing`". Raises what `protocol` lists, nothing of the SDK's."""
    try:
        yield
    except CleanRoomError:
        raise
    except AsksTooLongError as error:
        raise UnansweredError(
            f"Databricks is busy and asks to wait {error.seconds:.0f} seconds before it would {doing}.",
            hint="Try again after that time: it is looked at first, and what is done already is not done twice.",
            code="PLATFORM_BUSY",
        ) from error
    except Exception as error:
        found = _translation(doing, error)
        if found is None:
            raise
        raise found from error


def ensured(
    what: str,
    act: Callable[[], Found],
    look: Callable[[], Found | None],
    same: Callable[[Found], bool],
    changes: bool = False,
) -> Found:
    """Act; where the answer is "exists already", or none, look instead.

    The SDK repeats a request by itself after a 503 whose work was done, and then reports what it made as a conflict. What is
    there and is what was wanted (`same`) is therefore done, whoever did it. Raises ConflictError for something else; where the
    act `changes` what was there before, something else is the state before, and the first error stands.
    """
    try:
        return act()
    except (ConflictError, UnansweredError, InputError) as error:  # how "exists already" is said of a room, nobody documents
        found = look()
        if found is None or (changes and not same(found)):
            raise
        if not same(found):
            raise ConflictError(
                f"{what} is there already and is not what was asked for.",
                hint="Look at what is there; give yours another name, or remove that one first.",
                code="PLATFORM_OTHER",
            ) from error
        return found


def removed(act: Callable[[], object], look: Callable[[], object | None]) -> None:
    """Act; where the answer is "not there", or none, looking says whether it is gone."""
    try:
        act()
    except (NotReadyError, ConflictError, InputError, UnansweredError):
        if look() is not None:
            raise


def _translation(doing: str, error: Exception) -> CleanRoomError | None:
    import requests
    from databricks.sdk import errors
    from databricks.sdk.errors.base import DatabricksError

    said = _said(error)
    if isinstance(error, errors.Unauthenticated):
        return NotPermittedError(
            f"Databricks does not take this side's credential (to {doing}).{said}", hint=_SIGN_IN, code="PLATFORM_SIGN_IN"
        )
    if isinstance(error, errors.PermissionDenied):
        return NotPermittedError(
            f"This identity may not {doing}.{said}",
            hint="The prechecks name the missing privilege and who can grant it.",
            code="PLATFORM_DENIED",
        )
    if isinstance(error, errors.NotFound):
        return NotReadyError(
            f"Could not {doing}: something it needs is not there.{said}",
            hint="Look at the room: was it deleted, or a step before this one not taken?",
            code="PLATFORM_MISSING",
        )
    if isinstance(error, errors.ResourceConflict | errors.InvalidState):
        return ConflictError(
            f"Could not {doing} as things stand.{said}",
            hint="Look at the room again and decide on what is there now.",
            code="PLATFORM_CONFLICT",
        )
    if isinstance(error, errors.BadRequest):
        return InputError(
            f"Databricks refuses to {doing}.{said}", hint="Correct what it names and try again.", code="PLATFORM_REFUSED"
        )
    if isinstance(error, errors.TooManyRequests) or isinstance(error.__cause__, errors.TooManyRequests):
        return UnansweredError(f"Databricks is too busy to {doing}.{said}", hint=_LOOK, code="PLATFORM_BUSY")
    if isinstance(error, errors.NotImplemented):
        return PlatformError(
            f"This workspace cannot {doing}.{said}",
            hint="Ask whoever runs the workspace for this feature.",
            code="PLATFORM_LACKS",
        )
    if isinstance(error, DatabricksError | requests.RequestException | TimeoutError):
        return UnansweredError(f"Databricks did not answer when asked to {doing}.{said}", hint=_LOOK)
    if isinstance(error, ValueError):  # what the SDK raises where it finds no usable credential
        return NotPermittedError(
            f"There is no usable credential to {doing}.",
            hint="Give a profile, DATABRICKS_HOST with a client id and secret, or a token, and check that it has not expired.",
            code="PLATFORM_SIGN_IN",
        )
    return None


_LOGGED = re.compile(r"(?i)request log|bearer|authorization|secret|password|\b(dapi|dose)[0-9a-f]")


def _said(error: Exception) -> str:
    """The platform's own words, as facts for whoever asks for help: class or code, and one line."""
    from databricks.sdk.errors.base import DatabricksError

    if not isinstance(error, DatabricksError):
        return ""
    code = f" [{error.error_code}]" if error.error_code else ""
    line = str(error).split(" Config: ")[0].strip().split("\n")[0][:300]  # behind it the SDK tells its configuration
    return code if not line or _LOGGED.search(line) else f" It says: {line.rstrip('.')}{code}."
