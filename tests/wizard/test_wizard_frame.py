"""The frame under AppTest: who sees what, what is left of a user afterwards, and what an error looks like."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.errors import ConflictError
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.stores.users import Event, UserStore
from pages._ui import errors, guard, session
from pages._ui.steps import STEPS, Step

PAGES = Path(__file__).resolve().parents[2] / "pages"


def only_defines(node: ast.stmt) -> bool:
    """Imports, functions and constants (by their name, and without a call) show nothing to anybody."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        calls = any(isinstance(inner, ast.Call) for inner in ast.walk(node))
        return isinstance(target, ast.Name) and target.id.isupper() and not calls
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def heading(app: Any) -> str:
    return app.title[0].value


def labels(app: Any) -> list[str]:
    return [button.label for button in app.button]


def test_steps_are_the_files_and_the_files_are_the_steps() -> None:
    assert {step.file for step in STEPS} == {path for path in PAGES.glob("*.py") if path.name != "__init__.py"}
    assert len({step.name for step in STEPS}) == len(STEPS)


def test_entry_script_has_no_pages_folder_beside_it() -> None:
    assert not (PAGES / "_ui" / "pages").exists()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_page_asks_who_is_there_before_anything_else(step: Step) -> None:
    module = ast.parse(step.file.read_text())
    assert ast.get_docstring(module)
    first = next(ast.unparse(node) for node in module.body[1:] if not only_defines(node))
    needed = "" if step.permission is None else f"Permission.{step.permission.name}"
    assert first == f"viewer = require({needed})"


def test_signed_out_there_is_the_sign_in_form_only(wizard: Callable[..., Any]) -> None:
    app = wizard()
    assert heading(app) == "Sign in"
    assert "Sign out" not in labels(app)
    assert "Continue as North Steward (steward)" in labels(app)


@pytest.mark.parametrize("username", ["north.engineer", "harbour.analyst", "north.officer", "harbour.reviewer", "auditor"])
def test_an_empty_room_shows_every_permitted_page(wizard: Callable[..., Any], username: str, users: UserStore) -> None:
    user = users.get(username)
    assert user is not None
    for step in STEPS:
        if step.permission is None or user.may(step.permission):
            app = wizard(username, step.name)
            assert not app.exception
            assert not app.error
            assert heading(app) == step.title


def test_continue_as_signs_in_as_that_user(wizard: Callable[..., Any], users: UserStore) -> None:
    app = wizard().button(key="continue_harbour.steward").click().run()
    assert "Harbour Steward, steward, Harbour Bank" in [text.value for text in app.markdown]
    assert users.events()[-1].kind == Event.SIGNED_IN


def test_sign_out_ends_every_session_of_the_user(wizard: Callable[..., Any]) -> None:
    here, there, other = wizard("anna"), wizard("anna"), wizard("henk")
    here.button(key="sign_out").click().run()
    assert heading(here) == "Sign in"
    assert heading(there.run()) == "Sign in"
    assert heading(other.run()) != "Sign in"


def test_nothing_of_a_user_is_left_for_the_next_one(wizard: Callable[..., Any]) -> None:
    app = wizard("north.steward")
    app.session_state["draft"] = "secret of the steward"
    app.run()
    app.button(key="sign_out").click().run()
    assert "draft" not in app.session_state
    app.button(key="continue_harbour.analyst").click().run()
    assert "draft" not in app.session_state
    left = object.__getattribute__(app.session_state, "_state").filtered_state
    assert "secret of the steward" not in str(left)
    assert "north.steward" not in str(left)


def test_nothing_of_a_user_is_left_after_a_sign_out_elsewhere(wizard: Callable[..., Any], users: UserStore) -> None:
    app = wizard("north.steward")
    app.session_state["draft"] = "secret of the steward"
    users.sign_out("north.steward", "test")
    app.run()
    assert heading(app) == "Sign in"
    assert "draft" not in app.session_state


