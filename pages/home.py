"""Where the partnership stands and whose turn it is."""

from __future__ import annotations

import streamlit as st

from pages._ui.cards import plain
from pages._ui.guard import require

viewer = require()
st.title("Timeline")
if viewer.room is None:
    st.info("There is no room yet.")
    st.stop()
st.subheader(plain(viewer.room))
