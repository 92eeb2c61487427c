"""The fold: entries of all logs in, RoomState out. One function per kind; kinds without one do not change the state.

Rules that hold for every kind: a collaborator changes only what is its own, a signature counts for exactly the text whose
hash it names, and an entry that asks for something impossible is a part of the record but changes nothing. What is folded is
what every home holds: an entry whose payload was kept from somebody (an audience) says nothing to anybody, releases excepted,
which are folded from their public facts alone. Otherwise two homes would see two rooms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.audit.entry import AUDIENCE, Ref
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.merge import Logged
from cleanroom_core.rooms.state import (
    Act,
    AssetState,
    EffectStage,
    Intent,
    Offer,
    PlanState,
    PlanText,
    PolicyState,
    PrecheckState,
    ResultState,
    RoomState,
    Stage,
    TokenState,
    Verdict,
)
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.sql.cells import Label, label_from_json
from cleanroom_core.sql.types import DATE, Kind, Schema
from cleanroom_core.tokens.spec import TokenSpec


def fold(room: str, collaborators: Mapping[str, str], origins: Mapping[str, str], merged: Iterable[Logged]) -> RoomState:
    """`origins`: log origin -> alias of its only writer. `merged`: entries in the order of `rooms.merge`."""
    state = RoomState(room=room, collaborators=dict(collaborators))
    for logged in merged:
        entry = logged.entry
        step, alias = _STEPS.get(entry.kind), origins.get(entry.origin)
        if step is None or alias is None or (AUDIENCE in entry.public and entry.kind != "release"):
            continue
        try:
            state = step(state, _act(logged, alias), entry.public, logged.payload, logged)
        except Exception:  # noqa: S112  whatever is wrong with a collaborator's statement: it is on record and has no effect
            continue
    return state


def _act(logged: Logged, alias: str) -> Act:
    entry = logged.entry
    ref = Ref(origin=entry.origin, seq=entry.seq, leaf=logged.leaf_hash.hex())
    return Act(alias=alias, user=entry.actor.get("id", ""), role=entry.actor.get("role", ""), time=entry.time, ref=ref)


def _require_hash(text: object, claimed: str) -> None:
    """A signature names a hash, so an entry whose text has another hash than it claims says nothing.

    `text` is what was *read* of the payload, written again: a word that nobody reads would be signed without being seen.
    """
    if text_hash(text) != claimed:
        raise ValueError("the hash is not that of the text")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


Public = Mapping[str, Any]
Step = Callable[[RoomState, Act, Public, Any, Logged], RoomState]


def _precheck(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    newest = PrecheckState(act, int(public["passed"]), int(public["failed"]), int(public["unknown"]))
    return replace(state, prechecks={**state.prechecks, act.alias: newest})


def _agreement(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    action, digest, offer = public["action"], public["hash"], state.agreement
    if action == "offer":
        terms = AgreementTerms.from_json(payload["terms"])
        _require_hash(terms.as_json(), digest)
        return replace(state, agreement=Offer(terms, digest, act))
    if offer is None or offer.text_hash != digest or offer.stage is not Stage.OFFERED:
        return state
    if action == "sign":
        signed = {**offer.signatures, act.alias: offer.signatures.get(act.alias, act)}
        if set(signed) != set(state.collaborators):
            return replace(state, agreement=replace(offer, signatures=signed))
        agreed = replace(offer, signatures=signed, stage=Stage.IN_FORCE)
        return replace(state, agreement=agreed, agreement_in_force=agreed)
    if action == "reject":
        return replace(
            state, agreement=replace(offer, stage=Stage.REJECTED, reason=_text(payload["reason"]), closed=act, signatures={})
        )
    if action == "withdraw" and act.alias == offer.by.alias:
        return replace(state, agreement=replace(offer, stage=Stage.WITHDRAWN, closed=act, signatures={}))
    return state


def _token_spec(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    name, spec_hash, known = public["token"], public["hash"], state.tokens.get(public["token"])
    if public["action"] == "propose":
        spec = TokenSpec.from_json(name, payload["spec"])
        _require_hash({"token": name, **spec.as_json()}, spec_hash)
        if known is not None and known.spec_hash == spec_hash:
            return state
        proposed = TokenState(spec, spec_hash, act)
        return replace(state, tokens={**state.tokens, name: proposed})
    if public["action"] == "vectors" and known is not None and known.spec_hash == spec_hash:
        tokens = {_text(case): None if token is None else _text(token) for case, token in payload["tokens"].items()}
        ran = replace(known, vectors={**known.vectors, act.alias: tokens}, ran={**known.ran, act.alias: act})
        return replace(state, tokens={**state.tokens, name: ran})
    return state


def _policy(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    policy = Policy.from_json(payload["policy"])
    _require_hash(policy.as_json(), public["hash"])
    if policy.owner != act.alias:
        return state
    before = state.policies.get(policy.qualified)
    version = 1 if before is None else before.version + 1
    return replace(state, policies={**state.policies, policy.qualified: PolicyState(policy, public["hash"], version, act)})


def _asset(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    qualified = public["asset"]
    policy = state.policies.get(qualified)
    if policy is None or policy.policy.owner != act.alias or payload["policy"] != policy.policy_hash:
        return state
    schema = Schema.from_json(payload["schema"])
    asset = AssetState(
        qualified=qualified,
        policy=policy.policy,
        policy_hash=policy.policy_hash,
        schema=schema,
        labels={name: _labels(schema, name, labels) for name, labels in payload["labels"].items()},
        version=int(payload["version"]),
        digest=_text(payload["digest"]),
        by=act,
        rows_per_key=None if (ratio := payload.get("rows_per_key")) is None else _ratio(ratio),
        there=None if (name := payload.get("there")) is None else _there(name, act.alias),
    )
    return replace(state, assets={**state.assets, qualified: asset})


def _there(value: Any, alias: str) -> ObjectName:
    """A name under the own alias: nobody says that another side's table is its own."""
    found = ObjectName.parse(_text(value))
    if found.catalog != alias.lower():
        raise ValueError("an asset is named under its owner's alias")
    return found


