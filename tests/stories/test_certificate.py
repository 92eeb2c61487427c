"""The certificate of a plan in the logs: what both sides read, what the custodian keeps, and what is not said again."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.context import Context, create_home
from cleanroom_core.errors import ConflictError
from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import Role
from cleanroom_core.rehearsal import import_room
from cleanroom_core.review.certificate import blocked, facts
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.rooms.state import ResultState, Verdict
from cleanroom_core.rooms.tasks import uncomputed
from cleanroom_core.stories.answer import ask_template
from cleanroom_core.stories.compute import compute_plan
from cleanroom_core.stories.figures import quarantined_sheets
from cleanroom_core.stories.plan import propose_plan, sign_plan
from cleanroom_core.stories.publish import publish_policy, register_asset
from tests.stories.tiny_room import ROOM, TinyRoom, write_files

pytestmark = pytest.mark.usefixtures("same_process")

At = Callable[[str], TinyRoom]

ALONE = "SELECT b.aisle, count(*) AS baskets FROM north.baskets b GROUP BY b.aisle"
UNMATCHED = (
    "SELECT m.tier, count(*) AS members FROM south.members m"
    " LEFT JOIN north.baskets b ON b.member_token = m.member_token GROUP BY m.tier"
)
TIERS = "SELECT m.tier, count(*) AS members FROM south.members m GROUP BY m.tier"


def _extended(tiny: TinyRoom, template: Template, custodian: str) -> ResultState:
    digest = propose_plan(tiny.side("south"), tiny.user("south", Role.ANALYST), [template])
    for alias in ("north", "south"):
        sign_plan(tiny.side(alias), tiny.user(alias, Role.REVIEWER), digest)
    assert compute_plan(tiny.side(custodian), tiny.user(custodian, Role.ENGINEER)) == (template.name,)
    return tiny.side(custodian).state().results[-1]


def _outcome(tiny: TinyRoom, alias: str, result: ResultState) -> dict[str, Any]:
    """What a side's log holds of the end of the run, None when it is not for it."""
    records = tiny.side(alias).log.records(result.ref.origin)
    found: dict[str, Any] = next(
        record.payload for record in records if record.entry.kind == "outcome" and result.run in record.entry.refs
    )
    return found


def test_both_sides_read_the_certificate_and_the_custodian_keeps_its_seed(at: At) -> None:
    tiny = at("quarantined")
    (result,) = tiny.side("south").state().results
    certificate = result.certificate
    assert certificate["certified"] is True
    assert result.checks["certificate"] is True
    assert {each["asset"] for each in certificate["universes"]} == {"north.baskets and south.members"}
    assert all(each["minimum"] == 20 and each["people"] % 10 == 0 for each in certificate["universes"])
    assert set(result.snapshot) == {"north.baskets", "south.members"}
    seed = bytes.fromhex(_outcome(tiny, "north", result)["seed"])
    assert hashlib.sha256(seed).hexdigest() == certificate["seed_commitment"]
    assert _outcome(tiny, "south", result) is None
    payload = tiny.side("north").log.records(result.ref.origin, start=result.ref.seq, stop=result.ref.seq + 1)[0].payload
    assert set(payload) == {"basis", "sheets"}, "the receiver gets all of it with the release"


def test_new_figures_are_certified_with_what_is_released(at: At) -> None:
    """Few baskets belong to no member: beside both tiers of an aisle its total would count them."""
    tiny = at("released")
    (before,) = tiny.side("north").state().results
    (joined,) = quarantined_sheets(tiny.side("north"), before)
    result = _extended(tiny, Template("alone", "south", "assortment", ALONE), "north")
    assert result.certificate["earlier"] == 1
    assert sum(result.certificate["withheld"]) > 0
    assert result.certificate["certified"] is True
    (alone,) = quarantined_sheets(tiny.side("north"), result)
    tiers = [cell.labels[0] for cell in joined.cells.cells]
    assert all(tiers.count(cell.labels[0]) < 2 for cell in alone.cells.cells)
    named = _outcome(tiny, "north", result)["withheld"]
    assert [len(labels) for labels in named.values()] == result.certificate["withheld"]
    assert not any(labels[0] in str(result.certificate) for part in named.values() for labels in part)


def test_the_other_sides_quarantine_counts_as_released(at: At) -> None:
    tiny = at("quarantined")
    result = _extended(tiny, Template("tiers", "north", "assortment", TIERS), "south")
    assert result.custodian == "south"
    assert result.certificate["earlier"] == 1
    assert _outcome(tiny, "south", result)["assumed"] == 1


def test_the_same_partition_is_not_computed_twice(at: At) -> None:
    tiny = at("released")
    (before,) = tiny.side("north").state().results
    again = tiny.definition.templates["aisles"].sql.replace("ON b.member_token", "ON  b.member_token")
    result = _extended(tiny, Template("again", "south", "assortment", again), "north")
    north = tiny.side("north")
    assert result.certificate["reused"] == 1
    assert "universes" not in result.certificate
    assert [sheet.cells for sheet in quarantined_sheets(north, result)] == [
        sheet.cells for sheet in quarantined_sheets(north, before)
    ]


