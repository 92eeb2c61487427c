"""Conversations between homes: mirroring, cosignatures, who is told what; lost, doubled, forged and forked messages."""

from __future__ import annotations

import json
import shutil

import pytest

from cleanroom_core.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom_core.audit.entry import Entry, PeerState
from cleanroom_core.audit.merkle import leaf_hash, root_of
from cleanroom_core.audit.update import Sent, Update
from cleanroom_core.audit.verify import Status
from cleanroom_core.errors import EquivocationError, InputError, IntegrityError
from cleanroom_core.exchange.in_process import exchange, hand_over
from tests.stores.homes import Clock, actor, make_room, reopen, write


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def room(tmp_path, clock):
    logs = make_room(tmp_path, clock=clock)
    yield logs
    for log in logs:
        log.store.close()


@pytest.fixture
def three(tmp_path, clock):
    logs = make_room(tmp_path, "provider", "consumer", "third", clock=clock)
    yield logs
    for log in logs:
        log.store.close()


def test_both_hold_both_logs_byte_for_byte(room):
    provider, consumer = room
    write(provider, count=5)
    write(consumer, count=3)
    exchange(provider, consumer)
    for origin in provider.origins:
        assert [one.leaf for one in provider.store.read(origin)] == [one.leaf for one in consumer.store.read(origin)]
        assert provider.acknowledged(origin) == consumer.acknowledged(origin) == provider.size(origin)
        assert provider.checkpoint() == consumer.held(provider.origin)
    assert provider.cosigned() == {"consumer": 6}
    assert provider.records(consumer.origin)[1].payload == {"text": "consumer 0"}


def test_nothing_is_acknowledged_before_the_other_side_has_it(room):
    provider, consumer = room
    write(provider)
    assert provider.acknowledged() == 0
    exchange(provider, consumer)
    write(provider)
    provider.checkpoint()
    assert (provider.acknowledged(), provider.size()) == (2, 3)


def test_exchanging_again_changes_nothing(room, clock):
    provider, consumer = room
    write(provider)
    exchange(provider, consumer)
    before = [log.store.checkpoints(origin) for log in room for origin in log.origins]
    clock.forward(hours=1)
    exchange(provider, consumer)
    exchange(consumer, provider)
    assert [log.store.checkpoints(origin) for log in room for origin in log.origins] == before
    assert provider.update("consumer", 2) is None


def test_a_doubled_message_gives_the_same_answer(room, clock):
    provider, consumer = room
    message = provider.update("consumer", 0)
    first = consumer.receive(message)
    clock.forward(hours=1)
    assert consumer.receive(message) == first
    assert provider.acknowledge("consumer", first) == provider.acknowledge("consumer", first) == 1


def test_an_old_message_is_answered_with_what_is_held(room):
    provider, consumer = room
    old = provider.update("consumer", 0)
    write(provider, count=3)
    exchange(provider, consumer)
    answer = consumer.receive(old)
    assert answer == consumer.held(provider.origin)
    assert provider.acknowledge("consumer", answer) == 4


def test_an_overlapping_message_is_taken(room):
    provider, consumer = room
    exchange(provider, consumer)
    write(provider, count=4)
    for since in (0, 1):
        consumer.receive(provider.update("consumer", since))
    assert consumer.size(provider.origin) == 5


def test_a_gap_is_refused(room):
    provider, consumer = room
    write(provider, count=4)
    with pytest.raises(IntegrityError) as refused:
        consumer.receive(provider.update("consumer", 3))
    assert refused.value.code == "GAP"
    assert consumer.size(provider.origin) == 0


class InterruptedTurnError(Exception):
    pass


class Unlucky:
    """A home whose process dies just before or after one turn of the conversation."""

    def __init__(self, log, turn, when):
        self._log, self._turn, self._when = log, turn, when
        self.alias, self.origin = log.alias, log.origin

    def __getattr__(self, name):
        call = getattr(self._log, name)
        if name != self._turn:
            return call

        def dying(*arguments):
            if self._when == "after":
                call(*arguments)
            raise InterruptedTurnError

        return dying


