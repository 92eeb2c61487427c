"""The room page of a side that is connected: create the room there and wait, look, take part, name the output catalog."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from cleanroom_core.backends.asked import NewRoom
from cleanroom_core.backends.placed import Placed
from cleanroom_core.backends.seen import SeenRoom, dangers
from cleanroom_core.backends.waiting import Pace
from cleanroom_core.engines.protocol import Progress
from cleanroom_core.errors import NotReadyError
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.stories.platform_asking import asked_again, asked_room, room_to_create
from cleanroom_core.stories.platform_connect import connection_of
from cleanroom_core.stories.platform_room import (
    LookedAt,
    accept_there,
    create_there,
    look_there,
    make_output_catalog,
    open_there,
)
from pages._ui.acts import act
from pages._ui.cards import plain, status
from pages._ui.errors import shown
from pages._ui.jobs import desk, show_job
from pages._ui.room import Room
from pages._ui.tables import show_table

JOB = "platform_room"
OUTPUT = (
    "Runs of this side write into a catalog of their own, which only the run may read. The room has one per side, for good."
)


def connected(room: Room) -> Placed | None:
    """Where this side's room is; None for a rehearsal, and for somebody who acts for no side."""
    return None if room.alias is None else connection_of(room.side)


def opening(room: Room, placed: Placed) -> bool:
    """Create it there, wait, take part; True if one of it is this person's to do, and then it is the primary button."""
    state = room.state
    st.caption(f"Made on Databricks as {plain(placed.room)}, with everybody in it at once: nobody can be added later.")
    if show_job(room, JOB, Permission.ROOM_CREATE):
        return True
    if state.created is None and room.alias == next(iter(state.collaborators)) and room.may(Permission.ROOM_CREATE):
        _create_or_wait(room, placed)
        return True
    if room.alias in state.invited and room.alias not in state.accepted and room.may(Permission.ROOM_ACCEPT):
        st.write("Taking part is observed: the room must be active and visible to this side, with its way out closed.")
        if st.button("Take part in the room", type="primary"):
            act("Looking at the room ...", "This side takes part.", lambda: accept_there(room.side, room.user))
        return True
    return False


def _create_or_wait(room: Room, placed: Placed) -> None:
    if asked_room(room.side) is not None:
        st.write("The room was asked for. It takes some minutes to become active, and waiting changes nothing.")
        if st.button("Wait until it is active", type="primary"):
            with shown():
                _start(room, f"Waiting for {placed.room}", lambda: asked_again(room.side), create=False)
                st.rerun()
        return
    others = [alias for alias in room.state.collaborators if alias != room.alias]
    with st.form("create_there"):
        partners = {
            alias: st.text_input(
                f"Sharing identifier of {room.side.collaborators[alias]}", key=f"identifier_{alias}", max_chars=512,
                help="cloud:region:metastore:workspace id:user; they find it on their page Connection.",
            )
            for alias in others
        }  # fmt: skip
        owner = st.text_input("Group that is to own the room", key="room_owner", max_chars=255,
                              help="So that it does not hang on one person. Empty: whoever is connected.")  # fmt: skip
        sent = st.form_submit_button("Create the room on Databricks", type="primary")
    if sent:
        with shown():
            with st.spinner("Reading this side's metastore ..."):
                wanted = room_to_create(
                    room.side, room.user, {alias: text or "" for alias, text in partners.items()}, (owner or "").strip()
                )
            _start(room, f"Creating {placed.room}", lambda: wanted, create=True)
            st.rerun()


def _start(room: Room, title: str, wanted: Callable[[], NewRoom], create: bool) -> None:
    side, user, asked = room.side, room.user, wanted()

    def work(progress: Progress, cancelled: Callable[[], bool]) -> str:
        def told(seen: SeenRoom) -> None:
            progress(f"{seen.status} on Databricks", 0.5)

        if create:
            progress("Asking for it", 0.1)
            create_there(side, user, asked)
        open_there(side, user, asked, pace(cancelled), told)
        return f"The room {asked.name} is active, and everybody in it is invited."

    desk(room).start(JOB, title, work)


def pace(cancelled: Callable[[], bool]) -> Pace:
    """Patience that ends when somebody cancels: what was asked for goes on there."""

    def sleep(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if cancelled():
                raise NotReadyError("You stopped waiting; it goes on at the platform.", hint="Wait again when you like.")
            time.sleep(0.2)

    return Pace(first=1.0, sleep=sleep)


def there(room: Room, placed: Placed) -> None:
    """What this side's platform shows, on request."""
    st.header("The room on Databricks")
    if st.button("Look at the room there"):
        with shown():
            with st.spinner("Looking ..."):
                looked = look_there(room.side, room.user)
            _show(room, looked)
    if room.state.room_active and room.may(Permission.ROOM_CREATE):
        st.caption(OUTPUT)
        with st.form("output_catalog"):
            name = st.text_input("Output catalog of this side", f"{placed.room}_out", key="output_catalog", max_chars=255)
            sent = st.form_submit_button("Make the output catalog")
        if sent:
            act("Making it ...", "The output catalog is there.",
                lambda: make_output_catalog(room.side, room.user, (name or "").strip()))  # fmt: skip


def _show(room: Room, looked: LookedAt) -> None:
    seen = looked.room
    if seen is None:
        st.info("This side sees no room of this name there yet.")
        return
    status("done" if seen.status == "ACTIVE" else "waiting", seen.status)
    st.markdown(
        f"Owner: {plain(seen.owner or 'not told')}. This side is {plain(seen.alias or 'not told')}. "
        f"Output catalog: {plain(seen.output_catalog or 'none yet')}."
    )
    if seen.restricted:
        st.warning(f"This side may not work in it yet: {plain(seen.restricted)}.", icon=":material/warning:")
    if danger := dangers(seen):
        st.error(f"Nothing of this side should go into it: {plain(', '.join(danger))}.")
    for alias, joined in looked.joined.items():
        seen_there = "has put something into the room" if joined else "has put nothing into the room yet"
        st.markdown(f"{room.organisation(alias)} {seen_there}.")
    if looked.assets:
        rows = [(asset.name, str(asset.kind), asset.owner, str(asset.status)) for asset in looked.assets]
        show_table(("Name", "Kind", "Of", "State"), rows, "Everything in the room on Databricks.")
    else:
        st.caption("Nothing is in it yet.")
