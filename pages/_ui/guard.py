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

_SIGNED_OUT = "You are not signed in any more. Reload the page to sign in."
_DENIED = "Your roles do not allow this. Ask somebody on your side who may."


def require(permission: Permission | None = None) -> Viewer:
    """The viewer, read anew from the user store; stops the run unless they are signed in and hold the permission."""
    found = _look(permission)
    if not isinstance(found, Viewer):
        st.info(found)
        st.stop()
    return found


def action(permission: Permission, act: Callable[..., None]) -> Callable[..., None]:
    """A widget callback: `st.button("Sign", on_click=action(Permission.PLAN_SIGN, sign))` with `def sign(viewer): ...`.

    Nothing happens for somebody signed out meanwhile; the frame, which runs next, asks them to sign in. What goes wrong is
    shown above the page.
    """

    @functools.wraps(act)
    def run(*args: Any, **kwargs: Any) -> None:
        with shown():
            found = _look(permission)
            if isinstance(found, Viewer):
                act(found, *args, **kwargs)
            elif found == _DENIED:
                st.error(found)

    return run


def live(permission: Permission | None, every: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A fragment that asks who is looking each time it runs: `@live(Permission.ROOM_READ, every="5s")`, `def draw(viewer)`.

    A fragment that refreshes itself does not count as somebody being there: the idle limit holds behind an open page.
    """

    def decorate(draw: Callable[..., None]) -> Callable[..., None]:
        @st.fragment(run_every=every)
        @functools.wraps(draw)
        def run(*args: Any, **kwargs: Any) -> None:
            with shown():
                found = _look(permission, used=every is None)
                if isinstance(found, Viewer):
                    draw(found, *args, **kwargs)
                else:
                    st.info(found)

        return run

    return decorate


def _look(permission: Permission | None, used: bool = True) -> Viewer | str:
    user = session.current_user(used)
    if user is None or user.must_change_password:
        return _SIGNED_OUT
    if permission is not None and not user.may(permission):
        state.users().record(Event.PAGE_DENIED, user.username, session.client(), permission)
        return _DENIED
    return state.viewer(user)
