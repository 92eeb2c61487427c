"""What a run on a platform wrote becomes results, releases and answers as in the rehearsal; and whatever is not exactly what
was approved, or would count rows twice, becomes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.backends.asked import Judgement, NewRun
from cleanroom_core.backends.protocol import Backend, Platform
from cleanroom_core.backends.seen import OutputPlace, OutputTable
from cleanroom_core.backends.waiting import wait_ended
from cleanroom_core.engines.in_room import rows_hash
from cleanroom_core.engines.protocol import Computed
from cleanroom_core.errors import (
    CleanRoomError,
    ConflictError,
    IntegrityError,
    NotPermittedError,
    NotReadyError,
    UnansweredError,
)
from cleanroom_core.guard.template import Template
from cleanroom_core.guard.world import Period
from cleanroom_core.identity.permissions import Permission, Role
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.state import EffectStage, Verdict
from cleanroom_core.rooms.tasks import uncomputed
from cleanroom_core.stores.signed_log import SignedLog
from cleanroom_core.stories import platform_run as runs
from cleanroom_core.stories.answer import Outcome, ask_template
from cleanroom_core.stories.bracket import bracket, end
from cleanroom_core.stories.plan import propose_plan, sign_plan
from cleanroom_core.stories.platform_period import Told
from cleanroom_core.stories.platform_plan import plan_notebook
from cleanroom_core.stories.platform_result import give_up_there, results_there
from cleanroom_core.stories.publish import publish_policy, register_asset
from cleanroom_core.stories.reconcile import reconcile
from cleanroom_core.stories.review import reject_result, release_result, result_id, waiting_results
from tests.backends.conformance import NOW
from tests.simulator import conftest as simulated
from tests.simulator.conftest import Both
from tests.stories.platform_shop import NAME, TABLES, Rows, Shop, dated_room, embedded_runs, identities, opened, recorded
from tests.stories.test_platform_stories import Died, Dying
from tests.stories.tiny_room import TinyRoom

pytestmark = pytest.mark.usefixtures("same_process")

both, _clean_environment, _no_environment = simulated.both, simulated._clean_environment, simulated._no_environment
At = Callable[[str], TinyRoom]


@pytest.fixture(scope="module")
def known(both: Both) -> dict[str, tuple[Backend, Backend]]:
    return identities(both)


@pytest.fixture(scope="module")
def computed(played_homes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Computed, str]]:
    folder = tmp_path_factory.mktemp("recorded") / "room"
    shutil.copytree(played_homes["quarantined"], folder)
    tiny = TinyRoom.open(folder)
    yield recorded(tiny)
    tiny.context.close()


@pytest.fixture
def shop(at: At, both: Both, known: Any, computed: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    embedded_runs(monkeypatch, computed)
    return opened(at("signed"), both, known)


def results(shop: Shop, run_id: str) -> tuple[str, ...]:
    return results_there(shop.north, shop.engineer, run_id, TABLES)


def refused(shop: Shop, run_id: str) -> str:
    """The code of the refusal, which leaves no result."""
    with pytest.raises(CleanRoomError) as raised:
        results(shop, run_id)
    assert all(each.verdict is Verdict.SUPERSEDED for each in shop.north.state().results)
    return raised.value.code


def test_a_run_becomes_results_and_answers_as_in_the_rehearsal(shop: Shop, at: At) -> None:
    shop.approved()
    run_id, statements = shop.ended(), {"kind": "error", "path": "/api/2.0/sql/statements*", "times": 1}
    shop.both.provider.fault(status=403, **statements)
    assert refused(shop, run_id) == "PLATFORM_DENIED"
    shop.both.provider.fault(status=503, **statements)
    assert results(shop, run_id) == (NAME,)
    (there,), (rehearsed,) = (each.side("north").state().results for each in (shop.tiny, at("quarantined")))
    for fact in ("template", "template_hash", "basis", "custodian", "receiver", "checks", "snapshot", "certificate", "period"):
        assert getattr(there, fact) == getattr(rehearsed, fact), fact
    assert (there.verdict, all(there.checks.values())) == (Verdict.QUARANTINED, True)
    south = shop.south
    assert ask_template(south, shop.tiny.user("south", Role.ANALYST), NAME).outcome is Outcome.REFUSED
    shop.north.hand_over()
    (waiting,) = waiting_results(shop.north, shop.reviewer)
    release_result(shop.north, shop.reviewer, result_id(waiting.result))
    answers = [ask_template(each.side("south"), each.user("south", Role.ANALYST), NAME) for each in (shop.tiny, at("released"))]
    shown, wanted = (each.answer for each in answers)
    assert shown is not None
    assert wanted is not None
    assert (shown.columns, shown.rows) == (wanted.columns, wanted.rows)
    assert len(shown.rows) > 3


def test_taking_results_again_changes_nothing_and_a_second_run_is_refused(shop: Shop) -> None:
    shop.approved()
    run_id = shop.ended()
    results(shop, run_id)
    size = shop.north.log.size()
    assert results(shop, run_id) == (NAME,)
    assert give_up_there(shop.north, shop.engineer, run_id) == (NAME,)
    assert shop.north.log.size() == size
    with pytest.raises(ConflictError, match=f"run {run_id}") as raised:
        shop.started()
    assert raised.value.code == "PERIOD_RUN"
    with pytest.raises(NotPermittedError) as copied:
        runs.release_there(shop.north, shop.reviewer, run_id, "cells", "provider_data.default.cells", [], "as agreed")
    assert copied.value.code == "BY_REVIEW"
    with pytest.raises(ConflictError) as once:
        shop.notebook()
    assert once.value.code == "RUNS_ONCE"


def test_a_run_that_failed_is_run_again_and_one_that_may_have_run_is_not(shop: Shop) -> None:
    etag = shop.approved()
    shop.both.provider.fault(kind="run_failed", message="Serverless compute was lost.", times=1)
    failed = shop.ended()
    assert refused(shop, failed) == "NO_OUTPUT"
    with pytest.raises(NotReadyError):
        give_up_there(shop.north, shop.engineer, failed)
    whole = shop.platforms["north"]
    lost: Any = Dying(whole.runner, "start_run", True, UnansweredError("No answer.", hint="Look."))
    shop.platforms["north"] = Platform(whole.owner, lost, whole.room)
    with pytest.raises(UnansweredError):
        shop.started()
    shop.platforms["north"] = whole
    with pytest.raises(NotReadyError) as open_run:
        shop.started()
    assert open_run.value.code == "RUN_OPEN"
    (intent,) = reconcile(shop.north)
    assert shop.north.state().intents[intent.ref.origin, intent.ref.seq].stage is EffectStage.DONE
    with pytest.raises(ConflictError) as raised:
        shop.started()
    assert raised.value.code == "PERIOD_RUN"
    found = whole.runner.find_run(intent.ref.leaf)
    assert found is not None
    wait_ended(whole.runner, found.id, NOW)
    assert results(shop, found.id) == (NAME,), "a start without an answer was told as it would have been"
    assert [each.etag for each in whole.owner.task_runs(shop.name)] == [etag, etag]


def test_a_run_that_was_started_elsewhere_counts(shop: Shop) -> None:
    etag = shop.approved()
    started = shop.platforms["north"].runner.start_run(shop.name, NewRun(NAME, etag, "by hand"))
    with pytest.raises(ConflictError, match="this log does not know") as raised:
        shop.started()
    assert raised.value.code == "PERIOD_RUN"
    assert refused(shop, started.id) == "NO_RUN"


def test_what_the_other_side_has_started_is_looked_at(shop: Shop) -> None:
    """Its run of another plan counts the same rows, until its results say what it computed."""
    shop.approved()
    south, engineer, may = shop.south, shop.tiny.user("south", Role.ENGINEER), Permission.PLAN_COMPUTE
    told = {"run": "7", "etag": "e", "release": Told("c" * 64, "0" * 64, None, False, {}).as_json()}
    with pytest.raises(UnansweredError), bracket(south, engineer, may, "platform_run", "plan_south") as begun:
        raise UnansweredError("No answer.", hint="Look.")
    with pytest.raises(ConflictError) as busy:
        shop.started()
    assert busy.value.code == "BUSY"
    end(south, south.actor(engineer, may), begun.ref, EffectStage.DONE, told)
    for nonsense in ("x", {"period": 3}, [], None):  # another's software wrote it
        with bracket(south, engineer, may, "platform_run", "plan_south") as effect:
            effect.public = {"run": "8", "etag": "e", "release": nonsense}
    with pytest.raises(ConflictError, match="south ran another notebook, run 7") as raised:
        shop.started()
    assert raised.value.code == "PERIOD_RUN"
    with bracket(south, engineer, may, "run", "plan:0") as effect:
        public = {"action": "run", "plan": "0" * 64, "engine": "databricks", "templates": [], "platform_run": "7"}
        south.append(engineer, may, "run", public, {}, refs=(effect.ref,))
    assert shop.started()


def test_another_notebook_gives_no_results_whoever_approved_it(shop: Shop) -> None:
    other = plan_notebook(
        shop.north, "north", {**TABLES, "south.members": ObjectName("south", "default", "others")}, NAME, ["north"]
    )
    seen = runs.upload_there(shop.north, shop.engineer, other)
    runs.judge_there(shop.south, shop.tiny.user("south", Role.REVIEWER), Judgement(NAME, seen.etag, True))
    assert refused(shop, shop.ended()) == "NOTEBOOK_DIFFERS"


class Changed:
    """A runner whose output somebody has written to who may."""

    def __init__(self, inner: Backend, change: Callable[[Rows], object]) -> None:
        self._inner, self._change = inner, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def read_output(self, place: OutputPlace) -> tuple[OutputTable, ...]:
        tables = {each.name: each for each in self._inner.read_output(place)}
        rows: Rows = {name: list(each.rows) for name, each in tables.items()}
        self._change(rows)
        return tuple(replace(tables[name], rows=tuple(found)) for name, found in rows.items())


def _cell_changed(rows: Rows) -> None:
    rows["cells"][0] = (*rows["cells"][0][:2], rows["cells"][1][2])


def _other_label(rows: Rows) -> None:
    """With hashes that fit: whoever may write the cells may write these, too."""
    part, number, text = rows["cells"][0]
    cell = json.loads(text)
    cell["labels"][0] = "person0007@example.org"
    rows["cells"][0] = (part, number, json.dumps(cell))
    ((written, seed),) = rows["manifest"]
    told = {"cells_hash": rows_hash([(int(part), int(number), cell) for part, number, cell in rows["cells"]])}
    rows["manifest"] = [(json.dumps(json.loads(written) | told), seed)]


def _other_plan(rows: Rows) -> None:
    ((written, seed),) = rows["manifest"]
    rows["manifest"] = [(json.dumps(json.loads(written) | {"plan": "0" * 64}), seed)]


def test_an_output_that_is_not_what_the_notebook_wrote_is_given_up(shop: Shop) -> None:
    shop.approved()
    run_id, whole = shop.ended(), shop.platforms["north"]
    changes = {
        "has been changed": _cell_changed,
        "allows: labels": _other_label,
        "not of the notebook": _other_plan,
        "other tables": lambda rows: rows.pop("manifest"),
    }
    for words, change in changes.items():
        runner: Any = Changed(whole.runner, change)
        shop.platforms["north"] = Platform(whole.owner, runner, whole.room)
        runs.quarantine_there(shop.north, shop.engineer, run_id)
        with pytest.raises(IntegrityError, match=words) as raised:
            results(shop, run_id)
        assert raised.value.code == "RUN_OUTPUT"
    shop.platforms["north"] = whole
    assert shop.north.state().results == ()
    assert give_up_there(shop.north, shop.engineer, run_id) == (NAME,)
    (result,) = shop.north.state().results
    assert not any(result.checks.values())
    assert result.certificate["blocked"] == [f"the run {run_id} was given up"]
    with pytest.raises(NotPermittedError) as contract:
        release_result(shop.north, shop.reviewer, result_id(result))
    assert contract.value.code == "CONTRACT"
    reject_result(shop.north, shop.reviewer, result_id(result), "The output was changed.")
    with pytest.raises(ConflictError) as second:
        shop.started()
    assert second.value.code == "PERIOD_RUN"


def test_no_results_on_ground_that_has_moved(shop: Shop) -> None:
    shop.approved()
    run_id = shop.ended()
    north, steward = shop.north, shop.tiny.user("north", Role.STEWARD)
    path = north.inbox / "baskets.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-5]) + "\n")
    publish_policy(north, steward, shop.tiny.definition.policies["baskets"], "baskets.csv")
    register_asset(north, steward, "north.baskets")
    assert refused(shop, run_id) == "TABLES_CHANGED"
    tiers = Template("tiers", "north", "assortment", "SELECT m.tier, count(*) AS members FROM south.members m GROUP BY m.tier")
    digest = propose_plan(north, shop.tiny.user("north", Role.ANALYST), [tiers])
    for alias in ("north", "south"):
        sign_plan(shop.side(alias), shop.tiny.user(alias, Role.REVIEWER), digest)
    assert refused(shop, run_id) == "PLAN_OTHER"
    with pytest.raises(ConflictError) as raised:
        shop.started()
    assert raised.value.code == "PLAN_OTHER", "the notebook in the room is of the plan before"
    assert give_up_there(north, shop.engineer, run_id) == (NAME,)


def test_nothing_is_recorded_half_or_twice_whenever_the_process_dies(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is gone before each of its entries in turn; after a restart the same command ends what it began."""
    shop.approved()
    run_id = shop.ended()
    append = SignedLog.append
    # Two entries of reading; then what was read stays, and the beginning, the run, its result and the end are four.
    for number in (1, 2, 3, 2, 3, 4):
        left = iter(range(number - 1))

        def dying(log: SignedLog, *args: Any, left: Iterator[int] = left, **named: Any) -> Any:
            if next(left, None) is None:
                raise Died
            return append(log, *args, **named)

        monkeypatch.setattr(SignedLog, "append", dying)
        with pytest.raises(Died):
            results(shop, run_id)
        monkeypatch.setattr(SignedLog, "append", append)
        assert all(each.verdict is Verdict.SUPERSEDED for each in shop.north.state().results)
        reconcile(shop.north)
        assert shop.north.state().open_intents() == ()
    assert results(shop, run_id) == (NAME,)
    counted = [each for each in shop.south.state().results if each.verdict is not Verdict.SUPERSEDED]
    assert [each.verdict for each in counted] == [Verdict.QUARANTINED]


