"""What waits for this person, each with a link to the place where it is done."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.tasks import inbox, timeline
from pages._ui import state
from pages._ui.cards import plain
from pages._ui.guard import live, require
from pages._ui.links import go, rooms_of
from pages._ui.room import Room, open_room, when
from pages._ui.state import Viewer, choose_room


def mine(room: Room) -> None:
    tasks = inbox(room.state, room.user)
    if not tasks:
        whom = "An auditor acts for neither side, so nothing ever waits here." if room.alias is None else (
            "Signatures, approvals, prechecks to mend and results to review will stand here as soon as it is your turn."
        )  # fmt: skip
        st.info(f"Nothing waits for you. {whom}")
        if st.button("Open the timeline", type="primary", key="timeline"):
            go(room, "home")
        return
    for number, task in enumerate(tasks):
        with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            since = f"Since {when(task.since)}" if task.since else "From the start"
            st.markdown(f"**{plain(task.text)}**  \n{since}", width="stretch")
            label = "Do this next" if number == 0 else "Open"
            if st.button(
                f"{label}: {task.page}",
                type="primary" if number == 0 else "secondary",
                key=f"task_{number}",
                help=plain(task.text),
            ):
                go(room, task.page, task.query)


def others(room: Room) -> None:
    """What the own side's other roles and the other side have to do, so that nobody asks whether it was forgotten."""
    own = inbox(room.state, room.user)
    rest = [task for step in timeline(room.state, room.alias) for task in step.tasks if task not in own]
    if not rest:
        return
    st.header("Waiting for others")
    for task in rest:
        since = f", since {when(task.since)}" if task.since else ""
        roles = " or ".join(role.value for role in task.roles)
        st.markdown(f"- {plain(task.text)}: {room.organisation(task.alias)} ({roles}){since}")


def elsewhere(room: Room) -> None:
    for name in rooms_of(room):
        if name == room.side.room or room.alias is None:
            continue
        count = len(inbox(state.context().collaborator(name, room.user).state(), room.user))
        if count and st.button(f"{count} more in the room {name}", key=f"room_{name}"):
            choose_room(name)
            st.rerun(scope="app")


@live(Permission.ROOM_READ, every="5s")
def draw(viewer: Viewer) -> None:
    room = open_room(viewer)
    mine(room)
    elsewhere(room)
    others(room)


viewer = require(Permission.ROOM_READ)
st.title("Inbox")
draw()
