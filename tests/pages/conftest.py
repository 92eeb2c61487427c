"""A room small enough to be made in a second, played up to a named step, under the wizard.

    def test_x(tiny, wizard):
        room = tiny("agreement harbour signed")         # None: nothing played; "end": everything
        app = wizard("north.officer", "agreement")      # the page after its first run, as that person
        room.side("north").state()                      # what the pages see as well

A step is `<step> <side> <outcome>` as `stories.play` yields it (`STEPS` below lists them). The story is played once per test
run; every test gets a copy of the home as it was after its step.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.context import Context, create_home
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.rehearsal import DEMO_ROLES, add_demo_users, demo_users, import_room
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.drafts import Draft, save_draft
from cleanroom_core.stories.play import Played, play
from tests.engines.same_process import call_here, same_process

__all__ = ["same_process"]

REPOSITORY = Path(__file__).resolve().parents[2]
FRAME = REPOSITORY / "pages" / "_ui" / "frame.py"
KEY = "0123456789abcdef" * 4
NORTH, HARBOUR = "North Shop", "Harbour Club"
ROOM = "tiny_room"

STEPS = (
    "prechecks north passed", "prechecks harbour passed",
    "agreement north offered", "agreement north signed", "agreement harbour signed",
    "tokens north proposed", "tokens north ran", "tokens harbour ran",
    "publish north published", "publish harbour published",
    "room north created", "room harbour accepted", "assets north registered", "assets harbour registered",
    "plan harbour proposed", "plan north signed", "plan harbour signed",
    "compute north quarantined", "review north released", "request harbour released", "request harbour refused",
)  # fmt: skip

ROOM_FILE = """\
room: tiny_room
collaborators:
  north: {organisation: North Shop}
  harbour: {organisation: Harbour Club}
agreement:
  purposes: [customer_insight, quality]
  release_mode: template
  minimum_cohort: 20
  numerator_minimum: 3
  dominance_percent: 10
  period: month
  output_owner: both
  ends_on: 2099-12-31
  at_end: {outputs: delete, share_tables: delete, tokens: delete}
tokens:
  person: {identifier: text, normalise: [strip, lower], algorithm: hmac-sha256, key_id: person-1}
assets:
  orders:
    owner: north
    data: data/orders.csv
    types: {amount: "decimal(10,2)", returned: bigint}
    row_filter: consent = 'yes'
    columns:
      person_token: {token: person, from: customer}
      category: {}
      size: {expression: "CASE WHEN amount < 50 THEN 'small' ELSE 'large' END"}
      amount: {}
      returned: {}
    rule:
      privacy_unit: person_token
      join_key: person_token
      dimensions: {category: {domain: [books, garden, toys]}, size: {}}
      measures: {amount: {min: 0, max: 500}, returned: {min: 0, max: 1}}
  members:
    owner: harbour
    data: data/members.csv
    columns:
      person_token: {token: person, from: member}
      age_band: {}
    rule:
      privacy_unit: person_token
      join_key: person_token
      dimensions: {age_band: {domain: [young, old]}}
templates:
  returns:
    receiver: harbour
    purpose: customer_insight
    parameters: {size: {type: choice, of: [small, large]}}
    sql: |
      SELECT o.category, m.age_band, count(*) AS orders, avg(o.returned) AS return_rate
      FROM north.orders o JOIN harbour.members m ON o.person_token = m.person_token
      WHERE o.size = :size
      GROUP BY o.category, m.age_band
requests:
  - {template: returns, parameters: {size: small}, by: harbour, expect: released}
  - {sql: "SELECT o.person_token FROM north.orders o", by: harbour, expect: refused}
"""


@pytest.fixture(autouse=True)
def _wizard_settings(monkeypatch: pytest.MonkeyPatch, same_process: None) -> None:
    monkeypatch.setenv("CLEANROOM_COOKIE_KEY", KEY)
    monkeypatch.delenv("CLEANROOM_HOST", raising=False)
    monkeypatch.setattr("streamlit.config._main_script_path", str(REPOSITORY / "app.py"))


@dataclass
class TinyRoom:
    """The room a test has before it; `context` is the one the pages use."""

    home: Path
    definition: RoomDefinition
    context: Context

    def side(self, alias: str) -> Collaborator:
        return self.context.side(ROOM, alias)

    def user(self, username: str) -> User:
        """`north.officer` and so on, and `auditor`."""
        return demo_users(self.definition.collaborators)[username]

    def play_on(self, until: str) -> None:
        """Only from a fresh room: play up to and including a step."""
        play_until(self.context, self.definition, until)


@pytest.fixture(scope="session")
def tiny_definition(tmp_path_factory: pytest.TempPathFactory) -> RoomDefinition:
    """Two tables about the same 300 people, the second half with capitals and blanks that normalising takes away."""
    folder = tmp_path_factory.mktemp("definition")
    (folder / "data").mkdir()
    people = [f"customer-{number:04}" for number in range(300)]
    orders = [
        (person, ("books", "garden", "toys")[number % 3], f"{(20, 90)[number // 3 % 2]}.50", int(number % 7 == 0),
         "no" if number % 25 == 0 else "yes")
        for number, person in enumerate(people)
    ]  # fmt: skip
    members = [
        (f" {person.upper()} " if number >= 150 else person, ("young", "old")[number // 6 % 2])
        for number, person in enumerate(people)
    ]
    _write(folder / "data" / "orders.csv", ("customer", "category", "amount", "returned", "consent"), orders)
    _write(folder / "data" / "members.csv", ("member", "age_band"), members)
    (folder / "room.yaml").write_text(ROOM_FILE, encoding="utf-8")
    return read_room_file(folder / "room.yaml")


def _write(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def story_of(context: Context, definition: RoomDefinition) -> Iterator[Played]:
    """The room's whole story, one step each time somebody asks."""
    users = demo_users(definition.collaborators)
    cast: dict[str, dict[Role, User]] = {
        alias: {role: users[f"{alias}.{role}"] for role in DEMO_ROLES} for alias in definition.collaborators
    }
    return play({alias: context.side(definition.name, alias) for alias in definition.collaborators}, cast, definition)


