"""The review page: one reviewer sees figures and decides; everybody else sees checks and the commitment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cleanroom_core.guard.template import Template
from cleanroom_core.rooms.state import Verdict
from cleanroom_core.stories.compute import compute_plan
from cleanroom_core.stories.plan import propose_plan, sign_plan
from tests.pages.conftest import buttons, primary, texts
from tests.pages.seen import everything, number_in

Make = Callable[..., Any]
CANARY = "492"  # 24 orders at 20.50: the sum of a cell, and nothing else on any page
TOTALS = Template(
    "totals", "harbour", "quality",
    "SELECT o.category, m.age_band, sum(o.amount) AS total FROM north.orders o JOIN harbour.members m "
    "ON o.person_token = m.person_token WHERE o.size = 'small' GROUP BY o.category, m.age_band",
)  # fmt: skip


@pytest.fixture
def quarantined(tiny: Make) -> Any:
    """A result with a figure one can look for, waiting at North."""
    room = tiny("assets harbour registered")
    north, harbour = room.side("north"), room.side("harbour")
    digest = propose_plan(harbour, room.user("harbour.analyst"), [TOTALS])
    sign_plan(north, room.user("north.reviewer"), digest)
    sign_plan(harbour, room.user("harbour.reviewer"), digest)
    compute_plan(north, room.user("north.engineer"))
    return room


def test_before_anything_is_computed(tiny: Make, wizard: Make) -> None:
    tiny()
    for username in ("north.reviewer", "auditor"):
        app = wizard(username, "review")
        assert not app.exception
        assert "Here results wait in quarantine" in texts(app)
        assert len(primary(app)) == 1


def test_the_custodians_reviewer_sees_figures_on_click_and_that_is_logged(quarantined: Any, wizard: Make) -> None:
    app = wizard("north.reviewer", "review")
    before = quarantined.side("north").log.size()
    assert not number_in(CANARY, everything(app))
    assert primary(app) == ["Release ..."]
    assert list(app.table[0].value["Outcome"]) == ["pass"] * 7
    assert "first result of this template" in texts(app)
    press(app, "Show the figures")
    assert number_in(CANARY, everything(app))
    entry = quarantined.side("north").log.records(start=before)[0].entry
    assert (entry.kind, entry.actor["id"]) == ("access", "north.reviewer")
    app.run()
    assert not number_in(CANARY, everything(app))


def test_nobody_else_is_ever_sent_a_quarantined_figure(quarantined: Any, wizard: Make) -> None:
    commitment = result(quarantined).commitment
    for username in ("harbour.reviewer", "harbour.analyst", "north.engineer", "auditor"):
        app = wizard(username, "review")
        assert commitment in texts(app)
        assert "reviewer of North Shop" in texts(app)
        assert not {"Show the figures", "Release ...", "Reject ..."} & set(buttons(app))
        for page in ("review", "results", "plan", "policies"):
            app.switch_page(f"../{page}.py").run()
            assert not app.exception
            assert not number_in(CANARY, everything(app)), (username, page)


def test_release_asks_first_and_happens_once(quarantined: Any, wizard: Make) -> None:
    app = wizard("north.reviewer", "review")
    press(app, "Release ...")
    assert result(quarantined).verdict is Verdict.QUARANTINED
    press(app, "Release")
    assert result(quarantined).verdict is Verdict.RELEASED
    assert result(quarantined).decided.user == "north.reviewer"
    again = wizard("north.reviewer", "review")
    assert "No result waits" in again.success[0].value
    assert "Released by north.reviewer" in texts(again)


def test_reject_needs_a_reason(quarantined: Any, wizard: Make) -> None:
    app = wizard("north.reviewer", "review")
    press(app, "Reject ...")
    press(app, "Reject")
    assert "Say why" in app.error[0].value
    assert result(quarantined).verdict is Verdict.QUARANTINED
    app = wizard("north.reviewer", "review")
    press(app, "Reject ...")
    app.text_area(key="dialog_reason").set_value("The *segments* are too small")
    press(app, "Reject")
    assert result(quarantined).verdict is Verdict.REJECTED
    other = wizard("harbour.analyst", "review")
    assert r"The \*segments\* are too small" in texts(other)
    assert not number_in(CANARY, everything(other))


def test_a_link_opens_one_result_and_unknown_ones_all_look_alike(quarantined: Any, wizard: Make) -> None:
    seq = result(quarantined).ref.seq
    app = wizard("north.reviewer", "review", result=f"north-{seq}")
    assert "Show all results" in buttons(app)
    for unknown in (f"harbour-{seq}", "north-99999", "<script>"):
        other = wizard("north.reviewer", "review", result=unknown)
        assert [warning.value for warning in other.warning] == ["There is no such result. Here is everything there is."]
        assert "<script>" not in texts(other)


def test_decided_results_say_who_when_and_by_what_rule(tiny: Make, wizard: Make) -> None:
    tiny("end")
    app = wizard("auditor", "review")
    assert "Released by north.reviewer (reviewer) of North Shop" in texts(app)
    assert not app.exception
    assert primary(app) == []


def result(room: Any) -> Any:
    return room.side("harbour").state().results[0]


def press(app: Any, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
