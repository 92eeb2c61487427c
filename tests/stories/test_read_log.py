"""Reading both logs as one: the order, who may read which payload, how each log stands, and what verifying finds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cleanroom_core.audit.verify import Status
from cleanroom_core.errors import NotPermittedError
from cleanroom_core.identity.permissions import Permission, Role, User
from cleanroom_core.rehearsal import AUDITOR, demo_users
from cleanroom_core.rooms.last_acts import last_act
from cleanroom_core.rooms.state import EffectStage
from cleanroom_core.rooms.tasks import STEPS
from cleanroom_core.stories.read_log import log_standings, read_log, verify_logs
from cleanroom_core.stories.registered import column_roles, registrable
from cleanroom_core.stories.token_keys import key_state
from tests.stories.tiny_room import TinyRoom

At = Callable[[str], TinyRoom]


def auditor(room: TinyRoom) -> User:
    return demo_users(room.definition.collaborators)[AUDITOR]


def test_both_sides_read_the_same_lines_in_the_same_order(at: At) -> None:
    room = at("released")
    north, south = room.side("north"), room.side("south")
    mine = read_log(north, room.user("north", Role.ENGINEER))
    theirs = read_log(south, room.user("south", Role.ENGINEER))
    assert [(line.alias, line.number, line.words) for line in mine] == [
        (line.alias, line.number, line.words) for line in theirs
    ]
    assert len(mine) == north.log.size(north.log.origin) + south.log.size(south.log.origin)
    assert all(line.acknowledged for line in mine)


def test_no_line_holds_figures_and_private_payloads_stay_with_their_side(at: At) -> None:
    room = at("released")
    readers = [(alias, room.user(alias, role)) for alias in ("north", "south") for role in (Role.REVIEWER, Role.STEWARD)]
    readers += [("north", auditor(room)), ("north", room.user("north", Role.ANALYST))]
    for alias, user in readers:
        for line in read_log(room.side(alias), user):
            if line.kind in ("result", "release"):
                assert line.payload is None
                assert line.withheld
            if line.kind in ("precheck", "outcome", "intent", "access") and line.payload is not None:
                assert room.definition.collaborators[line.alias] == user.organisation
            if line.kind in ("outcome", "access") and line.payload is not None:
                assert Role.STEWARD in user.roles or line.kind == "outcome"
            if line.kind in ("agreement", "policy", "plan") and line.public.get("action") not in ("sign", "withdraw"):
                assert line.payload is not None, "what the state is folded from is readable by everybody in the room"


def test_roles_without_a_preview_read_no_outcome(at: At) -> None:
    room = at("registered")
    assert [
        line for line in read_log(room.side("north"), room.user("north", Role.ANALYST))
        if line.kind == "outcome" and line.payload is not None
    ] == []  # fmt: skip
    assert any(
        line.payload and "rows" in line.payload
        for line in read_log(room.side("north"), room.user("north", Role.STEWARD))
        if line.kind == "outcome"
    )


@pytest.mark.parametrize("read", [read_log, log_standings, verify_logs])
def test_a_log_is_read_from_the_own_home_only(at: At, read: Callable[..., object]) -> None:
    room = at("agreed")
    with pytest.raises(NotPermittedError):
        read(room.side("north"), room.user("south", Role.ENGINEER))
    with pytest.raises(NotPermittedError):
        read(room.side("north"), User("nobody", "North Shop", frozenset()))
    read(room.side("north"), auditor(room))


def test_an_auditor_reads_the_creators_home_and_nobody_elses_room(at: At) -> None:
    room = at("agreed")
    name = room.definition.name
    assert room.context.reader(name, auditor(room)).alias == "north"
    assert room.context.reader(name, room.user("south", Role.OFFICER)).alias == "south"
    with pytest.raises(NotPermittedError):
        room.context.reader(name, User("x", None, frozenset({Role.ENGINEER})))
    with pytest.raises(NotPermittedError):
        room.context.reader(name, User("y", "Third House", frozenset({Role.AUDITOR})))


def test_standing_and_verdict_follow_what_the_other_side_has_cosigned(at: At) -> None:
    room = at("agreed")
    side, user = room.side("north"), room.user("north", Role.OFFICER)
    assert verify_logs(side, user).status is Status.ACKNOWLEDGED
    standing = {one.alias: one for one in log_standings(side, user)}
    assert standing["north"].acknowledged == standing["north"].size
    assert standing["north"].note.startswith(side.log.origin)
    side.append(user, Permission.AGREEMENT_OFFER, "agreement", {"action": "withdraw", "hash": "0" * 64})
    assert next(one for one in log_standings(side, user) if one.alias == "north").acknowledged == standing["north"].size
    assert not read_log(side, user)[-1].acknowledged


def test_an_open_intent_is_marked_and_its_end_named(at: At) -> None:
    room = at("agreed")
    side, user = room.side("north"), room.user("north", Role.OFFICER)
    side.append(user, Permission.AGREEMENT_SIGN, "intent", {"action": "sign", "object": "agreement:12"}, {"lock": "gone"})
    assert read_log(side, user)[-1].effect is EffectStage.RUNNING
    from cleanroom_core.stories.reconcile import reconcile

    reconcile(side)
    *_, intent, outcome = read_log(side, user)
    assert intent.effect is EffectStage.INTERRUPTED
    assert outcome.words == "Signing the agreement 12 ended: interrupted."


def test_every_step_of_a_finished_room_has_a_last_act(at: At) -> None:
    state = at("released").side("south").state()
    assert all(last_act(state, name) is not None for name, *_ in STEPS)
    assert last_act(state, "no such step") is None
    assert last_act(at("imported").side("north").state(), "agreement") is None


def test_what_waits_to_be_registered_and_what_columns_are_for(at: At) -> None:
    room = at("aligned")
    assert registrable(room.side("north").state(), "north") == ()
    state = at("registered").side("south").state()
    assert registrable(state, "north") == ()
    roles = {column.name: role for column, role in column_roles(state.assets["north.baskets"])}
    assert roles["member_token"] == "privacy unit: stands for one person; join key"
    assert all(role for role in roles.values())


def test_the_check_value_is_for_those_who_handle_keys_of_their_own_side(at: At) -> None:
    room = at("aligned")
    side = room.side("north")
    assert len(key_state(side, room.user("north", Role.ENGINEER), "member-1").check or "") == 8
    assert key_state(side, room.user("north", Role.STEWARD), "member-1").check is None
    assert not key_state(side, room.user("north", Role.ENGINEER), "other-1").present
    for stranger in (room.user("south", Role.ENGINEER), auditor(room)):
        with pytest.raises(NotPermittedError):
            key_state(side, stranger, "member-1")
    path = side.home / "keys" / "token-member_1.key"
    path.chmod(0o644)
    assert key_state(side, room.user("north", Role.ENGINEER), "member-1").problem is not None