def play_until(context: Context, definition: RoomDefinition, until: str) -> None:
    """Play the room's story and stop after the step `until`."""
    for played in story_of(context, definition):
        assert played.ok, played.words
        if f"{played.step} {played.side} {played.outcome}" == until:
            return
    assert until == "end", f"{until} is no step of the story"


@pytest.fixture(scope="session")
def played_home(
    tmp_path_factory: pytest.TempPathFactory, tiny_definition: RoomDefinition
) -> Iterator[Callable[[str | None], Path]]:
    """Step -> the home as it lay on disk after it. The story is played once, as far as somebody asks for; copies are never
    written to again."""
    folder = tmp_path_factory.mktemp("played")
    create_home(folder / "live")
    context = Context.open(folder / "live")
    import_room(context, tiny_definition)
    add_demo_users(context, tiny_definition)
    made: dict[str | None, Path] = {None: folder / "copy"}
    shutil.copytree(folder / "live", made[None])
    story = story_of(context, tiny_definition)

    def at(step: str | None) -> Path:
        while step not in made:
            with pytest.MonkeyPatch.context() as patch:
                call_here(patch)
                played = next(story, None)
            name = "end" if played is None else f"{played.step} {played.side} {played.outcome}"
            assert played is None or played.ok, played.words
            assert step == "end" or played is not None, f"{step} is no step of the story"
            made[name] = folder / f"copy-{len(made)}"
            shutil.copytree(folder / "live", made[name])
        return made[step]

    yield at
    context.close()


@pytest.fixture
def open_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Context]]:
    """Make a copy of a home the one that the pages see; returns the pages' own context."""
    import streamlit as st

    from pages._ui import state

    opened: list[Context] = []

    def use(source: Path) -> Context:
        folder = tmp_path / "home"
        shutil.copytree(source, folder)
        monkeypatch.setenv("CLEANROOM_HOME", str(folder))
        st.cache_resource.clear()
        st.cache_data.clear()
        opened.append(state.context())
        return opened[-1]

    yield use
    for context in opened:
        context.close()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def tiny(
    open_home: Callable[[Path], Context], played_home: Callable[[str | None], Path], tiny_definition: RoomDefinition
) -> Callable[..., TinyRoom]:
    """`tiny(step)`: the room played up to a step. `tiny(drafts=False)`: nothing is prepared, the logs hold entry 0 only."""

    def make(step: str | None = None, drafts: bool = True) -> TinyRoom:
        context = open_home(played_home(step))
        room = TinyRoom(context.home, tiny_definition, context)
        if not drafts:
            for alias in tiny_definition.collaborators:
                save_draft(room.side(alias), Draft())
        return room

    return make


@pytest.fixture
def no_room(open_home: Callable[[Path], Context], tmp_path: Path) -> Context:
    """A home with people and no room at all."""
    from cleanroom_core.stores.users import UserStore

    source = tmp_path / "people"
    create_home(source)
    users = UserStore.open(source / "users.db", lambda: datetime.now(UTC), password_rounds=4)
    for user in demo_users({"north": NORTH, "harbour": HARBOUR}).values():
        users.add(user)
    users.close()
    return open_home(source)


@pytest.fixture
def wizard() -> Callable[..., Any]:
    """`wizard("north.steward", "policies", asset="orders")`: that page as that person, after its first run."""
    from streamlit.testing.v1 import AppTest

    from pages._ui import state
    from pages._ui.session import SID

    def start(username: str, page: str | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(FRAME), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        app.session_state[SID] = state.users().open_session(username, "test").sid
        app.run()
        return app if page is None else app.switch_page(f"../{page}.py").run()

    return start


def texts(app: Any) -> str:
    """Everything the page says outside its widgets, for `assert "..." in texts(app)`."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "text", "info", "warning", "error", "success", "code")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind))


def buttons(app: Any) -> list[str]:
    """Labels of a page's buttons, without the rehearsal's way to the next person, which stands above every page."""
    return [button.label for button in app.button if button.key not in ("next_person", "next_page")]


def primary(app: Any) -> list[str]:
    """Labels of the primary buttons outside dialogs; a page has at most one."""
    return [button.label for button in app.button if button.proto.type == "primary"]
