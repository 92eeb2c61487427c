"""In the rehearsal: what comes next on every page, and one click to be who does it, where it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cleanroom_core.errors import NotPermittedError
from pages._ui import session
from tests.pages.conftest import texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


def labels(app: Any) -> list[str]:
    return [button.label for button in app.button]


def test_one_click_to_be_who_acts_next_where_they_act(tiny: Tiny, wizard: Wizard) -> None:
    tiny("prechecks harbour passed")
    app = wizard("harbour.engineer", "log")
    assert "Next: **Offer the agreement** by Nina Falk, officer of North Shop" in texts(app)
    app.session_state["draft"] = "secret of the engineer"
    app = app.button(key="next_person").click().run()
    assert not app.exception
    assert "Nina Falk, officer, North Shop" in texts(app)
    assert app.title[0].value == "Agreement"
    left = object.__getattribute__(app.session_state, "_state").filtered_state
    assert "secret of the engineer" not in str(left)


def test_the_viewer_comes_before_others_and_is_shown_the_way(tiny: Tiny, wizard: Wizard) -> None:
    tiny("prechecks harbour passed")
    app = wizard("north.officer", "log")
    assert "Next, for you: **Offer the agreement**" in texts(app)
    app = app.button(key="next_page").click().run()
    assert app.title[0].value == "Agreement"
    assert "Next" not in texts(app)  # the page says it itself


def test_former_sessions_end_with_the_change(tiny: Tiny, wizard: Wizard) -> None:
    tiny("prechecks harbour passed")
    here, there = wizard("harbour.engineer", "log"), wizard("harbour.engineer", "log")
    here.button(key="next_person").click().run()
    assert there.run().title[0].value == "Sign in"


def test_nothing_is_offered_where_others_reach_the_wizard(tiny: Tiny, wizard: Wizard, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny("prechecks harbour passed")
    app = wizard("harbour.engineer", "log")
    assert "Continue as Nina Falk" in labels(app)
    monkeypatch.setenv("CLEANROOM_HOST", "0.0.0.0")  # noqa: S104  that is the case
    assert "Continue as" not in " ".join(labels(app.run()))


def test_nobody_real_changes_to_anybody(tiny: Tiny) -> None:
    room = tiny("prechecks harbour passed")
    invented = room.user("north.officer")
    with pytest.raises(NotPermittedError):
        session.change_to(replace(invented, demo=False), invented, "agreement", {})
    with pytest.raises(NotPermittedError):
        session.change_to(invented, replace(invented, demo=False), "agreement", {})
