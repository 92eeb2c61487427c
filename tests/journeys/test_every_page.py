"""Every page as somebody finds it: light and dark, wide and narrow, in a finished room and in an empty home.

What is looked for on each: axe's serious and critical findings, a page to scroll sideways, more than one primary button, a
stack trace. And what the server sent to each browser must not hold a raw identifier, of either side (S1), but for the steward
who asked to see their own: that also shows that the search finds one when there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cleanroom_core.context import Context, create_home
from cleanroom_core.identity.cookie_key import load_cookie_key
from cleanroom_core.identity.sessions import issue_token
from cleanroom_core.rehearsal import add_demo_users, demo_users
from pages._ui.session import COOKIE
from pages._ui.steps import STEPS
from tests.journeys.people import Company, Person, Served, serving
from tests.stories.tiny_room import make_tiny_room

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EVERY_PAGE = tuple(step.name for step in STEPS)
WIDE, NARROW = 1280, 390
RAW = re.compile(rb"person\d{4}@example", re.IGNORECASE)  # how tests/stories/tiny_room.py names people in its raw tables
PRIMARY = '[data-testid^="stBaseButton-primary"]:visible'  # a button with a tooltip is there twice, once for telephones
# The page scrolls inside Streamlit's main section, so both are asked.
SIDEWAYS = """() => [document.documentElement, document.querySelector('[data-testid="stMain"]')]
  .some(box => box && box.scrollWidth > box.clientWidth)"""


@dataclass
class Look:
    """One person's browser: signed in by a cookie, everything the server sends is kept."""

    person: Person
    what: str
    received: list[bytes] = field(default_factory=list)

    def keep(self, socket: Any) -> None:
        socket.on("framereceived", lambda frame: self.received.append(frame if isinstance(frame, bytes) else frame.encode()))

    def holds_raw(self) -> set[bytes]:
        return {found.lower() for frame in self.received for found in RAW.findall(frame)}

    def problems(self, pages: Iterable[str]) -> Iterator[str]:
        from axe_playwright_python.sync_playwright import Axe

        titles = {step.name: step.title for step in STEPS}
        for name in pages:
            page = self.person.open("/" if name == EVERY_PAGE[0] else f"/{name}").on(titles[name]).page  # one page has no name
            where = f"{name} ({self.what})"
            for found in Axe().run(page).response["violations"]:
                if found["impact"] in {"serious", "critical"}:
                    yield from (f"{where}: {found['id']} {node['target']} {node['html'][:120]}" for node in found["nodes"])
            if page.evaluate(SIDEWAYS):
                yield f"{where}: scrolls sideways"
            if (count := page.locator(PRIMARY).count()) > 1:
                yield f"{where}: {count} primary buttons"
            text = self.person.text()
            yield from (f"{where}: {word!r}" for word in ("Traceback", "Something went wrong") if word in text)
            if RAW.search(page.content().encode()):
                yield f"{where}: a raw identifier"


def look(company: Company, username: str, scheme: str, width: int) -> Look:
    """A browser that has this user's cookie, as after a sign-in."""
    person = company.person(f"{username} {scheme} {width}", color_scheme=scheme, viewport={"width": width, "height": 800})
    context = Context.open(company.served.home)
    session, key = context.users.open_session(username, "test"), load_cookie_key(company.served.home / "cookie.key", {})
    token = issue_token(session, key, context.users.limits)
    context.close()
    person.context.add_cookies([{"name": COOKIE, "value": token, "url": company.served.url}])
    found = Look(person, f"{username}, {scheme}, {width}")
    person.page.on("websocket", found.keep)
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served home with a room that was played to its end."""
    room = make_tiny_room(tmp_path_factory.mktemp("finished"))
    assert [step.words for step in room.play_all() if not step.ok] == []
    add_demo_users(room.context, room.definition)
    room.context.close()
    with serving(room.home) as served:
        yield served


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served home with people and no room."""
    home = tmp_path_factory.mktemp("empty") / "home"
    create_home(home)
    context = Context.open(home)
    for user in demo_users({"north": "North Shop", "south": "South Shop"}).values():
        context.users.add(user)
    context.close()
    with serving(home, demo=False) as served:
        yield served


def test_pages_of_a_finished_room(finished: Served, chromium: Any) -> None:
    with Company(chromium, finished) as company:
        looks = [
            (look(company, "north.steward", "light", WIDE), EVERY_PAGE),
            (look(company, "south.analyst", "dark", NARROW), EVERY_PAGE),
            (look(company, "north.reviewer", "dark", WIDE), ("home", "inbox", "plan", "review", "results")),
            (look(company, "south.analyst", "light", WIDE), ("results",)),
            (look(company, "auditor", "light", NARROW), ("home", "policies", "room", "log")),
        ]
        problems = [problem for one, pages in looks for problem in one.problems(pages)]
        assert problems == []
        assert [one.what for one, _ in looks if one.holds_raw()] == []
        assert company.disturbances == []


def test_raw_values_reach_their_own_steward_only(finished: Served, chromium: Any) -> None:
    """S1 with data: the search finds the raw rows where they may be, and nowhere on the other side."""
    with Company(chromium, finished) as company:
        own, other = (look(company, f"{side}.steward", "light", WIDE) for side in ("north", "south"))
        for one in (own, other):
            one.person.open("/policies").click("Show the preview").sees(re.compile("The filter drops"))
            assert not one.holds_raw(), f"the preview of {one.what} holds raw values"
        own.person.click("Show raw values").sees("Raw rows.")
        assert own.holds_raw(), "the search finds nothing at all"
        other.person.open("/policies").open("/log")
        assert not other.holds_raw()


def test_pages_of_an_empty_home(empty: Served, chromium: Any) -> None:
    with Company(chromium, empty) as company:
        looks = [
            (look(company, "north.engineer", "light", NARROW), EVERY_PAGE),
            (look(company, "auditor", "dark", WIDE), ("home", "policies", "results", "log")),
        ]
        assert [problem for one, pages in looks for problem in one.problems(pages)] == []
        assert company.disturbances == []
