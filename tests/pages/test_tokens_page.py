"""Tokens: propose, keys, vectors, and a mismatch that is named by its likely cause. The key is never on the page."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cleanroom_core.stories.align import run_token_vectors
from cleanroom_core.tokens.key import check_value, format_key, parse_key
from tests.pages.conftest import buttons, primary, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


def key_file(room: Any, alias: str) -> Path:
    return room.side(alias).home / "keys" / "token-person_1.key"


def click(app: Any, label: str) -> Any:
    return next(button for button in app.button if button.label == label).click().run()


def test_an_empty_room(tiny: Tiny, wizard: Wizard) -> None:
    tiny(drafts=False)
    for username in ("north.engineer", "auditor"):
        app = wizard(username, "tokens")
        assert not app.error
        assert "There is no token spec yet" in texts(app)


def test_a_draft_is_proposed_once_the_agreement_is_in_force(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement harbour signed")
    app = wizard("north.engineer", "tokens")
    assert primary(app) == ["Propose this spec"]
    app = click(app, "Propose this spec")
    assert "person" in room.side("harbour").state().tokens
    assert primary(app) == ["Run the vectors"]
    app = click(app, "Run the vectors")
    assert "Not known yet: Harbour Club has not run the vectors." in texts(app)
    app = click(wizard("harbour.engineer", "tokens"), "Run the vectors")
    assert "Both sides make the same tokens of every test identifier." in texts(app)
    assert room.side("north").state().aligned("person")


def test_before_the_agreement_nothing_can_be_proposed(tiny: Tiny, wizard: Wizard) -> None:
    tiny()
    app = wizard("north.engineer", "tokens")
    assert "Propose this spec" not in buttons(app)
    assert "once the agreement is in force" in texts(app)


def test_different_keys_are_named_as_the_cause(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("tokens north ran")
    key_file(room, "harbour").write_text(format_key(secrets.token_bytes(32)) + "\n")
    run_token_vectors(room.side("harbour"), room.user("harbour.engineer"), "person")
    app = wizard("north.engineer", "tokens")
    assert "Every token differs, so the keys are not the same." in " ".join(error.value for error in app.error)
    table = app.table[0].value
    assert list(table["Outcome"]).count("MISMATCH") > 5
    assert "match" in list(table["Outcome"]), "empty identifiers make no token on either side"
    assert "Not aligned" in texts(app)


def test_a_missing_key_is_made_and_the_partner_takes_it_over(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("tokens north proposed")
    for alias in ("north", "harbour"):
        key_file(room, alias).unlink()
    app = wizard("north.engineer", "tokens")
    assert "Your side has no key person-1" in texts(app)
    assert "Run the vectors" not in buttons(app)
    app = click(app, "Make a key")
    text = key_file(room, "north").read_text().strip()
    assert check_value(parse_key(text)) in texts(app)
    app = click(wizard("harbour.engineer", "tokens"), "Take over the partner's key")
    app.text_input(key="pasted_key").set_value(f"{text} ")
    app = click(app, "Take over this key")
    assert "The token key has a space at its end." in app.error[0].value
    assert text not in app.error[0].value
    assert not key_file(room, "harbour").exists()
    app = click(app, "Take over the partner's key")
    app.text_input(key="pasted_key").set_value(text)
    app = click(app, "Take over this key")
    assert not app.error
    assert key_file(room, "harbour").read_text().strip() == text


def test_the_key_is_on_no_page_and_its_check_value_only_for_those_who_handle_keys(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("end")
    text = key_file(room, "north").read_text().strip()
    check = check_value(parse_key(text))
    for username in ("north.engineer", "north.steward", "harbour.analyst", "auditor"):
        shown = texts(wizard(username, "tokens"))
        assert text.split(".")[1] not in shown
        assert (check in shown) == (username == "north.engineer")


def test_a_role_that_may_not_and_an_auditor_read_only(tiny: Tiny, wizard: Wizard) -> None:
    tiny("tokens north ran")
    assert buttons(wizard("harbour.analyst", "tokens")) == ["Sign out"]
    app = wizard("auditor", "tokens")
    assert buttons(app) == ["Sign out"]
    assert "Harbour Club has not run the vectors" in texts(app)


def test_a_new_spec_names_every_problem_at_its_field(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement harbour signed", drafts=False)
    app = wizard("north.engineer", "tokens")
    app.text_input(key="spec_name").set_value("9 lives")
    app = click(app, "Keep as a draft")
    assert len(app.error) == 2
    app.text_input(key="spec_name").set_value("mail")
    app.selectbox(key="spec_identifier").set_value("email")
    app.multiselect(key="spec_normalise").set_value(["strip", "lower"])
    app.text_input(key="spec_key_id").set_value("mail-1")
    app = click(app, "Keep as a draft")
    assert not app.error
    assert primary(app) == ["Propose this spec"]
    click(app, "Propose this spec")
    assert room.side("harbour").state().tokens["mail"].spec.normalise == ("strip", "lower")