@pytest.mark.parametrize("turn", ["held", "acknowledge", "update", "receive"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("side", [0, 1])
def test_cut_short_at_any_turn_it_is_simply_repeated(room, turn, when, side):
    exchange(*room)
    for log in room:
        write(log, count=2)
    unlucky = [Unlucky(log, turn, when) if at == side else log for at, log in enumerate(room)]
    with pytest.raises(InterruptedTurnError):
        exchange(*unlucky)
    exchange(*room)
    for log in room:
        assert [log.acknowledged(origin) for origin in log.origins] == [3, 3]
        assert log.verify().status is Status.ACKNOWLEDGED


@pytest.mark.parametrize("step", ["mirror", "save_cosignature"])
def test_killed_between_keeping_and_countersigning(tmp_path, room, monkeypatch, step):
    """What was kept is kept, what was not countersigned is countersigned the next time; never the other way round."""
    provider, consumer = room
    real = getattr(consumer.store, step)

    def dying(*arguments):
        if step == "mirror":
            real(*arguments)
        raise InterruptedTurnError

    with monkeypatch.context() as patched:
        patched.setattr(consumer.store, step, dying)
        with pytest.raises(InterruptedTurnError):
            exchange(provider, consumer)
    assert consumer.size(provider.origin) == 1
    assert provider.acknowledged() == consumer.acknowledged(provider.origin) == 0
    again = reopen(consumer, tmp_path / "consumer" / "log.db")
    exchange(provider, again)
    assert provider.acknowledged() == 1
    again.store.close()


def test_a_lost_peer_leaves_the_tail_unacknowledged(room):
    provider, consumer = room
    exchange(provider, consumer)
    write(provider, count=3)  # goes on alone
    assert provider.acknowledged() == 1
    provider.checkpoint()
    verdict = provider.verify()
    assert (verdict.status, verdict.findings) == (Status.TAIL, ())
    exchange(provider, consumer)  # back again
    assert provider.acknowledged() == 4


# -- who is told what ------------------------------------------------------------------------------------------------


def words(data: bytes) -> str:
    return data.decode()


@pytest.mark.parametrize("kind", ["result", "intent", "outcome", "precheck", "credential", "access"])
def test_private_payloads_never_leave_the_home(tmp_path, room, kind):
    provider, consumer = room
    provider.append(kind, actor("provider"), {"step": "publish"}, {"figure": "quarantined-4711"})
    message = provider.update("consumer", 0)
    assert "quarantined-4711" not in words(message)
    salt = provider.store.read(provider.origin)[1].salt
    exchange(provider, consumer)
    mirrored = consumer.records(provider.origin)[1]
    assert (mirrored.entry.kind, mirrored.payload) == (kind, None)
    assert mirrored.entry.commit is not None
    assert provider.acknowledged() == 2
    consumer.store.close()
    for file in (tmp_path / "consumer").glob("log.db*"):
        assert b"quarantined-4711" not in file.read_bytes()
        assert salt not in file.read_bytes()


def test_a_release_reaches_its_audience_only(three):
    provider, consumer, third = three
    provider.append("release", actor("provider"), {"template": "segments"}, {"cells": "figures-0815"}, audience=["consumer"])
    assert "figures-0815" in words(provider.update("consumer", 0))
    assert "figures-0815" not in words(provider.update("third", 0))
    exchange(provider, consumer)
    exchange(provider, third)
    assert consumer.records(provider.origin)[1].payload == {"cells": "figures-0815"}
    assert third.records(provider.origin)[1].payload is None
    assert third.records(provider.origin)[1].entry.public["audience"] == ["consumer"]
    assert provider.acknowledged() == 2


def test_a_payload_for_somebody_else_or_a_missing_one_is_refused(three):
    provider, consumer, third = three
    provider.append("release", actor("provider"), {}, {"cells": 1}, audience=["consumer"])
    for sender, receiver in (("consumer", third), ("third", consumer)):
        with pytest.raises(IntegrityError) as refused:
            receiver.receive(provider.update(sender, 0))
        assert refused.value.code == "PAYLOAD"
        assert receiver.size(provider.origin) == 0


# -- three and more --------------------------------------------------------------------------------------------------


def test_each_log_is_witnessed_by_all_others(three):
    provider, consumer, third = three
    write(provider)
    exchange(provider, consumer)
    assert provider.cosigned() == {"consumer": 2, "third": 0}
    assert provider.acknowledged() == 0
    exchange(provider, third)
    assert provider.acknowledged() == 2
    assert third.acknowledged(provider.origin) == 2  # told of the consumer's cosignature by the provider
    assert consumer.acknowledged(provider.origin) == 0  # cannot know of the third's yet
    exchange(consumer, third)
    exchange(provider, consumer)
    assert consumer.acknowledged(provider.origin) == 2
    for log in three:
        exchange(*(one for one in three if one != log))
    for first, second in ((0, 1), (0, 2), (1, 2), (0, 1)):
        exchange(three[first], three[second])
    for log in three:
        assert log.verify().status is Status.ACKNOWLEDGED


# -- forged, forked, restored ----------------------------------------------------------------------------------------


def resigned(log, leaves, *, old=0, consistency=(), **entry_change):
    """An update signed by the log's real key over any leaves at all: only its content can be refused."""
    note = Checkpoint(log.origin, len(leaves), root_of([leaf_hash(leaf) for leaf in leaves])).sign(log.keys.log)
    stored = log.store.read(log.origin)
    sent = []
    for seq, leaf in enumerate(leaves[old:], start=old):
        same = seq < len(stored) and stored[seq].leaf == leaf
        sent.append(Sent(leaf, stored[seq].salt, stored[seq].payload) if same else Sent(leaf))
    return Update(old, tuple(consistency), note.encode(), tuple(sent)).encode()


def changed(leaf, **fields):
    return Entry(**{**vars(Entry.parse(leaf)), **fields}).encode()


ALLOWED_AHEAD = "2026-11-22T10:10:00Z"
TAMPERED = {
    "SEQUENCE": [{"seq": 2}, {"origin": "consumer.example/cleanroom/test"}],
    "TIME": [{"time": "2026-11-22T10:10:01Z"}, {"time": "2026-11-22T09:59:59Z"}],
    "GENESIS": [{"kind": "genesis"}],
    "PEER": [
        {"peer": {"origin": "consumer.example/cleanroom/test", "size": 1, "root": "00" * 32}},
        {"peer": {"origin": "consumer.example/cleanroom/test", "size": 7, "root": "00" * 32}},
        {
            "peer": {
                "origin": "provider.example/cleanroom/test",
                "size": 0,
                "root": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            }
        },
        {"peer": {"origin": "nobody.example/x", "size": 7, "root": "00" * 32}},
    ],
    "REFERENCE": [
        {"refs": [{"origin": "consumer.example/cleanroom/test", "seq": 0, "leaf": "00" * 32}]},
        {"refs": [{"origin": "consumer.example/cleanroom/test", "seq": 9, "leaf": "00" * 32}]},
        {"refs": [{"origin": "provider.example/cleanroom/test", "seq": 1, "leaf": "00" * 32}]},
        {"refs": [{"origin": "nobody.example/x", "seq": 0, "leaf": "00" * 32}]},
    ],
    "PAYLOAD": [{"commit": "00" * 32}],
    "ENTRY": [{"kind": "gossip"}, {"v": "cleanroom-audit/2"}, {"actor": {"organisation": "pr\u043evider"}}],
    "CANONICAL": [{"public": {"place": "Zu\u0308rich"}}],
}


@pytest.mark.parametrize(("code", "change"), [(code, change) for code, all_ in TAMPERED.items() for change in all_])
def test_a_correctly_signed_but_wrong_entry_is_refused(room, code, change):
    from cleanroom_core.audit import canonical

    provider, consumer = room
    exchange(provider, consumer)
    honest = provider.append("room", actor("provider"), {"step": "created"})
    leaves = [one.leaf for one in provider.store.read(provider.origin)]
    wrong = canonical.encode(json.loads(honest.entry.encode()) | change, text="any")
    proof = provider.store.consistency(provider.origin, 1, 2)
    forged = resigned(provider, [leaves[0], wrong], old=1, consistency=[leaf_hash(wrong)] if proof else [])
    with pytest.raises(IntegrityError) as refused:
        consumer.receive(forged)
    assert refused.value.code == code
    assert consumer.size(provider.origin) == 1
    assert consumer.evidence(provider.origin) is None


def test_an_entry_that_knows_less_than_the_one_before_it_is_refused(room):
    """Otherwise a backdated entry could be ordered before decisions that its writer had already seen."""
    provider, consumer = room
    exchange(provider, consumer)
    seen = provider.append("room", actor("provider"), {"step": "created"}).entry.peer
    assert seen is not None
    assert seen.size == 1
    exchange(provider, consumer)
    honest = provider.append("room", actor("provider"), {"step": "invited"})
    leaves = [one.leaf for one in provider.store.read(provider.origin)]
    blind = changed(honest.entry.encode(), peer=PeerState(seen.origin, 0, root_of([]).hex()))
    forged = resigned(provider, [*leaves[:2], blind], old=2, consistency=[leaf_hash(blind)])
    with pytest.raises(IntegrityError) as refused:
        consumer.receive(forged)
    assert refused.value.code == "PEER"
    assert consumer.size(provider.origin) == 2


def test_ten_minutes_ahead_is_allowed(room):
    provider, consumer = room
    exchange(provider, consumer)
    honest = provider.append("room", actor("provider"), {})
    leaves = [provider.store.read(provider.origin)[0].leaf, changed(honest.entry.encode(), time=ALLOWED_AHEAD)]
    consumer.receive(resigned(provider, leaves, old=1, consistency=[leaf_hash(leaves[1])]))
    assert consumer.size(provider.origin) == 2


@pytest.mark.parametrize("edit", ["leaf", "payload", "salt", "drop", "swap", "double", "old", "proof", "signature"])
def test_a_message_damaged_on_its_way_is_refused_and_not_called_a_fork(room, edit):
    provider, consumer = room
    write(provider, count=4)
    exchange(provider, consumer)
    write(provider, count=4)
    good = Update.parse(provider.update("consumer", 5))
    entries, fields = list(good.entries), vars(good).copy()
    if edit == "leaf":
        entries[1] = Sent(changed(entries[1].leaf, public={"number": 99}), entries[1].salt, entries[1].payload)
    elif edit == "payload":
        entries[1] = Sent(entries[1].leaf, entries[1].salt, b'{"text":"other"}')
    elif edit == "salt":
        entries[1] = Sent(entries[1].leaf, bytes(32), entries[1].payload)
    elif edit == "drop":
        del entries[1]
    elif edit == "swap":
        entries[1], entries[2] = entries[2], entries[1]
    elif edit == "double":
        entries.append(entries[-1])
    elif edit == "old":
        fields["old"] = 4
    elif edit == "proof":
        fields["consistency"] = good.consistency[:-1]
    elif edit == "signature":
        fields["checkpoint"] = good.checkpoint[:-6] + b"AAA=\n"
    with pytest.raises(IntegrityError) as refused:
        consumer.receive(Update(**{**fields, "entries": tuple(entries)}).encode())
    assert not isinstance(refused.value, EquivocationError)
    assert consumer.size(provider.origin) == 5
    assert consumer.evidence(provider.origin) is None
    exchange(provider, consumer)
    assert provider.acknowledged() == 9


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"5", b'{"v":"cleanroom-update/1"}', b"[" * 5000])
def test_what_is_no_message_is_refused(room, data):
    with pytest.raises(IntegrityError) as refused:
        room[1].receive(data)
    assert refused.value.code == "UPDATE"


