"""The exchange of one side: how its log reaches the other, what waits, letters by hand, first contact, the room file."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.homes import RoomInfo
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.stories.letters import Reach, reach
from pages._ui import first_contact, letters
from pages._ui.acts import act
from pages._ui.cards import copyable, status
from pages._ui.guard import require
from pages._ui.room import Room, open_room
from pages._ui.state import context


def way(room: Room, info: RoomInfo) -> None:
    """By which way logs travel, in a sentence, and how it is changed."""
    if info.own is None:
        st.info(
            "**Nothing is needed here.** This is a rehearsal: both homes lie on this machine, and every signature is exchanged "
            "as it is made."
        )
        return
    if info.shared is None:
        st.markdown("**By hand**: what the other side lacks is downloaded here as one file, and theirs is uploaded.")
        st.caption("A directory both sides reach does it by itself. Whoever runs this machine chooses one:")
        copyable(f"cleanroom exchange folder {info.name} DIRECTORY")
    else:
        st.markdown("**By folder**: the wizard looks there every two seconds, and every signature writes there.")
        copyable(info.shared, "Directory both sides reach")


def sides(room: Room, found: tuple[Reach, ...]) -> None:
    """How far each other side has ours, and we theirs."""
    for one in found:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{room.organisation(one.peer)}**", width="content")
                status("waiting" if one.unread else "done", "Behind" if one.unread else "Complete")
            st.markdown(
                f"{one.unread} of our entries not acknowledged there; {one.held} of theirs held here."
                if one.unread
                else f"Everything of ours is acknowledged there; {one.held} of theirs held here."
            )


def look_now(room: Room, info: RoomInfo) -> None:
    """Exchange through the folder at once; what stands in the way is told above the page."""
    if room.may(Permission.ROOM_CONNECT) and st.button("Look into the folder now"):
        act("Exchanging ...", "Exchanged.", lambda: context().sync(info.name))


viewer = require(Permission.ROOM_READ)
st.title("Exchange")
if viewer.room is None and context().party is not None:
    first_contact.begin(viewer)
    st.stop()
room = open_room(viewer)
if room.alias is None:
    st.info("How logs travel between the sides is theirs. The log says what each of them has acknowledged.")
    st.stop()
st.write("Both sides keep a log of their own. Nothing counts for the other before it has reached it and was acknowledged.")
info_ = context().info(room.side.room)
way(room, info_)
sides(room, reach(room.side, room.user))
if info_.own is not None:
    first_contact.compare(room)
    if info_.shared is None:
        letters.by_hand(room)
    else:
        look_now(room, info_)
    first_contact.room_file(room)
    with st.expander("Begin another room"):
        first_contact.begin(viewer)
