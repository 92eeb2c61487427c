"""A registered table of a connected side: put into the room on Databricks, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cleanroom_core.backends.placed import Placed
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.state import EffectStage
from cleanroom_core.sql.names import checked_name
from cleanroom_core.stories.drafts import draft_policy
from cleanroom_core.stories.platform_tables import share_there
from pages._ui.acts import act
from pages._ui.cards import plain, status
from pages._ui.errors import shown
from pages._ui.room import Room


def table_there(room: Room, placed: Placed, qualified: str) -> bool:
    """The step after registering; True where it is the next thing to do with this table and this person may."""
    asset = room.state.assets.get(qualified)
    if asset is None or room.state.policies[qualified].policy_hash != asset.policy_hash:
        return False
    if asset.there is None:
        st.caption(
            "It was published from this side's home. On Databricks it is published into the workspace: name the schema of our "
            "share-safe tables on the page Connection, and publish it again."
        )
        return False
    name = str(asset.there)
    if is_there(room, name):
        status("done", f"In the room {placed.room} as {name}")
        return False
    if not room.may(Permission.POLICY_PUBLISH):
        st.caption(f"Put into the room by: {room.who_may(Permission.POLICY_PUBLISH)}.")
        return False
    st.write(f"It is registered as {plain(name)} and not in the room on Databricks yet, so no run reads it.")
    if st.button(f"Put it into the room {placed.room}", type="primary", key=f"share_{qualified}"):
        act("Putting it into the room ...", f"{name} is in the room.", lambda: share_there(room.side, room.user, qualified))
    return True


def is_named(room: Room, source: str) -> bool:
    """Whether the raw table of a policy is named as it must be here: a file of the inbox, or a table of the workspace."""
    return room.side.share_schema is None or source.count(".") == 2


def name_table(room: Room, asset: str, policy: Policy | None, keep: Callable[[str, str], None]) -> None:
    """Name the table of the workspace that a share-safe table is made from. `keep(asset, source)`: where no policy is yet."""
    with st.form(f"named:{asset}"):
        source = st.text_input("Table in our workspace", key=f"source_there:{asset}", max_chars=255,
                               help="As catalog.schema.table.")  # fmt: skip
        name = asset or st.text_input("Name for analysts", key="name_there", max_chars=63,
                                      help="Small letters, digits and underscores.")  # fmt: skip
        sent = st.form_submit_button("Use this table" if policy else "Choose its columns", type="primary")
    if sent:
        with shown():
            found = str(ObjectName.parse((source or "").strip()))
            if policy is not None:
                draft_policy(room.side, room.user, policy, found)
            else:
                keep(checked_name(name or "", "a table"), found)
            st.rerun()


def is_there(room: Room, name: str) -> bool:
    """As this side's log tells it: put in last, and not taken out since."""
    acts = ("platform_table", "platform_removal")
    done = [
        intent.action
        for intent in room.state.intents.values()
        if (intent.object, intent.by.alias, intent.stage) == (name, room.alias, EffectStage.DONE) and intent.action in acts
    ]
    return done[-1:] == ["platform_table"]
