"""Who is signed in here. Asked anew on every rerun, by the frame and by every page; never remembered from the run before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import streamlit as st
from extra_streamlit_components.CookieManager import CookieManager, _component_func

from cleanroom_core.context import home_path
from cleanroom_core.errors import NotPermittedError
from cleanroom_core.identity.cookie_key import load_cookie_key
from cleanroom_core.identity.permissions import User
from cleanroom_core.identity.sessions import issue_token, read_token
from cleanroom_core.stores.users import Event
from pages._ui import state
from pages._ui.loopback import rehearsal_allowed

COOKIE = "cleanroom_session"

SID = "_sid"  # the session of this tab
_TOKEN = "_token_to_keep"
_FORGET = "_cookie_to_forget"
_LANDING = "_landing"
_REFUSED = "_token_refused"  # digest of a token already reported, so that it is one line in the log and not one per rerun


def client() -> str:
    """The address the request came from. Behind a proxy on this machine, the address the proxy names."""
    address = st.context.ip_address
    return address if isinstance(address, str) else "local"


def cookie_key() -> str:
    return load_cookie_key(home_path() / "cookie.key", os.environ)


def current_user(used: bool = True) -> User | None:
    """The signed-in user with roles as they are now, or None, and then nothing of a former user is left in this tab.

    `used=False` where a page refreshes itself: nobody did anything, so the idle time goes on.
    """
    users = state.users()
    sid = st.session_state.get(SID)
    from_cookie = sid is None
    if from_cookie:
        sid = _sid_of_cookie()
    if sid is None:
        return None
    found = users.resume(sid, client(), used)
    if isinstance(found, User) and (not found.demo or rehearsal_allowed()):
        st.session_state[SID] = sid
        return found
    if from_cookie:
        _report_refused(str(found) if not isinstance(found, User) else "demo user beyond loopback")
    else:
        wipe()
    return None


def enter(user: User, how: str, landing: tuple[str, dict[str, str]] | None = None) -> NoReturn:
    """Begin a session for a user whose identity was just proven, and run again as that user; at `landing` when there is one."""
    users = state.users()
    session = users.open_session(user.username, client(), how)
    wipe()
    st.session_state[SID] = session.sid
    st.session_state[_TOKEN] = issue_token(session, cookie_key(), users.limits)
    if landing is not None:
        st.session_state[_LANDING] = landing
    st.rerun()


def change_to(user: User, other: User, page: str, query: Mapping[str, str]) -> NoReturn:
    """In the rehearsal: end this user's sessions and go on as another invented one, at a page with its deep link."""
    if not (user.demo and other.demo and rehearsal_allowed()):
        raise NotPermittedError("Nobody continues as somebody else here.", hint="Sign out, and sign in as yourself.")
    state.users().sign_out(user.username, client())
    enter(other, "continue as", (page, dict(query)))


def landing() -> tuple[str, dict[str, str]] | None:
    """The page somebody who was just changed to is brought to, told once."""
    found: tuple[str, dict[str, str]] | None = st.session_state.pop(_LANDING, None)
    return found


def sign_out(user: User) -> None:
    """End all sessions of this user, here and in every other browser, and run again as nobody."""
    state.users().sign_out(user.username, client())
    wipe()
    st.session_state[_FORGET] = True
    st.rerun()


def wipe() -> None:
    """Take everything of one user out of this tab before another one may come."""
    refused = st.session_state.get(_REFUSED)
    for key in list(st.session_state):
        del st.session_state[key]
    if refused is not None:
        st.session_state[_REFUSED] = refused


@st.fragment
def sync_cookie() -> None:
    """Bring the browser's cookie up to date: an iframe that writes it is shown until it says that it has.

    A fragment, because a component's answer runs the script again, and a full run would interrupt the one before it and
    lose the click that this was about.
    """
    token = st.session_state.get(_TOKEN)
    if token is None and _FORGET not in st.session_state:
        return
    step = "cookie_set" if token is not None else "cookie_delete"
    if st.session_state.get(step):
        for key in (_TOKEN, _FORGET):
            st.session_state.pop(key, None)
        return
    manager = _cookie_writer()
    if token is None:
        manager.delete(COOKIE, key=step)
        return
    lifetime: timedelta = state.users().limits.lifetime
    secure = (st.context.url or "").startswith("https://")
    manager.set(COOKIE, token, key=step, expires_at=datetime.now(UTC) + lifetime, secure=secure or None)


def _cookie_writer() -> CookieManager:
    """The library's component without its constructor, which would fetch every cookie of this host into our state."""
    writer = CookieManager.__new__(CookieManager)
    writer.cookie_manager = _component_func
    writer.cookies = {COOKIE: ""}
    return writer


def _sid_of_cookie() -> str | None:
    token = _cookie()
    if token is None:
        return None
    sid = read_token(token, cookie_key(), state.now())
    if sid is None:
        _report_refused("not a token of ours, or expired")
    return sid


def _cookie() -> str | None:
    """As the browser sent it when this tab connected."""
    found = st.context.cookies.get(COOKIE)
    return found if isinstance(found, str) and found else None


def _report_refused(reason: str) -> None:
    digest = hashlib.sha256((_cookie() or "").encode()).hexdigest()
    if st.session_state.get(_REFUSED) != digest:
        st.session_state[_REFUSED] = digest
        state.users().record(Event.TOKEN_REFUSED, None, client(), reason)
