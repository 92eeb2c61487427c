"""Propose templates, sign or reject the release plan. The verdict comes before anything runs; signatures before any data."""

from __future__ import annotations

from collections.abc import Iterable

from cleanroom_core.errors import ConflictError, InputError, IntegrityError, NotReadyError
from cleanroom_core.guard import World, judge
from cleanroom_core.guard.template import Template
from cleanroom_core.guard.verdict import Verdict
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.state import Planned, PlanState, PlanText, RoomState, Stage
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.agree import required_reason
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.world import world_of


def explain(side: Collaborator, user: User, template: Template) -> Verdict:
    """The guard's verdict on a template, without running or writing anything."""
    user.require(Permission.ROOM_READ)
    return judge(template, world_of(side.state()))


def propose_plan(side: Collaborator, user: User, templates: Iterable[Template], drop: Iterable[str] = ()) -> str:
    """Propose the plan in force extended by these templates (same name: replaced) and without those dropped.

    Raises InputError with every finding when the guard refuses one. Returns the hash of the plan's text.
    """
    user.require(Permission.PLAN_PROPOSE, side.organisation)
    side.require_agreement()
    state = side.state()
    if not state.room_active or not state.assets:
        raise NotReadyError("The room has no registered assets yet.", hint="Accept the room and register the tables first.")
    text = plan_text(state, templates, drop)
    digest = text_hash(text.as_json())
    if state.plan is not None and state.plan.text_hash == digest and state.plan.stage in (Stage.OFFERED, Stage.IN_FORCE):
        raise ConflictError("Exactly this plan is on the table already.", hint="Sign it, or change it first.")
    public = {"action": "propose", "hash": digest, "templates": sorted(text.templates)}
    side.append(user, Permission.PLAN_PROPOSE, "plan", public, {"plan": text.as_json()})
    side.hand_over()
    return digest


def plan_text(state: RoomState, templates: Iterable[Template], drop: Iterable[str] = ()) -> PlanText:
    """The text that would be signed; raises InputError when the guard refuses a template or nothing is left."""
    if state.agreement_in_force is None:
        raise NotReadyError("There is no agreement in force.", hint="Both sides sign it first.", code="NO_AGREEMENT")
    before = {} if state.plan_in_force is None else dict(state.plan_in_force.text.templates)
    wanted = {name: planned.template for name, planned in before.items() if name not in set(drop)}
    wanted |= {template.name: template for template in templates}
    if not wanted:
        raise InputError("A plan without a template asks nothing.", hint="Add a template.", code="PLAN")
    world, planned = world_of(state), {}
    for name, template in wanted.items():
        if template.receiver not in state.collaborators:
            raise InputError(
                f"{name}: the receiver {template.receiver!r} is no collaborator.",
                hint=f"Use one of {', '.join(state.collaborators)}.",
                code="PLAN",
            )
        assets = judged(template, world)
        owners = [state.assets[asset].owner for asset in assets]
        keeper = next(
            (alias for alias in state.collaborators if alias in owners and alias != template.receiver), template.receiver
        )
        planned[name] = Planned(template, assets, keeper)
    policies = {asset: state.assets[asset].policy_hash for item in planned.values() for asset in item.assets}
    return PlanText(planned, state.agreement_in_force.text_hash, policies)


def judged(template: Template, world: World) -> tuple[str, ...]:
    """Qualified names of the assets a template reads; raises InputError with every finding when the guard refuses it."""
    verdict = judge(template, world)
    if not verdict.ok:
        findings = " ".join(f"{finding.message} {finding.hint} [{finding.code}]" for finding in verdict.findings)
        raise InputError(f"The guard refuses {template.name}: {findings}", hint="Change the template.", code="GUARD")
    return verdict.sheets[0].query.assets


def sign_plan(side: Collaborator, user: User, digest: str) -> None:
    """Sign the plan's exact text for this side. Signing twice changes nothing."""
    user.require(Permission.PLAN_SIGN, side.organisation)
    plan = _open_plan(side, digest)
    if side.alias in plan.approvals:
        return
    if plan.by.alias == side.alias and plan.by.user == user.username:
        raise NotReadyError("Nobody signs what they proposed themselves.", hint="Ask another reviewer.", code="OWN_PROPOSAL")
    require_own_reading(side.state(), plan)
    with bracket(side, user, Permission.PLAN_SIGN, "sign", f"plan:{digest}") as effect:
        public = {"object": "plan", "hash": digest, "verdict": "approve"}
        side.append(user, Permission.PLAN_SIGN, "approval", public, refs=(plan.by.ref, effect.ref))


def require_own_reading(state: RoomState, plan: PlanState) -> None:
    """Raise IntegrityError unless this side, from the templates alone, comes to the same assets, custodians and policies.

    The other side's software wrote the text; a plan that names the receiver as its own custodian would hand it the figures
    before any review.
    """
    templates = [planned.template for planned in plan.text.templates.values()]
    before = {} if state.plan_in_force is None else state.plan_in_force.text.templates
    own = plan_text(state, templates, drop=[name for name in before if name not in plan.text.templates])
    if own.as_json() != plan.text.as_json():
        raise IntegrityError(
            "This plan's text is not what follows from its templates and the policies in force.",
            hint="Reject it; whoever proposed it proposes it again.",
            code="PLAN_TEXT",
        )


def reject_plan(side: Collaborator, user: User, digest: str, reason: str) -> None:
    user.require(Permission.PLAN_SIGN, side.organisation)
    plan = _open_plan(side, digest)
    public = {"object": "plan", "hash": digest, "verdict": "reject"}
    side.append(user, Permission.PLAN_SIGN, "approval", public, {"reason": required_reason(reason)}, refs=(plan.by.ref,))
    side.hand_over()


def withdraw_plan(side: Collaborator, user: User, digest: str) -> None:
    user.require(Permission.PLAN_PROPOSE, side.organisation)
    plan = side.state().plan
    if plan is None or plan.text_hash != digest or plan.stage is Stage.IN_FORCE:
        raise ConflictError("There is no open proposal with this text.", hint="Look at the plan page again.")
    if plan.by.alias != side.alias:
        raise NotReadyError("Only the side that proposed a plan can withdraw it.", hint="Reject it with a reason instead.")
    side.append(user, Permission.PLAN_PROPOSE, "plan", {"action": "withdraw", "hash": digest}, refs=(plan.by.ref,))
    side.hand_over()


def _open_plan(side: Collaborator, digest: str) -> PlanState:
    plan = side.state().plan
    if plan is None or plan.text_hash != digest:
        raise ConflictError("This is not the plan on the table any more.", hint="Read the newest proposal and decide on that.")
    if plan.stage is not Stage.OFFERED:
        raise ConflictError(f"This plan is {plan.stage.value} already.", hint="Look at the plan page again.")
    return plan
