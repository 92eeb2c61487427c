"""Prechecks of one side: what was found, why it matters, the exact fix, who can make it; each can be looked at again alone."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.prechecks.check import Checked, Status
from cleanroom_core.stories.precheck import checks_of, last_prechecks, run_prechecks
from pages._ui.acts import act
from pages._ui.checks import show_result
from pages._ui.guard import require
from pages._ui.room import Room, open_room

GROUPS = (
    (Status.FAIL, "To mend"), (Status.CANNOT_TELL, "Cannot tell yet"), (Status.PASS, "Passed"),
)  # fmt: skip


def sides(room: Room) -> None:
    """Both sides' counts: these are on record for everybody, what was found is not."""
    for alias in room.state.collaborators:
        found = room.state.prechecks.get(alias)
        if found is None:
            st.markdown(f"{room.organisation(alias)}: not run yet.")
            continue
        counts = f"{found.passed} passed, {found.failed} failed, {found.unknown} cannot tell"
        st.markdown(f"{room.organisation(alias)}: {counts}. Last run by {room.said(found.by)}.")


def show_check(room: Room, checked: Checked, all_of_them: tuple[Checked, ...]) -> None:
    check = checked.check
    with st.container(border=True):
        show_result(check.title, checked.result)
        if room.may(Permission.PRECHECK_RUN) and st.button(f"Check again: {check.title}", key=f"again_{check.name}"):
            act(
                f"Looking at {check.title} ...",
                f"{check.title} was checked again.",
                lambda: run_prechecks(room.side, room.user, check.name, all_of_them),
            )


viewer = require(Permission.ROOM_READ)
st.title("Prechecks")
room = open_room(viewer)
st.write("Whether this side is ready, found out before the partner waits. Nothing is changed by looking.")
sides(room)
results = () if room.alias is None else last_prechecks(room.side, room.user)
count = len(checks_of(room.side))
if room.may(Permission.PRECHECK_RUN):
    if st.button("Run all prechecks again" if results else "Run all prechecks", type="primary"):
        act(f"Running {count} checks ...", "All prechecks were run.", lambda: run_prechecks(room.side, room.user))
elif room.alias is not None:
    st.caption(f"Prechecks are run by: {room.who_may(Permission.PRECHECK_RUN)}.")
if room.alias is None:
    st.caption("What a check found stays with its side; everybody reads the counts.")
elif not results:
    st.info(f"Your side has not run its prechecks. The results of {count} checks will stand here.")
for wanted, title in GROUPS:
    group = [checked for checked in results if checked.result.status is wanted]
    if not group:
        continue
    st.header(f"{title} ({len(group)})")
    with st.expander("What was found") if wanted is Status.PASS else st.container():
        for checked in group:
            show_check(room, checked, results)
