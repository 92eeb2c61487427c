"""What reaches whom over the wire: other sides' data, other roles' pages, other origins' requests (S1, S4, S5, S13, S21)."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.stores.users import Event
from pages._ui.session import COOKIE
from pages._ui.steps import STEPS
from tests.identity.test_sessions import FORGERIES
from tests.wizard.conftest import HARBOUR, NORTH, PASSWORD, Server, make_home, start_server
from tests.wizard.raw_client import RawClient, listed_pages, page_hash, texts, titles

# What belongs to one side and must never be in a message to the other. With rooms come canaries in their data.
CANARIES = {NORTH: ("Anna Berg", "anna"), HARBOUR: ("Henk Vos", "henk")}


def signed_in(server: Server, username: str) -> RawClient:
    return RawClient(server.port, cookies={COOKIE: server.token(username)})


@pytest.mark.parametrize(("username", "side", "other"), [("anna", NORTH, HARBOUR), ("henk", HARBOUR, NORTH)])
def test_nothing_of_the_other_side_is_in_any_message(server: Server, username: str, side: str, other: str) -> None:
    with signed_in(server, username) as client:
        for step in STEPS:
            client.visit(page_name=step.name, url=f"{server.url}/{step.name}")
            client.visit(page_hash=page_hash(step.name), query="room=fraud_signals&result=R-1")
        assert CANARIES[side][0].encode() in client.received, "the search finds nothing at all"
        for canary in CANARIES[other]:
            assert canary.encode() not in client.received


@pytest.mark.parametrize(
    "username", ["north.engineer", "harbour.steward", "north.analyst", "harbour.reviewer", "north.officer", "auditor"]
)
def test_each_role_gets_exactly_its_pages(server: Server, username: str) -> None:
    user = server.users.get(username)
    assert user is not None
    allowed = {step.name for step in STEPS if step.permission is None or user.may(step.permission)}
    with signed_in(server, username) as client:
        home = titles(client.visit())
        for step in STEPS:
            for asked in ({"page_name": step.name}, {"page_hash": page_hash(step.name)}):
                before = len(server.users.events())
                messages = client.visit(**asked)
                assert {name or STEPS[0].name for name in listed_pages(messages)} == allowed
                if step.name in allowed:
                    assert titles(messages)[0] == step.title
                else:
                    assert titles(messages) == home
                    denied = server.users.events()[before:]
                    assert [(e.kind, e.username, e.detail) for e in denied] == [(Event.PAGE_DENIED, username, step.name)]


def test_a_page_that_does_not_exist_is_not_found(server: Server) -> None:
    with signed_in(server, "anna") as client:
        kinds = {message.WhichOneof("type") for message in client.visit(page_name="_ui/frame")}
    assert "page_not_found" in kinds


@pytest.mark.parametrize("end", ["sign-out", "password", "roles", "disabled"])
def test_a_cookie_is_worth_nothing_after(server: Server, end: str) -> None:
    username = f"replay.{end}"
    server.users.add(User(username, NORTH, frozenset({Role.ANALYST}), name="Replay"), PASSWORD)
    token = server.token(username)
    with RawClient(server.port, cookies={COOKIE: token}) as client:
        assert "Sign in" not in titles(client.visit())
        match end:
            case "sign-out":
                server.users.sign_out(username, "test")
            case "password":
                server.users.set_password(username, "another long password")
            case "roles":
                server.users.set_roles(username, frozenset({Role.STEWARD}))
            case "disabled":
                server.users.disable(username)
        assert titles(client.visit())[0] == "Sign in", "the session that was open"
    with RawClient(server.port, cookies={COOKIE: token}) as client:
        assert titles(client.visit())[0] == "Sign in", "the same cookie in another browser"


def usable_in_a_header(token: str) -> bool:
    """Longer ones end in the web server already, which answers no handshake with such a header."""
    return token.isascii() and 0 < len(token) < 8000


@pytest.mark.parametrize("forgery", [name for name, token in FORGERIES.items() if usable_in_a_header(token)])
def test_a_forged_cookie_is_the_sign_in_form_and_one_line(server: Server, forgery: str) -> None:
    before = len(server.users.events(10_000))
    with RawClient(server.port, cookies={COOKIE: FORGERIES[forgery]}) as client:
        for _ in range(3):
            messages = client.visit()
            assert titles(messages)[0] == "Sign in"
            assert "Traceback" not in texts(messages)
            assert "exception" not in {m.delta.new_element.WhichOneof("type") for m in messages}
    assert [event.kind for event in server.users.events(10_000)[before:]] == [Event.TOKEN_REFUSED]
    assert FORGERIES[forgery] not in server.log()


@pytest.mark.parametrize("forgery", ["expired session", "unknown session"])
def test_a_genuine_cookie_without_its_session_is_refused(server: Server, forgery: str) -> None:
    token = server.token("henk")
    server.users.sign_out("henk", "test")
    before = len(server.users.events(10_000))
    with RawClient(server.port, cookies={COOKIE: token}) as client:
        assert titles(client.visit())[0] == "Sign in"
    assert [event.kind for event in server.users.events(10_000)[before:]] == [Event.TOKEN_REFUSED]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", None),
        ("null", None),
        ("https://localhost.evil.example", None),
        (None, "evil.example"),
        ("http://evil.example", "evil.example"),
    ],
)
def test_other_origins_and_hosts_get_no_connection(server: Server, origin: str | None, host: str | None) -> None:
    with pytest.raises(InvalidStatus) as caught, RawClient(server.port, origin=origin, host=host):
        pass
    assert caught.value.response.status_code == 403


def test_our_own_origin_gets_one(server: Server) -> None:
    with RawClient(server.port, origin=f"http://127.0.0.1:{server.port}") as client:
        assert titles(client.visit())[0] == "Sign in"


def test_a_request_through_a_proxy_is_offered_no_rehearsal(server: Server) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-Ip"):
        with RawClient(server.port, headers={header: "10.1.2.3"}) as client:
            assert "Continue as" not in texts(client.visit())
        with RawClient(server.port, cookies={COOKIE: server.token("north.steward")}, headers={header: "10.1.2.3"}) as client:
            assert titles(client.visit())[0] == "Sign in"
    with RawClient(server.port) as client:
        assert "Continue as" in texts(client.visit())


def test_a_server_others_can_reach_has_no_rehearsal(tmp_path: Path) -> None:
    open_server = start_server(make_home(tmp_path / "home"), "--server.address", "0.0.0.0")  # noqa: S104  that is the case
    try:
        with RawClient(open_server.port) as client:
            said = texts(client.visit())
            assert "Sign in" in said
            assert "Continue as" not in said
            assert "North Steward" not in said
        for username, title in (("north.steward", "Sign in"), ("auditor", "Sign in"), ("anna", STEPS[0].title)):
            with RawClient(open_server.port, cookies={COOKIE: open_server.token(username)}) as client:
                assert titles(client.visit())[0] == title
    finally:
        open_server.stop()
