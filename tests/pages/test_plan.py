"""The plan page: the verdict before anything runs, two signatures over one text, computing as a job that can be cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cleanroom_core.rooms.state import EffectStage, Stage
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.reconcile import reconcile
from tests.pages.conftest import buttons, primary, texts
from tests.pages.seen import everything

Make = Callable[..., Any]


def test_an_empty_room_says_what_will_be_here(tiny: Make, wizard: Make) -> None:
    tiny(drafts=False)
    for username in ("north.analyst", "harbour.reviewer", "auditor"):
        app = wizard(username, "plan")
        assert not app.exception
        assert "Here the questions both sides agree on" in texts(app)
        assert len(primary(app)) == 1


def test_prepared_templates_are_proposed_with_one_button(tiny: Make, wizard: Make) -> None:
    room = tiny("assets harbour registered")
    app = wizard("harbour.analyst", "plan")
    assert primary(app) == ["Propose these templates"]
    press(app, "Propose these templates")
    plan = room.side("north").state().plan
    assert (plan.stage, set(plan.text.templates), plan.by.user) == (Stage.OFFERED, {"returns"}, "harbour.analyst")
    assert "Propose these templates" not in buttons(app)
    assert plan.text_hash in texts(app)


@pytest.mark.parametrize("username", ["north.reviewer", "north.officer", "north.engineer", "auditor"])
def test_who_may_not_propose_is_told_who_may(tiny: Make, wizard: Make, username: str) -> None:
    tiny("assets harbour registered")
    app = wizard(username, "plan")
    assert not {"Propose these templates", "Show the verdict"} & set(buttons(app))
    assert "steward or analyst of" in texts(app)


def test_both_sides_sign_the_text_and_nobody_else_may(tiny: Make, wizard: Make) -> None:
    room = tiny("plan harbour proposed")
    for username in ("harbour.analyst", "north.engineer", "north.steward", "auditor"):
        assert not {"Sign this text", "Reject ..."} & set(buttons(wizard(username, "plan")))
    north = wizard("north.reviewer", "plan")
    assert primary(north) == ["Sign this text"]
    press(north, "Sign this text")
    assert "Sign this text" not in buttons(north)
    assert set(room.side("harbour").state().plan.approvals) == {"north"}
    harbour = wizard("harbour.reviewer", "plan")
    assert "north.reviewer (reviewer) of North Shop" in texts(harbour)
    press(harbour, "Sign this text")
    assert room.side("north").state().plan_in_force is not None
    assert "Plan in force" in texts(harbour)


def test_a_rejection_needs_a_reason_and_the_other_side_reads_it(tiny: Make, wizard: Make) -> None:
    room = tiny("plan harbour proposed")
    app = wizard("north.reviewer", "plan")
    press(app, "Reject ...")
    press(app, "Reject")
    assert "Say why" in app.error[0].value
    app = wizard("north.reviewer", "plan")
    press(app, "Reject ...")
    app.text_area(key="plan_reason").set_value("Too *fine*")
    press(app, "Reject")
    assert room.side("north").state().plan.stage is Stage.REJECTED
    other = wizard("harbour.analyst", "plan")
    assert r"Reason: Too \*fine\*" in texts(other)
    press(other, "Propose it again")
    assert room.side("north").state().plan.stage is Stage.OFFERED


def test_the_side_that_proposed_can_withdraw(tiny: Make, wizard: Make) -> None:
    room = tiny("plan harbour proposed")
    assert "Withdraw ..." not in buttons(wizard("north.analyst", "plan"))
    app = wizard("harbour.analyst", "plan")
    press(app, "Withdraw ...")
    press(app, "Withdraw")
    assert room.side("harbour").state().plan.stage is Stage.WITHDRAWN


def test_the_verdict_names_the_clause_its_owner_and_the_place(tiny: Make, wizard: Make) -> None:
    room = tiny("assets harbour registered")
    size = room.side("harbour").log.size()
    app = fill(wizard("harbour.analyst", "plan"), name="nosy", sql="SELECT o.category, o.person_token\nFROM north.orders o")
    said = texts(app)
    assert "Nothing was computed." in said
    assert "line 1, column 20\nSELECT o.category, o.person_token\n                   ^" in said
    assert "owned by North Shop" in said
    assert "Propose this template" not in buttons(app)
    assert room.side("harbour").log.size() == size
    again = wizard("harbour.analyst", "plan")
    assert "Drafts the guard refuses as they stand: nosy" in texts(again)
    press(again, "Propose these templates")
    assert set(room.side("harbour").state().plan.text.templates) == {"returns"}


def test_what_passes_shows_what_would_run_and_can_be_proposed(tiny: Make, wizard: Make) -> None:
    room = tiny("plan harbour signed")
    app = wizard("harbour.analyst", "plan")
    sql = (
        "SELECT o.category, count(*) AS n FROM north.orders o JOIN harbour.members m ON o.person_token = m.person_token "
        "WHERE m.age_band = :band GROUP BY o.category"
    )
    fill(app, name="by_band", sql=sql, parameters="band: young, old")
    assert "2 sheets, one for each parameter choice" in app.success[-1].value
    assert "u0_people" in texts(app)
    press(app, "Propose this template")
    plan = room.side("north").state().plan
    assert set(plan.text.templates) == {"returns", "by_band"}
    assert "New: by\\_band" in texts(wizard("north.reviewer", "plan"))


def test_every_mistake_in_the_parameters_is_named_at_once(tiny: Make, wizard: Make) -> None:
    tiny("assets harbour registered")
    app = fill(wizard("harbour.analyst", "plan"), name="x", sql="SELECT 1", parameters="one two\nflag: 0, 0")
    assert "line 1" in app.error[0].value
    assert "line 2" in app.error[0].value


def test_computing_is_a_job_of_the_custodians_side(tiny: Make, wizard: Make) -> None:
    room = tiny("plan harbour signed")
    for username in ("harbour.analyst", "north.reviewer", "auditor"):
        app = wizard(username, "plan")
        assert "Compute the plan" not in buttons(app)
        assert "engineer or analyst of North Shop" in texts(app)
    app = wizard("north.engineer", "plan")
    assert primary(app) == ["Compute the plan"]
    press(app, "Compute the plan")
    finish(app, room)
    assert len(room.side("harbour").state().results) == 1
    assert "Everything in the plan has been computed" in app.success[-1].value
    assert "returns: quarantined" in [expander.label for expander in app.expander]


def test_a_job_can_be_cancelled_and_run_again(tiny: Make, wizard: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tiny("plan harbour signed")
    engine, started = room.side("north").room_engine, threading.Event()
    compute = engine.compute

    def slow(job: Any, tables: Any, limits: Any, progress: Any, cancelled: Callable[[], bool]) -> Any:
        progress("Counting", 0.5)
        started.set()
        while not cancelled():
            time.sleep(0.01)
        return compute(job, tables, limits, progress, cancelled)

    monkeypatch.setattr(engine, "compute", slow)
    app = wizard("north.engineer", "plan")
    press(app, "Compute the plan")
    assert started.wait(30)
    app.run()
    assert "Counting" in everything(app)
    assert "Cancel" in buttons(app)
    assert "Compute the plan" not in buttons(app)
    assert "Cancel" not in buttons(wizard("harbour.engineer", "plan"))
    press(app, "Cancel")
    finish(app, room)
    assert "QUERY\\_CANCELLED" in app.error[0].value
    assert room.side("north").state().results == ()
    assert "Failed or cancelled" in texts(app)
    monkeypatch.setattr(engine, "compute", compute)
    press(app, "Compute the plan")
    finish(app, room)
    assert len(room.side("north").state().results) == 1


def test_an_interrupted_run_is_shown_and_run_again(tiny: Make, wizard: Make) -> None:
    room = tiny("plan harbour signed")
    side, user = room.side("north"), room.user("north.engineer")
    from cleanroom_core.identity.permissions import Permission

    begun = bracket(side, user, Permission.PLAN_COMPUTE, "run", "plan:cut short")
    begun.__enter__()
    for lock in (side.home / "work").glob("*.lock"):
        lock.unlink()  # what the end of the process does
    reconcile(side)
    assert [intent.stage for intent in side.state().intents.values() if intent.action == "run"] == [EffectStage.INTERRUPTED]
    app = wizard("north.engineer", "plan")
    assert "Interrupted: nothing of it counts, compute again" in texts(app)
    assert primary(app) == ["Compute the plan"]


def fill(app: Any, name: str, sql: str, parameters: str = "") -> Any:
    app.text_input(key="editor:A new template:name").set_value(name)
    app.text_area(key="editor:A new template:sql").set_value(sql)
    app.text_area(key="editor:A new template:parameters").set_value(parameters)
    press(app, "Show the verdict")
    return app


def press(app: Any, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def finish(app: Any, room: Any) -> None:
    """Wait for the job's thread, then draw the page as its own refresh would."""
    for thread in threading.enumerate():
        if thread.name.startswith("job-"):
            thread.join(60)
    app.run()
    assert not app.exception


