"""Two wizards in Chromium, one per party: own home, own people, own credentials, own workspace; from first contact to the
released chart, and nothing between them but letters in a shared folder and a room on a simulated Databricks.

What the Python cells of a run compute is what this machine computed for the same plan and data beforehand. On Spark, which
takes half a minute, the same way is gone once by tests/stories/test_platform_on_spark.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import catalog

from cleanroom_core.context import Context, Party, create_home
from cleanroom_core.identity.cookie_key import load_cookie_key
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.identity.sessions import issue_token
from cleanroom_core.party import prepare_room
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.simulator.serving import serving as simulating
from cleanroom_core.stores.users import UserStore
from cleanroom_core.stories.token_keys import take_key
from cleanroom_core.tokens.key import format_key
from pages._ui.session import COOKIE
from tests.engines.workspace_tables import SCOPE, put_table, share_place
from tests.journeys.people import Company, Person, serving
from tests.simulator.conftest import Side, side
from tests.stories.platform_shop import embedded_runs, recorded
from tests.stories.test_share_there import rows_of
from tests.stories.tiny_room import STAGES, make_tiny_room, write_files

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOM = "shops"
ORGANISATIONS = {"north": "North Shop", "south": "South Shop"}
WORKSPACES = {"north": "provider", "south": "consumer"}
TABLES = {"north": "baskets", "south": "members"}
# Nobody signs what they proposed themselves, so each side is two people.
PEOPLE = {
    "one": (Role.ENGINEER, Role.STEWARD, Role.OFFICER, Role.ANALYST),
    "two": (Role.REVIEWER, Role.ANALYST),
}
KEY = format_key(bytes(range(32)))
TEN = re.compile(r"^[0-9a-f]{4}( [0-9a-f]{4}){9}$")


@dataclass
class Bank:
    """One party: its wizard, its workspace, its people at their browsers."""

    alias: str
    home: Path
    workspace: Side
    company: Company
    one: Person
    two: Person


def person(alias: str, name: str) -> User:
    return User(f"{alias}.{name}", ORGANISATIONS[alias], frozenset(PEOPLE[name]), f"{alias.title()} {name}")


def make_home(folder: Path, alias: str) -> Path:
    """What `cleanroom home create` and `cleanroom user add` make."""
    home = folder / alias
    create_home(home, Party(alias, ORGANISATIONS[alias]))
    users = UserStore.open(home / "users.db", lambda: datetime.now(UTC), password_rounds=4)
    for name in PEOPLE:
        users.add(person(alias, name), "a long pass phrase of a test")
    users.close()
    return home


def profiles(folder: Path, workspaces: dict[str, Side]) -> Path:
    """One file of credentials per party, as its own machine would have it."""
    folder.mkdir(exist_ok=True)
    for alias, workspace in workspaces.items():
        facts = workspace.facts
        text = (
            f"[owner]\nhost = {facts['host']}\ntoken = {facts['token']}\n\n[runner]\nhost = {facts['host']}\n"
            f"client_id = {facts['client_id']}\nclient_secret = {facts['client_secret']}\n"
        )
        (folder / alias).write_text(text, encoding="utf-8")
    return folder


def prepare_workspace(workspace: Side, alias: str, files: Path) -> None:
    """A raw table, a schema for what is shared, and the token key as a secret: what a side has before it begins."""
    put_table(workspace, TABLES[alias], *rows_of(files / f"{TABLES[alias]}.csv"))
    share_place(workspace)
    workspace.admin.secrets.create_scope(SCOPE)
    workspace.admin.secrets.put_secret(SCOPE, "member-1", string_value=KEY)


def signed_in(company: Company, home: Path, username: str) -> Person:
    """A browser that has this user's cookie, as after a sign-in."""
    context = Context.open(home)
    session, key = context.users.open_session(username, "test"), load_cookie_key(home / "cookie.key", {})
    token = issue_token(session, key, context.users.limits)
    context.close()
    found = company.person(username)
    found.context.add_cookies([{"name": COOKIE, "value": token, "url": company.served.url}])
    return found


