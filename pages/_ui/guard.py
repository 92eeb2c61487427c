"""The first line of every page, of every callback and of every fragment: who is this, now, and may they?

The frame lists only pages its user may see, but a page must not trust the frame: a role can change between two reruns,
callbacks run *before* the frame, and fragments run without it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.stores.users import Event
from pages._ui import session, state
from pages._ui.errors import shown
from pages._ui.state import Viewer


def require(permission: Permission | None = None) -> Viewer:
    """The viewer, read anew from the user store; stops the run unless they are signed in and hold the permission."""
    user = session.current_user()
    if user is None or user.must_change_password:
        st.info("You are not signed in any more. Reload the page to sign in.")
        st.stop()
    if permission is not None and not user.may(permission):
        state.users().record(Event.PAGE_DENIED, user.username, session.client(), permission)
        st.error("Your roles do not allow this. Ask an administrator of your side.")
        st.stop()
    return state.viewer(user)


def action(permission: Permission, act: Callable[..., None]) -> Callable[..., None]:
    """A widget callback: `st.button("Sign", on_click=action(Permission.PLAN_SIGN, sign))` with `def sign(viewer): ...`.

    Errors are shown above the page, as errors of pages are.
    """

    @functools.wraps(act)
    def run(*args: Any, **kwargs: Any) -> None:
        with shown():
            act(require(permission), *args, **kwargs)

    return run


def live(permission: Permission | None, every: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A fragment that asks again who is looking each time it runs by itself: `@live(Permission.ROOM_READ, every="5s")`.

    The function gets the viewer as its first argument.
    """

    def decorate(draw: Callable[..., None]) -> Callable[..., None]:
        @st.fragment(run_every=every)
        @functools.wraps(draw)
        def run(*args: Any, **kwargs: Any) -> None:
            with shown():
                draw(require(permission), *args, **kwargs)

        return run

    return decorate
