"""Review: figures in quarantine become a release, or are rejected with a reason. Only the custodian's reviewer sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cleanroom_core.audit.entry import Ref
from cleanroom_core.errors import ConflictError, NotPermittedError, NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.review.decide import decide
from cleanroom_core.rooms.state import EffectStage, Intent, ResultState, RoomState, Verdict
from cleanroom_core.stories.agree import required_reason
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.figures import SheetFigures, quarantined_sheets

if TYPE_CHECKING:
    from cleanroom_core.stores.signed_log import Record

_ATTEMPTS = 20


@dataclass(frozen=True)
class Waiting:
    """A result before its decision. `may_decide`: this side keeps it; the other side sees checks and commitment only."""

    result: ResultState
    reason: str
    may_decide: bool


def result_id(result: ResultState) -> str:
    """How links and commands name a result: the custodian's alias and the entry's number."""
    return f"{result.custodian}-{result.ref.seq}"


def find_result(state: RoomState, name: str) -> ResultState:
    """Raises ConflictError for an unknown id; the same answer for one of another room."""
    found = next((result for result in state.results if result_id(result) == name), None)
    if found is None:
        raise ConflictError("There is no such result.", hint="Open the review page and choose one from the list.")
    return found


def waiting_results(side: Collaborator, user: User) -> tuple[Waiting, ...]:
    user.require(Permission.ROOM_READ)
    state = side.state()
    return tuple(
        Waiting(
            result,
            decide(result.checks, _released_before(state, result)).reason,
            result.custodian == side.alias and user.may(Permission.REVIEW_DECIDE) and user.organisation == side.organisation,
        )
        for result in state.results
        if result.verdict is Verdict.QUARANTINED
    )


def see_figures(side: Collaborator, user: User, name: str) -> tuple[SheetFigures, ...]:
    """The quarantined figures, for the custodian's reviewer; that somebody looked goes on record."""
    user.require(Permission.REVIEW_FIGURES, side.organisation)
    result = _own(side, name)
    side.append(user, Permission.REVIEW_FIGURES, "access", {"object": "result"}, {"result": name}, refs=(result.ref,))
    side.hand_over()
    return quarantined_sheets(side, result)


def release_result(side: Collaborator, user: User, name: str) -> Ref:
    """Release a quarantined result to its receiver. Returns the release entry.

    Raises ConflictError when it was decided meanwhile, NotReadyError while the other side has not acknowledged the result.
    """
    user.require(Permission.REVIEW_DECIDE, side.organisation)
    result = _open(side, name)
    if result.by.user == user.username:
        raise NotReadyError("Nobody releases what they computed themselves.", hint="Ask another reviewer.", code="OWN_RESULT")
    if not all(result.checks.values()):
        raise NotPermittedError(
            "The output contract does not hold for this result, so it cannot be released.",
            hint="Reject it with a reason; the template or the policy has to change.",
            code="CONTRACT",
        )
    side.require_acknowledged()  # the receiver has signed for the commitment before it sees a figure
    with bracket(side, user, Permission.REVIEW_DECIDE, "release", name, {"result": _ref(result.ref)}) as effect:
        actor = side.actor(user, Permission.REVIEW_DECIDE)
        decision = _decide(side, actor, result, {"verdict": "release", "automatic": False}, None, effect.ref)
        return hand_out(side, actor, result, decision, effect.ref)


def reject_result(side: Collaborator, user: User, name: str, reason: str) -> None:
    user.require(Permission.REVIEW_DECIDE, side.organisation)
    result = _open(side, name)
    actor = side.actor(user, Permission.REVIEW_DECIDE)
    _decide(side, actor, result, {"verdict": "reject", "automatic": False}, {"reason": required_reason(reason)})
    side.hand_over()


def release_compliant(side: Collaborator, user: User) -> tuple[str, ...]:
    """Release at once what the rule of `review.decide` allows; returns the ids. Called after every run."""
    released = []
    for result in side.state().results:
        if result.custodian != side.alias or result.verdict is not Verdict.QUARANTINED or result.decided is not None:
            continue
        decision = decide(result.checks, _released_before(side.state(), result))
        if not decision.release:
            continue
        side.require_acknowledged()
        name = result_id(result)
        with bracket(side, user, Permission.PLAN_COMPUTE, "release", name, {"result": _ref(result.ref)}) as effect:
            actor = {"organisation": side.alias, "role": "automatic", "id": "review"}
            public = {"verdict": "release", "automatic": True}
            decided = _decide(side, actor, result, public, {"reason": decision.reason}, effect.ref)
            hand_out(side, actor, result, decided, effect.ref)
        released.append(name)
    return tuple(released)


