"""The one write path: what an append records, who is told what, and when nothing is signed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from cleanroom_core.audit.checkpoint import open_checkpoint
from cleanroom_core.audit.entry import Ref
from cleanroom_core.audit.genesis import Genesis
from cleanroom_core.audit.verify import Status
from cleanroom_core.errors import ConflictError, InputError, IntegrityError, NotReadyError, StoreError
from cleanroom_core.exchange.in_process import exchange
from cleanroom_core.stores.signed_log import SignedLog
from cleanroom_core.stores.sqlite import open_sqlite
from tests.stores.homes import Clock, actor, keys_of, make_room, reopen, write


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def room(tmp_path, clock):
    logs = make_room(tmp_path, clock=clock)
    yield logs
    for log in logs:
        log.store.close()


def test_entry_0_is_the_same_document_everywhere(room):
    provider, consumer = room
    first, second = provider.records()[0], consumer.records()[0]
    assert first.payload == second.payload == provider.genesis.as_json()
    assert first.entry.public == second.entry.public == {"sha256": provider.genesis.digest()}
    assert first.entry.commit != second.entry.commit  # each with its own salt and place
    assert first.payload["cosign_hours"] == 24
    assert Genesis.from_json(first.payload) == provider.genesis


def test_beginning_again_changes_nothing_and_another_room_is_refused(tmp_path, room, clock):
    provider, _ = room
    again = SignedLog.begin(provider.store, provider.keys, provider.genesis, actor("provider"), clock)
    assert again.size() == 1
    other = Genesis("other", provider.genesis.collaborators)
    with pytest.raises(IntegrityError) as refused:
        SignedLog.begin(provider.store, provider.keys, other, actor("provider"), clock)
    assert refused.value.code == "GENESIS"


def test_opening_needs_a_beginning_and_the_right_keys(tmp_path, room):
    provider, _ = room
    empty = open_sqlite(tmp_path / "empty.db")
    with pytest.raises(NotReadyError):
        SignedLog.open(empty, provider.keys)
    empty.close()
    stranger = keys_of(tmp_path / "stranger", "stranger")
    with pytest.raises(NotReadyError):
        SignedLog.open(provider.store, stranger)
    with pytest.raises(InputError):
        SignedLog(provider.store, stranger, provider.genesis)
    assert SignedLog.open(provider.store, provider.keys).genesis == provider.genesis


def test_an_append_is_there_when_it_returns(tmp_path, room, clock):
    provider, consumer = room
    exchange(provider, consumer)
    clock.forward(seconds=90)
    answered = consumer.records()[0].ref
    record = provider.append("policy", actor("provider"), {"asset": "x"}, {"sql": "SELECT 'ä'"}, refs=[answered])
    entry = record.entry
    assert (entry.origin, entry.seq, entry.kind, entry.time) == (provider.origin, 1, "policy", "2026-11-22T10:01:30Z")
    assert entry.refs == (answered,) == (Ref(consumer.origin, 0, consumer.records()[0].leaf_hash.hex()),)
    assert (entry.peer.origin, entry.peer.size, entry.peer.root) == (consumer.origin, 1, consumer.root().hex())
    elsewhere = reopen(provider, tmp_path / "provider" / "log.db")
    assert elsewhere.records()[1] == record == provider.records()[1]
    elsewhere.store.close()


def test_two_equal_payloads_have_different_commitments(room):
    provider, _ = room
    first, second = (provider.append("policy", actor("provider"), {}, {"vote": "yes"}).entry for _ in range(2))
    assert first.commit != second.commit


def test_time_never_goes_back(room, clock):
    provider, _ = room
    clock.forward(hours=-3)
    assert provider.append("room", actor("provider"), {}).entry.time == "2026-11-22T10:00:00Z"
    clock.now = datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC)
    assert provider.append("room", actor("provider"), {}).entry.time == "2026-11-22T23:59:59Z"


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "gossip"},
        {"public": {"share": 0.5}},
        {"public": {"audience": ["consumer"]}},
        {"public": {"text": "x" * 20_000}},
        {"payload": {"share": 0.5}},
        {"payload": {"when": datetime(2026, 1, 1, tzinfo=UTC)}},
        {"actor": {"organisation": "provider", "name": "A Person"}},
        {"audience": ["consumer"]},
        {"audience": ["nobody"], "payload": {}},
        {"kind": "intent", "audience": ["consumer"], "payload": {}},
        {"expected": 0, "error": ConflictError},
    ],
)
def test_what_cannot_be_written_leaves_the_log_as_it_was(room, arguments):
    provider, _ = room
    error = arguments.pop("error", InputError)
    call = {"kind": "policy", "actor": actor("provider"), "public": {}} | arguments
    with pytest.raises(error):
        provider.append(**call)
    assert provider.size() == 1
    assert len(provider.records()) == 1


def test_a_decision_on_an_old_state_is_refused(room):
    provider, _ = room
    seen = provider.size()
    provider.append("approval", actor("provider"), {}, expected=seen)
    with pytest.raises(ConflictError):
        provider.append("approval", actor("provider"), {}, expected=seen)
    assert provider.size() == 2


def test_records_can_be_cut_and_are_parsed_once(room):
    provider, _ = room
    write(provider, count=10)
    records = provider.records()
    assert [one.entry.seq for one in provider.records(start=8)] == [8, 9, 10]
    assert [one.entry.seq for one in provider.records(start=2, stop=4)] == [2, 3]
    assert all(one is two for one, two in zip(records, provider.records(), strict=True))
    records.clear()
    assert len(provider.records()) == 11
    with pytest.raises(InputError):
        provider.records("unknown.example/log")


def test_threads_share_one_log(room):
    provider, _ = room
    failures: list[Exception] = []

    def work():
        try:
            for _ in range(5):
                record = provider.append("room", actor("provider"), {})
                assert provider.records()[record.entry.seq].leaf_hash == record.leaf_hash
                provider.checkpoint()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [one.entry.seq for one in provider.records()] == list(range(21))


def test_a_checkpoint_is_signed_once_per_size(tmp_path, room):
    provider, _ = room
    write(provider, count=6)
    note = provider.checkpoint()
    signed = open_checkpoint(note, provider.me.log_key)
    assert (signed.checkpoint.size, signed.checkpoint.root) == (7, provider.root())
    assert provider.checkpoint() == note
    again = reopen(provider, tmp_path / "provider" / "log.db")
    assert again.checkpoint() == note
    write(again)
    assert open_checkpoint(again.checkpoint(), provider.me.log_key).checkpoint.size == 8
    write(provider)  # this process has not seen the other's entry yet
    assert open_checkpoint(provider.checkpoint(), provider.me.log_key).checkpoint.root == provider.root()
    again.store.close()


def sabotage(log, *statements):
    with log.store._write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_an_edited_entry_is_never_signed(tmp_path, room):
    """The root is computed from the entries' bytes and from the stored tree; they must agree."""
    provider, _ = room
    write(provider, count=3)
    sabotage(
        provider, "UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), 'steward', 'officer') AS BLOB) WHERE seq = 2"
    )
    again = reopen(provider, tmp_path / "provider" / "log.db")
    for log in (provider, again):
        with pytest.raises(StoreError) as refused:
            log.checkpoint()
        assert refused.value.code == "STORE_DAMAGED"
        with pytest.raises(IntegrityError):
            log.records()
    again.store.close()
    assert provider.store.checkpoint(provider.origin) is None


