"""Try to break it: a session against the own registered tables, in memory; nothing of it is kept or logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.pages.conftest import buttons, texts

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]
SQL = "SELECT category, count(*) AS n FROM north.orders GROUP BY category"


def press(app: Any, label: str) -> Any:
    return app.button[[button.label for button in app.button].index(label)].click().run()


def asked(app: Any, sql: str, label: str) -> Any:
    app.text_area(key="try_statement").set_value(sql)
    return press(app, label)


def test_there_is_nothing_to_try_before_a_table_is_registered(tiny: Tiny, wizard: Wizard) -> None:
    tiny("agreement harbour signed")
    app = wizard("north.steward", "attack")
    assert not app.error
    assert "Here you attack your own policy" in texts(app)
    assert "Play from the start" not in buttons(app)


def test_statements_and_a_period_are_played_in_order(tiny: Tiny, wizard: Wizard) -> None:
    room = tiny("assets harbour registered")
    before = room.side("north").log.size()
    app = wizard("north.steward", "attack")
    app = asked(app, SQL, "Ask as Harbour Club")
    app = asked(app, "SELECT person_token FROM north.orders", "Ask as Harbour Club")
    app = asked(app, f"{SQL} ORDER BY n", "Ask as North Shop")
    app = asked(app, "SELECT age_band, count(*) FROM harbour.members GROUP BY 1", "Ask as North Shop")
    app = press(app, "A new period begins")
    assert len(app.text_area(key="try_session").value.splitlines()) == 5
    app = press(app, "Play from the start")
    assert not app.error
    shown = texts(app)
    assert [badge for badge in ("Answered", "Stored", "Rejected", "Done") if badge in shown] == [
        "Answered",
        "Stored",
        "Rejected",
        "Done",
    ]
    assert "identifies people" in shown
    assert shown.count("Refused:") == 2, "the other side's table is not there"
    assert room.side("north").log.size() == before
    assert not list((room.side("north").home / "work").glob("replay-*"))
    app = press(app, "Clear")
    assert app.text_area(key="try_session").value == ""
    assert "Answered" not in texts(app)


def test_others_are_told_who_may(tiny: Tiny, wizard: Wizard) -> None:
    tiny("assets harbour registered")
    app = wizard("harbour.analyst", "attack")
    assert not app.error
    assert "Tried by: engineer or steward or officer of Harbour Club" in texts(app)
    assert "Play from the start" not in buttons(app)


def test_a_session_that_cannot_be_used_says_which_line(tiny: Tiny, wizard: Wizard) -> None:
    tiny("assets harbour registered")
    app = wizard("north.officer", "attack")
    app.text_area(key="try_session").set_value('{"event": "period"}\n{"event": "revoke", "table": "members", "where": "TRUE"}')
    app = press(app, "Play from the start")
    assert "line 2" in app.error[0].value
