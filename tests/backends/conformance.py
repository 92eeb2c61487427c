"""What every control plane must do: subclass `BackendConformance` and give a module fixture `stage`.

A stage is two parties at one platform, empty; names of rooms and tables are made anew by each test.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRoom, NewRule, NewRun, NewTable
from cleanroom_core.backends.cells import cells_of, first_difference
from cleanroom_core.backends.protocol import Backend
from cleanroom_core.backends.seen import AssetKind, OutputPlace, ReviewState, RoomStatus, RunStage, has_joined, is_ready
from cleanroom_core.backends.waiting import Pace, wait_active, wait_ended
from cleanroom_core.errors import ConflictError, NotPermittedError, NotReadyError

NOW = Pace(total=60, first=1, longest=1, clock=itertools.count().__next__, sleep=lambda _seconds: None)
RECIPE = """-- Databricks notebook source
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.regions') AS
SELECT p.region, count(DISTINCT p.token) AS people
FROM creator.default.{provider} p JOIN collaborator.default.{consumer} c ON p.token = c.token
GROUP BY p.region
"""


@dataclass(frozen=True)
class Stage:
    """`owner` acts for the creator's side, `partner` and `runner` for the other one; `runner` is its service principal.

    `table(side, name, rows)` makes a table of (token, region) and returns its full name there; `open_to_runner(room)` lets the
    runner work in a room; `target(name)` is a full name that the runner may make a table under.
    """

    owner: Backend
    partner: Backend
    runner: Backend
    room: Callable[[str], NewRoom]
    table: Callable[[str, str, list[tuple[str, str]]], str]
    open_to_runner: Callable[[str], None]
    target: Callable[[str], str]


_numbers = itertools.count(1)


def _fresh(what: str) -> str:
    return f"{what}_{next(_numbers)}"


def new_room(stage: Stage) -> str:
    """A room both sides can work in."""
    name = _fresh("room")
    stage.owner.create_room(stage.room(name))
    wait_active(stage.owner, name, NOW)
    stage.open_to_runner(name)
    return name


def add_tables(stage: Stage, room: str) -> NewNotebook:
    """A table of each side as an asset, and the notebook that joins them."""
    names = {side: _fresh(side) for side in ("provider", "consumer")}
    people = [(f"t{number}", "north" if number < 3 else "south") for number in range(5)]
    for side, alias, backend in (("provider", "creator", stage.owner), ("consumer", "collaborator", stage.partner)):
        local = stage.table(side, names[side], people if side == "provider" else people[1:])
        backend.add_table(room, NewTable(f"{alias}.default.{names[side]}", local))
    return NewNotebook("regions", RECIPE.format(**names), ("collaborator",), language="SQL")


def approved(stage: Stage, room: str) -> str:
    """Etag of an approved notebook over both sides' tables; the consumer side has its output catalog."""
    seen = stage.owner.put_notebook(room, add_tables(stage, room))
    stage.partner.create_output_catalog(room, _fresh("out"))
    stage.partner.review(room, Judgement("regions", seen.etag, True))
    return seen.etag