def test_a_log_shorter_than_signed_is_never_signed(tmp_path, room):
    provider, _ = room
    write(provider, count=3)
    provider.checkpoint()
    sabotage(provider, "DELETE FROM entries WHERE seq = 3", "DELETE FROM nodes WHERE level = 0 AND position = 3")
    fresh = reopen(provider, tmp_path / "provider" / "log.db")
    with pytest.raises(IntegrityError) as refused:
        fresh.checkpoint()
    assert refused.value.code == "LOG_BEHIND"
    fresh.store.close()


def test_a_missing_entry_in_the_middle_is_never_signed(tmp_path, room):
    provider, _ = room
    write(provider, count=3)
    sabotage(provider, "DELETE FROM entries WHERE seq = 2")
    with pytest.raises(IntegrityError):
        provider.checkpoint()
    with pytest.raises(IntegrityError):
        provider.records()


def test_an_edited_payload_is_never_shown(tmp_path, room):
    provider, _ = room
    write(provider)
    sabotage(provider, "UPDATE payloads SET payload = CAST('{}' AS BLOB) WHERE seq = 1")
    with pytest.raises(IntegrityError) as refused:
        provider.records()
    assert refused.value.code == "COMMITMENT"


def test_the_whole_home_verifies_from_bytes(room):
    provider, consumer = room
    write(provider, count=3)
    exchange(provider, consumer)
    write(consumer, count=2)
    assert provider.verify().status is Status.ACKNOWLEDGED
    exchange(provider, consumer)
    for log in room:
        verdict = log.verify()
        assert verdict.status is Status.ACKNOWLEDGED
        assert [(one.origin, one.size, one.acknowledged) for one in verdict.logs] == [
            (provider.origin, 4, 4),
            (consumer.origin, 3, 3),
        ]
        verdict.require()
    write(provider)
    provider.checkpoint()
    assert provider.verify().status is Status.TAIL