def _decide(
    side: Collaborator,
    actor: Mapping[str, str],
    result: ResultState,
    public: Mapping[str, Any],
    payload: Mapping[str, Any] | None,
    intent: Ref | None = None,
) -> Ref:
    refs = (result.ref,) if intent is None else (result.ref, intent)
    return _write_while(
        side, result, _is_open, lambda size: side.log.append("decision", actor, public, payload, refs=refs, expected=size)
    )


def _write_while(
    side: Collaborator, result: ResultState, holds: Callable[[ResultState], bool], write: Callable[[int], Record]
) -> Ref:
    """Write to the log as it was looked at: what another reviewer wrote meanwhile comes first, and figures that were handed
    over cannot be taken back. Raises ConflictError when the result is no longer what it was."""
    name = result_id(result)
    for _ in range(_ATTEMPTS):
        size = side.log.size()
        found = find_result(side.state(), name)
        if not holds(found):
            raise _decided_already(found)
        try:
            return write(size).ref
        except ConflictError:
            continue  # this side's log has grown; look again
    raise ConflictError("This side's log is being written to all the time.", hint="Do it again in a moment.")


def hand_out(side: Collaborator, actor: Mapping[str, str], result: ResultState, decision: Ref, intent: Ref) -> Ref:
    """Write the release entry: the figures and the salt of their commitment, readable by the receiver only.

    Raises ConflictError unless the result still waits and this decision is the one that counts.
    """
    stored = side.log.store.read(result.ref.origin, result.ref.seq, result.ref.seq + 1)[0]
    record = side.log.records(result.ref.origin, start=result.ref.seq, stop=result.ref.seq + 1)[0]
    assert stored.salt is not None  # noqa: S101  a result entry always commits to a payload
    payload = {"result": record.payload, "salt": stored.salt.hex()}
    public = {"template": result.template, "receiver": result.receiver}
    audience = () if result.receiver == side.alias else (result.receiver,)
    refs = (result.ref, decision, intent)
    return _write_while(
        side,
        result,
        lambda found: found.verdict is Verdict.QUARANTINED and found.decided is not None and found.decided.ref == decision,
        lambda size: side.log.append("release", actor, public, payload, refs=refs, audience=audience, expected=size),
    )


def reconcile_release(
    side: Collaborator, intent: Intent, payload: Mapping[str, Any]
) -> tuple[EffectStage, dict[str, Any], dict[str, Any]]:
    """Released is what has a release entry. A decision without one was made by somebody: carry it out now, once."""
    wanted = (payload["result"]["origin"], payload["result"]["seq"])
    result = next(found for found in side.state().results if (found.ref.origin, found.ref.seq) == wanted)
    if result.verdict is Verdict.RELEASED:
        return EffectStage.DONE, {}, {}
    if result.verdict is Verdict.QUARANTINED and result.decided is not None:
        decision = result.decided.ref
        actor = side.log.records(decision.origin, start=decision.seq, stop=decision.seq + 1)[0].entry.actor
        hand_out(side, actor, result, decision, intent.ref)
        return EffectStage.DONE, {}, {}
    return EffectStage.INTERRUPTED, {}, {}


def _released_before(state: RoomState, result: ResultState) -> bool:
    return any(
        found.verdict is Verdict.RELEASED
        and found.template_hash == result.template_hash
        and found.custodian == result.custodian
        for found in state.results
    )


def _own(side: Collaborator, name: str) -> ResultState:
    result = find_result(side.state(), name)
    if result.custodian != side.alias:
        raise NotPermittedError(
            "The figures lie in the other side's quarantine.",
            hint=f"{side.collaborators[result.custodian]} reviews them; you see the checks and the commitment.",
        )
    return result


def _open(side: Collaborator, name: str) -> ResultState:
    result = _own(side, name)
    if not _is_open(result):
        raise _decided_already(result)
    return result


def _is_open(result: ResultState) -> bool:
    return result.verdict is Verdict.QUARANTINED and result.decided is None


def _decided_already(result: ResultState) -> ConflictError:
    now = "decided" if result.verdict is Verdict.QUARANTINED else result.verdict.value
    return ConflictError(f"This result is {now} already.", hint="Look at the review page again.")


def _ref(ref: Ref) -> dict[str, Any]:
    return {"origin": ref.origin, "seq": ref.seq, "leaf": ref.leaf}