def _ratio(value: Any) -> float:
    """At least one row for each key; anything else would let an asset bear rows it does not have."""
    found = float(_text(value))
    if not 1 <= found < float("inf"):
        raise ValueError("rows per key are at least one")
    return found


def _period(value: Any) -> tuple[date | None, date] | None:
    if value is None:
        return None
    start, stop = value["start"], value["stop"]
    return (None if start is None else date.fromisoformat(_text(start))), date.fromisoformat(_text(stop))


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("an object was expected")
    return value


def _labels(schema: Schema, name: str, labels: Sequence[Any]) -> tuple[Label, ...]:
    column = schema.get(name)
    type_ = DATE if column is None or column.type.kind in (Kind.DATE, Kind.TIMESTAMP) else column.type
    return tuple(label_from_json(label, type_) for label in labels)


def _room(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    if public["action"] == "create" and state.created is None:
        return replace(state, created=act)
    if state.created is None:
        return state
    if public["action"] == "invite" and act.alias == state.created.alias and public["alias"] in state.collaborators:
        return replace(state, invited={public["alias"]: act} | dict(state.invited))
    if public["action"] == "accept" and act.alias in state.invited:
        return replace(state, accepted={act.alias: act} | dict(state.accepted))
    return state


def _plan(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    if public["action"] == "propose":
        text = PlanText.from_json(payload["plan"])
        _require_hash(text.as_json(), public["hash"])
        return replace(state, plan=PlanState(text, public["hash"], act))
    plan_now = state.plan
    if public["action"] == "withdraw" and plan_now is not None and plan_now.text_hash == public["hash"]:
        if plan_now.stage is Stage.IN_FORCE or act.alias != plan_now.by.alias:
            return state
        return replace(state, plan=replace(plan_now, stage=Stage.WITHDRAWN, closed=act, approvals={}))
    return state


def _approval(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    plan = state.plan
    if plan is None or plan.text_hash != public["hash"] or plan.stage is not Stage.OFFERED:
        return state
    if public["verdict"] == "reject":
        reason = None if payload is None else _text(payload["reason"])
        return replace(state, plan=replace(plan, stage=Stage.REJECTED, reason=reason, closed=act, approvals={}))
    if act.user == plan.by.user and act.alias == plan.by.alias:
        return state  # nobody approves what they proposed themselves
    approved = {**plan.approvals, act.alias: plan.approvals.get(act.alias, act)}
    if set(approved) != set(state.collaborators):
        return replace(state, plan=replace(plan, approvals=approved))
    agreed = replace(plan, approvals=approved, stage=Stage.IN_FORCE)
    return replace(state, plan=agreed, plan_in_force=agreed)


def _result(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    if public["receiver"] not in state.collaborators:
        return state
    result = ResultState(
        ref=act.ref,
        template=_text(public["template"]),
        template_hash=_text(public["template_hash"]),
        basis=_text(public["basis"]),
        custodian=act.alias,
        receiver=public["receiver"],
        checks={_text(name): held is True for name, held in public["checks"].items()},
        commitment=logged.entry.commit or "",
        by=act,
        snapshot={_text(asset): _text(digest) for asset, digest in public.get("snapshot", {}).items()},
        certificate=_object(public.get("certificate", {})),
        period=_period(public.get("period")),
        dated=public.get("dated") is True,
        run=next((ref for ref in logged.entry.refs if (ref.origin, ref.seq) in state.intents), None),
        verdict=Verdict.SUPERSEDED,  # until its run has ended well
    )
    return replace(state, results=(*state.results, result))


def _intent(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    intent = Intent(act.ref, _text(public["action"]), _text(public["object"]), act)
    state = replace(state, intents={**state.intents, (act.ref.origin, act.ref.seq): intent})
    if intent.action == "publish":
        state = _mark_policy(state, intent.object, act, publishing=True)
    return state


def _mark_policy(state: RoomState, qualified: str, act: Act, **changes: Any) -> RoomState:
    known = state.policies.get(qualified)
    if known is None or known.policy.owner != act.alias:
        return state
    return replace(state, policies={**state.policies, qualified: replace(known, **changes)})


def _outcome(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    key = next(
        (
            (ref.origin, ref.seq)
            for ref in logged.entry.refs
            if (ref.origin, ref.seq) in state.intents and ref.origin == act.ref.origin
        ),
        None,
    )
    if key is None or state.intents[key].stage is not EffectStage.RUNNING:
        return state
    stage = EffectStage(public["stage"])
    intent = replace(state.intents[key], stage=stage, ended=act.time)
    state = replace(state, intents={**state.intents, key: intent})
    if intent.action == "publish":
        known = state.policies.get(intent.object)
        fits = stage is EffectStage.DONE and known is not None and public.get("policy") == known.policy_hash
        return _mark_policy(state, intent.object, act, publishing=False, **({"published": act} if fits else {}))
    if intent.action == "run" and stage is EffectStage.DONE:
        return _run_ended(state, key)
    return state


def _run_ended(state: RoomState, run: tuple[str, int]) -> RoomState:
    """The run is whole: its results count, and take the place of undecided ones of the same templates."""
    fresh = {
        (result.custodian, result.template)
        for result in state.results
        if result.run is not None and (result.run.origin, result.run.seq) == run
    }
    results = []
    for result in state.results:
        if result.run is not None and (result.run.origin, result.run.seq) == run:
            results.append(replace(result, verdict=Verdict.QUARANTINED))
        elif (result.custodian, result.template) in fresh and result.verdict is Verdict.QUARANTINED:
            results.append(replace(result, verdict=Verdict.SUPERSEDED))
        else:
            results.append(result)
    return replace(state, results=tuple(results))


def _change_result(state: RoomState, logged: Logged, act: Act, change: Callable[[ResultState], ResultState]) -> RoomState:
    named = {(ref.origin, ref.seq) for ref in logged.entry.refs}
    results = tuple(
        change(result) if (result.ref.origin, result.ref.seq) in named and result.custodian == act.alias else result
        for result in state.results
    )
    return replace(state, results=results)


def _decision(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    def decide(result: ResultState) -> ResultState:
        if result.verdict is not Verdict.QUARANTINED or result.decided is not None:
            return result
        verdict = Verdict.REJECTED if public["verdict"] == "reject" else result.verdict  # released once the release is there
        reason = None if payload is None else _text(payload["reason"])
        return replace(result, decided=act, automatic=bool(public.get("automatic")), reason=reason, verdict=verdict)

    return _change_result(state, logged, act, decide)


def _release(state: RoomState, act: Act, public: Public, payload: Any, logged: Logged) -> RoomState:
    def release(result: ResultState) -> ResultState:
        if result.verdict is not Verdict.QUARANTINED or result.decided is None:
            return result
        return replace(result, verdict=Verdict.RELEASED, release=act.ref)

    return _change_result(state, logged, act, release)


_STEPS: dict[str, Step] = {
    "precheck": _precheck,
    "agreement": _agreement,
    "token_spec": _token_spec,
    "policy": _policy,
    "asset": _asset,
    "room": _room,
    "plan": _plan,
    "approval": _approval,
    "result": _result,
    "intent": _intent,
    "outcome": _outcome,
    "decision": _decision,
    "release": _release,
}
