"""How the simulated platform says no: an HTTP status, an error code and a message, and where we know that from."""

from __future__ import annotations

SDK = "sdk"  # read in the generated code or the docstrings of the databricks-sdk
DOCUMENTED = "documentation"
GUESS = "guess"


class Refusal(Exception):  # noqa: N818  an answer, not a crash
    """What a client receives as `{"error_code", "message"}`. `source` goes into the header X-Simulator-Source."""

    def __init__(self, status: int, code: str, message: str, source: str = GUESS, retry_after: int | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.source = source
        self.retry_after = retry_after


def invalid(message: str, source: str = GUESS) -> Refusal:
    return Refusal(400, "INVALID_PARAMETER_VALUE", message, source)


def denied(message: str, source: str = DOCUMENTED) -> Refusal:
    return Refusal(403, "PERMISSION_DENIED", message, source)


def missing(message: str, code: str = "RESOURCE_DOES_NOT_EXIST", source: str = GUESS) -> Refusal:
    return Refusal(404, code, message, source)


def exists(message: str, code: str = "RESOURCE_ALREADY_EXISTS", source: str = GUESS) -> Refusal:
    return Refusal(409, code, message, source)


def conflict(message: str, source: str = GUESS) -> Refusal:
    return Refusal(409, "RESOURCE_CONFLICT", message, source)


def wrong_state(message: str, source: str = GUESS) -> Refusal:
    return Refusal(400, "INVALID_STATE", message, source)
