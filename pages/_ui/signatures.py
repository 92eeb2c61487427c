"""The boxes under a text that every side signs: who has signed, when, and who still may."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.state import Act
from pages._ui.cards import copyable, status
from pages._ui.room import Room


def signature_boxes(room: Room, signed: Mapping[str, Act], permission: Permission, text_hash: str) -> None:
    """One box per side. A signature counts for exactly the text with this hash; another text starts without any."""
    for column, alias in zip(st.columns(len(room.side.collaborators)), room.side.collaborators, strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{room.organisation(alias)}**")
            if alias in signed:
                status("done", "Signed")
                st.caption(room.said(signed[alias]))
            else:
                status("your turn" if alias == room.alias else "waiting", "Not signed")
                st.caption(f"Signs: {room.who_may(permission, alias)}")
    copyable(text_hash, "SHA-256 of the exact text; any change makes another text, without signatures")