@contextmanager
def two_banks(tmp_path: Path, chromium: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Bank, Bank]]:
    """Both wizards served, in front of one simulator; what was kept of a failure is the pages of both."""
    files = tmp_path / "files"
    write_files(files)
    rehearsed = make_tiny_room(tmp_path / "rehearsed")
    for step in rehearsed.steps():
        if STAGES["quarantined"](step):
            break
    embedded_runs(monkeypatch, recorded(rehearsed))
    rehearsed.context.close()
    with ExitStack() as stack:
        described = stack.enter_context(simulating(tmp_path / "simulator"))
        by_name = {facts["name"]: side(facts) for facts in described["workspaces"]}
        workspaces = {alias: by_name[name] for alias, name in WORKSPACES.items()}
        credentials = profiles(tmp_path / "credentials", workspaces)
        found = []
        for alias, workspace in workspaces.items():
            prepare_workspace(workspace, alias, files)
            home = make_home(tmp_path, alias)
            monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(credentials / alias))
            served = stack.enter_context(serving(home, demo=False))
            company = stack.enter_context(Company(chromium, served))
            one, two = (signed_in(company, home, f"{alias}.{name}") for name in PEOPLE)
            found.append(Bank(alias, home, workspace, company, one, two))
        yield found[0], found[1]


