"""People at browsers of their own, in front of one real server: what journeys are written in.

    with serving(home) as served, Company(browser, served) as company:
        nora = company.person("Nora Lind")
        nora.continue_as()
        nora.go_to("Agreement")
        nora.click("Sign")

`Company` counts clicks and keeps what no journey may leave behind: requests to other hosts, errors in the console, dialogs.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "test-results"
TOUR = RESULTS / "tour"
PUBLISHED_TOUR = REPOSITORY / "docs" / "tour"
TOUR_BYTES = 150_000
PASSING = "[data-testid=stToast], [data-testid=stTooltipContent], [role=tooltip] { display: none }"  # not in pictures
START = 180  # seconds for a server to answer; the first one makes the demo tables
PATIENCE = 150_000  # milliseconds; for a busy machine, nothing waits so long when all is well

SETTLED = """() => { const app = document.querySelector('[data-testid="stApp"]');
  return app && app.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-testid="stSkeleton"]') && !document.querySelector('[data-stale="true"]') }"""

# A deep link makes Streamlit's client probe for its server below the page's path first; these 404s are its way of looking.
_PROBES = re.compile(r"/[a-z-]+/_stcore/(health|host-config)$")


# -- the server


@dataclass
class Served:
    """`cleanroom serve`, as `make run` starts it. It becomes the server by exec, so its process id is the server's.

    `demo=False`: Streamlit alone, which makes no demo room in an empty home.
    """

    home: Path
    port: int
    output: Path
    demo: bool
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Serve this home, on the same port each time, and wait until it answers."""
        module = (
            ["cleanroom_core.cli.main", "serve", "--port"] if self.demo else ["streamlit", "run", "app.py", "--server.port"]
        )
        command = [sys.executable, "-m", *module, str(self.port)]
        with self.output.open("ab") as stream:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, env=environment(self.home), stdout=stream, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5) as answer:  # noqa: S310  our own server
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(self.said())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """kill -9: nothing gets a chance to tidy up."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def said(self) -> str:
        log = self.home / "logs" / "wizard.log"
        return self.output.read_text(errors="replace") + (log.read_text(errors="replace") if log.exists() else "")


@contextmanager
def serving(home: Path, demo: bool = True) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home.mkdir(parents=True, exist_ok=True)
    served = Served(home, port, home.parent / f"{home.name}-server.txt", demo)
    served.start()
    try:
        yield served
    finally:
        served.stop()


def environment(home: Path) -> dict[str, str]:
    """This process's environment without settings of another wizard, for a command on this home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STREAMLIT_", "CLEANROOM_"))}
    return {**kept, "CLEANROOM_HOME": str(home)}


def cleanroom(home: Path, *arguments: str, typed: str = "") -> str:
    """Run `cleanroom ...` on this home; what it said. Fails when it fails."""
    command = [sys.executable, "-m", "cleanroom_core.cli.main", *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment(home), input=typed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


# -- people


@dataclass
class Watch:
    """What must stay empty. `away`: the server is down on purpose, and the browser may say so."""

    ours: tuple[str, ...]
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    away: bool = False

    def over(self, page: Any) -> None:
        page.on("request", lambda request: self._request(request.url))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)

    def _request(self, url: str) -> None:
        if not url.startswith((*self.ours, "data:", "blob:")):
            self.elsewhere.append(url)

    def _console(self, message: Any) -> None:
        probing = "404" in message.text and _PROBES.search(urlsplit(message.location.get("url", "")).path)
        if message.type == "error" and not probing and not self.away:
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


class Company:
    """Everybody of one journey."""

    def __init__(self, browser: Any, served: Served) -> None:
        self.browser, self.served = browser, served
        self.clicks = 0
        self.began = time.monotonic()
        self.people: dict[str, Person] = {}
        host = served.url.partition("//")[2]
        self.watch = Watch((f"http://{host}/", f"ws://{host}/"))

    def __enter__(self) -> Company:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            test = os.environ.get("PYTEST_CURRENT_TEST", "journey").rpartition("::")[2].partition(" ")[0]
            self.keep(RESULTS / "journeys" / re.sub(r"\W+", "-", test))
        for person in self.people.values():
            person.context.close()

    def person(self, name: str, **options: Any) -> Person:
        """Somebody with a browser of their own: own cookies, own cache."""
        if name not in self.people:
            self.people[name] = Person(self, name, **options)
        return self.people[name]

    def tell(self, words: str) -> None:
        """One line of the journey, for who reads the run (`pytest -s`)."""
        print(f"{time.monotonic() - self.began:6.1f} s {self.clicks:3d} clicks  {words}", flush=True)

    def keep(self, folder: Path) -> None:
        """What everybody has before them, and what the server said, for who has to find out."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, person in enumerate(self.people.values()):
            person.page.set_viewport_size({"width": 1280, "height": 3000})  # Streamlit scrolls inside the page
            person.page.screenshot(path=folder / f"{number}-{person.name.replace(' ', '-')}.png")
        (folder / "server.txt").write_text(self.served.said())

    @property
    def disturbances(self) -> list[str]:
        """What a quiet journey has none of."""
        watch = self.watch
        return [f"{kind}: {one}" for kind, found in (
            ("other host", watch.elsewhere), ("console", watch.complaints), ("dialog", watch.dialogs)
        ) for one in found]  # fmt: skip


