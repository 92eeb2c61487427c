"""The fold: what follows from entries, in whatever order they came together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.audit.entry import Entry, PeerState, Ref
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.policies.policy import Policy
from cleanroom_core.rooms.fold import fold
from cleanroom_core.rooms.merge import merge
from cleanroom_core.rooms.state import EffectStage, RoomState, Stage, Verdict
from cleanroom_core.rooms.tasks import StepStage, inbox, timeline
from cleanroom_core.rooms.texts import text_hash

COLLABORATORS = {"north": "North Bank", "harbour": "Harbour Bank"}
ORIGINS = {"north.example/room": "north", "harbour.example/room": "harbour"}
ORIGIN = {alias: origin for origin, alias in ORIGINS.items()}
TERMS = AgreementTerms(("fraud",), date(2027, 12, 31)).as_json()
AA = text_hash(TERMS)
STRICTER = TERMS | {"minimum_cohort": 200}


@dataclass(frozen=True)
class Written:
    entry: Entry
    leaf_hash: bytes
    payload: Any


@dataclass
class Book:
    """Two logs written one after the other, each entry naming what its writer had seen of the other."""

    logs: dict[str, list[Written]] = field(default_factory=lambda: {origin: [] for origin in ORIGINS})

    def write(self, alias: str, kind: str, public: dict[str, Any], payload: Any = None, refs: tuple[Ref, ...] = ()) -> Ref:
        origin = ORIGIN[alias]
        other = next(name for name in ORIGINS if name != origin)
        log = self.logs[origin]
        leaf = hashlib.sha256(f"{origin}{len(log)}".encode()).digest()
        minute = sum(len(entries) for entries in self.logs.values())
        entry = Entry(
            origin=origin,
            seq=len(log),
            time=f"2026-11-22T10:{minute:02d}:00Z",
            kind=kind,
            actor={"organisation": alias, "role": "officer", "id": f"{alias}.officer"},
            refs=refs,
            peer=PeerState(other, len(self.logs[other]), "00" * 32),
            public=public,
        )
        log.append(Written(entry, leaf, payload))
        return Ref(origin, entry.seq, leaf.hex())

    def state(self) -> RoomState:
        return fold("signals", COLLABORATORS, ORIGINS, merge(self.logs))


@pytest.fixture
def book() -> Book:
    return Book()


def agreed(book: Book) -> None:
    book.write("north", "agreement", {"action": "offer", "hash": AA}, {"terms": TERMS})
    book.write("north", "agreement", {"action": "sign", "hash": AA})
    book.write("harbour", "agreement", {"action": "sign", "hash": AA})


def test_merge_puts_what_was_seen_before_what_was_then_written(book: Book) -> None:
    for alias in ("north", "harbour", "harbour", "north", "harbour"):
        book.write(alias, "precheck", {"passed": 1, "failed": 0, "unknown": 0})
    order = [(logged.entry.origin.split(".")[0], logged.entry.seq) for logged in merge(book.logs)]
    assert order == [("north", 0), ("harbour", 0), ("harbour", 1), ("north", 1), ("harbour", 2)]


def test_merge_does_not_hang_on_logs_that_claim_each_others_future() -> None:
    def entry(origin: str, other: str) -> Written:
        found = Entry(origin, 0, "2026-11-22T10:00:00Z", "precheck", {"organisation": "x"}, peer=PeerState(other, 1, "00" * 32))
        return Written(found, b"x" * 32, None)

    first, second = ORIGINS
    merged = merge({first: [entry(first, second)], second: [entry(second, first)]})
    assert [logged.entry.origin for logged in merged] == sorted(ORIGINS)


def test_agreement_is_in_force_when_all_have_signed_the_same_text(book: Book) -> None:
    agreed(book)
    state = book.state()
    assert state.agreement_in_force is not None
    assert set(state.agreement_in_force.signatures) == set(COLLABORATORS)


def test_an_edit_resets_both_signatures_and_the_old_text_stays_in_force(book: Book) -> None:
    agreed(book)
    book.write("harbour", "agreement", {"action": "offer", "hash": text_hash(STRICTER)}, {"terms": STRICTER})
    state = book.state()
    assert state.agreement is not None
    assert state.agreement_in_force is not None
    assert state.agreement.signatures == {}
    assert state.agreement_in_force.text_hash == AA


def test_a_signature_under_another_text_does_not_count(book: Book) -> None:
    book.write("north", "agreement", {"action": "offer", "hash": AA}, {"terms": TERMS})
    book.write("north", "agreement", {"action": "sign", "hash": AA})
    book.write("harbour", "agreement", {"action": "sign", "hash": "zz"})
    assert book.state().agreement_in_force is None


def test_only_the_offering_side_withdraws_and_a_rejection_carries_its_reason(book: Book) -> None:
    book.write("north", "agreement", {"action": "offer", "hash": AA}, {"terms": TERMS})
    book.write("harbour", "agreement", {"action": "withdraw", "hash": AA})
    assert book.state().agreement.stage is Stage.OFFERED  # type: ignore[union-attr]
    book.write("harbour", "agreement", {"action": "reject", "hash": AA}, {"reason": "cohort too small"})
    offer = book.state().agreement
    assert offer is not None
    assert (offer.stage, offer.reason) == (Stage.REJECTED, "cohort too small")


def test_malformed_statements_change_nothing(book: Book) -> None:
    book.write("north", "agreement", {"action": "offer"}, {"terms": TERMS})
    book.write("north", "agreement", {"action": "offer", "hash": AA}, None)
    book.write("north", "policy", {"hash": "x"}, {"policy": {"asset": 3}})
    book.write("north", "asset", {}, {})
    state = book.state()
    assert state.agreement is None
    assert state.policies == {}


POLICY = Policy.from_json({
    "asset": "signals", "owner": "north", "columns": [["t", {"token": "card", "from": "pan"}], ["d", {}]], "types": {},
    "rule": {"privacy_unit": "t", "join_key": "t", "dimensions": {"d": {}}},
}).as_json()  # fmt: skip


P1, P2 = POLICY, POLICY | {"row_filter": "d = 'a'"}


def publish(book: Book, policy: dict[str, Any] = P1) -> None:
    hash_ = text_hash(policy)
    book.write("north", "policy", {"asset": "north.signals", "hash": hash_}, {"policy": policy})
    intent = book.write("north", "intent", {"action": "publish", "object": "north.signals"})
    book.write("north", "outcome", {"stage": "done", "policy": hash_}, refs=(intent,))


def register(book: Book, policy: dict[str, Any] = P1) -> None:
    hash_ = text_hash(policy)
    payload = {
        "policy": hash_, "schema": [{"name": "t", "type": "STRING"}, {"name": "d", "type": "STRING"}], "labels": {"d": ["a"]},
        "version": 0, "digest": "00",
    }  # fmt: skip
    book.write("north", "asset", {"asset": "north.signals"}, payload)


def test_nobody_writes_policies_or_registers_assets_of_another(book: Book) -> None:
    book.write("harbour", "policy", {"asset": "north.signals", "hash": text_hash(P1)}, {"policy": POLICY})
    assert book.state().policies == {}
    publish(book)
    payload = {"policy": text_hash(P1), "schema": [], "labels": {}, "version": 0, "digest": "00"}
    book.write("harbour", "asset", {"asset": "north.signals"}, payload)
    assert book.state().assets == {}


def test_an_asset_is_registered_under_the_policy_that_holds_now(book: Book) -> None:
    publish(book, P1)
    publish(book, P2)
    register(book, P1)
    assert book.state().assets == {}
    register(book, P2)
    assert book.state().assets["north.signals"].policy_hash == text_hash(P2)


def test_a_publish_that_failed_or_was_for_an_older_policy_is_not_published(book: Book) -> None:
    book.write("north", "policy", {"asset": "north.signals", "hash": text_hash(P1)}, {"policy": POLICY})
    intent = book.write("north", "intent", {"action": "publish", "object": "north.signals"})
    assert book.state().policies["north.signals"].publishing
    book.write("north", "outcome", {"stage": "interrupted"}, refs=(intent,))
    known = book.state().policies["north.signals"]
    assert not known.publishing
    assert known.published is None


SPEC = {"identifier": "pan", "normalise": ["strip"], "algorithm": "hmac-sha256", "key_id": "k-1"}
S1 = text_hash({"token": "card", **SPEC})


def vectors(book: Book, alias: str, tokens: dict[str, str | None]) -> None:
    book.write(alias, "token_spec", {"action": "vectors", "token": "card", "hash": S1}, {"tokens": tokens})


def test_tokens_are_aligned_when_every_side_got_the_same(book: Book) -> None:
    book.write("north", "token_spec", {"action": "propose", "token": "card", "hash": S1}, {"spec": SPEC})
    vectors(book, "north", {"visa": "ab", "empty": None})
    assert not book.state().aligned("card")
    vectors(book, "harbour", {"visa": "cd", "empty": None})
    assert not book.state().aligned("card")
    vectors(book, "harbour", {"visa": "ab", "empty": None})
    assert book.state().aligned("card")


PLAN = {
    "agreement": AA, "policies": {"north.signals": text_hash(P1)},
    "templates": [{
        "template": {"name": "segments", "receiver": "harbour", "purpose": "fraud", "sql": "SELECT 1", "parameters": {}},
        "assets": ["north.signals"], "custodian": "north",
    }],
}  # fmt: skip


PL = text_hash(PLAN)


def planned(book: Book) -> None:
    agreed(book)
    publish(book)
    book.write("north", "room", {"action": "create"})
    book.write("north", "room", {"action": "invite", "alias": "harbour"})
    book.write("harbour", "room", {"action": "accept"})
    register(book)
    entry = book.write("harbour", "plan", {"action": "propose", "hash": PL}, {"plan": PLAN})
    # proposed by another person than the officer who signs below
    last = book.logs[entry.origin][entry.seq]
    object.__setattr__(last.entry, "actor", {"organisation": "harbour", "role": "analyst", "id": "harbour.analyst"})
    for alias in COLLABORATORS:
        book.write(alias, "approval", {"object": "plan", "hash": PL, "verdict": "approve"})


def test_plan_needs_everybody_and_never_the_proposer(book: Book) -> None:
    agreed(book)
    book.write("harbour", "plan", {"action": "propose", "hash": PL}, {"plan": PLAN})
    book.write("harbour", "approval", {"object": "plan", "hash": PL, "verdict": "approve"})
    book.write("north", "approval", {"object": "plan", "hash": PL, "verdict": "approve"})
    assert book.state().plan_in_force is None  # harbour.officer proposed it and cannot sign it


def test_plan_in_force_goes_stale_with_a_new_policy_or_new_terms(book: Book) -> None:
    planned(book)
    assert book.state().plan_is_current()
    publish(book, P2)
    assert not book.state().plan_is_current()


def result(book: Book, run: Ref, basis: str) -> Ref:
    public = {"template": "segments", "template_hash": "th", "basis": basis, "receiver": "harbour", "checks": {}}
    return book.write("north", "result", public, None, refs=(run,))


def test_results_count_only_when_their_run_has_ended_well(book: Book) -> None:
    planned(book)
    cut = book.write("north", "intent", {"action": "run", "object": "plan:pl"})
    result(book, cut, "b")
    assert book.state().results[0].verdict is Verdict.SUPERSEDED
    book.write("north", "outcome", {"stage": "interrupted"}, refs=(cut,))
    run = book.write("north", "intent", {"action": "run", "object": "plan:pl"})
    second = result(book, run, "b")
    book.write("north", "outcome", {"stage": "done"}, refs=(run,))
    assert [found.verdict for found in book.state().results] == [Verdict.SUPERSEDED, Verdict.QUARANTINED]
    decision = book.write("north", "decision", {"verdict": "release"}, refs=(second,))
    assert book.state().results[1].verdict is Verdict.QUARANTINED  # decided, and not yet handed over
    book.write("north", "release", {}, {"sheets": []}, refs=(second, decision))
    assert book.state().released("harbour")[0].release is not None
    assert book.state().released("elsewhere") == ()


def test_a_release_needs_a_decision_and_only_its_custodian_decides(book: Book) -> None:
    planned(book)
    run = book.write("north", "intent", {"action": "run", "object": "plan:pl"})
    found = result(book, run, "b")
    book.write("north", "outcome", {"stage": "done"}, refs=(run,))
    book.write("harbour", "decision", {"verdict": "release"}, refs=(found,))
    book.write("north", "release", {}, {}, refs=(found,))
    assert book.state().released() == ()


def test_outcomes_of_another_log_do_not_end_an_intent(book: Book) -> None:
    planned(book)
    intent = book.write("north", "intent", {"action": "run", "object": "plan:pl"})
    book.write("harbour", "outcome", {"stage": "done"}, refs=(intent,))
    assert book.state().open_intents("north")[0].stage is EffectStage.RUNNING


def test_timeline_says_whose_turn_it_is(book: Book) -> None:
    steps = {step.name: step.stage for step in timeline(book.state(), "north")}
    assert steps["agreement"] is StepStage.YOUR_TURN
    assert steps["results"] is StepStage.NOT_YET
    book.write("north", "agreement", {"action": "offer", "hash": AA}, {"terms": TERMS})
    book.write("north", "agreement", {"action": "sign", "hash": AA})
    assert {step.name: step.stage for step in timeline(book.state(), "north")}["agreement"] is StepStage.WAITING
    book.write("harbour", "agreement", {"action": "sign", "hash": AA})
    assert {step.name: step.stage for step in timeline(book.state(), "north")}["agreement"] is StepStage.DONE


def test_inbox_holds_what_this_person_can_do(book: Book) -> None:
    book.write("north", "agreement", {"action": "offer", "hash": AA}, {"terms": TERMS})
    officer = User("harbour.officer", "Harbour Bank", frozenset({Role.OFFICER}))
    analyst = User("harbour.analyst", "Harbour Bank", frozenset({Role.ANALYST}))
    assert [task.page for task in inbox(book.state(), officer)] == ["agreement"]
    assert inbox(book.state(), analyst) == ()


def test_an_entry_whose_text_has_another_hash_says_nothing(book: Book) -> None:
    book.write("north", "agreement", {"action": "offer", "hash": AA}, {"terms": STRICTER})
    book.write("north", "policy", {"asset": "north.signals", "hash": text_hash(P2)}, {"policy": P1})
    book.write("north", "plan", {"action": "propose", "hash": AA}, {"plan": PLAN})
    state = book.state()
    assert (state.agreement, state.policies, state.plan) == (None, {}, None)