def test_a_home_does_not_receive_its_own_log_or_a_strangers(tmp_path, room, clock):
    provider, consumer = room
    with pytest.raises(IntegrityError):
        provider.receive(provider.update("consumer", 0))
    stranger, _ = make_room(tmp_path / "elsewhere", "stranger", "consumer", clock=clock)
    with pytest.raises(InputError):
        consumer.receive(stranger.update("consumer", 0))
    with pytest.raises(InputError):
        provider.update("stranger", 0)


def test_case_15_logs_of_another_room_with_the_same_names_and_keys(tmp_path, room, clock):
    """The same origins and keys, but another genesis document (another contract)."""
    from cleanroom_core.audit.genesis import Genesis
    from cleanroom_core.stores.signed_log import SignedLog
    from cleanroom_core.stores.sqlite import open_sqlite

    provider, consumer = room
    other = Genesis("test", provider.genesis.collaborators, contract="another")
    impostor = SignedLog.begin(open_sqlite(tmp_path / "other.db"), provider.keys, other, actor("provider"), clock)
    with pytest.raises(IntegrityError) as refused:
        consumer.receive(impostor.update("consumer", 0))
    assert refused.value.code == "GENESIS"
    impostor.store.close()


def fork(tmp_path, provider, more):
    """The provider restores a copy of its home from before the last exchange and goes on from there."""
    copy = reopen(provider, tmp_path / "backup" / "log.db")
    write(copy, count=more)
    return copy


