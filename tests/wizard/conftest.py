"""A home with people, the wizard under AppTest, the real server, and Chromium. Reuse `home`, `wizard`, `server`, `tab`."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.context import create_home
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.identity.sessions import issue_token
from cleanroom_core.stores.users import UserStore

REPOSITORY = Path(__file__).resolve().parents[2]
FRAME = REPOSITORY / "pages" / "_ui" / "frame.py"
RESULTS = REPOSITORY / "test-results"
PASSWORD = "correct horse battery"
KEY = "0123456789abcdef" * 4
NORTH, HARBOUR = "North Bank", "Harbour Bank"
ROLES = (Role.ENGINEER, Role.STEWARD, Role.ANALYST, Role.REVIEWER, Role.OFFICER)

# The flags with which Chromium works as root, in a container, and calls nobody.
CHROMIUM = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SETTLED = """() => { const app = document.querySelector('[data-testid="stApp"]');
  return app && app.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-testid="stSkeleton"]') && !document.querySelector('[data-stale="true"]') }"""


def add_people(users: UserStore) -> None:
    """Both sides' demo users `north.<role>` and `harbour.<role>`, an auditor, and two people with passwords."""
    for organisation, prefix in ((NORTH, "north"), (HARBOUR, "harbour")):
        for role in ROLES:
            name = f"{prefix.capitalize()} {role.capitalize()}"
            users.add(User(f"{prefix}.{role}", organisation, frozenset({role}), name=name, demo=True))
    users.add(User("auditor", None, frozenset({Role.AUDITOR}), name="Ada Auditor", demo=True))
    users.add(User("anna", NORTH, frozenset({Role.ANALYST}), name="Anna Berg"), PASSWORD)
    users.add(User("henk", HARBOUR, frozenset({Role.STEWARD}), name="Henk Vos"), PASSWORD)


def make_home(folder: Path) -> Path:
    create_home(folder)
    users = UserStore.open(folder / "users.db", lambda: datetime.now(UTC), password_rounds=4)
    add_people(users)
    users.close()
    return folder


# -- AppTest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """CLEANROOM_HOME of this test alone, with people and no room."""
    import streamlit as st

    from pages._ui import state

    folder = make_home(tmp_path / "home")
    monkeypatch.setenv("CLEANROOM_HOME", str(folder))
    monkeypatch.setenv("CLEANROOM_COOKIE_KEY", KEY)
    monkeypatch.delenv("CLEANROOM_HOST", raising=False)
    monkeypatch.setattr("streamlit.config._main_script_path", str(REPOSITORY / "app.py"))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield folder
    state.context().close()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def users(home: Path) -> UserStore:
    """The very store the pages use."""
    from pages._ui import state

    return state.users()


@pytest.fixture
def wizard(home: Path, users: UserStore) -> Callable[..., Any]:
    """`wizard("north.steward", "policies", result="R-42")`: the wizard as that user on that page, after its first run.

    It runs the frame and not app.py: AppTest falls back into Streamlit's old pages mode where `pages/` lies beside the script.
    """
    from streamlit.testing.v1 import AppTest

    from pages._ui.session import SID

    def start(username: str | None = None, page: str | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(FRAME), default_timeout=30)
        for name, value in query.items():
            app.query_params[name] = value
        if username is not None:
            app.session_state[SID] = users.open_session(username, "test").sid
        app.run()
        return app if page is None else app.switch_page(f"../{page}.py").run()

    return start


# -- the real server


@dataclass
class Server:
    port: int
    home: Path
    users: UserStore
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def token(self, username: str) -> str:
        """What this user's cookie would hold after a sign-in."""
        return issue_token(self.users.open_session(username, "test"), KEY, self.users.limits)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  our own server
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode(errors="replace")

    def log(self) -> str:
        path = self.home / "logs" / "wizard.log"
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.users.close()


def start_server(folder: Path, *arguments: str, **environment: str) -> Server:
    """The wizard as `streamlit run app.py` serves it, ready to answer; whoever starts it stops it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    output = folder / "server.out"
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "app.py"), "--server.port", str(port), *arguments]
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("STREAMLIT_", "CLEANROOM_"))},
        "CLEANROOM_HOME": str(folder), "CLEANROOM_COOKIE_KEY": KEY, **environment,
    }  # fmt: skip
    with output.open("wb") as stream:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=settings, stdout=stream, stderr=subprocess.STDOUT)
    users = UserStore.open(folder / "users.db", lambda: datetime.now(UTC), password_rounds=4)
    server = Server(port, folder, users, process, output)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if server.get("/_stcore/health")[0] == 200:
                return server
        except OSError:
            time.sleep(0.05)
    server.stop()
    raise RuntimeError(output.read_text())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not need it fresh: own home, own port, ended by its process id."""
    running = start_server(make_home(tmp_path_factory.mktemp("served")))
    yield running
    running.stop()


# -- Chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
        running = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM))
        yield running
        running.close()


@pytest.fixture
def person(browser: Any, server: Server, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """`person(color_scheme="dark")`: a browser of somebody else (own cookies). On failure its pictures are kept."""
    contexts: list[Any] = []

    def make(**options: Any) -> Any:
        context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 800}, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context

    yield make
    failed = getattr(request.node, "failed", False)
    for number, context in enumerate(contexts):
        if failed:
            for index, page in enumerate(context.pages):
                keep(request.node.nodeid, f"{number}-{index}.png", lambda path, page=page: page.screenshot(path=path))
        context.close()
    if failed:
        keep(request.node.nodeid, "server.txt", lambda path: path.write_text(server.output.read_text() + server.log()))


@pytest.fixture
def tab(person: Callable[..., Any]) -> Any:
    """A fresh tab of a fresh browser."""
    return person().new_page()


def keep(test: str, name: str, write: Callable[[Path], object]) -> None:
    folder = RESULTS / re.sub(r"[^A-Za-z0-9_.-]+", "-", test)[-100:]
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / name)


def settle(page: Any) -> None:
    """Wait until the script is done, nothing is stale and nothing is still to be drawn."""
    page.wait_for_function(SETTLED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.when == "call" and report.failed:
        item.failed = True  # type: ignore[attr-defined]
    return report
