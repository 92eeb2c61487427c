"""The pages of two connected sides: the room created and taken part in there, the table put into it, the notebook uploaded,
compared, approved, run and read; each by who may, and by nobody else."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.backends.databricks.connection import Connection, open_client
from cleanroom_core.backends.databricks.report import connection_report
from cleanroom_core.backends.placed import FILE, Placed
from cleanroom_core.backends.waiting import Pace, wait_active
from cleanroom_core.context import Context
from cleanroom_core.errors import NotPermittedError
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rehearsal import DEMO_ROLES
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.state import Verdict
from cleanroom_core.stories import platform_notebook as notebooks
from cleanroom_core.stories.plan import propose_plan, sign_plan
from cleanroom_core.stories.platform_asking import asked_room, room_to_create
from cleanroom_core.stories.platform_room import create_there, make_output_catalog, platform_of
from cleanroom_core.stories.platform_run import upload_there
from cleanroom_core.stories.publish import register_asset
from tests.backends.conformance import NOW
from tests.pages.conftest import TinyRoom, buttons, primary, texts
from tests.simulator import conftest as simulated
from tests.simulator.conftest import Both
from tests.stories.platform_shop import embedded_runs, let_run, recorded

both, _clean_environment, _no_environment = simulated.both, simulated._clean_environment, simulated._no_environment
Tiny = Callable[..., Any]
Wizard = Callable[..., Any]
PATIENCE = 60


@pytest.fixture
def connect(both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Both sides of a room connected, each to its own workspace, as a room of that name there."""
    lines = []
    for name, facts in (("north", both.provider.facts), ("harbour", both.consumer.facts)):
        lines += [f"[{name}-owner]", f"host = {facts['host']}", f"token = {facts['token']}"]
        lines += [f"[{name}-runner]", f"host = {facts['host']}"]
        lines += [f"{key} = {facts[key]}" for key in ("client_id", "client_secret")]
    (tmp_path / "databrickscfg").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))

    def connected(room: Any, name: str) -> None:
        for alias, side in (("north", both.provider), ("harbour", both.consumer)):
            placed = Placed(name, f"{alias}-owner", f"{alias}-runner", side.warehouse)
            (room.side(alias).home / FILE).write_text(json.dumps(placed.as_json()), encoding="utf-8")

    return connected


def identifier(profile: str) -> str:
    found = connection_report(open_client(Connection(profile=profile))).sharing_identifier
    assert found is not None
    return found


def click(app: Any, label: str) -> Any:
    return next(button for button in app.button if button.label == label).click().run()


def finished(app: Any, done: Callable[[], bool]) -> Any:
    """The page once the job on it has ended; a browser would ask every two seconds."""
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, texts(app.run())
        time.sleep(0.05)
    return app.run()


def test_the_room_is_created_there_looked_at_and_taken_part_in(
    tiny: Tiny, wizard: Wizard, connect: Callable[..., None]
) -> None:
    room = tiny("publish harbour published")
    connect(room, "pages_made")
    assert buttons(wizard("north.officer", "room")) == ["Sign out", "Look at the room there"]
    app = wizard("north.engineer", "room")
    assert primary(app) == ["Create the room on Databricks"]
    app.text_input(key="identifier_harbour").set_value(identifier("harbour-owner").rpartition(":")[0])
    app = click(app, "Create the room on Databricks")
    assert "sharing identifier" in texts(app), "what is no identifier is refused in words"
    app.text_input(key="identifier_harbour").set_value(identifier("harbour-owner"))
    app = finished(
        click(app, "Create the room on Databricks"), lambda: room.side("north").state().invited.keys() == {"harbour"}
    )
    assert not app.error
    assert asked_room(room.side("north")) is not None
    app = wizard("harbour.engineer", "room")
    assert primary(app) == ["Take part in the room"]
    app = click(app, "Take part in the room")
    assert not app.error
    assert room.side("north").state().room_active
    shown = texts(click(app, "Look at the room there"))
    assert ":green-badge[ACTIVE]" in shown
    assert "North Shop has put nothing into the room yet" in shown
    assert "The plan is computed with" not in shown, "which engine of this machine is no question there"
    app = click(wizard("harbour.engineer", "room"), "Make the output catalog")
    assert not app.error
    assert "Output catalog: pages\\_made\\_out" in texts(click(app, "Look at the room there"))