def backup(tmp_path, log):
    (tmp_path / "backup").mkdir()
    for file in (tmp_path / log.alias).glob("log.db*"):
        shutil.copy(file, tmp_path / "backup" / file.name)


def test_case_10_two_roots_for_one_size_prove_a_fork(tmp_path, room):
    provider, consumer = room
    backup(tmp_path, provider)
    write(provider, count=2)
    exchange(provider, consumer)
    forked = fork(tmp_path, provider, 2)
    with pytest.raises(EquivocationError) as proof:
        consumer.receive(forked.update("consumer", 0))
    first, second = proof.value.evidence
    assert consumer.evidence(provider.origin) == (first, second)
    one, two = (open_checkpoint(note, provider.me.log_key).checkpoint for note in (first, second))
    assert (one.size, one.root) != (two.size, two.root)
    assert one.size == two.size == 3
    # The log is dead for this witness: even its old branch is not countersigned any more.
    write(provider)
    with pytest.raises(EquivocationError):
        consumer.receive(provider.update("consumer", 3))
    forked.store.close()


@pytest.mark.parametrize("more", [1, 3, 6])
def test_case_11_a_fork_of_another_size_is_proven_by_asking_for_all_of_it(tmp_path, room, more):
    provider, consumer = room
    backup(tmp_path, provider)
    write(provider, count=3)
    consumer.receive(provider.update("consumer", 0))  # the answer never arrives
    forked = fork(tmp_path, provider, more)
    forked.checkpoint()
    # Asked in the usual way the consumer would have said what it holds, and the fork would have stopped; a thief does not ask.
    with pytest.raises(EquivocationError):
        hand_over(Silent(forked), consumer)
    assert consumer.evidence(provider.origin) is not None
    assert consumer.size(provider.origin) == 4
    forked.store.close()


