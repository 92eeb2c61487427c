"""What pages read besides acting: each asks for its permission, and labels without a figure are listed without a reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cleanroom_core.errors import InputError, NotPermittedError
from cleanroom_core.identity.permissions import PERMISSIONS, Permission, Role, User
from cleanroom_core.stories import answer, publish
from cleanroom_core.stories.collaborator import Collaborator
from tests.stories.tiny_room import TinyRoom

pytestmark = pytest.mark.usefixtures("same_process")

At = Callable[[str], TinyRoom]
READS: dict[str, tuple[Permission, Callable[[Collaborator, User, TinyRoom], object]]] = {
    "released_templates": (Permission.ANSWER_READ, lambda side, user, room: answer.released_templates(side, user)),
    "inbox_tables": (Permission.POLICY_PREVIEW, lambda side, user, room: publish.inbox_tables(side, user)),
    "inspect_source": (Permission.POLICY_PREVIEW, lambda side, user, room: publish.inspect_source(side, user, "baskets.csv")),
    "check_policy": (
        Permission.POLICY_PREVIEW,
        lambda side, user, room: publish.check_policy(side, user, room.definition.policies["baskets"], "baskets.csv"),
    ),
    "upload_table": (
        Permission.POLICY_PUBLISH,
        lambda side, user, room: publish.upload_table(side, user, "t.csv", b"a,b\n1,2\n"),
    ),
}


@pytest.mark.parametrize("read", READS)
def test_each_asks_for_its_permission_and_its_side(read: str, at: At) -> None:
    permission, tell = READS[read]
    room = at("released")
    side = room.side("north")
    for role in Role:
        user = User(f"x.{role}", None if role is Role.AUDITOR else "North Shop", frozenset({role}))
        if permission in PERMISSIONS[role]:
            tell(side, user, room)
        else:
            with pytest.raises(NotPermittedError):
                tell(side, user, room)
    with pytest.raises(NotPermittedError):
        tell(side, User("south.everything", "South Shop", frozenset(Role)), room)


def test_an_upload_is_offered_and_never_replaces(at: At) -> None:
    room = at("imported")
    side, steward = room.side("north"), room.user("north", Role.STEWARD)
    names = [publish.upload_table(side, steward, "t.csv", b"a,b\n1,2\n") for _ in range(2)]
    assert len(set(names)) == 2
    assert set(names) <= {file.name for file in publish.inbox_tables(side, steward)}
    with pytest.raises(InputError):
        publish.upload_table(side, steward, "../t.csv", b"a,b\n1,2\n")


def test_a_policys_problems_are_told_without_reading_a_row(at: At) -> None:
    from dataclasses import replace

    room = at("imported")
    side, steward = room.side("north"), room.user("north", Role.STEWARD)
    policy = room.definition.policies["baskets"]
    checked = publish.check_policy(side, steward, policy, "baskets.csv")
    assert (checked.problems, checked.sample, checked.select) == ((), None, "")
    broken = publish.check_policy(side, steward, replace(policy, row_filter="spent"), "baskets.csv")
    assert [problem.path for problem in broken.problems] == [("row_filter",)]
    assert broken.schema is not None
    assert broken.schema.get("aisle") is not None


def test_labels_without_a_figure_are_listed_and_units_are_named(at: At) -> None:
    room = at("released")
    south, analyst = room.side("south"), room.user("south", Role.ANALYST)
    found = answer.released_templates(south, analyst)
    assert [(name, result.template) for name, (_, result) in found.items()] == [("aisles", "aisles")]
    answered = answer.ask_template(south, analyst, "aisles")
    assert answered.answer is not None
    shown = {row[0] for row in answered.answer.rows}
    missing = {key.rpartition(".")[2]: labels for key, labels in answered.not_released.items()}
    assert "truffles" in missing["aisle"]
    assert set(missing["aisle"]) == {"bread", "fruit", "wine", "truffles"} - shown
    assert answered.units == {"aisle": "label", "tier": "label", "baskets": "rows", "average_spent": ""}
    assert answer.released_templates(room.side("north"), room.user("north", Role.ANALYST)) == {}