def test_roles_are_read_anew_on_each_rerun(wizard: Callable[..., Any], users: UserStore) -> None:
    app = wizard("anna")
    assert "Anna Berg, analyst, North Bank" in [text.value for text in app.markdown]
    users.set_roles("anna", frozenset({Role.AUDITOR, Role.STEWARD}))
    assert heading(app.run()) == "Sign in"
    app = wizard("anna")
    assert "Anna Berg, auditor, steward, North Bank" in [text.value for text in app.markdown]


def test_a_disabled_user_is_out_at_the_next_rerun(wizard: Callable[..., Any], users: UserStore) -> None:
    app = wizard("anna")
    users.disable("anna")
    assert heading(app.run()) == "Sign in"


def test_signed_in_with_the_form(wizard: Callable[..., Any]) -> None:
    app = wizard()
    app.text_input[0].input(" Anna ")
    app.text_input[1].input("correct horse battery")
    app.button[-1].click().run()
    assert "Anna Berg, analyst, North Bank" in [text.value for text in app.markdown]


@pytest.mark.parametrize("username", ["anna", "nobody"])
def test_a_failed_sign_in_says_the_same_for_known_and_unknown_names(
    wizard: Callable[..., Any], users: UserStore, username: str
) -> None:
    app = wizard()
    app.text_input[0].input(username)
    app.text_input[1].input("wrong horse battery")
    app.button[-1].click().run()
    assert [error.value for error in app.error] == ["Sign-in failed. Check the user name and the password."]
    event = users.events()[-1]
    assert (event.kind, event.username) == (Event.SIGN_IN_FAILED, "anna" if username == "anna" else "(unknown)")


def test_the_sixth_attempt_waits(wizard: Callable[..., Any], users: UserStore) -> None:
    for _ in range(5):
        users.record_failure("anna", "local")
    app = wizard()
    app.text_input[0].input("anna")
    app.text_input[1].input("correct horse battery")
    app.button[-1].click().run()
    assert "Too many attempts: wait" in app.error[0].value
    assert heading(app) == "Sign in"


def test_a_first_password_must_be_changed_before_anything_else(wizard: Callable[..., Any], users: UserStore) -> None:
    newcomer = User("nora", "North Bank", frozenset({Role.STEWARD}), name="Nora", must_change_password=True)
    users.add(newcomer, "made by an admin 1")
    app = wizard("nora")
    assert heading(app) == "Choose your password"

    def choose(new: str, again: str) -> str:
        app.text_input[0].input(new)
        app.text_input[1].input(again)
        app.button[0].click().run()
        return app.error[0].value if app.error else ""

    assert "differ" in choose("a long enough one", "a long enough two")
    assert "at least 12" in choose("short", "short")
    assert "present password" in choose("made by an admin 1", "made by an admin 1")
    assert choose("a long enough one", "a long enough one") == ""
    assert "Nora, steward, North Bank" in [text.value for text in app.markdown]
    assert users.sign_in("nora", "a long enough one", "test").user is not None


def test_demo_users_are_never_asked_for_a_password(users: UserStore) -> None:
    users.add(User("demo.one", "North Bank", frozenset({Role.STEWARD}), demo=True, must_change_password=True))
    user = users.get("demo.one")
    assert user is not None
    assert not user.must_change_password


@pytest.mark.parametrize(("address", "named"), [("10.0.0.5", None), (None, None), ("127.0.0.1", "10.0.0.5"), ("::", None)])
def test_beyond_loopback_demo_users_are_refused(
    wizard: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, address: str | None, named: str | None
) -> None:
    import streamlit as st

    signed_in = wizard("north.steward")
    real = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: address if name == "server.address" else real(name))
    if named:
        monkeypatch.setenv("CLEANROOM_HOST", named)
    assert heading(signed_in.run()) == "Sign in"
    assert labels(wizard()) == ["Sign in"]
    assert heading(wizard("north.steward")) == "Sign in"
    assert heading(wizard("anna")) != "Sign in"


def run_page(body: Callable[[], None]) -> Any:
    from streamlit.testing.v1 import AppTest

    return AppTest.from_function(body, default_timeout=30)