class Silent:
    """A giver that pretends not to have heard what the taker holds."""

    def __init__(self, log):
        self._log = log
        self.alias, self.origin = log.alias, log.origin

    def acknowledge(self, sender, note):
        return 0

    def update(self, receiver, since):
        return self._log.update(receiver, since)


def test_a_lying_consistency_leads_to_the_whole_log_and_the_proof(tmp_path, room):
    provider, consumer = room
    backup(tmp_path, provider)
    write(provider, count=3)
    consumer.receive(provider.update("consumer", 0))
    forked = fork(tmp_path, provider, 6)

    class Lying(Silent):
        def acknowledge(self, sender, note):
            return 4

    with pytest.raises(EquivocationError):
        hand_over(Lying(forked), consumer)
    assert consumer.evidence(provider.origin) is not None
    forked.store.close()


def test_an_old_backup_notices_before_it_signs_beside_itself(tmp_path, room):
    provider, consumer = room
    backup(tmp_path, provider)
    write(provider, count=3)
    exchange(provider, consumer)
    restored = reopen(provider, tmp_path / "backup" / "log.db")
    with pytest.raises(IntegrityError) as refused:
        exchange(restored, consumer)
    assert refused.value.code == "LOG_BEHIND"
    assert "restore" in refused.value.hint
    assert consumer.evidence(provider.origin) is None
    assert restored.restore(consumer.copy_back(provider.origin)) == 3
    assert [one.leaf for one in restored.store.read(provider.origin)] == [
        one.leaf for one in provider.store.read(provider.origin)
    ]
    assert restored.records()[3].payload == provider.records()[3].payload
    exchange(restored, consumer)
    write(restored)
    exchange(restored, consumer)
    assert restored.acknowledged() == 5
    assert restored.verify().status is Status.ACKNOWLEDGED
    restored.store.close()


