"""The timeline: what now, who must act and since when, for both sides, an auditor, and somebody without a room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.pages.conftest import buttons, primary, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


def badges(app: Any) -> list[str]:
    words = ("Done", "Your turn", "Waiting", "Not yet")
    return [word for text in app.markdown for word in words if text.value.endswith(f"badge[{word}]")]


def test_without_a_room_it_says_who_makes_one(no_room: Any, wizard: Wizard) -> None:
    for username in ("north.engineer", "auditor"):
        app = wizard(username, "home")
        assert not app.error
        assert "There is no room yet" in texts(app)
        assert "cleanroom room import FILE" in texts(app)


def test_an_empty_room_begins_with_prechecks(tiny: Tiny, wizard: Wizard) -> None:
    tiny(drafts=False)
    app = wizard("harbour.engineer", "home")
    assert primary(app) == ["Run the prechecks"]
    assert badges(app) == ["Your turn", "Waiting", *["Not yet"] * 6]
    assert "Offer the agreement: North Shop (officer)" in texts(app)
    assert "Comes after: Agreement" in texts(app)


def test_the_button_leads_to_the_next_action(tiny: Tiny, wizard: Wizard) -> None:
    tiny("agreement north signed")
    app = wizard("harbour.officer", "home")
    assert primary(app) == ["Read and sign the agreement"]
    assert "Your turn" in badges(app)
    app = app.button(key="next").click().run()
    assert app.title[0].value == "Agreement"


def test_whoever_has_nothing_to_do_sees_whom_the_room_waits_for(tiny: Tiny, wizard: Wizard) -> None:
    tiny("agreement north signed")
    app = wizard("north.officer", "home")
    assert primary(app) == []
    assert any(info.value.startswith("Waiting for Harbour Club (officer) since ") for info in app.info)
    assert badges(app)[1] == "Waiting"


def test_at_the_end_nothing_waits_and_each_step_says_when_it_was_done(tiny: Tiny, wizard: Wizard) -> None:
    tiny("end")
    app = wizard("north.reviewer", "home")
    assert primary(app) == []
    assert [text.value for text in app.success] == ["Every step is done. Released results are on the results page."]
    assert badges(app) == ["Done"] * 8
    assert texts(app).count("Last change: ") == 8
    assert texts(app).count("UTC") >= 8


@pytest.mark.parametrize("step", [None, "publish harbour published", "end"])
def test_an_auditor_reads_and_has_no_turn(tiny: Tiny, wizard: Wizard, step: str | None) -> None:
    tiny(step)
    app = wizard("auditor", "home")
    assert not app.error
    assert buttons(app) == ["Sign out"]
    assert "Your turn" not in badges(app)
    assert "act for neither side" in texts(app)


def test_a_room_of_others_is_no_room(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("end")
    from cleanroom_core.identity.permissions import Role, User

    room.context.users.add(User("stranger", "Third House", frozenset({Role.ENGINEER}), "Stranger"), "correct horse battery")
    shown = texts(wizard("stranger", "home", room="tiny_room"))
    assert "There is no room yet" in shown
    assert "North" not in shown