def test_two_wizards(tmp_path: Path, chromium: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with two_banks(tmp_path, chromium, monkeypatch) as banks:
        play(*banks, tmp_path)


def play(north: Bank, south: Bank, tmp_path: Path) -> None:
    banks = (north, south)
    meet(north, south)
    prepare(north, south, tmp_path)
    for bank in banks:
        connect(bank)
        check(bank)
    agree(north, south)
    for bank in banks:
        publish(bank)
    open_the_room(north, south)
    for bank in banks:
        share(bank)
    sign_the_plan(north, south)
    compute(north, south)
    read(south)
    for bank in banks:
        assert bank.company.disturbances == []
        kept = "".join(path.read_text(encoding="utf-8", errors="replace") for path in bank.home.rglob("*.json"))
        assert not any(bank.workspace.facts[secret] in kept for secret in ("token", "client_secret"))


def meet(north: Bank, south: Bank) -> None:
    """Introductions carried as files, the fingerprint read aloud."""
    notes = {}
    for bank in (north, south):
        bank.one.open("/exchange").on("Exchange").fill("Name of the room", ROOM)
        if bank is north:
            bank.one.page.get_by_text("This side creates the room").click()
            bank.one.settle()
        bank.one.click("Make the introduction").sees(f"2. Meet in {ROOM}")
        notes[bank.alias] = bank.one.download("Download our introduction")
    for bank, other in ((north, "south"), (south, "north")):
        bank.one.page.locator("input[type=file]").first.set_input_files(
            {"name": f"{other}.note", "mimeType": "text/plain", "buffer": notes[other]}
        )
        bank.one.sees(f"{other}.note").click("Begin the room").sees("The ten groups you heard")
    spoken = [bank.one.page.get_by_test_id("stCode").filter(has_text=TEN).first.inner_text().strip() for bank in (north, south)]
    assert spoken[0] == spoken[1]
    for bank in (north, south):
        bank.one.fill("The ten groups you heard", spoken[0]).click("It is the same").sees("Compared")
    north.company.tell("both homes have met and compared")


def prepare(north: Bank, south: Bank, folder: Path) -> None:
    """On the machine of each: the shared folder, the room file both have, the token key both were given."""
    definition = read_room_file(folder / "files" / "room.yaml")
    (folder / "shared").mkdir()
    for bank in (north, south):
        context = Context.open(bank.home)
        context.choose_folder(ROOM, folder / "shared")
        prepare_room(context, definition)
        take_key(context.side(ROOM, bank.alias), person(bank.alias, "one"), "member-1", KEY)
        context.close()


def connect(bank: Bank) -> None:
    who, workspace = bank.one, bank.workspace
    who.go_to("Connection").sees("No workspace is connected.")
    who.page.get_by_test_id("stExpander").locator("summary").first.click()
    who.settle()
    who.fill("Profile of the owner", "owner").fill("Profile of the runner", "runner").fill("SQL warehouse", workspace.warehouse)
    who.fill("Schema of our share-safe tables", f"{workspace.catalog}.share").fill("Secret scope of our token keys", SCOPE)
    who.click("Try both and connect").sees(re.compile("This side works in the room"))
    bank.company.tell(f"{bank.alias} is connected")


def check(bank: Bank) -> None:
    bank.one.go_to("Prechecks").click("Run all prechecks").sees("All prechecks were run.")
    bank.company.tell(f"prechecks of {bank.alias}")


def agree(north: Bank, south: Bank) -> None:
    north.one.go_to("Agreement").click("Show what would be offered").click("Offer this text").sees("The text on the table")
    for bank in (north, south):
        bank.one.go_to("Agreement").click("Sign").click("Sign this text").sees("The agreement is signed for your side.")
    south.one.sees("In force")
    north.company.tell("agreement signed in both wizards")


def publish(bank: Bank) -> None:
    """From the raw table of the workspace into its share-safe schema, after a look at exactly what the partner gets."""
    who = bank.one.go_to("Policies")
    who.fill("Table in our workspace", f"{bank.workspace.catalog}.default.{TABLES[bank.alias]}").click("Use this table")
    who.click("Show the preview").sees(re.compile("The filter drops"))
    who.click("Publish ...").sees(re.compile("is written anew")).click("Publish").sees("Published, version 1")
    who.go_to("Tokens").click("Run the vectors").sees(re.compile(f"Vectors of {ORGANISATIONS[bank.alias]}: run by"))
    bank.company.tell(f"{bank.alias} has published in its workspace and run its vectors")


def open_the_room(north: Bank, south: Bank) -> None:
    """Created there by one, with the other's identifier; the other takes part once its own platform shows it."""
    facts = south.workspace.facts
    invited = f"{facts['global_metastore_id']}:{facts['workspace_id']}:admin@consumer.example"
    north.one.go_to("Room").fill(f"Sharing identifier of {ORGANISATIONS['south']}", invited)
    north.one.click("Create the room on Databricks").sees(re.compile("is active, and everybody in it is invited"))
    south.one.go_to("Room").click("Take part in the room").sees("This side takes part.")
    north.one.go_to("Room").click("Make the output catalog").sees("The output catalog is there.")
    allow = [catalog.Privilege.EXECUTE_CLEAN_ROOM_TASK, catalog.Privilege.BROWSE]  # north's metastore admin does this
    change = catalog.PermissionsChange(principal=north.workspace.facts["client_id"], add=allow)
    north.workspace.admin.grants.update("clean_room", ROOM, changes=[change])
    north.company.tell("the room is active, and both take part")


def share(bank: Bank) -> None:
    qualified = f"{bank.alias}.{TABLES[bank.alias]}"
    bank.one.go_to("Room").click(f"Register {qualified}").sees(f"{qualified} is registered.")
    bank.one.go_to("Policies").click(f"Put it into the room {ROOM}").sees(re.compile(f"In the room {ROOM} as"))
    bank.company.tell(f"{qualified} is in the room")


def sign_the_plan(north: Bank, south: Bank) -> None:
    south.one.go_to("Release plan").click("Propose these templates").sees("Proposal on the table")
    for bank in (north, south):
        bank.two.open("/plan").on("Release plan").click("Sign this text").sees("Plan in force" if bank is south else "Signed")
    north.company.tell("plan signed by both reviewers")


def compute(north: Bank, south: Bank) -> None:
    """Each side makes the notebook from its own copy; what was approved is run, and what it wrote waits in quarantine."""
    north.one.go_to("Release plan").click("Upload the notebook").sees(re.compile("To be approved by"))
    south.two.open("/plan").click("Compare and approve").sees(re.compile("Approved by"))
    north.one.go_to("Timeline").go_to("Release plan").click("Run the notebook")
    north.one.sees(re.compile("Everything in the plan has been computed"))
    north.company.tell("the approved notebook has run in the room")
    north.two.open("/review").click("Release ...").click("Release").sees("No result waits for a decision.")
    north.company.tell("released by the reviewer of the side that keeps the figures")


def read(south: Bank) -> None:
    south.one.go_to("Results").sees_label("Released figures of aisles, ")
    south.one.sees_label("Bar chart: ")
    south.company.tell("the released chart is in the other wizard")