class BackendConformance:
    def test_from_nothing_to_a_released_table(self, stage: Stage) -> None:
        room = new_room(stage)
        owner, partner = stage.owner.room(room), stage.partner.room(room)
        assert owner is not None
        assert partner is not None
        assert (owner.status, owner.alias, partner.alias) == (RoomStatus.ACTIVE, "creator", "collaborator")
        assert set(owner.parties) == set(partner.parties) == {"creator", "collaborator"}
        assert is_ready(owner)
        assert is_ready(partner)
        assert not has_joined("collaborator", stage.owner.assets(room))
        notebook = add_tables(stage, room)
        assert has_joined("collaborator", stage.owner.assets(room))
        put = stage.owner.put_notebook(room, notebook)
        assert (put.state, put.digest, put.runners) == (ReviewState.PENDING, notebook.digest, ("collaborator",))
        stage.partner.create_output_catalog(room, catalog := _fresh("out"))
        assert stage.partner.review(room, Judgement("regions", put.etag, True)).state is ReviewState.APPROVED

        started = stage.runner.start_run(room, NewRun("regions", put.etag, _fresh("token")))
        seen: list[RunStage] = []
        ended = wait_ended(stage.runner, started.id, NOW, lambda run: seen.append(run.stage))
        assert seen[-1] is ended.stage is RunStage.SUCCEEDED
        place = ended.output
        assert place is not None
        assert place.catalog == catalog
        (table,) = stage.runner.read_output(place)
        assert [name for name, _ in table.columns] == ["region", "people"]
        assert table.rows == (("north", "2"), ("south", "2"))

        stage.runner.copy_output(place, "regions", target := stage.target(_fresh("released")))
        assert stage.runner.copied(place, "regions", target)
        for backend in (stage.owner, stage.partner):
            (run,) = backend.task_runs(room)
            assert (run.notebook, run.alias, run.etag, run.stage) == ("regions", "collaborator", put.etag, RunStage.SUCCEEDED)
        stage.owner.close_room(room)
        assert stage.owner.room(room) is None
        left = stage.partner.room(room)
        assert left is not None
        assert left.status is RoomStatus.DELETED

    def test_only_who_ran_the_notebook_reads_its_output(self, stage: Stage) -> None:
        room = new_room(stage)
        etag = approved(stage, room)
        place = wait_ended(stage.runner, stage.runner.start_run(room, NewRun("regions", etag, _fresh("token"))).id, NOW).output
        assert place is not None
        with pytest.raises(NotPermittedError):
            stage.partner.read_output(OutputPlace(place.catalog, place.schema))

    def test_whatever_is_asked_for_twice_is_there_once(self, stage: Stage) -> None:
        room = new_room(stage)
        assert stage.owner.create_room(stage.room(room)).name == room
        notebook = add_tables(stage, room)
        tables = [asset for asset in stage.owner.assets(room) if asset.owner == "creator"]
        assert stage.owner.add_table(room, NewTable(tables[0].name, tables[0].local)) == tables[0]
        etags = {stage.owner.put_notebook(room, notebook).etag for _ in range(2)}
        assert len(etags) == 1
        catalog = _fresh("out")
        assert {stage.partner.create_output_catalog(room, catalog).output_catalog for _ in range(2)} == {catalog}
        judgement = Judgement("regions", etags.pop(), True)
        assert [len(stage.partner.review(room, judgement).reviews) for _ in range(2)] == [1, 1]
        rules = {stage.partner.add_rule(room, NewRule("collaborator", "creator")).id for _ in range(2)}
        assert {rule.id for rule in stage.partner.rules(room)} == rules
        run = NewRun("regions", judgement.etag, token := _fresh("token"))
        started = {stage.runner.start_run(room, run).id for _ in range(2)}
        found = stage.runner.find_run(token)
        assert found is not None
        assert started == {found.id}
        place = wait_ended(stage.runner, found.id, NOW).output
        assert place is not None
        target = stage.target(_fresh("released"))
        for _ in range(2):
            stage.runner.copy_output(place, "regions", target)
            stage.partner.remove_rule(room, next(iter(rules)))
            stage.owner.remove_asset(room, AssetKind.TABLE, tables[0].name)
        assert stage.partner.rules(room) == ()
        assert stage.owner.asset(room, AssetKind.TABLE, tables[0].name) is None
        for _ in range(2):
            stage.owner.close_room(room)

    def test_something_else_of_that_name_is_a_conflict_and_stays(self, stage: Stage) -> None:
        room = new_room(stage)
        etag = approved(stage, room)
        wanted = stage.room(room)
        others = tuple(replace(party, alias=f"{party.alias}2") for party in wanted.parties)
        with pytest.raises(ConflictError, match="is not what was asked for"):
            stage.owner.create_room(replace(wanted, parties=others))
        with pytest.raises(ConflictError):
            stage.partner.create_output_catalog(room, _fresh("out"))
        mine = next(asset for asset in stage.owner.assets(room) if asset.local)
        other = stage.table("provider", _fresh("provider"), [("t", "north")])
        with pytest.raises(ConflictError):
            stage.owner.add_table(room, NewTable(mine.name, other))
        assert stage.owner.asset(room, mine.kind, mine.name) == mine
        place = wait_ended(stage.runner, stage.runner.start_run(room, NewRun("regions", etag, _fresh("token"))).id, NOW).output
        assert place is not None
        taken = stage.target(_fresh("released"))
        stage.table("consumer", taken.rpartition(".")[2], [("t", "north")])
        with pytest.raises(ConflictError, match=r"holds something else|not what was asked"):
            stage.runner.copy_output(place, "regions", taken)

    def test_a_new_version_is_reviewed_anew_and_only_the_newest_runs(self, stage: Stage) -> None:
        room = new_room(stage)
        old = approved(stage, room)
        before = stage.owner.asset(room, AssetKind.NOTEBOOK, "regions")
        assert before is not None
        changed = NewNotebook("regions", RECIPE.format(provider="x", consumer="y"), ("collaborator",), language="SQL")
        new = stage.owner.put_notebook(room, changed)
        assert new.etag != old
        assert (new.state, new.reviews) == (ReviewState.PENDING, ())
        with pytest.raises(ConflictError):
            stage.partner.review(room, Judgement("regions", old, True))
        for etag in (old, new.etag):
            failed = wait_ended(stage.runner, stage.runner.start_run(room, NewRun("regions", etag, _fresh("token"))).id, NOW)
            assert (failed.stage, failed.output) == (RunStage.FAILED, None)
            assert failed.reason
        rejected = stage.partner.review(room, Judgement("regions", new.etag, False, "a join is missing"))
        assert rejected.state is ReviewState.REJECTED
        with pytest.raises(NotPermittedError):
            stage.owner.review(room, Judgement("regions", new.etag, True))

    def test_a_rule_approves_what_others_upload_for_its_runner(self, stage: Stage) -> None:
        room = new_room(stage)
        stage.partner.add_rule(room, NewRule("collaborator", "creator"))
        seen = stage.owner.put_notebook(room, NewNotebook("ruled", "SELECT 1", ("collaborator",), language="SQL"))
        assert seen.state is ReviewState.APPROVED
        assert [review.automatic for review in seen.reviews] == [True]
        both = stage.owner.put_notebook(room, NewNotebook("wider", "SELECT 1", ("collaborator", "creator"), language="SQL"))
        assert both.state is ReviewState.PENDING

    @pytest.mark.parametrize(
        ("language", "source"),
        [
            ("SQL", RECIPE),
            (
                "SQL",
                "-- Databricks notebook source\nSELECT 'ä ''%2F'' \\n' \"x\"\n\n-- COMMAND ----------\n-- a remark\nSELECT 2\n",
            ),
            ("SQL", "SELECT 1\n-- COMMAND ----------\n-- MAGIC %md\n-- MAGIC # Words\n-- MAGIC\n-- MAGIC more\n"),
            (
                "PYTHON",
                "# Databricks notebook source\nx = 1  \n\n\ny = 2\n\n# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC SELECT 1\n",
            ),
        ],
    )
    def test_a_version_is_read_back_as_it_was_written(self, stage: Stage, language: str, source: str) -> None:
        room = new_room(stage)
        seen = stage.owner.put_notebook(room, NewNotebook("book", source, ("collaborator",), language))
        read = stage.partner.notebook_cells(room, "book", seen.etag)
        assert read == cells_of(source, language)
        assert read
        longer = f"{source}\n{'#' if language == 'PYTHON' else '--'} COMMAND ----------\n1"
        assert first_difference(read, cells_of(longer, language)) == len(read) + 1
        with pytest.raises(NotReadyError):
            stage.partner.notebook_cells(room, "book", "no-such-etag")

    def test_what_is_not_there_is_none_and_no_error(self, stage: Stage) -> None:
        room = new_room(stage)
        assert stage.owner.room("nowhere") is None
        assert stage.owner.asset(room, AssetKind.NOTEBOOK, "nothing") is None
        assert stage.runner.find_run("never") is None
        assert not stage.runner.copied(OutputPlace("a", "b"), "c", stage.target(_fresh("released")))
        assert room in {each.name for each in stage.owner.rooms()}
        assert stage.runner.identity().is_service
