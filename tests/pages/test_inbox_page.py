"""The inbox: what waits for this person, with a link, and the count beside its name on every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cleanroom_core.stories.review import result_id
from pages._ui import state
from pages._ui.inbox_count import title_of
from pages._ui.steps import STEPS
from tests.pages.conftest import buttons, primary, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]
INBOX = next(step for step in STEPS if step.name == "inbox")


def test_without_a_room(no_room: Any, wizard: Wizard) -> None:
    app = wizard("north.engineer", "inbox")
    assert not app.error
    assert "There is no room yet" in texts(app)


def test_an_empty_room_says_what_will_be_here(tiny: Tiny, wizard: Wizard) -> None:
    tiny(drafts=False)
    app = wizard("north.reviewer", "inbox")
    assert "Nothing waits for you" in texts(app)
    assert primary(app) == ["Open the timeline"]
    assert "Run the prechecks: Harbour Club (engineer or steward)" in texts(app)


def test_a_task_leads_to_where_it_is_done(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("compute north quarantined")
    app = wizard("north.reviewer", "inbox")
    assert primary(app) == ["Do this next: review"]
    assert "Review the result of returns" in texts(app)
    app = app.button(key="task_0").click().run()
    assert app.title[0].value == "Review"
    result = room.side("north").state().results[0]
    assert app.query_params["result"] == result_id(result)


def test_several_tasks_have_one_primary_button(tiny: Tiny, wizard: Wizard) -> None:
    tiny("tokens north proposed")
    app = wizard("north.steward", "inbox")
    assert len(primary(app)) == 1
    assert len([label for label in buttons(app) if label.startswith(("Do this next", "Open:"))]) >= 1


def test_the_count_stands_in_the_navigation(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement north signed")
    wizard("harbour.officer", "home")
    assert title_of(INBOX, room.user("harbour.officer")) == "Inbox (1)"
    assert title_of(INBOX, room.user("north.officer")) == "Inbox"
    assert title_of(INBOX, room.user("auditor")) == "Inbox"
    assert title_of(STEPS[0], room.user("harbour.officer")) == STEPS[0].title
    assert state.context() is room.context


def test_an_auditor_has_no_tasks_and_sees_who_has(tiny: Tiny, wizard: Wizard) -> None:
    tiny("agreement north signed")
    app = wizard("auditor", "inbox")
    assert not app.error
    assert "acts for neither side" in texts(app)
    assert "Read and sign the agreement: Harbour Club (officer)" in texts(app)
