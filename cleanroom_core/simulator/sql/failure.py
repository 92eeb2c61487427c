"""A statement that cannot be executed. Over HTTP this is no error: the statement's state is FAILED."""

from __future__ import annotations


class SqlFailure(Exception):  # noqa: N818  an answer, not a crash
    """`code` is one of the API's error codes, `condition` the error class at the front of the message."""

    def __init__(self, condition: str, message: str, state: str = "", code: str = "BAD_REQUEST") -> None:
        super().__init__(f"[{condition}] {message}")
        self.code = code
        self.state = state


def not_played(what: str) -> SqlFailure:
    return SqlFailure("SIMULATOR_NOT_PLAYED", f"The simulator does not play {what}; docs/simulator.md lists what it does.")


def no_permission(privilege: str, kind: str, name: str) -> SqlFailure:
    return SqlFailure(
        "INSUFFICIENT_PERMISSIONS", f"User does not have permission {privilege} on {kind} '{name}'.", "42501", "BAD_REQUEST"
    )


def no_table(name: str) -> SqlFailure:
    return SqlFailure("TABLE_OR_VIEW_NOT_FOUND", f"The table or view `{name}` cannot be found.", "42P01", "BAD_REQUEST")
