"""Two reviewers at once, and releases that other software wrote."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from cleanroom_core.audit.entry import commitment, encode_payload
from cleanroom_core.audit.verify import Status
from cleanroom_core.errors import ConflictError, IntegrityError
from cleanroom_core.identity.permissions import Role
from cleanroom_core.rooms.state import Verdict
from cleanroom_core.stories.answer import Outcome, ask_sql, ask_template
from cleanroom_core.stories.review import reject_result, release_result, result_id
from tests.stories.tiny_room import TinyRoom

pytestmark = pytest.mark.usefixtures("same_process")

At = Callable[[str], TinyRoom]


def test_figures_rejected_while_being_released_are_not_handed_over(at: At) -> None:
    """The rejection comes after the release has looked and before it has decided."""
    tiny = at("quarantined")
    north, south, reviewer = tiny.side("north"), tiny.side("south"), tiny.user("north", Role.REVIEWER)
    name = next(result_id(found) for found in north.state().results if found.verdict is Verdict.QUARANTINED)
    hand_over, rejected = north.hand_over, []

    def meanwhile() -> tuple[str, ...]:
        away = hand_over()
        if not rejected:
            rejected.append(name)
            reject_result(north, reviewer, name, "another reviewer says no")
        return away

    north.hand_over = meanwhile
    with pytest.raises(ConflictError):
        release_result(north, reviewer, name)
    assert next(found.verdict for found in south.state().results if result_id(found) == name) is Verdict.REJECTED
    assert [record for record in south.log.records(north.log.origin) if record.entry.kind == "release"] == []


@pytest.mark.parametrize("spoil", [lambda sheets: [], lambda sheets: "x", lambda sheets: [{"cells": {}}], None])
def test_a_release_that_cannot_be_read_stands_in_nobodys_way(at: At, spoil: Callable[[Any], Any] | None) -> None:
    """The custodian's software writes a later release of the same template whose figures are not figures."""
    tiny = at("released")
    north, south, analyst = tiny.side("north"), tiny.side("south"), tiny.user("south", Role.ANALYST)
    before = next(found for found in north.state().results if found.verdict is Verdict.RELEASED)
    whole = north.log.records(before.ref.origin, start=before.ref.seq, stop=before.ref.seq + 1)[0].payload
    payload = whole | {"sheets": spoil(whole["sheets"]) if spoil is not None else None}
    actor = {"organisation": "north", "role": "reviewer", "id": "other.software"}
    intent = north.log.append("intent", actor, {"action": "run", "object": "plan:x"})
    public = {"template": "aisles", "template_hash": "0", "basis": "0", "receiver": "south", "checks": {}}
    result = north.log.append("result", actor, public, payload, refs=(intent.ref,))
    north.log.append("outcome", actor, {"stage": "done"}, refs=(intent.ref,))
    decision = north.log.append("decision", actor, {"verdict": "release"}, refs=(result.ref,))
    stored = north.log.store.read(result.ref.origin, result.ref.seq, result.ref.seq + 1)[0]
    assert stored.salt is not None
    released = {"result": payload, "salt": stored.salt.hex()}
    facts = {"template": "aisles", "receiver": "south"}
    north.log.append("release", actor, facts, released, refs=(result.ref, decision.ref), audience=["south"])
    north.hand_over()
    assert commitment(result.ref.origin, result.ref.seq, "result", stored.salt, encode_payload(payload)) == result.entry.commit
    assert ask_sql(south, analyst, tiny.definition.templates["aisles"].sql).outcome is Outcome.RELEASED
    if payload["sheets"] == []:
        assert ask_template(south, analyst, "aisles").outcome is Outcome.REFUSED
    else:
        with pytest.raises(IntegrityError):
            ask_template(south, analyst, "aisles")


def test_a_payload_taken_out_of_a_home_is_missed_when_it_is_verified(at: At) -> None:
    tiny = at("released")
    assert tiny.side("north").log.verify().status is Status.ACKNOWLEDGED
    folder, origins = tiny.home / "rooms" / "shops" / "north", tiny.side("north").log.origins
    tiny.context.close()
    for origin in origins:  # the own log, then the mirror
        with closing(sqlite3.connect(folder / "log.db")) as database, database:
            newest = "SELECT max(seq) FROM payloads WHERE origin = :origin"
            database.execute(f"DELETE FROM payloads WHERE origin = :origin AND seq = ({newest})", {"origin": origin})
        database.close()
        verdict = tiny.side("north").log.verify()
        assert verdict.status is Status.INCOMPLETE
        assert origin in {finding.origin for finding in verdict.findings if finding.code == "PAYLOAD"}
        tiny.context.close()
