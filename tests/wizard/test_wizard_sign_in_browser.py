"""Signing in, staying, leaving and coming back, in Chromium against the real server (S6, S7, S16, S26; axe)."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.stores.users import Event
from pages._ui.session import COOKIE
from pages._ui.steps import STEPS
from tests.wizard.conftest import NORTH, PASSWORD, Server, settle

pytestmark = pytest.mark.browser
HOME = STEPS[0].title


def heading(page: Any, name: str) -> Any:
    return page.get_by_role("heading", name=name, exact=True, level=1)


def wait_for_cookie(page: Any, there: bool = True) -> None:
    for _ in range(100):
        if any(cookie["name"] == COOKIE for cookie in page.context.cookies()) == there:
            return
        page.wait_for_timeout(50)
    pytest.fail("the cookie was not written" if there else "the cookie was not deleted")


def sign_in(page: Any, username: str, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Any) -> None:
    page.get_by_role("button", name="Sign out").click()
    heading(page, "Sign in").wait_for()
    settle(page)


def test_password_reload_second_tab_and_out_everywhere(tab: Any) -> None:
    tab.goto("/")
    heading(tab, "Sign in").wait_for()
    sign_in(tab, "anna", "wrong horse battery")
    tab.get_by_text("Sign-in failed. Check the user name and the password.").wait_for()
    sign_in(tab, "anna")
    heading(tab, HOME).wait_for()
    wait_for_cookie(tab)
    tab.reload()
    heading(tab, HOME).wait_for()
    tab.get_by_text("Anna Berg, analyst, North Bank").wait_for()
    second = tab.context.new_page()
    second.goto("/")
    heading(second, HOME).wait_for()
    settle(second)
    sign_out(tab)
    second.get_by_role("button", name="Sign out").click()  # whatever it does there, it is a rerun
    heading(second, "Sign in").wait_for()
    wait_for_cookie(tab, there=False)
    tab.reload()
    heading(tab, "Sign in").wait_for()


def test_continue_as_keeps_the_link_and_survives_a_reload(tab: Any) -> None:
    name = STEPS[-1].name
    tab.goto(f"/{name}?result=R-42&room=x")
    heading(tab, "Sign in").wait_for()
    settle(tab)
    assert f"/{name}?result=R-42&room=x" in tab.url
    tab.get_by_role("button", name="Continue as North Officer").click()
    heading(tab, STEPS[-1].title).wait_for()
    settle(tab)
    assert "result=R-42" in tab.url
    assert "room=x" in tab.url
    wait_for_cookie(tab)
    tab.reload()
    heading(tab, STEPS[-1].title).wait_for()
    assert "result=R-42" in tab.url
    sign_out(tab)
    assert "result=R-42" in tab.url


def test_the_next_user_of_a_tab_sees_nothing_of_the_one_before(tab: Any) -> None:
    tab.goto("/")
    heading(tab, "Sign in").wait_for()
    sign_in(tab, "anna")
    tab.get_by_text("Anna Berg").wait_for()
    wait_for_cookie(tab)
    sign_out(tab)
    sign_in(tab, "henk")
    tab.get_by_text("Henk Vos").wait_for()
    settle(tab)
    assert "Anna" not in tab.content()
    wait_for_cookie(tab)
    tab.reload()
    tab.get_by_text("Henk Vos").wait_for()


def test_a_stolen_cookie_is_worth_nothing_after_sign_out(person: Callable[..., Any], server: Server) -> None:
    owner, thief = person().new_page(), person()
    owner.goto("/")
    heading(owner, "Sign in").wait_for()
    sign_in(owner, "anna")
    heading(owner, HOME).wait_for()
    wait_for_cookie(owner)
    thief.add_cookies(owner.context.cookies())
    before, after = thief.new_page(), None
    before.goto("/")
    heading(before, HOME).wait_for()
    settle(owner)
    sign_out(owner)
    after = thief.new_page()
    after.goto("/")
    heading(after, "Sign in").wait_for()
    settle(after)
    assert server.users.events()[-1].kind == Event.TOKEN_REFUSED


def test_a_first_password_is_changed_at_the_first_sign_in(tab: Any, server: Server) -> None:
    server.users.add(User("nils", NORTH, frozenset({Role.STEWARD}), name="Nils", must_change_password=True), PASSWORD)
    name = STEPS[-1].name
    tab.goto(f"/{name}?result=R-7")
    heading(tab, "Sign in").wait_for()
    sign_in(tab, "nils")
    heading(tab, "Choose your password").wait_for()
    tab.get_by_label("New password", exact=True).fill("my own long password")
    tab.get_by_label("The same again", exact=True).fill("my own long password")
    tab.get_by_role("button", name="Set password").click()
    heading(tab, STEPS[-1].title).wait_for()
    assert "result=R-7" in tab.url
    wait_for_cookie(tab)
    tab.reload()
    heading(tab, STEPS[-1].title).wait_for()
    settle(tab)
    sign_out(tab)
    sign_in(tab, "nils", PASSWORD)
    tab.get_by_text("Sign-in failed. Check").wait_for()
    sign_in(tab, "nils", "my own long password")
    heading(tab, STEPS[-1].title).wait_for()


def assert_accessible(page: Any) -> None:
    """Nothing serious or critical for axe, and nothing to scroll sideways, on a wide and on a narrow screen."""
    from axe_playwright_python.sync_playwright import Axe

    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        found = Axe().run(page).response["violations"]
        assert [
            f"{violation['id']}: {node['target']}"
            for violation in found
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ] == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in_and_frame_are_accessible(person: Callable[..., Any], scheme: str) -> None:
    page = person(color_scheme=scheme).new_page()
    page.goto("/")
    heading(page, "Sign in").wait_for()
    sign_in(page, "anna", "wrong horse battery")
    page.get_by_text("Sign-in failed. Check").wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="Continue as Ada Auditor").click()
    heading(page, HOME).wait_for()
    wait_for_cookie(page)
    assert_accessible(page)


def test_nothing_is_asked_of_another_host_and_nothing_is_blocked(tab: Any, server: Server) -> None:
    elsewhere: list[str] = []
    complaints: list[str] = []
    ours = (server.url, f"ws://localhost:{server.port}", "data:", "blob:")
    tab.on("request", lambda request: None if request.url.startswith(ours) else elsewhere.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto("/")
    heading(tab, "Sign in").wait_for()
    settle(tab)
    tab.get_by_role("button", name="Continue as North Steward").click()
    heading(tab, HOME).wait_for()
    wait_for_cookie(tab)
    settle(tab)
    assert elsewhere == []
    assert complaints == []


@pytest.fixture
def other_site(server: Server) -> Iterator[str]:
    """A page of another origin that puts the wizard into a frame."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<title>trap</title><iframe src='{server.url}/' width=800 height=600></iframe>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{site.server_port}/"
    site.shutdown()
    thread.join()
    site.server_close()


def test_another_site_cannot_frame_the_wizard(tab: Any, other_site: str) -> None:
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(other_site)
    tab.wait_for_timeout(1000)
    assert any("frame" in text for text in complaints), complaints
    assert all(frame.locator("[data-testid=stApp]").count() == 0 for frame in tab.frames)
