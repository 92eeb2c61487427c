"""The script that runs first in every rerun: sign-in before anything else, then the steps this user may see."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.util import calc_hash

from cleanroom_core.identity.permissions import User
from cleanroom_core.stores.users import Event
from pages._ui import session, state
from pages._ui.cards import plain, show_flashes
from pages._ui.errors import shown
from pages._ui.inbox_count import title_of
from pages._ui.next_person import show_next_person
from pages._ui.room import show_troubles
from pages._ui.sign_in import change_password_page, sign_in_page
from pages._ui.steps import STEPS, Step


def frame() -> None:
    st.set_page_config(page_title="Clean room", page_icon="🤝", layout="wide")
    user = session.current_user()
    if user is None:
        _only(sign_in_page, "Sign in")
    elif user.must_change_password:
        _only(lambda: change_password_page(user), "Choose your password")
    else:
        _wizard(user)


def _wizard(user: User) -> None:
    allowed = [step for step in STEPS if step.permission is None or user.may(step.permission)]
    pages = [st.Page(step.file, title=title_of(step, user), url_path=step.name, default=step is allowed[0]) for step in allowed]
    page = st.navigation(pages, position="top")
    _report_denied(user, allowed)
    if landing := session.landing():
        name, query = landing
        st.switch_page(next((step for step in allowed if step.name == name), STEPS[0]).file, query_params=query)
    _header(user)
    show_next_person(user, page.url_path or STEPS[0].name)
    show_troubles(user)
    show_flashes()
    with shown():
        page.run()


def _only(body: Callable[[], None], title: str) -> None:
    """One page whatever the URL, and the URL stays: a link into the wizard survives the sign-in."""
    pages = [st.Page(body, title=title, url_path="sign-in", default=True)]
    if name := _name_in_url():
        pages.append(st.Page(body, title=title, url_path=name))
    page = st.navigation(pages, position="hidden")
    with shown():
        page.run()


def _name_in_url() -> str | None:
    path = urlsplit(st.context.url or "").path.rstrip("/").rpartition("/")[2]
    return path if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", path) and path != "sign-in" else None


def _header(user: User) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        roles = ", ".join(sorted(user.roles))
        st.markdown(f"{plain(user.name)}, {roles}, {plain(user.organisation or 'for both sides')}", width="content")
        _room_choice(user)
        leave = st.button("Sign out", key="sign_out")
    with st.container():
        session.sync_cookie()
    if leave:
        session.sign_out(user)


def _room_choice(user: User) -> None:
    rooms, current = state.context().rooms_of(user), state.current_room(user)
    if current is None or len(rooms) == 1:
        return
    chosen = st.selectbox("Room", rooms, index=rooms.index(current), label_visibility="collapsed", width=280)
    if chosen != current:
        state.choose_room(chosen)
        st.rerun()


def _report_denied(user: User, allowed: Collection[Step]) -> None:
    """One security event for a step of the wizard asked for, by its name or its hash, by a user who may not see it."""
    context = get_script_run_ctx()
    if context is None:
        return
    wanted = {context.pages_manager.intended_page_name, context.pages_manager.intended_page_script_hash}
    for step in STEPS:
        if step not in allowed and wanted & {step.name, calc_hash(step.name)}:
            state.users().record(Event.PAGE_DENIED, user.username, session.client(), step.name)


with shown():
    frame()