def test_before_signing_each_side_sees_what_it_costs_its_own_tables(tiny: Make, wizard: Make) -> None:
    room = tiny("plan harbour proposed")
    app = wizard("north.reviewer", "plan")
    assert "**north.orders**" not in texts(app)
    press(app, "Measure on our tables")
    said = texts(app)
    assert "**north.orders**: Of the parameter choices the largest is about 140 people or a few more." in said
    assert "6 of 6 combinations of its labels have 20 people or more" in said
    assert "**harbour.members**" not in said
    assert [entry.entry.public for entry in room.side("north").log.records() if entry.entry.kind == "access"] == [
        {"object": "own figures for planning"}
    ]
    other = wizard("harbour.steward", "plan")
    press(other, "Measure on our tables")
    assert "**harbour.members**" in texts(other)
    assert "north.orders**" not in texts(other)


def test_the_editor_measures_too_and_suggests_what_keeps_more(tiny: Make, wizard: Make) -> None:
    tiny("assets harbour registered")
    sql = "SELECT o.category, count(*) AS n FROM north.orders o WHERE o.category IN ('books', 'toys') GROUP BY o.category"
    app = fill(wizard("north.steward", "plan"), name="few", sql=sql)
    press(app, "Measure on our tables")
    assert "2 of 2 combinations" in texts(app)
    assert "What would keep more" not in texts(app)


@pytest.mark.parametrize("username", ["north.analyst", "north.officer", "auditor"])
def test_own_figures_are_for_those_who_may_see_them(tiny: Make, wizard: Make, username: str) -> None:
    tiny("plan harbour proposed")
    assert "Measure on our tables" not in buttons(wizard(username, "plan"))