@pytest.fixture
def signed(
    tiny: Tiny, connect: Callable[..., None], both: Both, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    played_home: Callable[[str | None], Path], tiny_definition: RoomDefinition,
) -> TinyRoom:  # fmt: skip
    """A plan signed over tables registered as from workspaces, in a room that is there; what this machine computes for the same
    plan is what its runs write (tests/stories/platform_shop.py)."""
    shutil.copytree(played_home("compute north quarantined"), tmp_path / "recorded")
    context = Context.open(tmp_path / "recorded")
    embedded_runs(monkeypatch, recorded(TinyRoom(context.home, tiny_definition, context)))
    context.close()
    room: TinyRoom = tiny("room harbour accepted")
    connect(room, "pages_plan")
    north, harbour = room.side("north"), room.side("harbour")
    wanted = room_to_create(north, room.user("north.engineer"), {"harbour": identifier("harbour-owner")})
    create_there(north, room.user("north.engineer"), wanted)
    wait_active(platform_of(north).owner, "pages_plan", NOW)
    make_output_catalog(north, room.user("north.engineer"), "pages_plan_out")
    let_run(both, "pages_plan")
    for side in (north, harbour):
        name = "north.orders" if side is north else "harbour.members"
        there = ObjectName(side.alias, "default", name.partition(".")[2])
        with monkeypatch.context() as said:  # published into the home here, and named as if it were there
            said.setattr(side, "name_there", lambda _qualified, there=there: there)
            register_asset(side, room.user(f"{side.alias}.steward"), name)
    digest = propose_plan(harbour, room.user("harbour.analyst"), list(tiny_definition.templates.values()))
    sign_plan(north, room.user("north.reviewer"), digest)
    sign_plan(harbour, room.user("harbour.reviewer"), digest)
    return room


def test_the_notebook_is_uploaded_compared_approved_run_and_read(signed: TinyRoom, wizard: Wizard) -> None:
    app = wizard("north.engineer", "plan")
    assert primary(app) == ["Upload the notebook"]
    app = click(app, "Upload the notebook")
    assert not app.error
    assert primary(app) == []
    assert "To be approved by: reviewer of Harbour Club" in texts(app)
    assert buttons(wizard("north.reviewer", "plan")) == ["Sign out", "Make our copy of plan_north"]

    app = wizard("harbour.reviewer", "inbox")
    assert "Compare and approve the notebook of North Shop" in texts(app)
    app = click(wizard("harbour.reviewer", "plan"), "Compare only")
    assert "Every cell is as agreed" in "".join(box.value for box in app.success)
    app = click(app, "Compare and approve")
    assert not app.error
    assert "Approved by harbour.reviewer" in texts(app)

    app = wizard("north.engineer", "plan")
    assert primary(app) == ["Run the notebook"]
    north = signed.side("north")
    app = finished(click(app, "Run the notebook"), lambda: bool(north.state().results))
    assert not app.error
    assert "Everything in the plan has been computed" in texts(app)
    assert [result.verdict for result in north.state().results] == [Verdict.QUARANTINED]
    assert "returns" in texts(wizard("north.reviewer", "review"))


def test_a_notebook_that_says_otherwise_is_shown_and_rejected(signed: TinyRoom, wizard: Wizard) -> None:
    north, harbour = signed.side("north"), signed.side("harbour")
    agreed = notebooks.agreed_notebook(north, signed.user("north.engineer"), "north")
    other = replace(agreed, source=agreed.source + "\n# COMMAND ----------\nprint('more')\n")
    upload_there(north, signed.user("north.engineer"), other)
    app = click(wizard("harbour.reviewer", "plan"), "Compare and approve")
    assert "NOTEBOOK\\_DIFFERS" in texts(app)
    assert "+print('more')" in "\n".join(code.value for code in app.code)
    with pytest.raises(NotPermittedError):
        notebooks.reject_notebook(harbour, signed.user("harbour.engineer"), "north", "another cell")
    notebooks.reject_notebook(harbour, signed.user("harbour.reviewer"), "north", "cell 9 prints")
    app = wizard("north.engineer", "plan")
    assert "Rejected by harbour.reviewer" in texts(app)
    app = click(app, "Upload the agreed notebook again")
    assert not app.error
    assert notebooks.difference_there(harbour, signed.user("harbour.reviewer"), "north") is None


VERBS: tuple[tuple[Permission, Callable[..., object]], ...] = (
    (Permission.PLAN_COMPUTE, notebooks.upload_plan),
    (Permission.PLAN_COMPUTE, lambda side, user: notebooks.run_plan(side, user, Pace(total=0), lambda *_: None)),
    (Permission.PLAN_COMPUTE, notebooks.give_up_run),
    (Permission.PLAN_SIGN, lambda side, user: notebooks.approve_plan(side, user, "north")),
    (Permission.PLAN_SIGN, lambda side, user: notebooks.reject_notebook(side, user, "north", "why not")),
    (Permission.ROOM_CREATE, lambda side, user: room_to_create(side, user, {})),
)


def test_nobody_does_what_is_anothers(tiny: Tiny) -> None:
    room = tiny("plan harbour signed")
    for alias, other in (("north", "harbour"), ("harbour", "north")):
        people = [room.user(f"{alias}.{role}") for role in DEMO_ROLES] + [room.user("auditor")]
        for permission, verb in VERBS:
            for user in [each for each in people if not each.may(permission)]:
                with pytest.raises(NotPermittedError):
                    verb(room.side(alias), user)
            for user in [room.user(f"{other}.{role}") for role in DEMO_ROLES]:
                with pytest.raises(NotPermittedError):
                    verb(room.side(alias), user)
