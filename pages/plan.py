"""The release plan: templates both sides sign, computed once, and an editor that proposes one and shows the verdict first."""

from __future__ import annotations

import json
from collections.abc import Callable

import streamlit as st

from cleanroom_core.engines.protocol import Progress
from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.state import EffectStage, PlanState, PlanText, Stage
from cleanroom_core.rooms.tasks import uncomputed
from cleanroom_core.stories.compute import compute_plan
from cleanroom_core.stories.drafts import read_draft
from cleanroom_core.stories.plan import explain, propose_plan, reject_plan, sign_plan, withdraw_plan
from pages._ui.acts import confirm, show_failed
from pages._ui.cards import flash, plain, status, type_of_status
from pages._ui.estimate import show_costs
from pages._ui.guard import action, require
from pages._ui.jobs import desk, show_job
from pages._ui.next_task import nothing_yet
from pages._ui.plan_editor import editor
from pages._ui.plan_text import show_changes, show_templates
from pages._ui.platform_plan import notebooks
from pages._ui.platform_room import connected
from pages._ui.room import Room, open_room, when
from pages._ui.signatures import signature_boxes
from pages._ui.state import Viewer

viewer = require(Permission.ROOM_READ)
JOB = "compute"
STAGES: dict[Stage, type_of_status] = {
    Stage.OFFERED: "waiting", Stage.IN_FORCE: "done", Stage.REJECTED: "blocked", Stage.WITHDRAWN: "not yet",
}  # fmt: skip
RUNS: dict[EffectStage, tuple[type_of_status, str]] = {
    EffectStage.RUNNING: ("waiting", "Under way"),
    EffectStage.DONE: ("done", "Done"),
    EffectStage.FAILED: ("blocked", "Failed or cancelled: nothing of it counts"),
    EffectStage.INTERRUPTED: ("blocked", "Interrupted: nothing of it counts, compute again"),
}


def proposal(room: Room, plan: PlanState) -> None:
    """The text on the table with its signatures, and what this viewer can do about it."""
    st.header("Proposal on the table")
    status(STAGES[plan.stage], plan.stage.value.capitalize())
    st.markdown(f"Proposed by {room.said(plan.by)}.")
    if plan.closed is not None:
        why = f" Reason: {plain(plan.reason)}" if plan.reason else ""
        st.markdown(f"{plan.stage.value.capitalize()} by {room.said(plan.closed)}.{why}")
    in_force = room.state.plan_in_force
    show_changes(None if in_force is None else in_force.text, plan.text)
    show_templates(room, plan.text, opened=plan.stage is Stage.OFFERED)
    exact_text(plan.text)
    if plan.stage is not Stage.OFFERED:
        propose_again(room, plan)
        return
    show_costs(room, {name: planned.template for name, planned in plan.text.templates.items()}, "proposal")
    signature_boxes(room, plan.approvals, Permission.PLAN_SIGN, plan.text_hash)
    own = plan.by.alias == room.alias and plan.by.user == room.user.username
    with st.container(horizontal=True):
        if room.may(Permission.PLAN_SIGN) and room.alias not in plan.approvals:
            if own:
                st.caption("Nobody signs what they proposed themselves; another reviewer of your side can.")
            else:
                st.button("Sign this text", type="primary", on_click=action(Permission.PLAN_SIGN, sign), args=(plan.text_hash,))
        if room.may(Permission.PLAN_SIGN) and st.button("Reject ..."):
            reject_dialog(room, plan)
        if room.may(Permission.PLAN_PROPOSE) and plan.by.alias == room.alias and st.button("Withdraw ..."):
            withdraw_dialog(plan)


def propose_again(room: Room, plan: PlanState) -> None:
    if room.may(Permission.PLAN_PROPOSE):
        templates = [planned.template for planned in plan.text.templates.values()]
        st.button("Propose it again", on_click=action(Permission.PLAN_PROPOSE, propose), args=(templates,),
                  help="Or change it in the editor below.")  # fmt: skip


def exact_text(text: PlanText) -> None:
    with st.expander("The exact text that is signed"):
        st.code(json.dumps(text.as_json(), indent=2, ensure_ascii=False, sort_keys=True), language=None, wrap_lines=True)


def in_force(room: Room, plan: PlanState) -> None:
    """The plan both sides signed: its templates, and what has been computed of it."""
    st.header("Plan in force")
    if not room.state.plan_is_current():
        st.warning("The terms or a policy have changed since it was signed, so it is not computed. Propose it anew.")
        if room.may(Permission.PLAN_PROPOSE):
            st.button("Propose the plan anew", type="primary", on_click=action(Permission.PLAN_PROPOSE, propose), args=([],))
    last = max(plan.approvals.values(), key=lambda act: act.time)
    st.markdown(f"Signed by both sides, last by {room.said(last)}.")
    show_templates(room, plan.text, opened=False)
    exact_text(plan.text)
    computing(room, plan)
    runs(room)