def test_a_period_may_be_taken_late_and_the_next_begins_where_it_ends(
    both: Both,
    known: Any,
    computed: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embedded_runs(monkeypatch, computed)  # dates change no figure of the first period: every basket is before its end
    shop = opened(dated_room(tmp_path / "room"), both, known)
    shop.approved()
    run_id = shop.ended()
    stop = _next(shop.north.clock().date())
    for alias in ("north", "south"):
        shop.tiny.side(alias).clock = lambda: datetime(stop.year, stop.month, 9, tzinfo=UTC)
    with pytest.raises(ConflictError) as over:
        shop.started()
    assert over.value.code == "PLAN_OTHER", "the notebook of a period that has ended"
    shop.approved()
    with pytest.raises(ConflictError) as raised:
        shop.started()
    assert raised.value.code == "PERIOD_RUN", "the rows of the first run would be counted again"
    assert results(shop, run_id) == (NAME,)
    (late,) = shop.north.state().results
    assert (late.period, late.dated) == ((None, stop), True)
    assert uncomputed(shop.north.state()) == {"north": [NAME]}
    shop.approved()
    assert results(shop, shop.ended()) == (NAME,)
    assert [each.period for each in shop.north.state().results] == [(None, stop), (stop, _next(stop))]
    with pytest.raises(ConflictError) as again:
        shop.notebook()
    assert again.value.code == "PERIOD_COMPUTED"
    shop.tiny.context.close()


def _next(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


@pytest.mark.parametrize(
    ("dated", "period", "later", "shares"),
    [
        (True, (None, date(2026, 2, 1)), (date(2026, 2, 1), date(2026, 3, 1)), False),
        (True, (None, date(2026, 2, 1)), (None, date(2026, 3, 1)), True),
        (True, (date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 1, 1), date(2026, 2, 1)), True),
        (False, (None, date(2026, 2, 1)), (date(2026, 2, 1), date(2026, 3, 1)), True),
        (True, None, None, True),
    ],
)
def test_rows_are_shared_unless_dates_keep_them_apart(dated: bool, period: Any, later: Any, shares: bool) -> None:
    told = Told("c" * 64, "p" * 64, None if period is None else Period(*period), dated, {"north.baskets": "d"})
    assert told.shares_rows(None if later is None else Period(*later)) is shares
    assert Told.from_json(json.loads(json.dumps(told.as_json()))) == told