class Person:
    """One browser with one tab. Every act waits for what it needs, so no journey sleeps."""

    def __init__(self, company: Company, name: str, **options: Any) -> None:
        self.company, self.name = company, name
        settings = {"base_url": company.served.url, "viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options}
        self.context = company.browser.new_context(**settings)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        company.watch.over(self.page)

    # acts

    def open(self, link: str = "/") -> Person:
        self.page.goto(link)
        return self.settle()

    def continue_as(self, link: str = "/") -> Person:
        """Open a link and go on as this demo user."""
        self.open(link)
        self.click(re.compile(f"^Continue as {re.escape(self.name)} "))
        self.page.get_by_role("button", name="Sign out").wait_for()
        return self.settle()

    def becomes(self, name: str) -> Person:
        """In the rehearsal: go on as who does what comes next, where it is done."""
        self.click(f"Continue as {name}")
        self.page.get_by_text(re.compile(f"^{re.escape(name)}, ")).wait_for()
        return self.settle()

    def sign_in(self, username: str, password: str) -> Person:
        self.fill("User name", username)
        self.fill("Password", password)
        return self.click("Sign in")

    def go_to(self, title: str) -> Person:
        """By the navigation at the top of every page."""
        link = self.page.get_by_role("link", name=re.compile(rf"^{re.escape(title)}( \(\d+\))?$"))
        self._click(link.first)
        return self.on(title)

    def click(self, name: str | re.Pattern[str], role: str = "button", within: Any = None) -> Person:
        """Click what has this role and name, wherever the page has it; inside an open dialog when there is one."""
        self._click((within or self.front).get_by_role(role, name=name, exact=isinstance(name, str)).first)
        return self.settle()

    def next_task(self, words: str) -> Person:
        """The one primary button of the timeline: what this person has to do now."""
        self.page.get_by_role("heading", name="Timeline", exact=True, level=1).wait_for()
        return self.click(re.compile(f"^{re.escape(words)}"))

    def fill(self, label: str, text: str) -> Person:
        """Type into a field; again, when the page was still being redrawn and took the text away."""
        from playwright.sync_api import expect

        field = self.front.get_by_label(label, exact=True)
        expect(field).to_have_count(1, timeout=PATIENCE)
        for _ in range(4):
            field.fill(text)
            self.page.wait_for_timeout(200)
            self.settle()
            if field.input_value() == text:
                return self
        raise AssertionError(f"{label} does not keep what is typed")

    def choose(self, label: str, option: str) -> Person:
        """An option of a select box. A list that a redrawing page closes again is opened again."""
        from playwright.sync_api import TimeoutError as Late

        box = self.page.get_by_role("combobox", name=re.compile(re.escape(label))).first
        wanted = self.page.get_by_role("option", name=option, exact=True)
        for patience in (2_000, 5_000, PATIENCE):
            box.click()
            try:
                wanted.click(timeout=patience)
            except Late:
                self.settle()
                continue
            self.company.clicks += 2
            break
        return self.settle()

    def sign_out(self) -> Person:
        self.click("Sign out")
        return self.on("Sign in")

    # what they see

    @property
    def front(self) -> Any:
        dialog = self.page.get_by_role("dialog")
        return dialog if dialog.count() else self.page

    def on(self, title: str) -> Person:
        self.page.get_by_role("heading", name=title, exact=True, level=1).wait_for()
        return self.settle()

    def sees(self, *texts: str | re.Pattern[str]) -> Person:
        for text in texts:
            self.page.get_by_text(text).first.wait_for()
        return self

    def sees_label(self, beginning: str) -> Person:
        """What charts and grids say of themselves; their insides are a drawing."""
        self.page.locator(f'[aria-label^="{beginning}"]').first.wait_for()
        return self.settle()

    def sees_field(self, label: str, value: str) -> Person:
        """Wait until a field holds this, and stands there once: a page being redrawn may have its old form beside the new."""
        from playwright.sync_api import expect

        field = self.front.get_by_label(label, exact=True)
        expect(field).to_have_count(1, timeout=PATIENCE)
        expect(field.first).to_have_value(value, timeout=PATIENCE)
        return self.settle()

    def sees_count(self, what: Any, count: int) -> Person:
        """Wait until exactly so many of these are there."""
        from playwright.sync_api import expect

        expect(what).to_have_count(count, timeout=PATIENCE)
        return self.settle()

    def card(self, heading: str) -> Any:
        """The innermost bordered box with this heading."""
        title = self.page.get_by_role("heading", name=heading, exact=True)
        return self.page.get_by_test_id("stVerticalBlock").filter(has=title).last

    def settle(self) -> Person:
        self.page.wait_for_function(SETTLED)
        return self

    def text(self) -> str:
        return str(self.page.inner_text("body"))

    def download(self, name: str) -> bytes:
        """Click a download button; the bytes of the file."""
        with self.page.expect_download() as waiting:
            self._click(self.page.get_by_role("button", name=name, exact=True))
        return Path(waiting.value.path()).read_bytes()

    def picture(self, name: str, of: Any = None) -> None:
        """A picture of the window for the tour, scrolled so that `of` is at the top."""
        self.settle()
        top = self.page.get_by_role("heading", level=1) if of is None else of
        top.first.evaluate("element => { element.style.scrollMarginTop = '90px'; element.scrollIntoView({block: 'start'}) }")
        self.page.mouse.move(2, 2)  # no tooltip in the picture
        TOUR.mkdir(parents=True, exist_ok=True)
        path = TOUR / name
        self.page.screenshot(path=path, animations="disabled", style=PASSING)
        if os.environ.get("CLEANROOM_TOUR") == "1":
            assert path.stat().st_size < TOUR_BYTES, f"{name} is too large for the README"
            PUBLISHED_TOUR.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, PUBLISHED_TOUR / name)

    def _click(self, what: Any) -> None:
        what.click()
        self.company.clicks += 1
