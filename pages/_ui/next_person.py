"""In the rehearsal one stranger plays everybody: what comes next, and one click to be who does it, where it is done."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.identity.permissions import User
from cleanroom_core.rooms.tasks import Task, timeline
from pages._ui import session, state
from pages._ui.cards import plain
from pages._ui.links import go
from pages._ui.loopback import rehearsal_allowed
from pages._ui.room import Room, open_room


def show_next_person(user: User, page: str) -> None:
    """`page`: the step on the screen. Nothing for anybody who is not invented, nothing beyond this machine, and nothing
    when no task is open."""
    if not (user.demo and rehearsal_allowed()):
        return
    viewer = state.viewer(user)
    if viewer.room is None:
        return
    room = open_room(viewer)
    found = _first(room)
    if found is None:
        return
    person, task = found
    who = f"{', '.join(sorted(person.roles))} of {room.organisation(task.alias)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        if person == user:
            if page not in (task.page, "home"):  # the timeline has a button for it
                st.markdown(f"Next, for you: **{plain(task.text)}**", width="content")
                if st.button("Go there", key="next_page", type="tertiary"):
                    go(room, task.page, task.query)
        else:
            st.markdown(f"Next: **{plain(task.text)}** by {plain(person.name)}, {who}", width="content")
            if st.button(f"Continue as {plain(person.name)}", key="next_person", type="tertiary"):
                session.change_to(user, person, task.page, task.query)


def _first(room: Room) -> tuple[User, Task] | None:
    """The first step with a task that somebody invented can do, and who; the viewer before others."""
    people = [user for user in state.users().list() if user.demo and not user.disabled]
    for step in timeline(room.state, room.alias):
        able = [
            (person, task)
            for task in step.tasks
            for person in people
            if person.may(task.permission) and person.organisation == room.side.collaborators[task.alias]
        ]
        if able:
            return next((one for one in able if one[0] == room.user), able[0])
    return None