def test_a_copy_that_went_on_alone_cannot_be_restored(tmp_path, room):
    provider, consumer = room
    backup(tmp_path, provider)
    write(provider, count=3)
    exchange(provider, consumer)
    restored = fork(tmp_path, provider, 1)
    for call in (lambda: exchange(restored, consumer), lambda: restored.restore(consumer.copy_back(provider.origin))):
        with pytest.raises(IntegrityError) as refused:
            call()
        assert refused.value.code == "LOG_BEHIND"
    restored.store.close()


def test_a_copy_back_that_was_changed_is_refused(tmp_path, room):
    provider, consumer = room
    backup(tmp_path, provider)
    write(provider, count=3)
    exchange(provider, consumer)
    restored = reopen(provider, tmp_path / "backup" / "log.db")
    good = Update.parse(consumer.copy_back(provider.origin))
    for entries in (good.entries[:-1], (*good.entries[:-1], Sent(good.entries[-1].leaf, bytes(32), b"{}"))):
        with pytest.raises(IntegrityError):
            restored.restore(Update(0, (), good.checkpoint, entries).encode())
    assert restored.size() == 1
    restored.store.close()


# -- cosignatures ----------------------------------------------------------------------------------------------------


def test_case_4_the_owner_cannot_witness_itself(room):
    provider, _ = room
    note = provider.sealed()
    signed = open_checkpoint(note.note, provider.me.log_key).note
    own = signed.signed_also(provider.keys.cosigner.sign(signed.text, 1_790_000_000))
    assert provider.acknowledge("consumer", own.encode()) == 1
    assert provider.acknowledged() == 0


def test_case_20_cosignatures_from_the_future_or_the_past(room, clock):
    provider, consumer = room

    def countersigned(seconds):
        signed = open_checkpoint(provider.sealed().note, provider.me.log_key).note
        return signed.signed_also(consumer.keys.cosigner.sign(signed.text, int(clock().timestamp()) + seconds)).encode()

    with pytest.raises(IntegrityError) as refused:
        provider.acknowledge("consumer", countersigned(601))
    assert refused.value.code == "TIME"
    provider.acknowledge("consumer", countersigned(600))
    write(provider)
    with pytest.raises(IntegrityError):
        provider.acknowledge("consumer", countersigned(599))
    assert provider.acknowledged() == 1


def test_the_own_cosigning_time_never_goes_back(room, clock):
    provider, consumer = room
    exchange(provider, consumer)
    clock.forward(minutes=-5)
    write(provider)
    exchange(provider, consumer)
    assert provider.acknowledged() == 2
    assert provider.verify().status is Status.ACKNOWLEDGED


def test_a_forged_cosignature_is_refused(room):
    provider, consumer = room
    signed = open_checkpoint(provider.sealed().note, provider.me.log_key).note
    line = consumer.keys.cosigner.sign("something else\n", 1_790_000_000)
    with pytest.raises(IntegrityError) as refused:
        provider.acknowledge("consumer", signed.signed_also(line).encode())
    assert refused.value.code == "SIGNATURE"
    assert provider.acknowledge("consumer", None) == 0
    assert provider.acknowledged() == 0
