"""Doing something and saying so: a button's act, with its spinner, its toast and its error; and the confirmation before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import streamlit as st

from cleanroom_core.errors import CleanRoomError
from cleanroom_core.identity.permissions import Permission
from pages._ui.cards import flash
from pages._ui.errors import show, shown
from pages._ui.guard import action
from pages._ui.state import Viewer

_FAILED = "_failed_act"


def act(doing: str, done: str, do: Callable[[], object]) -> None:
    """Do it now, with a spinner; then a toast on the redrawn page, or the error here."""
    with shown():
        with st.spinner(doing):
            do()
        _done(done)


def _done(text: str) -> NoReturn:
    flash(text)
    st.rerun()


def confirm(label: str, permission: Permission, do: Callable[..., None], *args: Any) -> None:
    """The last button of a dialog. `do(viewer, *args)` runs before the page is drawn; the dialog closes if it succeeded.

    It is a callback, and not what stands under `if st.button`, because only a callback runs on a whole rerun of the page too.
    """
    with st.container(horizontal=True):
        key = f"confirm_{do.__name__}"
        clicked = st.button(label, type="primary", key=key, on_click=action(permission, _kept(do)), args=args)
        cancelled = st.button("Cancel", key=f"cancel_{do.__name__}")
    if cancelled or (clicked and not show_failed()):
        st.rerun()


def _kept(do: Callable[..., None]) -> Callable[..., None]:
    """Keep an error for where it can be read: in the dialog, or at the top of the page when the dialog is gone."""

    def run(viewer: Viewer, *args: Any) -> None:
        try:
            do(viewer, *args)
        except CleanRoomError as error:
            st.session_state[_FAILED] = error

    return run


def show_failed() -> bool:
    """Show what the last confirmed act failed with, once; every page with a dialog calls this at its top."""
    error = st.session_state.pop(_FAILED, None)
    if error is None:
        return False
    show(error)
    return True
