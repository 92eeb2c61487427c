"""Try to break it: statements and events against this side's own registered tables, in memory, before anything is signed."""

from __future__ import annotations

import json
import secrets

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.replay_session import Ask
from cleanroom_core.stories.replay import Outcome, Played, Prepared
from cleanroom_core.stories.try_policy import Tried, own_tables, try_policy
from pages._ui.cards import plain, status, type_of_status
from pages._ui.errors import shown
from pages._ui.findings import show_findings
from pages._ui.guard import action, require
from pages._ui.logfile import log_error
from pages._ui.next_task import nothing_yet
from pages._ui.room import Room, open_room
from pages._ui.state import Viewer
from pages._ui.tables import show_table

viewer = require(Permission.ROOM_READ)
SESSION, STATEMENT, TRIED = "try_session", "try_statement", "_tried"
BADGES: dict[Outcome, tuple[type_of_status, str]] = {
    Outcome.REJECTED: ("blocked", "Rejected: refused by the guard"),
    Outcome.SUPPRESSED: ("waiting", "Suppressed: no cell released"),
    Outcome.ANSWERED: ("done", "Answered"),
    Outcome.STORED: ("done", "Stored: the same question as before"),
    Outcome.DONE: ("not yet", "Done"),
}


def add(viewer: Viewer, line: dict[str, object]) -> None:
    """One step more at the end of the session."""
    before = str(st.session_state.get(SESSION) or "").rstrip("\n")
    st.session_state[SESSION] = (before + "\n" if before else "") + json.dumps(line, ensure_ascii=False)


def ask(viewer: Viewer, party: str) -> None:
    if sql := str(st.session_state.get(STATEMENT) or "").strip():
        add(viewer, {"actor": "somebody", "party": party, "sql": sql})
        st.session_state[STATEMENT] = ""


def clear(viewer: Viewer) -> None:
    st.session_state[SESSION] = ""
    st.session_state.pop(TRIED, None)


def editor(room: Room) -> None:
    """A box for statements with a button for each side, and one for the session as a whole."""
    st.text_area(
        "A statement", key=STATEMENT, height=120, help="One SELECT over your own tables, as the other side might ask it."
    )
    with st.container(horizontal=True):
        for alias in room.side.collaborators:
            label = f"Ask as {room.side.collaborators[alias]}"
            st.button(label, key=f"ask_{alias}", on_click=action(Permission.POLICY_PREVIEW, ask), args=(alias,))
        st.button("A new period begins", on_click=action(Permission.POLICY_PREVIEW, add), args=({"event": "period"},))
    st.text_area(
        "The session, one step per line",
        key=SESSION,
        height=200,
        help='Events may stand here too: {"event": "revoke", "table": T, "where": SQL}, append, update, set minimum_cohort.',
    )


def play(room: Room) -> None:
    session = str(st.session_state.get(SESSION) or "")
    errors: list[str] = []

    def failed(number: int, _step: Prepared, error: Exception) -> None:
        errors.append(secrets.token_hex(4))
        log_error(error, errors[-1])

    st.session_state.pop(TRIED, None)
    with shown(), st.spinner("Playing against a fresh copy ..."):
        st.session_state[TRIED] = try_policy(room.side, room.user, session, failed)
    for number in errors:
        st.error(f"A step went wrong on our side and counts as rejected · error id {number}")


def show(room: Room, number: int, tried: Tried) -> None:
    played, step = tried.played, tried.step
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            who = room.organisation(step.party) if isinstance(step, Ask) else plain(str(played.event))
            st.markdown(f"**{number}. {who}**", width="content")
            status(*BADGES[played.outcome])
        if isinstance(step, Ask):
            st.code(step.sql, language="sql", wrap_lines=True)
        show_outcome(room, number, step.sql if isinstance(step, Ask) else "", played)


def show_outcome(room: Room, number: int, sql: str, played: Played) -> None:
    if played.findings:
        show_findings(room, sql, played.findings)
    elif played.outcome in (Outcome.ANSWERED, Outcome.STORED):
        show_table(played.columns, played.rows, f"Figures of step {number}")
        if played.withheld:
            st.caption("Some label combination has no figure here, for whatever reason.")


st.title("Try to break it")
room = open_room(viewer)
tables = {} if room.alias is None else own_tables(room.side)
if not tables or room.state.agreement_in_force is None:
    nothing_yet(room, "Here you attack your own policy before anything is signed, against your registered tables in memory.")
    st.stop()
st.write(
    "Every statement is taken as a template both sides have signed: only the guard and the certificate stand between it and "
    "your figures. It plays in memory against your own tables as they are registered; nothing is signed, logged or kept."
)
names = ", ".join(f"{room.alias}.{name}" for name in tables)
st.markdown(
    f"Tables here: {plain(names)}. The other side's are not: what joins both is tried where the room file and both tables lie, "
    "with `cleanroom guard replay`."
)
if not room.may(Permission.POLICY_PREVIEW):
    st.caption(f"Tried by: {room.who_may(Permission.POLICY_PREVIEW)}.")
    st.stop()
editor(room)
with st.container(horizontal=True):
    started = st.button("Play from the start", type="primary")
    st.button("Clear", on_click=action(Permission.POLICY_PREVIEW, clear))
if started:
    play(room)
for number, tried in enumerate(st.session_state.get(TRIED) or (), start=1):
    show(room, number, tried)