def test_a_page_run_without_the_frame_stops_at_its_guard(home: Path) -> None:
    from streamlit.testing.v1 import AppTest

    for step in STEPS:
        app = AppTest.from_file(str(step.file), default_timeout=30).run()
        assert not app.title
        assert [info.value for info in app.info] == [guard._SIGNED_OUT]


def test_a_guard_denies_and_writes_it_down(wizard: Callable[..., Any], users: UserStore) -> None:
    def page() -> None:
        import streamlit as st

        from cleanroom_core.identity.permissions import Permission
        from pages._ui.guard import require

        require(Permission.REVIEW_DECIDE)
        st.title("Figures")

    for username, allowed in (("north.analyst", False), ("north.reviewer", True)):
        app = run_page(page)
        app.session_state[session.SID] = users.open_session(username, "test").sid
        app.run()
        assert bool(app.title) == allowed
    denied = [event for event in users.events() if event.kind == Event.PAGE_DENIED]
    assert [(event.username, event.detail) for event in denied] == [("north.analyst", "review.decide")]


def test_a_callback_asks_again_because_it_runs_before_the_page(users: UserStore, wizard: Callable[..., Any]) -> None:
    def page() -> None:
        import streamlit as st

        from cleanroom_core.identity.permissions import Permission
        from pages._ui.guard import action, require

        def decide(viewer: object) -> None:
            st.session_state["decided"] = viewer.user.username  # type: ignore[attr-defined]

        require(Permission.REVIEW_DECIDE)
        st.button("Release", on_click=action(Permission.REVIEW_DECIDE, decide))

    app = run_page(page)
    app.session_state[session.SID] = users.open_session("north.reviewer", "test").sid
    app.run().button[0].click().run()
    assert app.session_state["decided"] == "north.reviewer"
    for take_away in (
        lambda: users.sign_out("north.reviewer", "test"),
        lambda: users.set_roles("north.reviewer", frozenset({Role.ANALYST})),
    ):
        app = run_page(page)
        app.session_state[session.SID] = users.open_session("north.reviewer", "test").sid
        app.run()
        take_away()
        app.button[0].click().run()
        assert "decided" not in app.session_state


def test_a_fragment_asks_again_and_keeps_nobody_signed_in(users: UserStore, wizard: Callable[..., Any]) -> None:
    def page() -> None:
        import streamlit as st

        from pages._ui.guard import live

        @live(None, every="5s")
        def progress(viewer: object) -> None:
            st.write(f"progress for {viewer.user.username}")  # type: ignore[attr-defined]

        progress()

    app = run_page(page)
    app.session_state[session.SID] = users.open_session("anna", "test").sid
    assert [text.value for text in app.run().markdown] == ["progress for anna"]
    users.sign_out("anna", "test")
    assert not app.run().markdown


def test_an_error_shows_what_and_what_to_do_and_an_id(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    def page() -> None:
        from cleanroom_core.errors import ConflictError
        from pages._ui.errors import shown

        with shown():
            raise ConflictError("Somebody signed **another** text.", hint="Look at it again.")

    app = run_page(page).run()
    assert not app.exception
    shown = app.error[0].value
    assert r"Somebody signed \*\*another\*\* text." in shown
    assert "Look at it again." in shown
    assert f"{ConflictError.code} · error id " in shown
    assert shown.rpartition(" ")[2] in caplog.text


def test_an_unknown_error_shows_nothing_of_itself_and_is_logged_with_its_secrets_masked(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def page() -> None:
        from pages._ui.errors import shown

        with shown():
            raise RuntimeError("password=hunter2 card 4111 1111 1111 1111 token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln")

    app = run_page(page).run()
    assert not app.exception
    for secret in ("hunter2", "4111", "eyJ", "RuntimeError", "Traceback"):
        assert secret not in app.error[0].value
    for secret in ("hunter2", "4111", "eyJ"):
        assert secret not in caplog.text
    assert "RuntimeError" in caplog.text
    assert app.error[0].value.rpartition(" ")[2] in caplog.text


def test_streamlits_last_resort_is_ours() -> None:
    assert errors.on_script_error(RuntimeError("x")) is True
