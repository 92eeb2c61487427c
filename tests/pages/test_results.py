"""The results page: figures for those who may read them, with proof; never a figure for anybody else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from cleanroom_core.stories.answer import ask_template
from cleanroom_core.stories.tables import as_csv
from tests.pages.conftest import buttons, primary, texts
from tests.pages.seen import everything

Make = Callable[..., Any]


def test_before_anything_is_released_it_says_what_will_be_here_and_who_acts(tiny: Make, wizard: Make) -> None:
    tiny()
    for username in ("north.engineer", "harbour.analyst", "auditor"):
        app = wizard(username, "results")
        assert not app.exception
        assert not app.error
        assert "Here the released figures" in texts(app)
        assert "Run the prechecks" in texts(app)
        assert len(primary(app)) == 1


def test_in_the_middle_it_names_the_review_that_is_waited_for(tiny: Make, wizard: Make) -> None:
    tiny("compute north quarantined")
    app = wizard("harbour.analyst", "results")
    assert "Waiting for reviewer of North Shop: Review the result of returns" in texts(app)
    assert len(app.dataframe) == 0


def test_the_receiver_reads_a_chart_a_table_and_where_they_come_from(tiny: Make, wizard: Make) -> None:
    room = tiny("end")
    app = wizard("harbour.analyst", "results")
    assert not app.exception
    assert not app.error
    shown = app.dataframe[0].value
    assert list(shown["category"]) == ["books", "garden", "toys"] * 2
    assert set(shown["orders"]) == {"24"}
    release = room.side("harbour").state().released("harbour")[0]
    said = texts(app)
    assert "Released by north.reviewer (reviewer) of North Shop" in said
    assert f"Entry {release.release.seq} of a log of" in said
    assert release.commitment in said
    chart = next(node for node in app._tree if "vega" in str(getattr(node, "type", "")))
    spec = chart.proto.spec
    for expected in ('"category"', '"orders (rows)"', '"labelAngle": 0', '"title": "orders by category and age_band"'):
        assert expected in spec
    assert "highest 24 for" in chart.proto.alt
    assert '"color": "#' not in spec


def test_another_parameter_choice_is_another_sheet(tiny: Make, wizard: Make) -> None:
    room = tiny("end")
    app = wizard("harbour.analyst", "results")
    rates = list(app.dataframe[0].value["return_rate"])
    app.selectbox(key="returns:size").set_value("large").run()
    assert not app.exception
    assert list(app.dataframe[0].value["return_rate"]) != rates
    side, user = room.side("harbour"), room.user("harbour.analyst")
    answered = ask_template(side, user, "returns", {"size": "large"})
    assert len(app.dataframe[0].value) == len(answered.answer.rows)


def test_downloads_carry_the_proof(tiny: Make, wizard: Make) -> None:
    room = tiny("end")
    app = wizard("harbour.analyst", "results")
    assert [button.label for button in app.get("download_button")] == ["Download CSV", "Download Parquet"]
    side, user = room.side("harbour"), room.user("harbour.analyst")
    rows = list(
        csv.DictReader(io.StringIO(as_csv(side, user, ask_template(side, user, "returns", {"size": "small"})).decode()))
    )
    release = side.state().released("harbour")[0].release
    assert {row["proof_entry"] for row in rows} == {str(release.seq)}
    assert rows[0]["proof_root_hash"] in texts(app)


def test_who_may_not_read_figures_sees_releases_only(tiny: Make, wizard: Make) -> None:
    tiny("end")
    for username in ("harbour.engineer", "auditor", "north.engineer"):
        app = wizard(username, "results")
        assert not app.exception
        assert "analyst or reviewer of" in texts(app)
        assert [next(iter(table.value.columns)) for table in app.dataframe] == ["Template"]
        assert "garden" not in everything(app)
        assert not app.get("download_button")
        assert "Ask" not in buttons(app)


def test_the_side_that_did_not_receive_reads_no_figures(tiny: Make, wizard: Make) -> None:
    tiny("end")
    app = wizard("north.analyst", "results")
    assert "the other side may be its receiver" in texts(app)
    assert "garden" not in everything(app)


def test_a_question_in_sql_is_answered_from_what_was_released(tiny: Make, wizard: Make) -> None:
    tiny("end")
    app = wizard("harbour.analyst", "results")
    app.text_area(key="ask_sql_text").set_value(
        "SELECT o.category, m.age_band, count(*) AS n FROM north.orders o JOIN harbour.members m "
        "ON o.person_token = m.person_token WHERE o.size = 'small' GROUP BY o.category, m.age_band"
    )
    ask(app)
    assert [success.value for success in app.success] == ["Answered from the released figures of returns."]
    assert list(app.table[0].value["n"]) == ["24"] * 6


def test_a_question_in_sql_is_refused_with_the_clause_and_its_owner(tiny: Make, wizard: Make) -> None:
    tiny("end")
    app = wizard("harbour.analyst", "results")
    app.text_area(key="ask_sql_text").set_value("SELECT o.person_token FROM north.orders o")
    ask(app)
    said = texts(app)
    assert "Refused: 1 clause in the way. Nothing was computed." in said
    assert "IDENTITY" in said
    assert "owned by North Shop" in said
    assert "line 1, column 8\nSELECT o.person_token FROM north.ord\n       ^" in said


def test_a_label_without_a_figure_is_listed_without_a_reason(tiny: Make, wizard: Make) -> None:
    """The rule of `orders` names three categories; a question about two of them leaves the rest out without a word."""
    room = tiny("end")
    side, user = room.side("harbour"), room.user("harbour.analyst")
    answered = ask_template(side, user, "returns", {"size": "small"})
    assert {key: labels for key, labels in answered.not_released.items() if labels} == {}
    assert answered.units == {"category": "label", "age_band": "label", "orders": "rows", "return_rate": "share, 0 to 1"}
    assert "Not released" not in texts(wizard("harbour.analyst", "results"))


def ask(app: Any) -> None:
    next(button for button in app.button if button.label == "Ask").click().run()
    assert not app.exception
    assert not app.error
