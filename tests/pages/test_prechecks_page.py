"""Prechecks: run all, look at one again alone, and for each that did not pass what, why, how and who."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cleanroom_core.prechecks import REHEARSAL
from tests.pages.conftest import buttons, primary, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


def test_an_empty_room_offers_to_run_them(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny(drafts=False)
    app = wizard("north.engineer", "prechecks")
    assert primary(app) == ["Run all prechecks"]
    assert "Your side has not run its prechecks" in texts(app)
    app = app.button[[button.label for button in app.button].index("Run all prechecks")].click().run()
    assert not app.error
    found = room.side("harbour").state().prechecks["north"]
    assert found.passed + found.failed + found.unknown == len(REHEARSAL)
    assert len([label for label in buttons(app) if label.startswith("Check again: ")]) == len(REHEARSAL)


def test_a_failed_one_says_what_why_how_and_who_and_is_looked_at_alone(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("prechecks harbour passed")
    key = room.side("north").home / "keys" / "log.key"
    key.chmod(0o644)
    app = wizard("north.engineer", "prechecks")
    before = room.side("north").state().prechecks["north"]
    app = app.button(key="again_keys").click().run()
    shown = texts(app)
    after = room.side("north").state().prechecks["north"]
    assert (after.failed, after.passed + after.unknown) == (before.failed + 1, before.passed + before.unknown - 1)
    assert "To mend (1)" in shown
    assert ":red-badge[Failed]" in shown
    assert "Found: " in shown
    assert "What to do: " in shown
    assert "Who can do it: " in shown
    assert any("chmod" in code.value for code in app.code), "the fix can be copied"
    key.chmod(0o600)
    assert "To mend" not in texts(app.button(key="again_keys").click().run())


def test_a_role_that_may_not_is_told_who_may(tiny: Tiny, wizard: Wizard) -> None:
    tiny("end")
    app = wizard("harbour.analyst", "prechecks")
    assert not app.error
    assert not [label for label in buttons(app) if "heck" in label]
    assert "Prechecks are run by: engineer or steward of Harbour Club" in texts(app)
    assert "Python version" in texts(app)


def test_an_auditor_reads_counts_and_nothing_that_was_found(tiny: Tiny, wizard: Wizard) -> None:
    tiny("end")
    app = wizard("auditor", "prechecks")
    assert buttons(app) == ["Sign out"]
    shown = texts(app)
    assert "North Shop: " in shown
    assert "Last run by north.engineer" in shown.replace("\\", "")
    assert "Found: " not in shown
