"""The policies page: the same rows three times, raw values for one role on click, and a form that names every mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cleanroom_core.stories.drafts import read_draft
from tests.pages.conftest import buttons, primary, texts
from tests.pages.seen import everything
from tests.pages.test_plan import finish, press

Make = Callable[..., Any]
RAW = "customer-0003"  # a raw identifier among the first rows of north.orders


def test_an_empty_room_says_what_will_be_here(tiny: Make, wizard: Make) -> None:
    tiny(drafts=False)
    for username in ("north.analyst", "harbour.reviewer", "auditor"):
        app = wizard(username, "policies")
        assert not app.exception
        assert "Here each side says what it shares" in texts(app)
        assert len(primary(app)) == 1
    engineer = wizard("north.engineer", "policies")
    assert "steward of North Shop" in texts(engineer)


def test_a_steward_sees_masked_rows_with_one_click(tiny: Make, wizard: Make) -> None:
    tiny()
    app = wizard("north.steward", "policies")
    assert primary(app) == ["Show the preview"]
    press(app, "Show the preview")
    owner, steward, partner = (frame.value for frame in app.dataframe)
    assert set(owner["customer"]) == {"xxxxxxxx-9999"}
    assert list(steward["outcome"])[:2] == ["dropped by the filter", "shared"]
    assert list(partner["row"]) == [
        row for row, outcome in zip(steward["row"], steward["outcome"], strict=True) if outcome == "shared"
    ]
    assert list(partner.columns) == ["row", "person_token", "category", "size", "amount", "returned"]
    assert set(partner["person_token"]) == set(steward["person_token"]) - {""}
    assert "The filter drops 12, so 288 are shared. 0 of them have no person\\_token" in texts(app)
    assert "SHA256" in texts(app)
    assert RAW not in everything(app)


def test_raw_values_are_for_the_own_steward_on_click_and_logged(tiny: Make, wizard: Make) -> None:
    room = tiny("agreement harbour signed")
    app = wizard("north.steward", "policies")
    press(app, "Show the preview")
    size = room.side("north").log.size()
    press(app, "Show raw values")
    assert RAW in everything(app)
    entry = room.side("north").log.records(start=size)[0].entry
    assert (entry.kind, entry.actor["id"]) == ("access", "north.steward")
    app.run()
    assert RAW not in everything(app)
    for username in ("north.engineer", "north.officer"):
        other = wizard(username, "policies")
        press(other, "Show the preview")
        assert "Show raw values" not in buttons(other)
        assert RAW not in everything(other)


def test_the_other_side_reads_the_policy_and_no_row(tiny: Make, wizard: Make) -> None:
    tiny("publish harbour published")
    for username in ("harbour.steward", "harbour.analyst", "auditor"):
        app = wizard(username, "policies")
        said = texts(app)
        assert "consent = 'yes'" in said
        assert "CASE WHEN amount < 50 THEN 'small' ELSE 'large' END" in said
        assert "token person of customer" in [cell for table in app.table for cell in table.value["How"]]
        assert "xxxxxxxx-9999" not in everything(app)
        assert RAW not in everything(app)
    steward = wizard("harbour.steward", "policies")
    assert list(steward.selectbox(key="asset").options) == ["members", "A new table"]


def test_publishing_asks_first_and_runs_as_a_job(tiny: Make, wizard: Make) -> None:
    room = tiny("agreement harbour signed")
    app = wizard("north.steward", "policies")
    press(app, "Show the preview")
    assert primary(app) == ["Publish ..."]
    press(app, "Publish ...")
    assert room.side("north").state().policies == {}
    assert "It has not been published before" in texts(app)
    press(app, "Publish")
    finish(app, room)
    assert room.side("harbour").state().policies["north.orders"].published is not None
    assert "Published, version 1" in texts(app)


def test_only_a_steward_publishes_and_not_before_the_agreement(tiny: Make, wizard: Make) -> None:
    tiny()
    steward = wizard("north.steward", "policies")
    press(steward, "Show the preview")
    assert "once both sides have signed the agreement" in texts(steward)
    assert "Publish ..." not in buttons(steward)
    engineer = wizard("north.engineer", "policies")
    press(engineer, "Show the preview")
    assert "Publish ..." not in buttons(engineer)
    assert "Published by steward of North Shop" in texts(engineer)


def test_a_change_is_shown_against_the_policy_on_record(tiny: Make, wizard: Make) -> None:
    tiny("publish harbour published")
    app = edit(wizard("north.steward", "policies"))
    app.text_area(key="filter:orders").set_value("consent = 'yes' AND amount > 10")
    press(app, "Save columns and rows")
    app.radio(key="how:orders").set_value("Preview and publish").run()
    assert "Changed or not published as it stands" in texts(app)
    press(app, "Show the preview")
    press(app, "Publish ...")
    assert "~ row_filter: consent = 'yes' -> consent = 'yes' AND amount > 10" in texts(app)


def test_saving_the_form_untouched_changes_nothing(tiny: Make, wizard: Make) -> None:
    room = tiny()
    before = read_draft(room.side("north")).policies["orders"].as_json()
    app = edit(wizard("north.steward", "policies"))
    press(app, "Save columns and rows")
    press(app, "Save the rule")
    assert read_draft(room.side("north")).policies["orders"].as_json() == before
    app.radio(key="way:orders").set_value("As single fields").run()
    press(app, "Save columns and rows")
    press(app, "Save the rule")
    assert not app.error
    assert read_draft(room.side("north")).policies["orders"].as_json() == before


def test_every_problem_stands_under_its_fields(tiny: Make, wizard: Make) -> None:
    tiny()
    app = edit(wizard("north.steward", "policies"))
    app.radio(key="way:orders").set_value("As single fields").run()
    app.selectbox(key="columns:orders:5:share").set_value("as it is")
    app.text_input(key="columns:orders:2:expression").set_value("no_such_function(amount)")
    app.text_area(key="filter:orders").set_value("amount")
    press(app, "Save columns and rows")
    said = [error.value for error in app.error]
    assert any("size" in error for error in said)
    assert any("row filter" in error for error in said)
    app.radio(key="how:orders").set_value("Preview and publish").run()
    assert "places to correct" in app.error[0].value
    assert "Show the preview" not in buttons(app)


def test_a_new_table_begins_with_everything_left_out(tiny: Make, wizard: Make) -> None:
    room = tiny(drafts=False)
    app = wizard("north.steward", "policies")
    next(field for field in app.text_input if field.label == "Name for analysts").set_value("orders_again")
    press(app, "Choose its columns")
    assert "orders.csv: 300 rows, 5 columns" in texts(app)
    press(app, "Save columns and rows")
    assert "No column is shared" in app.error[0].value
    assert read_draft(room.side("north")).policies == {}


def edit(app: Any) -> Any:
    app.radio(key="how:orders").set_value("Edit").run()
    assert not app.exception
    assert not app.error
    return app
