"""Entries: what they may say, in which bytes, and what their commitment is bound to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest

from cleanroom_core.audit import canonical
from cleanroom_core.audit.entry import (
    KINDS,
    Entry,
    PeerState,
    Ref,
    check_payload,
    commitment,
    encode_payload,
    format_time,
    parse_time,
)
from cleanroom_core.errors import InputError, IntegrityError

HEX = "ab" * 32
FULL = Entry(
    origin="a.example/cleanroom/1",
    seq=3,
    time="2026-11-22T10:00:00Z",
    kind="approval",
    actor={"organisation": "provider", "role": "steward", "id": "u-17"},
    refs=(Ref("b.example/cleanroom/1", 2, HEX),),
    peer=PeerState("b.example/cleanroom/1", 3, HEX),
    commit=HEX,
    public={"policy": "transaction_signals", "minimum_cohort": 100},
)


def test_an_entry_comes_back_from_its_bytes():
    assert Entry.parse(FULL.encode()) == FULL
    bare = Entry("a.example/x", 0, "2026-11-22T10:00:00Z", "genesis", {"organisation": "provider"})
    assert Entry.parse(bare.encode()) == bare


def test_the_fields_are_those_of_the_format():
    assert list(json.loads(FULL.encode())) == sorted(
        ["v", "origin", "seq", "time", "kind", "actor", "refs", "peer", "commit", "public"]
    )
    assert json.loads(FULL.encode())["v"] == "cleanroom-audit/1"


def test_the_commitment_is_the_published_formula():
    salt, payload = bytes(range(32)), encode_payload({"sql": "SELECT 1"})
    expected = sha256(b"cleanroom-payload/1\na.example/x\n7\npolicy\n" + salt + payload).hexdigest()
    assert commitment("a.example/x", 7, "policy", salt, payload) == expected


def test_case_25_a_payload_belongs_to_one_entry():
    salt, payload = bytes(range(32)), b'{"a":1}'
    entry = Entry(
        "a.example/x",
        7,
        "2026-11-22T10:00:00Z",
        "policy",
        {"organisation": "p"},
        commit=commitment("a.example/x", 7, "policy", salt, payload),
    )
    check_payload(entry, salt, payload)
    changed = [
        (entry, salt, b'{"a":2}'),
        (entry, bytes(32), payload),
        (entry, salt[:31], payload),
        (Entry(**{**vars(entry), "seq": 8}), salt, payload),
        (Entry(**{**vars(entry), "kind": "asset"}), salt, payload),
        (Entry(**{**vars(entry), "origin": "b.example/x"}), salt, payload),
        (Entry(**{**vars(entry), "commit": None}), salt, payload),
    ]
    for wrong in changed:
        with pytest.raises(IntegrityError) as refused:
            check_payload(*wrong)
        assert refused.value.code == "COMMITMENT"


BAD = [
    {"v": "cleanroom-audit/2"},
    {"origin": "a b"},
    {"origin": 5},
    {"seq": -1},
    {"seq": True},
    {"seq": "3"},
    {"time": "2026-11-22T10:00:00+00:00"},
    {"time": "2026-11-22T10:00:00.5Z"},
    {"time": "2026-02-30T10:00:00Z"},
    {"time": "2026-11-22T25:00:00Z"},
    {"time": None},
    {"kind": "gossip"},
    {"kind": ["policy"]},
    {"actor": {}},
    {"actor": {"role": "steward"}},
    {"actor": {"organisation": "provider", "name": "x"}},
    {"actor": {"organisation": "pr\u043evider"}},
    {"actor": {"organisation": "provider\u200b"}},
    {"actor": {"organisation": "provider", "id": "a b"}},
    {"actor": "provider"},
    {"refs": {}},
    {"refs": [{"origin": "a.example/x", "seq": 1}]},
    {"refs": [{"origin": "a.example/x", "seq": 1, "leaf": HEX.upper()}]},
    {"refs": [{"origin": "a.example/x", "seq": 1, "leaf": HEX[:-1]}]},
    {"refs": [{"origin": "a.example/x", "seq": 1, "leaf": HEX, "more": 1}]},
    {"refs": ["x"]},
    {"peer": {"origin": "a.example/x", "size": -1, "root": HEX}},
    {"peer": []},
    {"commit": HEX.upper()},
    {"commit": HEX + "0"},
    {"public": []},
    {"public": {"audience": "consumer"}},
    {"public": {"audience": [1]}},
    {"kind": "intent", "public": {"audience": ["consumer"]}},
]


@pytest.mark.parametrize("change", BAD)
def test_bytes_that_say_anything_else_are_no_entry(change):
    with pytest.raises(IntegrityError) as refused:
        Entry.parse(canonical.encode(json.loads(FULL.encode()) | change, text="any"))
    assert refused.value.code in ("ENTRY", "CANONICAL")


def test_extra_and_missing_fields_are_refused():
    value = json.loads(FULL.encode())
    for wrong in (value | {"more": 1}, {key: value[key] for key in value if key != "peer"}, [value], 5, None):
        with pytest.raises(IntegrityError):
            Entry.parse(canonical.encode(wrong))


def test_an_entry_cannot_be_made_wrong():
    with pytest.raises(InputError):
        Entry("a.example/x", 0, "yesterday", "genesis", {"organisation": "provider"})


def test_size_limit_both_ways():
    big = Entry(**{**vars(FULL), "public": {"text": "x" * 17_000}})
    with pytest.raises(InputError) as refused:
        big.encode()
    assert refused.value.code == "ENTRY_SIZE"
    with pytest.raises(IntegrityError):
        Entry.parse(canonical.encode({"x": "y" * 17_000}))


def test_every_kind_of_the_design_and_who_may_hold_it():
    named = [
        "genesis",
        "agreement",
        "policy",
        "token_spec",
        "precheck",
        "asset",
        "plan",
        "approval",
        "run",
        "result",
        "decision",
        "release",
        "revocation",
        "budget",
        "credential",
        "intent",
        "outcome",
        "receipt",
        "redaction",
        "key",
        "dispute",
        "cosign_overdue",
        "close",
        "room",
        "access",
    ]
    assert set(KINDS) == set(named)
    private = {kind for kind in KINDS if not KINDS[kind].mirrored}
    assert private == {"result", "intent", "outcome", "precheck", "credential", "access"}
    for kind in ("genesis", "agreement", "policy", "token_spec", "asset", "room"):
        assert not KINDS[kind].erasable


def test_may_hold():
    def entry(kind, public, commit=HEX):
        return Entry("a.example/x", 1, "2026-11-22T10:00:00Z", kind, {"organisation": "p"}, commit=commit, public=public)

    assert entry("policy", {}).may_hold("consumer")
    assert entry("release", {"audience": ["consumer"]}).may_hold("consumer")
    assert not entry("release", {"audience": ["consumer"]}).may_hold("third")
    assert not entry("release", {"audience": []}).may_hold("consumer")
    assert not entry("result", {}).may_hold("consumer")
    assert not entry("policy", {}, commit=None).may_hold("consumer")


def test_times_are_utc_and_whole_seconds():
    moment = datetime(2026, 11, 22, 12, 0, 0, 999_999, timezone(timedelta(hours=2)))
    assert format_time(moment) == "2026-11-22T10:00:00Z"
    assert parse_time("2026-11-22T10:00:00Z") == datetime(2026, 11, 22, 10, tzinfo=UTC)
    with pytest.raises(ValueError, match="zone"):
        format_time(datetime(2026, 11, 22))
