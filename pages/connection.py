"""The connection of one side: which platform its room is on, as whom, what they may do; written by the side's engineer."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.backends.placed import Placed
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.stories.platform_connect import connection_of, disconnect
from pages._ui.acts import confirm, show_failed
from pages._ui.cards import flash, plain
from pages._ui.guard import require
from pages._ui.platform_connection import connect_form, show_names, test_button
from pages._ui.room import Room, open_room
from pages._ui.state import Viewer, context


def standing(room: Room, placed: Placed | None) -> None:
    """What this side's room is on, in a sentence."""
    if placed is not None:
        st.success(f"This side works in the room **{plain(placed.room)}** on Databricks.")
    elif context().party is None:
        st.info(
            "**Nothing is needed here.** This is a rehearsal: the room is its logs, and everything is computed on this machine."
        )
    else:
        st.info(
            "No workspace is connected. Agreement, policies and tokens do without; tables of both sides are joined on a "
            f"platform, so the room needs one. Connected by: {room.who_may(Permission.ROOM_CONNECT)}."
        )


@st.dialog("Disconnect this side?")
def disconnect_dialog() -> None:
    require(Permission.ROOM_CONNECT)
    st.markdown(
        "The wizard forgets where the room is. Nothing is deleted there, and connecting again with the same names goes on "
        "where it was. The other side is not told."
    )
    confirm("Disconnect", Permission.ROOM_CONNECT, forget)


def forget(viewer: Viewer) -> None:
    if viewer.side is not None:
        disconnect(viewer.side, viewer.user)
        flash("Disconnected.")


viewer = require(Permission.ROOM_READ)
st.title("Connection")
show_failed()
room = open_room(viewer)
if room.alias is None:
    st.info("Which platform a side is on, and as whom, stays with that side. What it did there is in the log.")
    st.stop()
placed_ = connection_of(room.side)
st.write("Where the room of this side really is. The other side has a page of its own and does not see this one.")
standing(room, placed_)
if placed_ is not None:
    show_names(placed_)
engineer = room.may(Permission.ROOM_CONNECT)
if placed_ is not None and engineer:
    test_button(room, placed_)
    if st.button("Disconnect ..."):
        disconnect_dialog()
elif placed_ is not None:
    st.caption(f"Tested and changed by: {room.who_may(Permission.ROOM_CONNECT)}.")
if engineer:
    with st.expander("Connect a Databricks workspace" if placed_ is None else "Change the connection"):
        connect_form(room, placed_)