def test_after_an_opt_out_nothing_more_is_said_of_the_table(at: At) -> None:
    """One person fewer in a newer version, the older files gone: what was released stays, and nothing new can be certified."""
    tiny = at("released")
    north, steward = tiny.side("north"), tiny.user("north", Role.STEWARD)
    path = north.inbox / "baskets.csv"
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    path.write_text("\n".join(",".join(row) for row in rows if not row[0].startswith("person0007")) + "\n")
    publish_policy(north, steward, tiny.definition.policies["baskets"], "baskets.csv")
    register_asset(north, steward, "north.baskets")
    result = _extended(tiny, Template("alone", "south", "assortment", ALONE), "north")
    (alone,) = quarantined_sheets(north, result)
    assert alone.cells.cells == ()
    assert result.certificate["blocked"] == ["north.baskets: figures of aisles came from an earlier state of it"]
    assert [found.verdict for found in north.state().results] == [Verdict.RELEASED, Verdict.QUARANTINED]
    tiers = _extended(tiny, Template("tiers", "north", "assortment", TIERS), "south")
    assert tiers.certificate["blocked"] == ["south.members: figures of aisles came from an earlier state of it"]


def _dated(folder: Path) -> TinyRoom:
    """The tiny room with a date in every basket, by which its periods go."""
    write_files(folder / "files")
    text = ROOM.replace("returned: {}\n    rule", "returned: {}\n      bought_on: {}\n    rule")
    text = text.replace("      measures:", "      period_column: bought_on\n      measures:", 1)
    (folder / "files" / "room.yaml").write_text(text)
    path = folder / "files" / "baskets.csv"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{head},bought_on", *(f"{line},2020-05-04" for line in lines)]) + "\n")
    create_home(folder / "home")
    room = TinyRoom(Context.open(folder / "home"), read_room_file(folder / "files" / "room.yaml"))
    import_room(room.context, room.definition)
    room.play_all()
    return room


def _next_month(tiny: TinyRoom) -> date:
    """Baskets of the month to come in the place of the old ones; its first day."""
    north, steward = tiny.side("north"), tiny.user("north", Role.STEWARD)
    day = (north.clock().date().replace(day=1) + timedelta(days=32)).replace(day=1)
    path = north.inbox / "baskets.csv"
    path.write_text(path.read_text().replace("2020-05-04", str(day)))
    publish_policy(north, steward, tiny.definition.policies["baskets"], "baskets.csv")
    register_asset(north, steward, "north.baskets")
    for alias in ("north", "south"):
        tiny.side(alias).clock = lambda: datetime(day.year, day.month, 9, tzinfo=UTC)
    return day


def test_rows_without_a_date_count_in_every_period(tmp_path: Path) -> None:
    """A member without a basket has no date: the figures of two months differ by whoever bought in one of them only."""
    tiny = _dated(tmp_path)
    (aisles,) = tiny.side("north").state().results
    members = _extended(tiny, Template("unmatched", "north", "assortment", UNMATCHED), "south")
    assert aisles.dated
    assert members.period == aisles.period
    assert not members.dated
    _next_month(tiny)
    compute_plan(tiny.side("south"), tiny.user("south", Role.ENGINEER))
    later = tiny.side("south").state().results[-1]
    assert later.template == "unmatched"
    assert later.certificate["blocked"] == ["south.members: figures of unmatched came from an earlier state of it"]


def test_a_new_period_is_computed_by_itself(tmp_path: Path) -> None:
    """In the next month the plan is due again; it counts the new rows only, whatever became of the old ones meanwhile."""
    tiny = _dated(tmp_path)
    north, engineer, steward = tiny.side("north"), tiny.user("north", Role.ENGINEER), tiny.user("north", Role.STEWARD)
    (first,) = north.state().results
    today = north.clock().date()
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    assert first.period == (None, next_month)
    with pytest.raises(ConflictError):
        compute_plan(north, engineer)
    path = north.inbox / "baskets.csv"
    head, *lines = path.read_text().splitlines()
    kept = [line for line in lines if "person0007" not in line]
    path.write_text("\n".join([head, *kept, *(line.replace("2020-05-04", str(next_month)) for line in kept)]) + "\n")
    publish_policy(north, steward, tiny.definition.policies["baskets"], "baskets.csv")
    register_asset(north, steward, "north.baskets")
    for alias in ("north", "south"):
        tiny.side(alias).clock = lambda: datetime(next_month.year, next_month.month, 9, tzinfo=UTC)
    assert uncomputed(north.state()) == {"north": ["aisles"]}
    compute_plan(north, engineer)
    second = north.state().results[-1]
    assert second.period == (next_month, (next_month + timedelta(days=32)).replace(day=1))
    assert (second.certificate["earlier"], second.certificate["blocked"]) == (0, [])
    before, after = (sum(cell.rows for cell in quarantined_sheets(north, found)[0].cells.cells) for found in (first, second))
    assert 0 < before - 10 < after <= before
    answered = ask_template(tiny.side("south"), tiny.user("south", Role.ANALYST), "aisles")
    assert answered.answer is not None
    assert uncomputed(north.state()) == {}


def test_the_certificate_reads_as_words_whoever_wrote_it(at: At) -> None:
    (result,) = at("quarantined").side("south").state().results
    said = dict(facts(result.certificate))
    assert said["partitions certified together"] == "1"
    assert said["rows of north.baskets and south.members"].startswith("at least 20 people")
    assert blocked(result.certificate) == ()
    hostile: dict[str, Any] = {"sheets": "<b>", "universes": [3, {"asset": 4}], "withheld": ["x"], "blocked": [7, "why"]}
    assert facts(hostile) == ()
    assert blocked(hostile) == ("why",)