def computing(room: Room, plan: PlanState) -> None:
    """What waits to be computed, by whom, and the button for those who may."""
    running = show_job(room, JOB, Permission.PLAN_COMPUTE)
    waiting = uncomputed(room.state)
    if not waiting and room.state.plan_is_current():
        st.success("Everything in the plan has been computed. See the review page for what waits there.")
    if waiting and (placed := connected(room)) is not None:
        notebooks(room, placed, waiting)
        return
    for alias, names in waiting.items():
        st.markdown(
            f"Not computed yet: **{plain(', '.join(names))}**. {room.organisation(alias)} keeps the figures, "
            f"so this is done by {room.who_may(Permission.PLAN_COMPUTE, alias)}."
        )
    elsewhere = any(intent.action == "run" for intent in room.state.open_intents(room.alias)) and not running
    if room.alias in waiting and room.may(Permission.PLAN_COMPUTE) and not running and not elsewhere:
        if room.state.plan is None or room.state.plan.stage is not Stage.OFFERED:
            st.button("Compute the plan", type="primary", on_click=action(Permission.PLAN_COMPUTE, compute))
        else:
            st.button("Compute the plan in force", on_click=action(Permission.PLAN_COMPUTE, compute))


def runs(room: Room) -> None:
    found = [intent for intent in reversed(room.state.intents.values()) if intent.action == "run"][:5]
    if not found:
        return
    with st.expander("Runs", expanded=found[0].stage in (EffectStage.FAILED, EffectStage.INTERRUPTED)):
        for intent in found:
            with st.container(horizontal=True, vertical_alignment="center"):
                status(*RUNS[intent.stage])
                st.markdown(f"{room.said(intent.by)}" + (f", ended {when(intent.ended)}" if intent.ended else ""))


def prepared(room: Room, primary: bool) -> None:
    """Templates that came with the room's file and are in no plan yet: one button proposes them all."""
    if not room.may(Permission.PLAN_PROPOSE):
        return
    known = room.state.plan_in_force
    text = {} if known is None else {name: planned.template for name, planned in known.text.templates.items()}
    text |= {template.name: template for template in open_templates(room)}
    found = [template for name, template in read_draft(room.side).templates.items() if text.get(name) != template]
    passing = [template for template in found if explain(room.side, room.user, template).ok]
    refused = [template.name for template in found if template not in passing]
    if refused:
        st.caption(f"Drafts the guard refuses as they stand: {plain(', '.join(refused))}. The editor shows why.")
    if not passing:
        return
    with st.container(border=True):
        st.markdown(f"Prepared and not proposed: **{plain(', '.join(template.name for template in passing))}**")
        st.button("Propose these templates", type="primary" if primary else "secondary",
                  on_click=action(Permission.PLAN_PROPOSE, propose), args=(passing,))  # fmt: skip


def open_templates(room: Room) -> list[Template]:
    """What an open proposal asks; a new proposal takes it along, so that nobody's question gets lost."""
    if room.state.plan is None or room.state.plan.stage is not Stage.OFFERED:
        return []
    return [planned.template for planned in room.state.plan.text.templates.values()]


def propose(viewer: Viewer, templates: list[Template]) -> None:
    if viewer.side is not None:
        propose_plan(viewer.side, viewer.user, [*open_templates(open_room(viewer)), *templates])
        flash("Proposed. Both sides sign it before anything is computed.")


def sign(viewer: Viewer, text_hash: str) -> None:
    if viewer.side is not None:
        sign_plan(viewer.side, viewer.user, text_hash)
        flash("Signed.")


def reject(viewer: Viewer, text_hash: str) -> None:
    if viewer.side is not None:
        reject_plan(viewer.side, viewer.user, text_hash, str(st.session_state.get("plan_reason") or ""))
        flash("Rejected.")


def withdraw(viewer: Viewer, text_hash: str) -> None:
    if viewer.side is not None:
        withdraw_plan(viewer.side, viewer.user, text_hash)
        flash("Withdrawn.")


def compute(viewer: Viewer) -> None:
    side = viewer.side
    if side is None:
        return

    def work(progress: Progress, cancelled: Callable[[], bool]) -> str:
        names = compute_plan(side, user, progress, cancelled)
        return f"Computed {', '.join(names)}. The figures are in quarantine or were released by the rule."

    user = viewer.user
    desk(open_room(viewer)).start(JOB, "Computing the plan", work)


@st.dialog("Reject this plan?")
def reject_dialog(room: Room, plan: PlanState) -> None:
    require(Permission.PLAN_SIGN)
    st.markdown(
        f"{room.organisation(plan.by.alias)} reads your reason and can change the plan and propose it again. "
        "A plan already in force stays in force."
    )
    st.text_area("Reason", key="plan_reason", max_chars=500, help="3 to 500 characters.")
    confirm("Reject", Permission.PLAN_SIGN, reject, plan.text_hash)


@st.dialog("Withdraw this plan?")
def withdraw_dialog(plan: PlanState) -> None:
    require(Permission.PLAN_PROPOSE)
    st.markdown("Its signatures are gone with it. You can propose it again. A plan already in force stays in force.")
    confirm("Withdraw", Permission.PLAN_PROPOSE, withdraw, plan.text_hash)


st.title("Release plan")
show_failed()
room = open_room(viewer)
plan, agreed = room.state.plan, room.state.plan_in_force
ready = room.state.room_active and bool(room.state.assets) and room.state.agreement_in_force is not None
if not ready and plan is None:
    nothing_yet(room, "Here the questions both sides agree on stand as templates. They are signed, computed once and reviewed.")
    st.stop()
if plan is not None and plan.stage is not Stage.IN_FORCE:
    proposal(room, plan)
if agreed is not None:
    in_force(room, agreed)
if plan is None:
    st.info("No plan has been proposed. A plan is one or more templates, with every parameter choice known in advance.")
if ready:
    prepared(room, primary=plan is None or plan.stage in (Stage.REJECTED, Stage.WITHDRAWN))
    editor(room, propose)
