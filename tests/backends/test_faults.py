"""Every fault of the simulator at every call the backend makes: an error that says what to do next, and nothing done twice.

The clock is made by hand, so that the SDK's own retries and pauses cost no time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRule, NewRun, NewTable
from cleanroom_core.backends.databricks.backend import DatabricksBackend
from cleanroom_core.backends.databricks.statements import execute
from cleanroom_core.backends.seen import AssetKind, AssetStatus, OutputPlace, RoomStatus, RunStage
from cleanroom_core.backends.waiting import Pace, wait_active, wait_ended
from cleanroom_core.errors import (
    CleanRoomError,
    ConflictError,
    NotPermittedError,
    NotReadyError,
    PlatformError,
    UnansweredError,
)
from tests.backends.conformance import NOW, RECIPE
from tests.backends.workspaces import HandClock, backend, open_to_runner, room_of, table
from tests.simulator.conftest import Both

_numbers = itertools.count(1)
SQL = "-- Databricks notebook source\nSELECT 1"


@dataclass
class World:
    """A room in which a run has ended well, and backends whose clock is made by hand."""

    both: Both
    room: str
    etag: str
    run: str
    place: OutputPlace
    tables: list[str]
    known: dict[tuple[object, ...], DatabricksBackend] = field(default_factory=dict)

    def backend(self, who: str, **given: float) -> DatabricksBackend:
        """One client per identity and limits: making one costs more than using it."""
        side, key = (self.both.provider if who == "owner" else self.both.consumer), (who, *sorted(given.items()))
        if key not in self.known:
            self.known[key] = backend(side, who == "runner", HandClock(), **{"retry_seconds": 5, **given})
        return self.known[key]

    def fault(self, **fault: Any) -> None:
        """This one and no other; none at all without words."""
        self.both.provider.control("DELETE", "faults")
        if fault:
            self.both.provider.fault(**fault)

    def once(self, path: str, method: str | None, *errors: dict[str, int]) -> None:
        """Each of these at one call, in whatever order."""
        common = {"kind": "error", "path": path, "times": 1} | ({"method": method} if method else {})
        self.both.provider.control("POST", "faults", {"faults": [{**common, **error} for error in errors]})


@pytest.fixture(scope="module")
def world(both: Both) -> World:
    owner, partner, runner = (backend(both.provider), backend(both.consumer), backend(both.consumer, service=True))
    owner.create_room(room_of(both, "steady"))
    wait_active(owner, "steady", NOW)
    open_to_runner(both, "steady")
    rows = [("t1", "north"), ("t2", "south")]
    mine = [table(both.provider, f"t{number}", rows) for number in range(12)]
    owner.add_table("steady", NewTable("creator.default.provider", mine[0]))
    partner.add_table("steady", NewTable("collaborator.default.consumer", table(both.consumer, "theirs", rows)))
    book = NewNotebook("regions", RECIPE.format(provider="provider", consumer="consumer"), ("collaborator",), "SQL")
    etag = owner.put_notebook("steady", book).etag
    partner.create_output_catalog("steady", "steady_out")
    partner.review("steady", Judgement("regions", etag, True))
    ended = wait_ended(runner, runner.start_run("steady", NewRun("regions", etag, "first")).id, NOW)
    assert ended.output is not None
    return World(both, "steady", etag, ended.id, ended.output, mine)


@dataclass(frozen=True)
class Verb:
    """What `who` asks for, under a name nobody used, and whether it is there. `points`: the calls it makes."""

    who: str
    act: Callable[[DatabricksBackend, World, str], object]
    there: Callable[[DatabricksBackend, World, str], object]
    points: tuple[str, ...]
    before: Callable[[World, str], object] = lambda _world, _name: None


def _book(name: str) -> NewNotebook:
    return NewNotebook(name, SQL, ("collaborator",), "SQL")


def _rule_id(world: World, name: str) -> str:
    return next((each.id for each in world.backend("owner").rules(_own_room(world, name)) if each.author == ""), "gone")


def _own_room(world: World, name: str) -> str:
    """A room of this name, made once: what it is for cannot be undone in another one."""
    owner = world.backend("owner")
    if owner.room(name) is None:
        owner.create_room(room_of(world.both, name))
        wait_active(owner, name, NOW)
    return name


EFFECTS = {
    "create_room": Verb(
        "owner",
        lambda it, world, name: it.create_room(room_of(world.both, name)),
        lambda it, world, name: it.room(name),
        ("POST /api/2.0/clean-rooms",),
    ),
    "create_output_catalog": Verb(
        "owner",
        lambda it, world, name: it.create_output_catalog(name, f"{name}_out"),
        lambda it, world, name: (it.room(name) or it).output_catalog,  # type: ignore[union-attr]
        ("POST */output-catalogs",),
        _own_room,
    ),
    "add_table": Verb(
        "owner",
        lambda it, world, name: it.add_table("steady", NewTable(f"creator.default.{name}", world.tables[1])),
        lambda it, world, name: it.asset("steady", AssetKind.TABLE, f"creator.default.{name}"),
        ("POST */assets",),
    ),
    "put_notebook": Verb(
        "owner",
        lambda it, world, name: it.put_notebook("steady", _book(name)),
        lambda it, world, name: it.asset("steady", AssetKind.NOTEBOOK, name),
        ("GET */assets/NOTEBOOK_FILE/*", "GET */Me", "POST */mkdirs", "POST */import", "GET */export", "POST */assets"),
    ),
    "new_version": Verb(
        "owner",
        lambda it, world, name: it.put_notebook("steady", NewNotebook(name, f"{SQL} + 1", ("collaborator",), "SQL")),
        lambda it, world, name: (
            it.asset("steady", AssetKind.NOTEBOOK, name).digest  # type: ignore[union-attr]
            == NewNotebook(name, f"{SQL} + 1", ("collaborator",), "SQL").digest
        ),
        ("PATCH */assets/NOTEBOOK_FILE/*",),
        lambda world, name: world.backend("owner").put_notebook("steady", _book(name)),
    ),
    "review": Verb(
        "partner",
        lambda it, world, name: it.review("steady", Judgement(name, _etag(world, name), True)),
        lambda it, world, name: it.asset("steady", AssetKind.NOTEBOOK, name).reviews,  # type: ignore[union-attr]
        ("POST */reviews",),
        lambda world, name: world.backend("owner").put_notebook("steady", _book(name)),
    ),
    "add_rule": Verb(
        "owner",
        lambda it, world, name: it.add_rule(name, NewRule("creator", "collaborator")),
        lambda it, world, name: it.rules(name),
        ("GET */auto-approval-rules", "POST */auto-approval-rules"),
        _own_room,
    ),
    "remove_rule": Verb(
        "owner",
        lambda it, world, name: it.remove_rule(name, _rule_id(world, name)),
        lambda it, world, name: not it.rules(name),
        ("DELETE */auto-approval-rules/*",),
        lambda world, name: world.backend("owner").add_rule(_own_room(world, name), NewRule("creator")),
    ),
    "start_run": Verb(
        "runner",
        lambda it, world, name: it.start_run("steady", NewRun("regions", world.etag, name)),
        lambda it, world, name: it.find_run(name),
        ("POST */runs/submit",),
    ),
    "copy_output": Verb(
        "runner",
        lambda it, world, name: it.copy_output(world.place, "regions", _target(world, name), ("admin@consumer.example",)),
        lambda it, world, name: it.copied(world.place, "regions", _target(world, name)),
        ("GET */unity-catalog/tables/*", "POST */sql/statements", "PATCH */permissions/*"),
    ),
    "remove_asset": Verb(
        "owner",
        lambda it, world, name: it.remove_asset("steady", AssetKind.NOTEBOOK, name),
        lambda it, world, name: it.asset("steady", AssetKind.NOTEBOOK, name) is None,
        ("DELETE */assets/*",),
        lambda world, name: world.backend("owner").put_notebook("steady", _book(name)),
    ),
    "close_room": Verb(
        "owner",
        lambda it, world, name: it.close_room(name),
        lambda it, world, name: it.room(name) is None,
        ("DELETE */clean-rooms/*",),
        _own_room,
    ),
}
LOOKS: dict[str, tuple[str, Callable[[DatabricksBackend, World], object], tuple[str, ...]]] = {
    "identity": ("runner", lambda it, world: it.identity(), ("*/Me",)),
    "rooms": ("owner", lambda it, world: it.rooms(), ("/api/2.0/clean-rooms",)),
    "room": ("partner", lambda it, world: it.room("steady"), ("/api/2.0/clean-rooms/steady",)),
    "assets": ("owner", lambda it, world: it.assets("steady"), ("*/assets",)),
    "asset": ("owner", lambda it, world: it.asset("steady", AssetKind.NOTEBOOK, "regions"), ("*/assets/*",)),
    "cells": ("partner", lambda it, world: it.notebook_cells("steady", "regions", world.etag), ("*/revisions/*",)),
    "rules": ("owner", lambda it, world: it.rules("steady"), ("*/auto-approval-rules",)),
    "run": ("runner", lambda it, world: it.run(world.run), ("*/runs/get", "*/runs/get-output")),
    "find_run": ("runner", lambda it, world: it.find_run("first"), ("*/runs/list",)),
    "task_runs": ("partner", lambda it, world: it.task_runs("steady"), ("*/task-runs",)),
    "read_output": ("runner", lambda it, world: it.read_output(world.place), ("*/unity-catalog/tables", "*/statements")),
}
SECRETS = ("token", "client_secret")


def _etag(world: World, name: str) -> str:
    seen = world.backend("owner").asset("steady", AssetKind.NOTEBOOK, name)
    assert seen is not None
    return seen.etag


def _target(world: World, name: str) -> str:
    return f"{world.both.consumer.catalog}.default.{name}"


def told_well(world: World, error: CleanRoomError) -> None:
    """What, what next, a code; and no secret anywhere in it."""
    assert error.message
    assert error.hint
    assert error.code not in ("ERROR", "")
    everything = f"{error.diagnostics()} {error!r} {error.__cause__!r}"
    for side in (world.both.provider, world.both.consumer):
        assert not any(side.facts[name] in everything for name in SECRETS)


FAULTS: list[tuple[dict[str, int], type[CleanRoomError]]] = [
    ({"status": 401}, NotPermittedError),
    ({"status": 403}, NotPermittedError),
    ({"status": 404}, NotReadyError),
    ({"status": 409}, ConflictError),
    ({"status": 500}, UnansweredError),
    ({"status": 429, "retry_after": 7200}, UnansweredError),
    ({"status": 503, "retry_after": 7200}, UnansweredError),
]
POINTS = [(name, point) for name, verb in EFFECTS.items() for point in verb.points]


def raised_by(world: World, act: Callable[[], object], times: int) -> list[str]:
    """The classes of the errors of so many tries, sorted."""
    found = []
    for _ in range(times):
        with pytest.raises(CleanRoomError) as raised:
            act()
        told_well(world, raised.value)
        found.append(type(raised.value).__name__)
    return sorted(found)


@pytest.mark.parametrize(("name", "point"), POINTS)
def test_an_effect_that_fails_before_its_work_can_be_asked_for_again(world: World, name: str, point: str) -> None:
    verb, (method, path), fresh = EFFECTS[name], point.split(" "), f"{name}_{next(_numbers)}"
    verb.before(world, fresh)
    it = world.backend(verb.who)
    blind = method == "GET" and path.endswith(("NOTEBOOK_FILE/*", "tables/*"))  # there "not found" is an answer
    faults = [(fault, wanted) for fault, wanted in FAULTS if not (blind and fault["status"] == 404)]
    world.once(path, method, *(fault for fault, _ in faults))
    assert raised_by(world, lambda: verb.act(it, world, fresh), len(faults)) == sorted(each.__name__ for _, each in faults)
    if not path.startswith("*/permissions"):  # the copy is there before its readers are
        assert not verb.there(it, world, fresh)
    verb.act(it, world, fresh)
    assert verb.there(it, world, fresh)


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_whose_answer_is_lost_is_done_once_and_known_to_be(world: World, name: str) -> None:
    """Also when it is called a bad request. The SDK does not repeat after 500, but after 503, and meets what it made."""
    verb = EFFECTS[name]
    method, path = verb.points[-1].split(" ") if name != "copy_output" else ("POST", "*/sql/statements")
    it = world.backend(verb.who)
    for status, times in ((500, 1), (503, 2), (400, 1)):  # 400: "exists already" under a code that the SDK does not know
        fresh = f"{name}_{next(_numbers)}"
        verb.before(world, fresh)
        lost = {"kind": "error", "status": status, "after_commit": True, "times": times, "retry_after": 0}
        world.both.provider.fault(**lost, method=method, path=path)
        verb.act(it, world, fresh)
        assert verb.there(it, world, fresh)


def test_a_lost_answer_and_a_blind_look_leave_it_open(world: World) -> None:
    it, fresh = world.backend("owner"), f"room_{next(_numbers)}"
    world.fault(kind="error", path="/api/2.0/clean-rooms*", status=503, after_commit=True)
    with pytest.raises(UnansweredError) as raised:
        it.create_room(room_of(world.both, fresh))
    told_well(world, raised.value)
    world.fault()
    assert it.room(fresh) is not None
    assert it.create_room(room_of(world.both, fresh)).name == fresh


@pytest.mark.parametrize("name", ["create_room", "start_run"])
def test_an_answer_that_comes_too_late_is_looked_for(world: World, name: str) -> None:
    verb, fresh = EFFECTS[name], f"late_{name}"
    method, path = verb.points[-1].split(" ")
    it = world.backend(verb.who, http_seconds=0.7)
    world.fault(kind="delay", method=method, path=path, seconds=0.9, after_commit=True, times=1)
    verb.act(it, world, fresh)
    assert verb.there(it, world, fresh)


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, look in LOOKS.items() for path in look[2]])
def test_a_look_that_fails_says_what_to_do_and_changes_nothing(world: World, name: str, path: str) -> None:
    who, look, _ = LOOKS[name]
    it = world.backend(who)
    seen = look(it, world)
    faults = [(fault, wanted) for fault, wanted in FAULTS if fault["status"] not in (404, 409)]
    world.once(path, None, *(fault for fault, _ in faults))
    assert raised_by(world, lambda: look(it, world), len(faults)) == sorted(each.__name__ for _, each in faults)
    world.once(path, None, {"status": 429, "retry_after": 1})
    assert look(it, world) == seen


def test_retry_after_is_sat_out_when_short_and_told_when_long(world: World) -> None:
    clock = HandClock()
    it = backend(world.both.provider, clock=clock, retry_seconds=60, longest_pause=30)
    world.fault(kind="error", path="*/Me", status=429, retry_after=7, times=1)
    it.identity()
    assert 7 <= sum(clock.slept) < 9
    world.fault(kind="error", path="*/Me", status=429, retry_after=31 * 60, times=1)
    with pytest.raises(UnansweredError, match=r"18[67]\d seconds") as raised:
        it.identity()
    assert raised.value.code == "PLATFORM_BUSY"
    assert sum(clock.slept) < 9


def test_a_call_ends_although_the_platform_never_answers_well(world: World) -> None:
    clock = HandClock()
    it = backend(world.both.provider, clock=clock, retry_seconds=20)
    world.fault(kind="error", path="*/Me", status=503, retry_after=5)
    with pytest.raises(UnansweredError):
        it.identity()
    assert sum(clock.slept) < 20 + 6 + 1


def test_a_host_that_is_not_there(world: World) -> None:
    from cleanroom_core.backends.databricks.connection import Connection, open_client

    clock = HandClock()
    client = open_client(
        Connection(host=world.both.provider.facts["host"], token="x", retry_seconds=2), clock.time, clock.sleep
    )
    client.config.host = "http://127.0.0.1:9"
    with pytest.raises(UnansweredError) as raised:
        DatabricksBackend(client).identity()
    assert raised.value.hint


# What a room and a run may become.


def test_slow_provisioning_is_watched_and_said(world: World) -> None:
    it = world.backend("owner")
    world.fault(kind="provisioning", polls=6)
    it.create_room(room_of(world.both, "slow"))
    world.fault()
    seen: list[RoomStatus] = []
    with pytest.raises(NotReadyError, match="not over after 3 seconds") as raised:
        wait_active(it, "slow", hand_pace(3), lambda room: seen.append(room.status))
    assert raised.value.code == "STILL_WAITING"
    assert set(seen) == {RoomStatus.PROVISIONING}
    assert wait_active(it, "slow", hand_pace(60), lambda room: seen.append(room.status)).status is RoomStatus.ACTIVE
    assert seen[-1] is RoomStatus.ACTIVE


def test_a_room_that_fails_ends_the_waiting(world: World) -> None:
    it, pace = world.backend("owner"), hand_pace(10_000)
    world.fault(kind="provisioning_failed")
    it.create_room(room_of(world.both, "broken"))
    world.fault()
    with pytest.raises(PlatformError) as raised:
        wait_active(it, "broken", pace)
    assert raised.value.code == "ROOM_FAILED"
    assert "another name" in raised.value.hint


def test_waiting_outlasts_faults_of_a_look_but_not_a_refusal(world: World) -> None:
    it = world.backend("owner")
    world.fault(kind="error", path="/api/2.0/clean-rooms/steady", status=500, times=3)
    assert wait_active(it, "steady", hand_pace(60)).status is RoomStatus.ACTIVE
    world.fault(kind="error", path="/api/2.0/clean-rooms/steady", status=500)
    with pytest.raises(UnansweredError):
        wait_active(it, "steady", hand_pace(60))
    world.fault(kind="error", path="/api/2.0/clean-rooms/steady", status=403, times=1)
    with pytest.raises(NotPermittedError):
        wait_active(it, "steady", hand_pace(60))


def test_values_nobody_knows_are_unknown_and_nothing_else(world: World) -> None:
    owner, runner = world.backend("owner"), world.backend("runner")
    world.fault(kind="unknown_enum", field="status")
    room = owner.room("steady")
    assert room is not None
    assert room.status is RoomStatus.UNKNOWN
    assert {asset.status for asset in owner.assets("steady")} == {AssetStatus.UNKNOWN}
    with pytest.raises(NotReadyError) as raised:
        wait_active(owner, "steady", hand_pace(5))
    assert raised.value.code == "STILL_WAITING"
    world.fault(kind="unknown_enum", field="asset_type")
    assert {asset.kind for asset in owner.assets("steady")} == {AssetKind.OTHER}
    for name in ("life_cycle_state", "result_state"):
        world.fault(kind="unknown_enum", field=name)
        assert runner.run(world.run).stage is RunStage.UNKNOWN
    world.fault(kind="unknown_enum", field="review_state")
    seen = owner.asset("steady", AssetKind.NOTEBOOK, "regions")
    assert seen is not None
    assert seen.state == "UNKNOWN"
    world.fault(kind="unknown_enum", field="state")
    with pytest.raises(NotReadyError):
        runner.read_output(world.place)


def test_a_run_that_fails_says_why(world: World) -> None:
    it = world.backend("runner")
    world.fault(kind="run_failed", message="The warehouse burnt down.")
    ended = wait_ended(it, it.start_run("steady", NewRun("regions", world.etag, "unlucky")).id, NOW)
    assert (ended.stage, ended.reason, ended.output) == (RunStage.FAILED, "The warehouse burnt down.", None)


def hand_pace(total: float) -> Pace:
    clock = HandClock()
    return Pace(total=total, first=1, longest=2, clock=clock.time, sleep=clock.sleep)


def test_no_value_of_a_row_is_in_what_is_told(world: World) -> None:
    """Spark's messages quote the value that did not fit; here it stands in a failing statement and in a failing notebook."""
    value, runner = "4111-1111-HIDDEN_VALUE", world.backend("runner")
    message = f"Cell 2: [CAST_INVALID_INPUT] The value '{value}' of the type STRING cannot be cast to BIGINT."
    for said in (message, f"ValueError: invalid literal for int() with base 10: '{value}'"):
        world.fault(kind="run_failed", message=said)
        ended = wait_ended(runner, runner.start_run("steady", NewRun("regions", world.etag, f"v{next(_numbers)}")).id, NOW)
        assert ended.stage is RunStage.FAILED
        assert ended.reason
        assert value not in ended.reason
    world.fault()
    for statement in ("SELECT CAST(:table AS BIGINT)", "SELECT raise_error(:table)", "SELECT no_such_function(:table)"):
        with pytest.raises(CleanRoomError) as raised:
            execute(runner.client, runner.warehouse, statement, "read the output", NOW, names={"table": value})
        assert value not in raised.value.diagnostics()
        assert "HIDDEN" not in raised.value.diagnostics()
