"""The agreement page: offer, read, sign, reject, withdraw, edit and offer again; who may, and who may only read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from cleanroom_core.rooms.state import Stage
from tests.pages.conftest import buttons, primary, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


def click(app: Any, label: str) -> Any:
    return next(button for button in app.button if button.label == label).click().run()


def test_nothing_offered_yet_the_form_holds_the_draft(tiny: Tiny, wizard: Wizard) -> None:
    tiny()
    app = wizard("north.officer", "agreement")
    assert not app.error
    assert "No text is on the table yet" in texts(app)
    assert app.text_area(key="terms_purposes").value == "customer_insight\nquality"
    assert app.number_input(key="terms_minimum_cohort").value == 20
    assert primary(app) == ["Show what would be offered"]


def test_the_form_is_as_full_when_somebody_comes_back_to_the_page(tiny: Tiny, wizard: Wizard) -> None:
    tiny()
    app = wizard("north.officer", "agreement").switch_page("../log.py").run().switch_page("../agreement.py").run()
    assert app.text_area(key="terms_purposes").value == "customer_insight\nquality"
    assert app.number_input(key="terms_minimum_cohort").value == 20


def test_without_a_draft_the_form_is_empty_and_says_every_problem_at_once(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny(drafts=False)
    app = wizard("north.officer", "agreement")
    app.number_input(key="terms_minimum_cohort").set_value(1)
    app = click(app, "Show what would be offered")
    said = [error.value for error in app.error]
    assert said[0] == "3 fields need a change; each says which."
    assert any("Name at least one purpose" in text for text in said)
    assert any("from 2 to 1,000,000" in text for text in said)
    assert any("the day on which the agreement ends" in text for text in said)
    assert room.side("north").state().agreement is None


def test_offering_shows_the_text_first_and_then_puts_it_on_the_table(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny(drafts=False)
    app = wizard("north.officer", "agreement")
    app.text_area(key="terms_purposes").set_value("insight\n\n insight \nquality")
    app.date_input(key="terms_ends_on").set_value(date(2098, 1, 2))
    app.text_input(key="terms_contact_north").set_value("legal office")
    app = click(app, "Show what would be offered")
    assert room.side("north").state().agreement is None, "nothing is said before it is confirmed"
    app = click(app, "Offer this text")
    offer = room.side("harbour").state().agreement
    assert offer is not None
    assert offer.terms.purposes == ("insight", "quality")
    assert offer.terms.ends_on == date(2098, 1, 2)
    assert offer.terms.contacts == {"north": "legal office"}
    assert offer.text_hash in texts(app)


def test_signing_asks_once_more_and_goes_on_record(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement north signed")
    app = wizard("harbour.officer", "agreement")
    assert primary(app) == ["Sign"]
    app = click(app, "Sign")
    assert room.side("harbour").state().agreement.stage is Stage.OFFERED
    app = click(app, "Sign this text")
    assert not app.error
    assert room.side("north").state().agreement_in_force is not None
    assert texts(app).count("harbour\\.officer (officer) of Harbour Club") == 1 or "harbour.officer (officer)" in texts(app)
    assert "Sign" not in buttons(app)


def test_rejecting_needs_a_reason(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement north signed")
    app = click(wizard("harbour.officer", "agreement"), "Reject with a reason")
    app = click(app, "Reject with this reason")
    assert any("Say why" in error.value for error in app.error)
    assert room.side("north").state().agreement.stage is Stage.OFFERED
    app = click(app, "Reject with a reason")
    app.text_area(key="reject_reason").set_value("*cohort* too small")
    app = click(app, "Reject with this reason")
    offer = room.side("north").state().agreement
    assert (offer.stage, offer.reason, dict(offer.signatures)) == (Stage.REJECTED, "*cohort* too small", {})
    assert "*cohort* too small" in [text.value for text in app.text]


def test_withdrawing_is_for_the_side_that_offered(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement north offered")
    assert "Withdraw" not in buttons(wizard("harbour.officer", "agreement"))
    app = click(click(wizard("north.officer", "agreement"), "Withdraw"), "Withdraw the offer")
    assert room.side("harbour").state().agreement.stage is Stage.WITHDRAWN
    assert primary(app) == ["Show what would be offered"]


def test_an_edit_shows_the_difference_and_resets_both_signatures(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement harbour signed")
    app = wizard("harbour.officer", "agreement")
    app.number_input(key="terms_minimum_cohort").set_value(30)
    app = click(app, "Show what would be offered")
    shown = texts(app)
    assert "-Minimum cohort: 20" in shown
    assert "+Minimum cohort: 30" in shown
    assert "resets both signatures" in shown
    app = click(app, "Offer this text")
    state = room.side("north").state()
    assert state.agreement.terms.minimum_cohort == 30
    assert not state.agreement.signatures
    assert state.agreement_in_force.terms.minimum_cohort == 20
    assert "Still in force: the text both sides signed before" in [one.label for one in app.expander]


@pytest.mark.parametrize("username", ["harbour.engineer", "north.analyst"])
def test_other_roles_read_and_are_told_who_may(tiny: Tiny, wizard: Wizard, username: str) -> None:
    tiny("agreement north signed")
    app = wizard(username, "agreement")
    assert not {"Sign", "Reject with a reason", "Withdraw", "Show what would be offered"} & set(buttons(app))
    assert primary(app) == []
    assert "Signed or rejected by: officer of" in texts(app)


@pytest.mark.parametrize("step", [None, "agreement north signed", "end"])
def test_an_auditor_reads_only(tiny: Tiny, wizard: Wizard, step: str | None) -> None:
    tiny(step)
    app = wizard("auditor", "agreement")
    assert not app.error
    assert buttons(app) == ["Sign out"]


def test_text_of_the_other_side_stays_text(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny(drafts=False)
    app = wizard("north.officer", "agreement")
    app.text_area(key="terms_purposes").set_value("![x](http://evil.example/a.png) :red[y] <b>")
    app.date_input(key="terms_ends_on").set_value(date(2098, 1, 2))
    click(click(app, "Show what would be offered"), "Offer this text")
    assert room.side("harbour").state().agreement is not None
    shown = [one.value for one in wizard("harbour.officer", "agreement").markdown]
    assert not any("![x](" in text or ":red[" in text or "<b>" in text for text in shown)
