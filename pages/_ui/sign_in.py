"""The sign-in page: streamlit-authenticator's form, with everything behind the form replaced by our own store.

The library keeps neither users, nor hashes, nor a cookie here: version 0.4.2 replays tokens after sign-out, loses failed
attempts, tells known names from unknown ones and locks people out for good. It shows the form; `UserStore.sign_in` decides.
"""

from __future__ import annotations

from itertools import groupby

import streamlit as st
import streamlit_authenticator as stauth
from streamlit_authenticator.controllers import AuthenticationController

from cleanroom_core.errors import InputError
from cleanroom_core.identity.passwords import MAXIMUM_CHARACTERS, MINIMUM_CHARACTERS
from cleanroom_core.identity.permissions import User
from cleanroom_core.stores.users import Attempt
from pages._ui import session, state
from pages._ui.cards import plain
from pages._ui.errors import shown
from pages._ui.loopback import rehearsal_allowed

_FIELDS = {"Form name": "Sign in with a password", "Username": "User name", "Password": "Password", "Login": "Sign in"}


def sign_in_page() -> None:
    """Stands at every URL while nobody is signed in; the URL stays as it is, so that the link works afterwards."""
    st.title("Sign in")
    with st.container():
        session.sync_cookie()
    if rehearsal_allowed():
        _continue_as([user for user in state.users().list() if user.demo and not user.disabled])
    _password_form()


def change_password_page(user: User) -> None:
    """First sign-in of a user whose password somebody else chose."""
    st.title("Choose your password")
    st.write(f"Signed in as {plain(user.name)}. Your first password was made by somebody else, so choose one only you know.")
    with st.form("change_password", enter_to_submit=True):
        new = st.text_input("New password", type="password", autocomplete="new-password", help=_RULES)
        again = st.text_input("The same again", type="password", autocomplete="new-password")
        sent = st.form_submit_button("Set password", type="primary")
    st.caption(_RULES)
    if st.button("Sign out"):
        session.sign_out(user)
    if not sent:
        return
    if new != again:
        st.error("The two entries differ. Type the same password twice.")
        return
    try:
        state.users().set_password(user.username, new, client=session.client())
    except InputError as error:
        st.error(f"{plain(error.message)} {plain(error.hint)}")
        return
    session.enter(user, "password changed")


_RULES = f"{MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS} characters; a few words in a row are best."


def _continue_as(people: list[User]) -> None:
    if not people:
        return
    st.subheader("Rehearsal on this machine")
    st.write("Everybody here is invented. Continue as anyone, and sign out to change sides.")
    columns = st.columns(len({user.organisation for user in people}))
    for column, (organisation, members) in zip(columns, groupby(people, key=lambda user: user.organisation), strict=True):
        with column:
            st.markdown(f"**{plain(organisation or 'For both sides')}**")
            for user in members:
                label = f"Continue as {plain(user.name)} ({', '.join(sorted(user.roles))})"
                if st.button(label, key=f"continue_{user.username}", width="stretch"):
                    session.enter(user, "continue as")


def _password_form() -> None:
    form = _Form()
    with shown():
        form.login(fields=_FIELDS)
    _tell(form.attempt)


class _Form(stauth.Authenticate):
    """The library's form on our store. Its constructor is left out: it would make a cookie component."""

    def __init__(self) -> None:
        self.attempt: Attempt | None = None
        self.path = None
        self.attrs = {"login_sleep_time": 0}
        self.cookie_controller = _NoCookies()
        self.authentication_controller = AuthenticationController({"usernames": {}}, auto_hash=False)
        self.authentication_controller.authentication_model.check_credentials = self._check

    def _check(self, username: str, password: str) -> bool:
        self.attempt = state.users().sign_in(username, password, session.client())
        if self.attempt.user is None:
            return False
        known = self.authentication_controller.authentication_model.credentials["usernames"]
        known[username] = {"name": self.attempt.user.name}
        return True


class _NoCookies:
    """Cookies are `session`'s: the library's hold no session that could be ended."""

    def get_cookie(self) -> None: ...

    def set_cookie(self) -> None: ...


def _tell(attempt: Attempt | None) -> None:
    if attempt is None:
        return
    if attempt.user is not None and not (attempt.user.demo and not rehearsal_allowed()):
        session.enter(attempt.user, "password")
    elif attempt.wait:
        st.error(f"Sign-in failed. Too many attempts: wait {round(attempt.wait.total_seconds())} seconds, then try again.")
    else:
        st.error("Sign-in failed. Check the user name and the password.")
