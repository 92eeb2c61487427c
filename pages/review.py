"""Results in quarantine: checks for both sides, figures and the decision for the reviewer of the side that keeps them."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.review.certificate import blocked, facts
from cleanroom_core.review.contract import CHECKS
from cleanroom_core.rooms.state import ResultState, Verdict
from cleanroom_core.stories.figures import SheetFigures
from cleanroom_core.stories.review import Waiting, reject_result, release_result, result_id, see_figures, waiting_results
from pages._ui.acts import confirm, show_failed
from pages._ui.cards import copyable, flash, plain
from pages._ui.figures import show_cells
from pages._ui.guard import require
from pages._ui.next_task import nothing_yet
from pages._ui.releases import released_line
from pages._ui.room import Room, open_room, when
from pages._ui.state import Viewer
from pages._ui.tables import show_table

viewer = require(Permission.ROOM_READ)


def waiting_card(room: Room, waiting: Waiting, primary: bool) -> None:
    """One result before its decision."""
    result, name = waiting.result, result_id(waiting.result)
    with st.container(border=True):
        st.header(plain(result.template))
        st.markdown(
            f"For {room.organisation(result.receiver)} · kept by {room.organisation(result.custodian)} · "
            f"computed by {room.said(result.by)}"
        )
        checks(result)
        st.markdown(f"Why it waits: {plain(waiting.reason)}")
        with st.expander("Certificate, commitment and link"):
            certificate(result)
            copyable(result.commitment, "Commitment: these figures cannot be exchanged for others")
            copyable(name, "Id of this result")
        if waiting.may_decide:
            decide(room, result, primary)
        elif result.custodian == room.alias:
            st.caption(f"Figures and decision: {room.who_may(Permission.REVIEW_DECIDE)}.")
        else:
            st.caption(
                f"Decided by the {room.who_may(Permission.REVIEW_DECIDE, result.custodian)}. The figures stay there until they "
                "are released, because seeing them is the release; you see the checks and the commitment."
            )


def checks(result: ResultState) -> None:
    rows = [[words, "pass" if result.checks.get(check) else "fail"] for check, words in CHECKS.items()]
    show_table(("Check of the output contract", "Outcome"), rows, alt=f"Checks of {result.template}")
    for reason in blocked(result.certificate):
        st.info(f"Figures stay back whole, because nothing new about it could be certified: {plain(reason)}.")


def certificate(result: ResultState) -> None:
    if certified := facts(result.certificate):
        show_table(("What was certified", "Value"), certified, alt=f"Certificate of {result.template}")


def decide(room: Room, result: ResultState, primary: bool) -> None:
    """The custodian's reviewer: look, then release or reject."""
    name = result_id(result)
    holds = all(result.checks.values())
    with st.container(horizontal=True):
        show = st.button("Show the figures", key=f"show:{name}", help="That you looked goes on record.")
        release = holds and st.button("Release ...", key=f"release:{name}", type="primary" if primary else "secondary")
        reject = st.button("Reject ...", key=f"reject:{name}")
    if not holds:
        st.caption("The output contract does not hold, so this result cannot be released.")
    if show:
        figures(room, result, see_figures(room.side, room.user, name))
    if release:
        release_dialog(room, result)
    if reject:
        reject_dialog(room, result)


def figures(room: Room, result: ResultState, sheets: tuple[SheetFigures, ...]) -> None:
    st.markdown(f"**Figures of {plain(result.template)}, in quarantine.** They are shown once; that you looked is on record.")
    for sheet in sheets:
        show_cells(sheet)


@st.dialog("Release this result?")
def release_dialog(room: Room, result: ResultState) -> None:
    require(Permission.REVIEW_DECIDE)
    st.markdown(
        f"{room.organisation(result.receiver)} will read the figures of **{plain(result.template)}**. A release cannot be "
        "taken back. The next result of exactly this template is released by itself when every check holds."
    )
    confirm("Release", Permission.REVIEW_DECIDE, release, result_id(result))


@st.dialog("Reject this result?")
def reject_dialog(room: Room, result: ResultState) -> None:
    require(Permission.REVIEW_DECIDE)
    st.markdown(
        f"The figures of **{plain(result.template)}** stay in quarantine for good. "
        f"{room.organisation(result.receiver)} reads your reason; a changed template can be proposed and computed anew."
    )
    st.text_area("Reason", key="dialog_reason", max_chars=500, help="3 to 500 characters.")
    confirm("Reject", Permission.REVIEW_DECIDE, reject, result_id(result))


def release(viewer: Viewer, name: str) -> None:
    if viewer.side is not None:
        with st.spinner("Releasing ..."):
            release_result(viewer.side, viewer.user, name)
        flash("Released.")


def reject(viewer: Viewer, name: str) -> None:
    if viewer.side is not None:
        reject_result(viewer.side, viewer.user, name, str(st.session_state.get("dialog_reason") or ""))
        flash("Rejected.")


def decided_card(room: Room, result: ResultState) -> None:
    """One result after its decision."""
    with st.container(border=True):
        st.markdown(
            f"**{plain(result.template)}** for {room.organisation(result.receiver)}, computed {when(result.by.time)}: "
            f"{plain(result.verdict.value)}"
        )
        if result.verdict is Verdict.RELEASED:
            st.markdown(released_line(room, result))
        elif result.verdict is Verdict.REJECTED and result.decided is not None:
            st.markdown(f"Rejected by {room.said(result.decided)}. Reason: {plain(result.reason or '')}")
        elif result.verdict is Verdict.SUPERSEDED:
            st.markdown("A newer result took its place, or its run did not end. It is never released.")
        else:
            st.markdown("A decision was made and is being carried out.")
        with st.expander("Checks and commitment"):
            checks(result)
            certificate(result)
            copyable(result.commitment, "Commitment")
            copyable(result_id(result), "Id of this result")


def chosen(waiting: list[Waiting], others: list[ResultState]) -> tuple[list[Waiting], list[ResultState]]:
    """`?result=` narrows the page to one; an id of another room, or of nothing, gets the same answer."""
    wanted = st.query_params.get("result")
    if wanted is None:
        return waiting, others
    one = [item for item in waiting if result_id(item.result) == wanted]
    gone = [result for result in others if result_id(result) == wanted]
    if not one and not gone:
        st.warning("There is no such result. Here is everything there is.")
        return waiting, others
    if st.button("Show all results"):
        del st.query_params["result"]
        st.rerun()
    return one, gone


st.title("Review")
show_failed()
room = open_room(viewer)
waiting = list(waiting_results(room.side, room.user))
under_review = {item.result.ref for item in waiting}
waiting, rest = chosen(waiting, [result for result in reversed(room.state.results) if result.ref not in under_review])
if not room.state.results:
    nothing_yet(
        room, "Here results wait in quarantine until every check holds and, the first time, a reviewer has released them."
    )
elif not waiting and "result" not in st.query_params:
    st.success("No result waits for a decision.")
first = next((item for item in waiting if item.may_decide and all(item.result.checks.values())), None)
for item in waiting:
    waiting_card(room, item, item is first)
if rest:
    st.header("Decided")
for result in rest:
    decided_card(room, result)
