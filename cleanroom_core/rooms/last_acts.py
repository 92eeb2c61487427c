"""Since when a step of the timeline stands as it does: the newest act that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cleanroom_core.rooms.state import Act, RoomState


def last_act(state: RoomState, step: str) -> Act | None:
    """`step`: a name of `rooms.tasks.STEPS`. None while nothing of that step has happened."""
    find = _ACTS.get(step)
    acts = [] if find is None else [act for act in find(state) if act is not None]
    return max(acts, key=lambda act: act.time, default=None)


def _agreement(state: RoomState) -> Iterable[Act | None]:
    offer = state.agreement
    return () if offer is None else (offer.by, offer.closed, *offer.signatures.values())


def _plan(state: RoomState) -> Iterable[Act | None]:
    plan = state.plan
    acts: tuple[Act | None, ...] = () if plan is None else (plan.by, plan.closed, *plan.approvals.values())
    return (*acts, *(result.by for result in state.results))


_ACTS: Mapping[str, Callable[[RoomState], Iterable[Act | None]]] = {
    "prechecks": lambda state: (found.by for found in state.prechecks.values()),
    "agreement": _agreement,
    "policies": lambda state: (act for policy in state.policies.values() for act in (policy.by, policy.published)),
    "tokens": lambda state: (act for token in state.tokens.values() for act in (token.by, *token.ran.values())),
    "room": lambda state: (
        state.created, *state.invited.values(), *state.accepted.values(), *(asset.by for asset in state.assets.values())
    ),
    "plan": _plan,
    "review": lambda state: (result.decided for result in state.results),
    "results": lambda state: (result.decided for result in state.released()),
}  # fmt: skip
