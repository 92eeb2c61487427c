"""The room: created by one side, accepted by the other, and the share-safe tables both have registered in it."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.backends.placed import Placed
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.state import Act, AssetState
from cleanroom_core.stories.open_room import accept, create_room, invite
from cleanroom_core.stories.publish import register_asset
from cleanroom_core.stories.registered import column_roles, registrable
from cleanroom_core.stories.world import thresholds_of
from pages._ui import platform_room
from pages._ui.acts import act
from pages._ui.cards import copyable, flash, plain, status
from pages._ui.guard import action, require
from pages._ui.links import link
from pages._ui.room import Room, open_room
from pages._ui.state import Viewer, context

ENGINE_NAMES = {"duckdb": "DuckDB", "spark": "Spark"}
NAMES = (
    "Names of rooms, collaborators and assets follow Unity Catalog's rules, so that the same room can be made on Databricks: a "
    "letter first, then small letters, digits and underscores, at most 63 in all."
)


def show_state(room: Room, title: str, done: Act | None, waits: str) -> None:
    """One state as both logs show it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{title}**", width="content")
            status("done" if done else "not yet", "Done" if done else "Not yet")
        st.markdown(f"By {room.said(done)}" if done else waits)


def show_opening(room: Room, placed: Placed | None) -> bool:
    """Create, invite, accept; True if one of it is this person's to do, and then it is the primary button."""
    state, side, user = room.state, room.side, room.user
    creator = state.created.alias if state.created else next(iter(state.collaborators))
    show_state(room, "Created", state.created, f"To be created by: {room.who_may(Permission.ROOM_CREATE, creator)}.")
    for alias in state.collaborators:
        if alias == creator:
            continue
        name = room.organisation(alias)
        by_creator = f"To be invited by: {room.who_may(Permission.ROOM_CREATE, creator)}."
        show_state(room, f"{name} invited", state.invited.get(alias), by_creator)
        by_partner = f"To be accepted by: {room.who_may(Permission.ROOM_ACCEPT, alias)}."
        show_state(room, f"{name} accepted", state.accepted.get(alias), by_partner)
    if state.agreement_in_force is None:
        st.info("A room is created once the agreement is in force.")
        link(room, "agreement", "Open the agreement")
        return False
    if placed is not None:
        return platform_room.opening(room, placed)
    if state.created is None and room.alias == creator and room.may(Permission.ROOM_CREATE):
        others = [alias for alias in state.collaborators if alias != creator]
        invited = " and ".join(room.organisation(alias) for alias in others)
        if st.button(f"Create the room and invite {invited}", type="primary"):
            done = "The room is created, and the invitation is on record."
            act("Creating the room ...", done, lambda: create_and_invite(room, others))
        return True
    for alias in state.collaborators:
        waits = state.created is not None and alias != creator and alias not in state.invited
        if waits and room.alias == creator and room.may(Permission.ROOM_CREATE):
            if st.button(f"Invite {room.organisation(alias)}", type="primary", key=f"invite_{alias}"):
                act("Inviting ...", "The invitation is on record.", lambda alias=alias: invite(side, user, alias))
            return True
    if room.alias in state.invited and room.alias not in state.accepted and room.may(Permission.ROOM_ACCEPT):
        if st.button("Accept the invitation", type="primary"):
            act("Accepting ...", "The invitation is accepted.", lambda: accept(side, user))
        return True
    return False


def create_and_invite(room: Room, others: list[str]) -> None:
    """Whoever is not invited when this is cut short is invited by a button of their own."""
    create_room(room.side, room.user)
    for alias in others:
        invite(room.side, room.user, alias)


def show_registrable(room: Room, primary: bool) -> None:
    """Own tables that are published and not registered as they are now."""
    wanted = st.query_params.get("asset")
    for qualified in sorted(registrable(room.state, room.alias), key=lambda name: name.partition(".")[2] != wanted):
        st.markdown(f"**{plain(qualified)}** is published and not registered yet, so no query can name it.")
        if not room.state.room_active:
            st.caption("It can be registered once everybody has accepted the room.")
        elif not room.may(Permission.POLICY_PUBLISH):
            st.caption(f"Registered by: {room.who_may(Permission.POLICY_PUBLISH)}.")
        elif st.button(f"Register {plain(qualified)}", type="primary" if primary else "secondary", key=f"register_{qualified}"):
            done = f"{qualified} is registered."
            act("Registering ...", done, lambda name=qualified: register_asset(room.side, room.user, name))
        else:
            primary = False


def show_asset(room: Room, asset: AssetState) -> None:
    minimum = thresholds_of(room.state).minimum_cohort[asset.qualified]
    with st.container(border=True):
        st.markdown(f"**{plain(asset.qualified)}**")
        st.markdown(
            f"Owner: {room.organisation(asset.owner)}. Minimum cohort: {minimum} distinct people (the strictest holds)."
        )
        st.caption(f"Registered by {room.said(asset.by)}, version {asset.version}")
        if room.state.policies[asset.qualified].policy_hash != asset.policy_hash:
            st.warning("Its policy has changed since: publish and register it again.", icon=":material/warning:")
        rows = [
            {"Column": plain(column.name), "Type": str(column.type), "Role in the rule": plain(role)}
            for column, role in column_roles(asset)
        ]
        st.table(rows, hide_index=True, border="horizontal")
        with st.expander("Digest of the registered table"):
            copyable(asset.digest)


def show_engine(room: Room) -> None:
    """Which engine computes the plan; an engineer may change it for the runs to come."""
    engine = room.side.room_engine.name
    st.header("Engine")
    if not room.may(Permission.ROOM_CREATE):
        st.markdown(f"The plan is computed with **{ENGINE_NAMES[engine]}**.")
        return
    st.radio(
        "The plan is computed with",
        list(ENGINE_NAMES),
        index=list(ENGINE_NAMES).index(engine),
        format_func=ENGINE_NAMES.__getitem__,
        captions=[
            "On this machine, in a locked process; needs nothing",
            "For more rows than one machine holds; here it needs Java",
        ],
        key="room_engine",
        on_change=action(Permission.ROOM_CREATE, choose_engine),
    )


def choose_engine(viewer: Viewer) -> None:
    if viewer.room is not None:
        context().choose_engine(viewer.room, viewer.user, st.session_state["room_engine"])
        flash("From the next run on.")


viewer = require(Permission.ROOM_READ)
st.title("Room")
room = open_room(viewer)
st.markdown(f"Room **{plain(room.side.room)}**")
for alias_, organisation in room.state.collaborators.items():
    st.markdown(f"- {plain(organisation)} is **{plain(alias_)}**: in SQL its tables are called {plain(alias_)}.table")
st.caption(NAMES)
st.header("State, as both logs show it")
placed_ = platform_room.connected(room)
opening = show_opening(room, placed_)
if placed_ is not None and room.state.agreement_in_force is not None:
    platform_room.there(room, placed_)
st.header("Registered assets")
show_registrable(room, primary=not opening)
if not room.state.assets:
    st.info(f"No table is registered yet. Both sides' share-safe tables will stand here with their columns. Published and "
            f"registered by: {room.who_may(Permission.POLICY_PUBLISH)}.")  # fmt: skip
    link(room, "policies", "Open the policies")
for registered in room.state.assets.values():
    show_asset(room, registered)
if placed_ is None:
    show_engine(room)
