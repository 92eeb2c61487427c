"""Where the partnership stands and whose turn it is: one timeline for both, and one button, the viewer's next action."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.last_acts import last_act
from cleanroom_core.rooms.tasks import Step, StepStage, Task, inbox, timeline
from pages._ui.cards import plain, status, type_of_status
from pages._ui.guard import live, require
from pages._ui.links import go, link
from pages._ui.room import Room, open_room, when
from pages._ui.state import Viewer

BADGES: dict[StepStage, type_of_status] = {
    StepStage.DONE: "done", StepStage.YOUR_TURN: "your turn", StepStage.WAITING: "waiting", StepStage.NOT_YET: "not yet",
}  # fmt: skip


def head(room: Room, steps: tuple[Step, ...]) -> None:
    """The room, its parties, and what is next: exactly one primary button, or whom we wait for."""
    parties = " and ".join(f"{plain(name)} ({plain(alias)})" for alias, name in room.side.collaborators.items())
    st.markdown(f"Room **{plain(room.side.room)}** of {parties}")
    mine = inbox(room.state, room.user)
    waiting = [task for step in steps for task in step.tasks]
    if mine:
        st.markdown(f"**Your turn**: {len(mine)} {'thing waits' if len(mine) == 1 else 'things wait'} for you.")
        if st.button(plain(mine[0].text), type="primary", key="next"):
            go(room, mine[0].page, mine[0].query)
    elif waiting:
        st.info(f"Waiting for {who(room, waiting[0])}: {plain(waiting[0].text)}.", icon=":material/hourglass_empty:")
    else:
        st.success("Every step is done. Released results are on the results page.")
    if room.alias is None:
        st.caption("You are an auditor: you read everything here and act for neither side.")


def who(room: Room, task: Task) -> str:
    """`North Bank (officer) since 22 Nov 2026, 17:06 UTC`."""
    roles = " or ".join(role.value for role in task.roles)
    return f"{room.organisation(task.alias)} ({roles}){f' since {when(task.since)}' if task.since else ''}"


def show_step(room: Room, number: int, step: Step, before: str | None) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            link(room, step.page, f"**{number}. {step.title}**")
            status(BADGES[step.stage], step.stage.value)
        changed = last_act(room.state, step.name)
        for task in step.tasks:
            st.markdown(f"{plain(task.text)}: {who(room, task)}")
        if not step.tasks and step.stage is StepStage.NOT_YET and changed is None:
            st.caption(f"Comes after: {before}" if before else "Nothing has happened yet.")
        if changed is not None:
            st.caption(f"Last change: {room.said(changed)}")


@live(Permission.ROOM_READ, every="5s")
def draw(viewer: Viewer) -> None:
    room = open_room(viewer)
    steps = timeline(room.state, room.alias)
    head(room, steps)
    st.header("Steps")
    for number, step in enumerate(steps, start=1):
        before = next((other.title for other in reversed(steps[: number - 1]) if other.tasks), None)
        show_step(room, number, step, before)


viewer = require()
st.title("Timeline")
if viewer.room is None:
    st.info(
        "There is no room yet. The timeline of a partnership will stand here. A platform engineer makes a room from a room "
        "file on this machine:"
    )
    st.code("cleanroom room import FILE", language=None, wrap_lines=True)
    st.stop()
draw()
