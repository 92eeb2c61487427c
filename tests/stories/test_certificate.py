"""The certificate of a plan in the logs: what both sides read, what the custodian keeps, and what is not said again."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from typing import Any

from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import Role
from cleanroom_core.rooms.state import ResultState, Verdict
from cleanroom_core.stories.compute import compute_plan
from cleanroom_core.stories.figures import quarantined_sheets
from cleanroom_core.stories.plan import propose_plan, sign_plan
from cleanroom_core.stories.publish import publish_policy, register_asset
from tests.stories.tiny_room import TinyRoom

At = Callable[[str], TinyRoom]

ALONE = "SELECT b.aisle, count(*) AS baskets FROM north.baskets b GROUP BY b.aisle"
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
    assert {each["asset"] for each in certificate["universes"]} == {"north.baskets", "south.members by north.baskets"}
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
