"""An error as people see it: what happened, what to do, and an id that the server's log explains. Never a stack trace."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cleanroom_core.errors import CleanRoomError
from pages._ui.cards import plain
from pages._ui.logfile import log_error


@contextmanager
def shown() -> Iterator[None]:
    """Show what goes wrong inside, and go on after it. Streamlit's own `st.stop` and `st.rerun` pass through."""
    try:
        yield
    except Exception as error:
        show(error)


def show(error: Exception) -> str:
    """Write the error into the page and the log; returns its id."""
    error_id = secrets.token_hex(4)
    log_error(error, error_id)
    if isinstance(error, CleanRoomError):
        what, todo, code = error.message, error.hint, error.code
    else:
        what, todo, code = "Something went wrong on our side.", "Try again; if it happens again, give us the error id.", "OTHER"
    lines = "  \n".join(plain(line) for line in what.splitlines())
    st.error(f"{lines}\n\n{plain(todo)}\n\n{plain(code)} · error id {error_id}")
    return error_id


def on_script_error(error: Exception) -> bool:
    """Streamlit's last resort (`st.App`): callbacks and fragments, which run outside the frame."""
    show(error)
    return True
