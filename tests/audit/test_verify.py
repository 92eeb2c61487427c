"""Tamper cases against `verify`: each changes one thing in two good logs, as somebody who holds the files would."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from cleanroom_core.audit.checkpoint import Checkpoint
from cleanroom_core.audit.entry import Entry, PeerState, Ref, commitment
from cleanroom_core.audit.merkle import EMPTY_ROOT, leaf_hash, root_of
from cleanroom_core.audit.note import COSIGNER, LOG, Note, SigningKey
from cleanroom_core.audit.verify import LogCopy, Status, TrustedLog, verify
from cleanroom_core.errors import EquivocationError, IntegrityError

A, B = "a.example/cleanroom/1", "b.example/cleanroom/1"
KEYS = {origin: SigningKey(origin, LOG, sha256(origin.encode()).digest()) for origin in (A, B)}
COSIGNERS = {origin: SigningKey(f"{origin}/cosigner", COSIGNER, sha256(b"c" + origin.encode()).digest()) for origin in (A, B)}
OTHER = {A: B, B: A}
TRUSTED = [TrustedLog(KEYS[o].verification_key, (COSIGNERS[OTHER[o]].verification_key,)) for o in (A, B)]
GENESIS = "ab" * 32
SALT = bytes(range(32))


def note(origin, leaves, *, at=None, by=None, key=None, time=1_800_000_000):
    """A checkpoint over these leaves (the first `at`), countersigned by the other side unless told otherwise."""
    leaves = leaves[:at]
    made = Checkpoint(origin, len(leaves), root_of([leaf_hash(leaf) for leaf in leaves]))
    text = made.text
    signed = Note(text, ((key or KEYS[origin]).sign(text),))
    cosigner = COSIGNERS[OTHER[origin]] if by is None else by
    return (signed.signed_also(cosigner.sign(text, time + made.size)) if cosigner else signed).encode()


def root(copy, size):
    return root_of([leaf_hash(leaf) for leaf in copy.leaves[:size]]).hex()


def entry(origin, seq, kind="policy", payload=b"{}", **more):
    committed = commitment(origin, seq, kind, SALT, payload) if payload else None
    fields = {"time": f"2026-11-22T10:{seq:02}:00Z", "actor": {"organisation": "x"}, "commit": committed} | more
    return Entry(origin=origin, seq=seq, kind=kind, **fields).encode()


def log(origin, count, **more):
    leaves = [entry(origin, 0, "genesis", public={"sha256": GENESIS})]
    leaves += [entry(origin, seq, **more.get(f"at{seq}", {})) for seq in range(1, count)]
    points = [note(origin, leaves, at=size) for size in (1, count - 2, count)]
    return LogCopy(origin, leaves, points, dict.fromkeys(range(count), (SALT, b"{}")))


def good():
    """Two logs that answer and cite each other, everything countersigned."""
    b = log(B, 6)
    answers = {
        "refs": (Ref(B, 2, leaf_hash(b.leaves[2]).hex()), Ref(A, 0, leaf_hash(log(A, 3).leaves[0]).hex())),
        "peer": PeerState(B, 6, root(b, 6)),
    }
    return log(A, 8, at5=answers), b


def judge(a, b, genesis=GENESIS):
    return verify([a, b], TRUSTED, genesis)


def codes(verdict):
    return {finding.code for finding in verdict.findings}


def with_leaves(copy, leaves, **more):
    return replace(copy, leaves=leaves, **more)


def rewritten(copy, seq, **fields):
    """One entry changed, nothing else."""
    leaves = list(copy.leaves)
    leaves[seq] = Entry(**{**vars(Entry.parse(leaves[seq])), **fields}).encode()
    return with_leaves(copy, leaves)


def resigned(copy, **more):
    """Every checkpoint made anew by the real key."""
    sizes = [1, len(copy.leaves) - 2, len(copy.leaves)]
    return replace(copy, checkpoints=[note(copy.origin, copy.leaves, at=size, **more) for size in sizes])


def test_good_logs_are_acknowledged_to_the_end():
    verdict = judge(*good())
    assert (verdict.status, verdict.findings) == (Status.ACKNOWLEDGED, ())
    assert [(one.origin, one.size, one.acknowledged, one.withheld) for one in verdict.logs] == [(A, 8, 8, ()), (B, 6, 6, ())]
    verdict.require()


def test_a_tail_is_valid_and_named():
    a, b = good()
    leaves = [*a.leaves, entry(A, 8)]
    tail = replace(a, leaves=leaves, checkpoints=[*a.checkpoints, note(A, leaves, by=False)])
    verdict = judge(tail, b)
    assert (verdict.status, verdict.logs[0].size, verdict.logs[0].acknowledged) == (Status.TAIL, 9, 8)
    verdict.require()


def test_case_1_and_2_an_edited_entry():
    a, b = good()
    verdict = judge(rewritten(a, 6, public={"minimum_cohort": 5}), b)
    assert (verdict.status, codes(verdict)) == (Status.INVALID, {"ROOT"})
    with pytest.raises(IntegrityError) as refused:
        verdict.require()
    assert refused.value.code == "ROOT"


def test_case_3_rewritten_and_signed_again_without_the_other_side():
    a, b = good()
    verdict = judge(resigned(rewritten(a, 6, public={"minimum_cohort": 5}), by=False), b)
    assert (verdict.status, verdict.logs[0].acknowledged) == (Status.TAIL, 0)


def test_case_3_against_the_checkpoints_the_other_side_kept():
    a, b = good()
    forged = resigned(rewritten(a, 6, public={"minimum_cohort": 5}), by=False)
    verdict = judge(replace(forged, checkpoints=[*forged.checkpoints, *a.checkpoints]), b)
    assert verdict.status is Status.EQUIVOCATION


def test_case_4_witnessing_oneself():
    a, b = good()
    verdict = judge(resigned(rewritten(a, 6, public={"minimum_cohort": 5}), by=COSIGNERS[A]), b)
    assert verdict.logs[0].acknowledged == 0


def test_case_5_the_last_entry_dropped():
    a, b = good()
    verdict = judge(with_leaves(a, a.leaves[:-1]), b)
    assert (verdict.status, "TRUNCATED" in codes(verdict)) == (Status.INVALID, True)  # and its payload is left over
    payloads = {seq: value for seq, value in a.payloads.items() if seq < 7}
    verdict = judge(with_leaves(a, a.leaves[:-1], payloads=payloads), b)
    assert (verdict.status, codes(verdict)) == (Status.INCOMPLETE, {"TRUNCATED"})


def test_case_6_and_33_rolled_back_to_an_older_countersigned_state():
    a, b = good()
    older = LogCopy(B, b.leaves[:4], b.checkpoints[:2], dict.fromkeys(range(4), (SALT, b"{}")))
    verdict = judge(a, older)
    assert (verdict.status, codes(verdict)) == (Status.INCOMPLETE, {"TRUNCATED"})
    assert verdict.findings[0].origin == B
    assert verify([older], TRUSTED).status is Status.ACKNOWLEDGED  # alone it cannot be told


def test_case_7_an_entry_removed_from_the_middle():
    a, b = good()
    verdict = judge(with_leaves(a, [*a.leaves[:3], *a.leaves[4:]]), b)
    assert verdict.status is Status.INVALID
    assert {"SEQUENCE", "ROOT"} <= codes(verdict)


def test_case_8_two_entries_swapped():
    a, b = good()
    leaves = list(a.leaves)
    leaves[2], leaves[3] = leaves[3], leaves[2]
    assert {"SEQUENCE", "ROOT"} <= codes(judge(with_leaves(a, leaves), b))
    assert "SEQUENCE" in codes(judge(resigned(with_leaves(a, leaves)), b))


def test_case_9_an_extra_entry_at_the_end():
    a, b = good()
    assert codes(judge(with_leaves(a, [*a.leaves, entry(A, 8, payload=None)]), b)) == {"UNSIGNED"}
    assert "SEQUENCE" in codes(judge(with_leaves(a, [*a.leaves, a.leaves[-1]]), b))


def test_case_10_two_roots_for_one_size():
    a, b = good()
    fork = rewritten(a, 7, public={"other": 1})
    verdict = judge(replace(a, checkpoints=[*a.checkpoints, note(A, fork.leaves)]), b)
    assert (verdict.status, codes(verdict)) == (Status.EQUIVOCATION, {"EQUIVOCATION"})
    with pytest.raises(EquivocationError):
        verdict.require()


def test_case_11_a_fork_between_checkpoints():
    a, b = good()
    fork = rewritten(a, 4, public={"other": 1})
    verdict = judge(replace(a, checkpoints=[*a.checkpoints, note(A, fork.leaves, at=5)]), b)
    assert (verdict.status, codes(verdict)) == (Status.EQUIVOCATION, {"EQUIVOCATION"})


def test_case_13_an_inner_node_as_an_entry():
    a, b = good()
    inner = leaf_hash(a.leaves[0]) + leaf_hash(a.leaves[1])
    for leaf in (inner, b"\x01" + inner):
        verdict = judge(resigned(with_leaves(a, [leaf, *a.leaves[2:]])), b)
        assert verdict.status is Status.INVALID
        assert "CANONICAL" in codes(verdict)


def test_case_14_nothing_is_no_evidence():
    assert verify([], TRUSTED).status is Status.NO_EVIDENCE
    empty = LogCopy(A, [], [Note(text := Checkpoint(A, 0, EMPTY_ROOT).text, (KEYS[A].sign(text),)).encode()])
    for nothing in (LogCopy(A, [], []), empty):
        verdict = verify([nothing], TRUSTED)
        assert verdict.status is Status.NO_EVIDENCE
        with pytest.raises(IntegrityError):
            verdict.require()
    a, b = good()
    assert judge(replace(a, checkpoints=[]), b).status is Status.NO_EVIDENCE


def test_case_15_logs_or_keys_swapped():
    a, b = good()
    verdict = judge(replace(a, origin=B), replace(b, origin=A))
    assert verdict.status is Status.INVALID
    assert {"SEQUENCE", "SIGNATURE"} <= codes(verdict)
    swapped = [replace(TRUSTED[0], log_key=replace(TRUSTED[1].log_key, name=A)), TRUSTED[1]]
    verdict = verify([a, b], swapped)
    assert verdict.status is Status.INVALID


def test_case_15_a_log_given_twice_or_unknown():
    a, b = good()
    assert codes(verify([a, b, a], TRUSTED)) == {"ORIGIN"}
    assert codes(verify([a, b, replace(b, origin="c.example/x")], TRUSTED)) == {"ORIGIN"}


def test_case_16_a_log_of_another_room_under_the_same_key():
    _a, b = good()
    other = "a.example/cleanroom/2"
    leaves = [entry(other, 0, "genesis", public={"sha256": GENESIS}), *(entry(other, seq) for seq in range(1, 4))]
    text = Checkpoint(other, 4, root_of([leaf_hash(leaf) for leaf in leaves])).text
    verdict = judge(LogCopy(A, leaves, [Note(text, (KEYS[A].sign(text),)).encode()]), b)
    assert verdict.status is Status.INVALID
    assert {"SEQUENCE", "ORIGIN"} <= codes(verdict)


def test_case_17_keys_and_genesis_of_the_files_own():
    a, b = good()
    assert codes(judge(a, b, genesis="cd" * 32)) == {"GENESIS"}
    thief = SigningKey(A, LOG, sha256(b"thief").digest())
    verdict = judge(resigned(a, key=thief), b)
    assert verdict.status is Status.INVALID
    assert "SIGNATURE" in codes(verdict)


def test_case_20_times_that_go_back():
    a, b = good()
    assert "TIME" in codes(judge(resigned(rewritten(a, 6, time="2026-11-22T09:00:00Z")), b))
    early = replace(a, checkpoints=[*a.checkpoints[:-1], note(A, a.leaves, time=1_700_000_000)])
    assert codes(judge(early, b)) == {"TIME"}


def test_case_21_a_broken_known_signature_beside_a_good_one():
    a, b = good()
    parsed = Note.parse(a.checkpoints[-1])
    broken = parsed.signed_also(COSIGNERS[B].sign("other\n", 1_900_000_000)).encode()
    assert "SIGNATURE" in codes(judge(replace(a, checkpoints=[*a.checkpoints[:-1], broken]), b))


def test_case_21_one_cosigner_counts_once():
    third = SigningKey("c.example/cosigner", COSIGNER, sha256(b"third").digest())
    trusted = [TrustedLog(KEYS[A].verification_key, (COSIGNERS[B].verification_key, third.verification_key))]
    a, _ = good()
    parsed = Note.parse(a.checkpoints[-1])
    twice = parsed.signed_also(COSIGNERS[B].sign(parsed.text, 1_900_000_000)).encode()
    verdict = verify([replace(a, checkpoints=[*a.checkpoints, twice])], trusted)
    assert (verdict.status, verdict.logs[0].acknowledged) == (Status.TAIL, 0)


def test_cosignatures_may_stand_in_notes_of_their_own():
    third = SigningKey("c.example/cosigner", COSIGNER, sha256(b"third").digest())
    trusted = [TrustedLog(KEYS[A].verification_key, (COSIGNERS[B].verification_key, third.verification_key))]
    a, _ = good()
    checkpoints = [*a.checkpoints, note(A, a.leaves, by=third)]
    verdict = verify([replace(a, checkpoints=checkpoints)], trusted)
    assert (verdict.status, verdict.logs[0].acknowledged) == (Status.ACKNOWLEDGED, 8)


@pytest.mark.parametrize(
    "spoil",
    [lambda text: text.replace(b"\n8\n", b"\n08\n"), lambda text: text.replace(b"\n", b"\r\n"), lambda text: text + b"x"],
)
def test_case_22_non_canonical_checkpoints(spoil):
    a, b = good()
    verdict = judge(replace(a, checkpoints=[*a.checkpoints[:-1], spoil(a.checkpoints[-1])]), b)
    assert verdict.status is Status.INVALID
    assert codes(verdict) & {"NOTE", "SIGNATURE"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda leaf: leaf + b"\n",
        lambda leaf: leaf.replace(b":", b": ", 1),
        lambda leaf: leaf.replace(b'"policy"', b'"\\u0070olicy"'),
    ],
)
def test_case_23_non_canonical_entries_even_when_signed(spoil):
    a, b = good()
    verdict = judge(resigned(with_leaves(a, [*a.leaves[:6], spoil(a.leaves[6]), a.leaves[7]])), b)
    assert (verdict.status, codes(verdict) - {"COMMITMENT"}) == (Status.INVALID, {"CANONICAL"})


def test_case_25_payloads():
    a, b = good()
    for wrong in ((SALT, b'{"a":1}'), (bytes(32), b"{}"), (SALT[:5], b"{}")):
        assert codes(judge(replace(a, payloads={**a.payloads, 3: wrong}), b)) == {"COMMITMENT"}
    moved = {**a.payloads, 9: a.payloads[3]}
    assert codes(judge(replace(a, payloads=moved), b)) == {"COMMITMENT"}
    missing = {seq: value for seq, value in a.payloads.items() if seq != 3}
    verdict = judge(replace(a, payloads=missing), b)
    assert (verdict.status, verdict.logs[0].withheld) == (Status.ACKNOWLEDGED, (3,))


def test_case_27_references_to_what_does_not_exist():
    a, b = good()
    true = leaf_hash(b.leaves[2]).hex()
    for ref in (Ref(B, 2, "00" * 32), Ref(B, 3, true), Ref(A, 6, leaf_hash(a.leaves[6]).hex()), Ref(A, 7, "00" * 32)):
        assert codes(judge(resigned(rewritten(a, 6, refs=(ref,))), b)) == {"REFERENCE"}
    assert codes(judge(resigned(rewritten(a, 6, refs=(Ref(B, 6, true),))), b)) == {"TRUNCATED"}


def test_case_28_a_peer_state_that_never_was():
    a, b = good()
    for peer in (PeerState(B, 6, "00" * 32), PeerState(B, 5, root(b, 6)), PeerState(A, 2, root(a, 2))):
        assert codes(judge(resigned(rewritten(a, 6, peer=peer)), b)) == {"PEER"}


def test_case_28_what_was_seen_cannot_be_unseen():
    """An older state of the peer would order an entry before what it follows."""
    a, b = good()
    assert codes(judge(resigned(rewritten(a, 6, peer=PeerState(B, 6, root(b, 6)))), b)) == set()
    assert codes(judge(resigned(rewritten(a, 6, peer=PeerState(B, 5, root(b, 5)))), b)) == {"PEER"}


@pytest.mark.parametrize("leaf", [b"", b"x" * 65_535, b"\x00"])
def test_case_29_entries_of_impossible_length(leaf):
    a, b = good()
    verdict = judge(resigned(with_leaves(a, [*a.leaves[:7], leaf])), b)
    assert verdict.status is Status.INVALID
    assert codes(verdict) & {"ENTRY", "CANONICAL"}
