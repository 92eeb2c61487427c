"""First contact on a page: introduce this side, meet the other, compare fingerprints, hand over the room file."""

from __future__ import annotations

import streamlit as st

from cleanroom_core import first_contact
from cleanroom_core.errors import NotReadyError
from cleanroom_core.exchange.introduction import INTRODUCTION_LIMIT
from cleanroom_core.identity.permissions import Permission
from pages._ui.acts import act
from pages._ui.cards import copyable, flash, plain, status
from pages._ui.errors import shown
from pages._ui.room import Room
from pages._ui.state import Viewer, choose_room, context, now

NAME_HELP = "The same on both sides: a letter first, then small letters, digits and underscores."


def begin(viewer: Viewer) -> None:
    """A room that has not begun: introductions out, introductions in."""
    party = context().party
    if party is None:
        return
    st.write(
        f"This is the home of **{plain(party.organisation)}** ({plain(party.alias)}). A room begins when both sides hold each "
        "other's introduction: a small file with public keys."
    )
    if not viewer.user.may(Permission.ROOM_CONNECT):
        st.info("Nothing can be done here by you: an engineer of your side introduces it.")
        return
    _introduce(viewer)
    for number, room in enumerate(first_contact.introduced(context())):
        _meet(viewer, room, primary=viewer.room is None and number == 0)


def _introduce(viewer: Viewer) -> None:
    st.subheader("1. Introduce this side")
    with st.form("introduce"):
        room = st.text_input("Name of the room", max_chars=63, help=NAME_HELP, key="introduce_room")
        creates = st.checkbox("This side creates the room", key="introduce_creates", help="Exactly one side does.")
        contract = st.text_input("Reference of the paper contract", max_chars=200, key="introduce_contract")
        sent = st.form_submit_button("Make the introduction")
    if sent:
        with shown():
            name = (room or "").strip()
            first_contact.introduce(context(), viewer.user, name, creates=creates, contract=(contract or "").strip())
            flash(f"Made. Bring the file to the other side of {name}, and theirs here.")
            st.rerun()


def _meet(viewer: Viewer, room: str, primary: bool) -> None:
    st.subheader(f"2. Meet in {plain(room)}")
    with shown():
        note = first_contact.introduction(context(), viewer.user, room)
        st.download_button("Download our introduction", note, f"{room}.note", mime="text/plain", key=f"note_{room}",
                           on_click="ignore")  # fmt: skip
    with st.form(f"meet_{room}"):
        given = st.file_uploader("Introductions of all other sides", accept_multiple_files=True, key=f"notes_{room}",
                                 max_upload_size=1)  # fmt: skip
        sent = st.form_submit_button("Begin the room", type="primary" if primary else "secondary")
    if sent and given:
        with shown():
            notes = {file.name: file.getvalue()[: INTRODUCTION_LIMIT + 1] for file in given}
            first_contact.meet(context(), viewer.user, room, notes)
            choose_room(room)
            flash("The room has begun. Compare the fingerprint before anything is signed.")
            st.rerun()


def compare(room: Room) -> None:
    """The fingerprint both sides read to each other: whoever changed a key on its way makes the two differ."""
    found = first_contact.fingerprint_of(context(), room.user, room.side.room)
    st.header("Fingerprint")
    st.write(
        "Read these ten groups to the other side over the phone, and have theirs read to you. Only that shows a changed key."
    )
    copyable(found.spoken)
    copyable(found.rest, "The rest, for the contract")
    for alias, done in found.compared.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(room.organisation(alias), width="content")
            status("done" if done else "not yet", "Compared" if done else "Not compared")
    if room.alias is None or found.compared[room.alias]:
        return
    if not room.may(Permission.ROOM_CONNECT):
        st.caption(f"Compared by: {room.who_may(Permission.ROOM_CONNECT)}.")
        return
    with st.form("compare"):
        heard = st.text_input("The ten groups you heard", max_chars=100, key="heard")
        sent = st.form_submit_button("It is the same", type="primary")
    if sent:
        confirmed = "That you compared it stands in this side's log."
        act("Comparing ...", confirmed, lambda: first_contact.confirm(context(), room.user, room.side.room, heard or ""))


def room_file(room: Room) -> None:
    """The definition of the room from one side to the other, as drafts: what is signed is signed on the pages of the steps."""
    st.header("Room file")
    if not room.may(Permission.ROOM_CONNECT):
        st.caption(f"Handed over by: {room.who_may(Permission.ROOM_CONNECT)}.")
        return
    st.write("What is drafted on one side can be handed to the other as one file. It becomes drafts there and signs nothing.")
    try:
        text = first_contact.room_file_of(room.side, room.user)
        st.download_button("Download our room file", text, f"{room.side.room}.yaml", mime="text/plain", key="room_file",
                           on_click="ignore")  # fmt: skip
    except NotReadyError as missing:
        st.caption(f"{plain(missing.message)} {plain(missing.hint)}")
    with st.form("room_file_in", clear_on_submit=True):
        given = st.file_uploader("Room file of the other side", ["yaml", "yml"], key="room_file_given", max_upload_size=1)
        sent = st.form_submit_button("Take it as drafts", help="Our own drafts of this room are replaced.")
    if sent and given is not None:
        taken = "Taken as drafts of this side."
        act(
            "Reading the room file ...", taken,
            lambda: first_contact.take_room_file(context(), room.user, given.name, given.getvalue(), now()),
        )  # fmt: skip
