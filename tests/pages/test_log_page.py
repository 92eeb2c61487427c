"""The log: both logs in one order, payloads only for those who may, verified in words, also when somebody tampered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from cleanroom_core.identity.permissions import Permission
from tests.pages.conftest import buttons, primary, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]


def click(app: Any, label: str) -> Any:
    return next(button for button in app.button if button.label == label).click().run()


def lines(app: Any) -> list[str]:
    return [one.label.replace("\\", "") for one in app.expander if " · " in one.label]


def test_without_a_room(no_room: Any, wizard: Wizard) -> None:
    assert "There is no room yet" in texts(wizard("auditor", "log"))


def test_a_fresh_room_has_its_own_beginning(tiny: Tiny, wizard: Wizard) -> None:
    tiny(drafts=False)
    app = wizard("north.analyst", "log")
    assert not app.error
    assert ["Beginning of the log" in line for line in lines(app)] == [True]
    assert "The logs have just begun" in texts(app)


def test_both_logs_stand_in_one_order_newest_first(tiny: Tiny, wizard: Wizard) -> None:
    tiny("agreement harbour signed")
    shown = lines(wizard("north.officer", "log"))
    assert shown[0].startswith("**harbour ")
    assert "Signing the agreement" in shown[0]
    offered = next(at for at, line in enumerate(shown) if "Offered the agreement" in line)
    signed = [at for at, line in enumerate(shown) if "Signed the agreement" in line]
    assert signed == sorted(signed)
    assert len(signed) == 2
    assert max(signed) < offered
    assert "north.officer (officer)" in shown[offered]


@pytest.mark.parametrize("username", ["north.engineer", "auditor"])
def test_verify_says_it_in_words(tiny: Tiny, wizard: Wizard, username: str) -> None:
    tiny("end")
    app = wizard(username, "log")
    assert primary(app) == ["Verify both logs"]
    app = click(app, "Verify both logs")
    assert "every entry is acknowledged" in app.success[0].value
    assert texts(app).count("entries signed, acknowledged up to") == 2


def test_verify_finds_what_was_changed_in_the_database(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement harbour signed")
    app = wizard("north.officer", "log")
    with closing(sqlite3.connect(room.side("north").home / "log.db")) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        table = next(
            table
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            if any(row[1] == "leaf" for row in database.execute(f"PRAGMA table_info({table})"))
        )
        forged = """replace(CAST(leaf AS TEXT), '"minimum_cohort":20', '"minimum_cohort":21')"""
        changed = database.execute(f"UPDATE {table} SET leaf = CAST({forged} AS BLOB)")
        assert changed.rowcount > 0
    app = click(app, "Verify both logs")
    assert "not what was signed" in " ".join(error.value for error in app.error)


def test_payloads_are_for_those_who_may(tiny: Tiny, wizard: Wizard) -> None:
    tiny("end")
    for username, sees_counts in (("north.steward", True), ("north.analyst", False), ("harbour.steward", False)):
        app = wizard(username, "log")
        app = app.selectbox(key="log_kind").set_value("outcome").run()
        assert ('"rows": 288' in texts(app)) == sees_counts, username
    app = wizard("auditor", "log")
    app = app.selectbox(key="log_kind").set_value("agreement").run()
    assert '"minimum_cohort": 20' in texts(app)
    app = app.selectbox(key="log_kind").set_value("precheck").run()
    assert '"found"' not in texts(app)


@pytest.mark.parametrize("username", ["north.reviewer", "harbour.analyst", "auditor"])
def test_figures_are_on_no_line(tiny: Tiny, wizard: Wizard, username: str) -> None:
    tiny("end")
    for kind in ("result", "release"):
        app = wizard(username, "log")
        app = app.selectbox(key="log_kind").set_value(kind).run()
        assert len(lines(app)) == 1
        assert "Figures are never shown here" in texts(app)
        assert '"cells": [' not in texts(app)
        assert '"salt"' not in texts(app)


def test_pages_hold_twenty_entries(tiny: Tiny, wizard: Wizard) -> None:
    tiny("end")
    app = wizard("north.engineer", "log")
    assert len(lines(app)) == 20
    assert "1 to 20 of " in texts(app)


def test_what_was_begun_and_not_ended_is_marked(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("agreement north offered")
    side, user = room.side("north"), room.user("north.officer")
    side.append(user, Permission.AGREEMENT_SIGN, "intent", {"action": "sign", "object": "agreement:00"}, {"lock": "none"})
    app = wizard("north.officer", "log")
    assert lines(app)[0].endswith("(not ended yet)")
    assert "1 begun and not ended yet" in texts(app)
    from cleanroom_core.stories.reconcile import reconcile

    reconcile(side)
    app = wizard("north.officer", "log")
    assert any(line.endswith("(interrupted)") for line in lines(app))


def test_nobody_can_act_from_here(tiny: Tiny, wizard: Wizard) -> None:
    tiny("end")
    assert buttons(wizard("auditor", "log")) == ["Sign out", "Verify both logs"]
