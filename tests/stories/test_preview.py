"""What a preview shows to whom: shapes to everybody who may preview, raw values to the own steward, on record."""

from __future__ import annotations

from collections.abc import Callable

from cleanroom_core.identity.permissions import Role
from cleanroom_core.stories.publish import preview_policy, see_raw
from tests.stories.tiny_room import TinyRoom

At = Callable[[str], TinyRoom]


def test_a_preview_has_shapes_tokens_and_what_the_filter_drops_and_no_raw_value(at: At) -> None:
    room = at("agreed")
    side, policy = room.side("north"), room.definition.policies["baskets"]
    found = preview_policy(side, room.user("north", Role.STEWARD), policy, "baskets.csv", sample=40)
    assert found.problems == ()
    assert found.sample is not None
    said = repr(found)
    assert "person0001@example.org" not in said
    assert found.sample.raw[0][0].startswith("xxxxxx9999@")  # type: ignore[union-attr]
    dropped = sum(row is None for row in found.sample.shared)
    assert dropped == sum(raw[-1] == "xx" for raw in found.sample.raw)  # "no" against "yes"
    assert found.sample.counts["dropped"] > dropped
    assert all(len(str(row[0])) == 64 for row in found.sample.shared if row is not None)


def test_raw_rows_are_on_record_before_they_are_read(at: At) -> None:
    room = at("agreed")
    side, policy = room.side("north"), room.definition.policies["baskets"]
    rows = see_raw(side, room.user("north", Role.STEWARD), policy, "baskets.csv", 3)
    assert "@example.org" in str(rows[0][0])
    newest = side.log.records()[-1]
    assert (newest.entry.kind, newest.entry.actor["id"]) == ("access", "north.steward")
    south = room.side("south").log.records(side.log.origin)[-1]
    assert south.entry == newest.entry
    assert south.payload is None  # that somebody looked is known to both; at which table is the owner's own affair


def test_every_problem_of_a_policy_is_told_at_once(at: At) -> None:
    from dataclasses import replace

    room = at("agreed")
    policy = replace(room.definition.policies["baskets"], row_filter="spent + 1")
    bad = replace(policy, columns={**policy.columns, "contact": type(policy.columns["aisle"])(expression="lower(mail)")})
    found = preview_policy(room.side("north"), room.user("north", Role.STEWARD), bad, "baskets.csv")
    assert found.sample is None
    assert {problem.path[0] for problem in found.problems} == {"row_filter", "columns"}
