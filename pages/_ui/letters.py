"""Letters by hand: download what the other side lacks, upload what they sent."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.stories.letters import take_from, write_for
from pages._ui.cards import flash
from pages._ui.errors import shown
from pages._ui.room import Room

LETTER_MB = 5  # of an upload, as for everything here; larger ones go by the command line


def by_hand(room: Room) -> None:
    st.header("Letters by hand")
    if not room.may(Permission.ROOM_CONNECT):
        st.caption(f"Carried by: {room.who_may(Permission.ROOM_CONNECT)}.")
        return
    for peer in room.side.collaborators:
        if peer != room.alias:
            _download(room, peer)
    _upload(room)
    st.caption(
        f"Letters above {LETTER_MB} MB, and homes put back from an old copy, are for the command line: cleanroom exchange."
    )


def _download(room: Room, peer: str) -> None:
    """Written and signed when it is asked for, not when the page is looked at."""
    name = room.side.collaborators[peer]
    whole = st.checkbox(
        f"From the first entry on, because {name} asks for it", key=f"whole_{peer}",
        help="Otherwise what is not acknowledged yet, and our acknowledgement of theirs.",
    )  # fmt: skip
    st.download_button(
        f"Download the letter for {name}", partial(_letter, room, peer, whole), f"{room.side.room}-to-{peer}.letter",
        "application/octet-stream", key=f"letter_{peer}", on_click="ignore",
    )  # fmt: skip


def _letter(room: Room, peer: str, whole: bool) -> bytes:
    return write_for(room.side, room.user, peer, whole=whole)


def _upload(room: Room) -> None:
    with st.form("letter", clear_on_submit=True):
        given = st.file_uploader("Letter of the other side", max_upload_size=LETTER_MB, key="letter_file",
                                 help="Every signature in it is verified before anything of it is kept.")  # fmt: skip
        sent = st.form_submit_button("Take it over")
    if not sent or given is None:
        return
    with shown():
        with st.spinner("Verifying every entry ..."):
            taken = take_from(room.side, room.user, given.name, given.getvalue())
        sender = room.side.collaborators[taken.sender]
        flash(f"{taken.entries} new from {sender}." + (" It asks for our whole log." if taken.whole or taken.lost else ""))
        if taken.behind:
            flash(f"It is an old letter, or {sender} went back to an old copy of its home: ask.")
        st.rerun()
