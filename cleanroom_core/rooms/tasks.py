"""What is to do next and by whom: the timeline both parties see, and the inbox of one person. Pure reading of RoomState.

One function per step; adding a step is one function and one line in `STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cleanroom_core.identity.permissions import PERMISSIONS, Permission, Role, User
from cleanroom_core.rooms.periods import is_current
from cleanroom_core.rooms.state import EffectStage, RoomState, Stage, Verdict
from cleanroom_core.rooms.texts import text_hash


@dataclass(frozen=True)
class Task:
    """One thing somebody of one side has to do. `page` and `query` are the deep link to where it is done."""

    alias: str
    permission: Permission
    text: str
    page: str
    since: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def roles(self) -> tuple[Role, ...]:
        return tuple(role for role, granted in PERMISSIONS.items() if self.permission in granted)


class StepStage(StrEnum):
    DONE = "Done"
    YOUR_TURN = "Your turn"
    WAITING = "Waiting"
    NOT_YET = "Not yet"


@dataclass(frozen=True)
class Step:
    """One line of the timeline, as one side sees it. `tasks` are all open ones, of every side."""

    name: str
    title: str
    page: str
    stage: StepStage
    tasks: tuple[Task, ...]


Tasks = Callable[[RoomState], Iterator[Task]]


def _prechecks(state: RoomState) -> Iterator[Task]:
    for alias in state.collaborators:
        found = state.prechecks.get(alias)
        if found is None:
            yield Task(alias, Permission.PRECHECK_RUN, "Run the prechecks", "prechecks")
        elif found.failed:
            text = f"Mend {found.failed} failed precheck{'s' if found.failed > 1 else ''}"
            yield Task(alias, Permission.PRECHECK_RUN, text, "prechecks", found.by.time)


def _agreement(state: RoomState) -> Iterator[Task]:
    offer = state.agreement
    if offer is None:
        first = next(iter(state.collaborators))
        yield Task(first, Permission.AGREEMENT_OFFER, "Offer the agreement", "agreement")
    elif offer.stage is Stage.OFFERED:
        for alias in state.collaborators:
            if alias not in offer.signatures:
                yield Task(alias, Permission.AGREEMENT_SIGN, "Read and sign the agreement", "agreement", offer.by.time)
    elif offer.stage in (Stage.REJECTED, Stage.WITHDRAWN) and state.agreement_in_force is None:
        yield Task(
            offer.by.alias, Permission.AGREEMENT_OFFER, f"The offer was {offer.stage.value}: edit and offer again", "agreement",
            offer.closed.time if offer.closed else None,
        )  # fmt: skip


def _policies(state: RoomState) -> Iterator[Task]:
    if state.agreement_in_force is None:
        return
    since = state.agreement_in_force.by.time
    for alias in state.collaborators:
        own = [policy for policy in state.policies.values() if policy.policy.owner == alias]
        if not own:
            yield Task(alias, Permission.POLICY_PUBLISH, "Publish a share-safe table", "policies", since)
        for policy in own:
            if policy.published is None and not policy.publishing:
                text = f"Publish {policy.policy.qualified} again: its policy has changed or the publish did not end"
                yield Task(alias, Permission.POLICY_PUBLISH, text, "policies", policy.by.time, {"asset": policy.policy.asset})


def _tokens(state: RoomState) -> Iterator[Task]:
    for name in state.token_names():
        token = state.tokens.get(name)
        if token is None:
            continue
        missing = [alias for alias in state.collaborators if alias not in token.vectors]
        for alias in missing:
            yield Task(alias, Permission.TOKEN_ALIGN, f"Run the vectors of token {name}", "tokens", token.by.time)
        if not missing and not state.aligned(name):
            for alias in state.collaborators:
                yield Task(
                    alias, Permission.TOKEN_ALIGN, f"The tokens {name} differ: compare the keys", "tokens", token.by.time
                )


def _room(state: RoomState) -> Iterator[Task]:
    if state.agreement_in_force is None:
        return
    since = state.agreement_in_force.by.time
    if state.created is None:
        yield Task(next(iter(state.collaborators)), Permission.ROOM_CREATE, "Create the room", "room", since)
        return
    for alias in state.collaborators:
        if alias == state.created.alias:
            continue
        if alias not in state.invited:
            yield Task(
                state.created.alias, Permission.ROOM_CREATE, f"Invite {state.collaborators[alias]}", "room", state.created.time
            )
        elif alias not in state.accepted:
            yield Task(alias, Permission.ROOM_ACCEPT, "Accept the invitation", "room", state.invited[alias].time)
    if state.room_active:
        for qualified, policy in state.policies.items():
            asset = state.assets.get(qualified)
            if policy.published is not None and (asset is None or asset.policy_hash != policy.policy_hash):
                text, query = f"Register {qualified}", {"asset": policy.policy.asset}
                yield Task(policy.policy.owner, Permission.POLICY_PUBLISH, text, "room", policy.published.time, query)


def _plan(state: RoomState) -> Iterator[Task]:
    if not state.assets or not state.room_active:
        return
    plan = state.plan
    since = max(asset.by.time for asset in state.assets.values())
    if plan is None or (plan.stage is Stage.WITHDRAWN and state.plan_in_force is None):
        for alias in state.collaborators:
            yield Task(alias, Permission.PLAN_PROPOSE, "Propose the release plan", "plan", since)
    elif plan.stage is Stage.OFFERED:
        for alias in state.collaborators:
            if alias not in plan.approvals:
                yield Task(alias, Permission.PLAN_SIGN, "Read and sign the release plan", "plan", plan.by.time)
    elif plan.stage is Stage.REJECTED:
        closed = plan.closed.time if plan.closed else None
        yield Task(
            plan.by.alias, Permission.PLAN_PROPOSE, "The plan was rejected: change it and propose it again", "plan", closed
        )
    elif state.plan_in_force is not None and not state.plan_is_current():
        for alias in state.collaborators:
            yield Task(alias, Permission.PLAN_PROPOSE, "Terms or policies have changed: propose the plan anew", "plan", since)
    else:
        yield from _compute(state)


def _compute(state: RoomState) -> Iterator[Task]:
    plan = state.plan_in_force
    if plan is None:
        return
    running = {intent.by.alias for intent in state.open_intents() if intent.action == "run"}
    for alias, templates in uncomputed(state).items():
        if alias in running:
            continue
        cut = any(
            intent.action == "run" and intent.by.alias == alias and intent.stage is EffectStage.INTERRUPTED
            for intent in state.intents.values()
        )
        text = f"Compute {', '.join(templates)}" + (" (a run was interrupted)" if cut else "")
        since = max(act.time for act in plan.approvals.values())
        yield Task(alias, Permission.PLAN_COMPUTE, text, "plan", since)
        yield from _approve(state, alias, since)


def _approve(state: RoomState, custodian: str, signed: str) -> Iterator[Task]:
    """On a platform: the newest notebook of a custodian waits for every other side that has not looked at it."""
    done = [intent for intent in state.intents.values() if intent.stage is EffectStage.DONE and intent.by.time >= signed]
    uploads = [each.by.time for each in done if (each.action, each.by.alias) == ("platform_upload", custodian)]
    if not uploads:
        return
    for alias in state.collaborators:
        reviews = [each.by.time for each in done if (each.action, each.by.alias) == ("platform_review", alias)]
        looked = bool(reviews) and reviews[-1] >= uploads[-1]
        if alias != custodian and not looked:
            text = f"Compare and approve the notebook of {state.collaborators[custodian]}"
            yield Task(alias, Permission.PLAN_SIGN, text, "plan", uploads[-1])


def uncomputed(state: RoomState) -> dict[str, list[str]]:
    """Custodian -> templates of the plan in force without a result of the same basis (waiting, released or rejected), in this
    period where their rows are dated."""
    plan = state.plan_in_force
    if plan is None or not state.plan_is_current():
        return {}
    known = {result.basis for result in state.results if result.verdict is not Verdict.SUPERSEDED and is_current(state, result)}
    waiting: dict[str, list[str]] = {}
    for name, planned in sorted(plan.text.templates.items()):
        if text_hash(plan.text.basis(name)) not in known:
            waiting.setdefault(planned.custodian, []).append(name)
    return waiting


def _review(state: RoomState) -> Iterator[Task]:
    for result in state.results:
        if result.verdict is Verdict.QUARANTINED:
            query = {"result": f"{result.custodian}-{result.ref.seq}"}
            yield Task(result.custodian, Permission.REVIEW_DECIDE, f"Review the result of {result.template}", "review",
                       result.by.time, query)  # fmt: skip


def _results(state: RoomState) -> Iterator[Task]:
    return iter(())


STEPS: tuple[tuple[str, str, str, Tasks, Callable[[RoomState], bool]], ...] = (
    ("prechecks", "Prechecks", "prechecks", _prechecks, lambda state: bool(state.prechecks)),
    ("agreement", "Agreement", "agreement", _agreement, lambda state: state.agreement_in_force is not None),
    ("policies", "Policies", "policies", _policies, lambda state: bool(state.policies)),
    ("tokens", "Tokens", "tokens", _tokens, lambda state: bool(state.tokens)),
    ("room", "Room", "room", _room, lambda state: state.room_active),
    ("plan", "Release plan", "plan", _plan, lambda state: bool(state.results)),
    ("review", "Review", "review", _review, lambda state: any(result.decided for result in state.results)),
    ("results", "Results", "results", _results, lambda state: bool(state.released())),
)


def timeline(state: RoomState, alias: str | None) -> tuple[Step, ...]:
    """The steps as the side `alias` sees them; None is somebody of no side, for whom every open step is waiting."""
    steps = []
    for name, title, page, tasks, begun in STEPS:
        open_tasks = tuple(tasks(state))
        if any(task.alias == alias for task in open_tasks):
            stage = StepStage.YOUR_TURN
        elif open_tasks:
            stage = StepStage.WAITING
        else:
            stage = StepStage.DONE if begun(state) else StepStage.NOT_YET
        steps.append(Step(name, title, page, stage, open_tasks))
    return tuple(steps)


def inbox(state: RoomState, user: User) -> tuple[Task, ...]:
    """What this person can do now, in the order of the timeline."""
    alias = state.alias_of(user.organisation)
    return tuple(
        task for step in timeline(state, alias) for task in step.tasks if task.alias == alias and user.may(task.permission)
    )
