"""Parts of the connection page: names on record, the test with its findings, the form. Names only: no secret is asked for."""

from __future__ import annotations

from dataclasses import asdict, fields

import streamlit as st

from cleanroom_core.backends.placed import Placed
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.stories.platform_connect import connect_there, try_connection
from pages._ui.cards import copyable, flash
from pages._ui.checks import show_result
from pages._ui.errors import shown
from pages._ui.room import Room
from pages._ui.tables import show_table

LABELS = {
    "room": "Name of the room there",
    "owner": "Profile of the owner",
    "runner": "Profile of the runner",
    "warehouse": "SQL warehouse",
    "share_schema": "Schema of our share-safe tables",
    "secret_scope": "Secret scope of our token keys",
    "publisher": "Profile of the publisher",
    "exempt": "Exempt group",
}
HELPS = {
    "room": "Small letters, digits and underscores. Both sides give the same name.",
    "owner": "Who creates the room, adds tables and reviews: one of the group that owns it. Empty: as the environment says.",
    "runner": "The service principal that runs notebooks and alone reads what they wrote. Empty: as the environment says.",
    "warehouse": "The id in the warehouse's address. It writes share-safe tables and reads what runs wrote.",
    "share_schema": "As catalog.schema: tables that go into the room are published there. Empty: into this machine's home.",
    "secret_scope": "Where the token keys lie in the workspace, so that they stand in no statement. Goes with the schema.",
    "publisher": "Who reads raw tables and writes share-safe ones. Empty: the owner.",
    "exempt": "The group that row filters and masks of raw tables do not hold back, and that the publisher is in.",
}
PROFILES = """\
[cleanroom-owner]
host      = https://your-workspace
auth_type = databricks-cli

[cleanroom-runner]
host          = https://your-workspace
client_id     = of the service principal
client_secret = of the service principal
"""


def show_names(placed: Placed) -> None:
    """What this side's home says: names of profiles and objects."""
    told = asdict(placed)
    rows = [(LABELS.get(name, name), str(value) or "as the environment says") for name, value in told.items()]
    show_table(("What", "Name"), rows, "Names this side's home keeps of its connection.")


def test_button(room: Room, placed: Placed) -> None:
    """Ask the platform who both identities are and what they may do; nothing of it is kept."""
    if not st.button("Test the connection", type="primary"):
        return
    with shown():
        with st.spinner("Signing in as owner and as runner ..."):
            tried = try_connection(room.side, room.user, placed)
        for finding in tried.findings:
            with st.container(border=True):
                show_result(finding.title, finding.result)
        if tried.owner.sharing_identifier:
            copyable(tried.owner.sharing_identifier, "Sharing identifier of this side: the partner needs it to invite you")
        st.caption("The prechecks look at everything else a room needs, with the statement or command that mends it.")


def connect_form(room: Room, placed: Placed | None) -> None:
    """Names in, both identities tried, and only then kept."""
    st.markdown(
        "Credentials stay where every Databricks tool finds them: in `~/.databrickscfg` of whoever runs this wizard, closed to "
        "others, or in its environment (`DATABRICKS_HOST`, `DATABRICKS_CLIENT_ID`, `DATABRICKS_CLIENT_SECRET`). Nothing of "
        "them is typed here or kept by us."
    )
    copyable(PROFILES, "Two profiles in ~/.databrickscfg")
    known = {"room": room.side.room} if placed is None else asdict(placed)
    with st.form("connect"):
        typed = {
            field.name: st.text_input(
                LABELS.get(field.name, field.name), known.get(field.name, ""), key=f"placed_{field.name}", max_chars=255,
                help=HELPS.get(field.name),
            )
            for field in fields(Placed)
        }  # fmt: skip
        sent = st.form_submit_button("Try both and connect", type="primary" if placed is None else "secondary")
    if sent and room.may(Permission.ROOM_CONNECT):
        with shown():
            with st.spinner("Signing in as owner and as runner ..."):
                tried = connect_there(
                    room.side, room.user, Placed(**{name: (text or "").strip() for name, text in typed.items()})
                )
            flash(f"Connected: {tried.owner.user} owns, {tried.runner.user} runs.")
            st.rerun()
