"""The plan page of a connected side: the plan as a notebook of each custodian, uploaded, compared, approved, run, read."""

from __future__ import annotations

from collections.abc import Callable
from difflib import unified_diff

import streamlit as st

from cleanroom_core.backends.placed import Placed
from cleanroom_core.engines.protocol import Progress
from cleanroom_core.errors import CleanRoomError
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.stories.platform_notebook import (
    NotebookActs,
    agreed_notebook,
    approve_plan,
    difference_there,
    give_up_run,
    notebook_acts,
    notebook_name,
    reject_notebook,
    run_plan,
    upload_plan,
)
from pages._ui.acts import act, confirm
from pages._ui.cards import flash, plain
from pages._ui.errors import show, shown
from pages._ui.guard import require
from pages._ui.jobs import desk, show_job
from pages._ui.platform_room import pace
from pages._ui.room import Room
from pages._ui.state import Viewer

JOB = "platform_plan"
DIFFERENCE = 8_000  # characters of a difference that are shown; more is another notebook altogether


def notebooks(room: Room, placed: Placed, waiting: dict[str, list[str]]) -> None:
    """One notebook per custodian with sheets that wait; its stages in order, one button for whoever is next."""
    st.caption(
        f"The plan is computed in the room {plain(placed.room)} on Databricks, by one notebook per custodian. Both sides make "
        "it from their own copy of the signed plan, and it is approved only where both say the same."
    )
    if show_job(room, JOB, Permission.PLAN_COMPUTE):
        return
    for custodian, templates in waiting.items():
        with st.container(border=True):
            st.markdown(
                f"**{plain(notebook_name(custodian))}**: {plain(', '.join(templates))}, for {room.organisation(custodian)}"
            )
            found = notebook_acts(room.side, custodian)
            _stages(room, custodian, found)
            if custodian == room.alias:
                _own(room, found)
            else:
                _theirs(room, custodian, found)
            _download(room, custodian)


def _stages(room: Room, custodian: str, found: NotebookActs) -> None:
    who = room.who_may(Permission.PLAN_COMPUTE, custodian)
    if found.uploaded is None:
        st.markdown(f"Not in the room yet. Uploaded by: {who}.")
        return
    st.markdown(f"Uploaded by {room.said(found.uploaded)}.")
    if found.rejected is not None:
        st.markdown(f"Rejected by {room.said(found.rejected)}.")
    elif found.approved is None:
        others = [alias for alias in room.state.collaborators if alias != custodian]
        st.markdown(f"To be approved by: {' and '.join(room.who_may(Permission.PLAN_SIGN, alias) for alias in others)}.")
    else:
        st.markdown(f"Approved by {room.said(found.approved)}.")
        if found.started is not None:
            st.markdown(f"Run {plain(found.run)} started by {room.said(found.started)}.")


def _own(room: Room, found: NotebookActs) -> None:
    """Upload, then run and read: the custodian's."""
    if not room.may(Permission.PLAN_COMPUTE):
        return
    if found.approved is not None:
        label = "Run the notebook" if found.started is None else "Wait for the run and read it"
        if st.button(label, type="primary", key="run_there"):
            with shown():
                _run(room)
                st.rerun()
        if found.started is not None and st.button("Give the run up ...", key="give_up"):
            _give_up_dialog()
    elif found.uploaded is None or found.rejected is not None:
        label = "Upload the notebook" if found.uploaded is None else "Upload the agreed notebook again"
        if st.button(label, type="primary", key="upload_there"):
            act("Making the notebook and uploading it ...", "It is in the room.", lambda: upload_plan(room.side, room.user))


@st.dialog("Give this run up?")
def _give_up_dialog() -> None:
    require(Permission.PLAN_COMPUTE)
    st.markdown(
        "For a run whose figures cannot be used: its templates get results without a figure, and its rows are **not computed "
        "again**. A reviewer closes them, and the next period goes on."
    )
    confirm("Give it up", Permission.PLAN_COMPUTE, _give_up)


def _give_up(viewer: Viewer) -> None:
    if viewer.side is not None:
        give_up_run(viewer.side, viewer.user)
        flash("Given up. The results without a figure are on the review page.")


def _theirs(room: Room, custodian: str, found: NotebookActs) -> None:
    """Compare, approve or reject: the other side's."""
    if found.uploaded is None or found.approved is not None or not room.may(Permission.PLAN_SIGN):
        return
    with st.container(horizontal=True):
        approve = st.button("Compare and approve", type="primary", key=f"approve_{custodian}")
        look = st.button("Compare only", key=f"compare_{custodian}")
        if st.button("Reject ...", key=f"reject_{custodian}"):
            _reject_dialog(room, custodian)
    if approve:
        act("Comparing every cell ...", "Approved: it says what was agreed.",
            lambda: approve_plan(room.side, room.user, custodian))  # fmt: skip
    if look or approve:  # an approval that went through has redrawn the page
        with shown(), st.spinner("Comparing every cell ..."):
            _show_difference(room, custodian)


def _show_difference(room: Room, custodian: str) -> None:
    different = difference_there(room.side, room.user, custodian)
    if different is None:
        st.success("Every cell is as agreed, and nobody but its custodian may run it.")
        return
    place = "Its runners are" if different.cell is None else f"Its cell {different.cell} is"
    st.warning(f"{place} not as agreed. Reject it, with what is different as the reason.")
    st.caption("From what was agreed (-) to what is in the room (+)")
    agreed, there = different.agreed.splitlines(), different.there.splitlines()
    lines = "\n".join(unified_diff(agreed, there, "agreed", "in the room", lineterm="", n=2))
    st.code(lines[:DIFFERENCE], language=None, wrap_lines=True, height=400)


@st.dialog("Reject this notebook?")
def _reject_dialog(room: Room, custodian: str) -> None:
    require(Permission.PLAN_SIGN)
    st.markdown(
        f"{room.organisation(custodian)} reads your reason and uploads the agreed notebook again. Nothing runs until then."
    )
    st.text_area("Reason", key="notebook_reason", max_chars=500, help="3 to 500 characters.")
    confirm("Reject", Permission.PLAN_SIGN, _reject, custodian)


def _reject(viewer: Viewer, custodian: str) -> None:
    if viewer.side is not None:
        reject_notebook(viewer.side, viewer.user, custodian, str(st.session_state.get("notebook_reason") or ""))


def _run(room: Room) -> None:
    """Start it, unless it was started, wait until it has ended, and take what it wrote into quarantine."""
    side, user = room.side, room.user

    def work(progress: Progress, cancelled: Callable[[], bool]) -> str:
        names = run_plan(side, user, pace(cancelled), progress)
        return f"Computed {', '.join(names)}. The figures are in quarantine or were released by the rule."

    desk(room).start(JOB, "Running the notebook on Databricks", work)


def _download(room: Room, custodian: str) -> None:
    """Made when it is asked for: judging every sheet takes a moment."""
    key = f"made_{custodian}"
    if st.button(f"Make our copy of {notebook_name(custodian)}", key=f"make_{custodian}", type="tertiary"):
        try:
            with st.spinner("Making the notebook ..."):
                st.session_state[key] = agreed_notebook(room.side, room.user, custodian).source
        except CleanRoomError as error:
            show(error)
    if key in st.session_state:
        st.download_button("Download our copy", st.session_state[key], f"{notebook_name(custodian)}.py", "text/x-python",
                           key=f"copy_{custodian}", on_click="ignore")  # fmt: skip
