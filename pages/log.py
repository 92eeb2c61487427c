"""Both logs as one: what happened, who did it, what is acknowledged; and the button that verifies all of it from its bytes."""

from __future__ import annotations

import json

import streamlit as st

from cleanroom_core.audit.verify import Status, Verdict
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.entry_words import KIND_WORDS
from cleanroom_core.rooms.state import EffectStage
from cleanroom_core.stories.read_log import VERDICT_WORDS, LogLine, LogStanding, log_standings, read_log, verify_logs
from pages._ui.cards import copyable, plain, status
from pages._ui.errors import shown
from pages._ui.guard import require
from pages._ui.room import Room, open_room, when

PAGE_SIZE = 20
PAYLOAD_CHARACTERS = 4_000
EVERYTHING = "Everything"
OPEN_WORDS = {EffectStage.RUNNING: "not ended yet", EffectStage.INTERRUPTED: "interrupted", EffectStage.FAILED: "failed"}
GOOD = (Status.ACKNOWLEDGED, Status.TAIL)


def show_verdict(room: Room, verdict: Verdict) -> None:
    (st.success if verdict.status in GOOD else st.error)(VERDICT_WORDS[verdict.status])
    for log in verdict.logs:
        alias = room.side.origins.get(log.origin, log.origin)
        st.markdown(f"Log of {room.organisation(alias)}: {log.size} entries signed, acknowledged up to {log.acknowledged}.")
    for finding in verdict.findings:
        st.text(f"{finding.code}: {finding.message}")
    st.caption("This says: unchanged since signed, in this order, complete up to what is acknowledged. It does not say that an "
               "entry was true when it was written.")  # fmt: skip


def show_standing(room: Room, standing: LogStanding) -> None:
    with st.container(border=True):
        st.markdown(f"**Log of {room.organisation(standing.alias)}** ({plain(standing.alias)})")
        for alias, upto in standing.cosigned.items():
            st.markdown(f"Acknowledged: {upto} of {standing.size} entries by {room.organisation(alias)}.")
            status("done" if upto == standing.size else "waiting", "Complete" if upto == standing.size else "Behind")
        if standing.note:
            with st.expander("Checkpoint note, signed by this log and countersigned"):
                st.code(standing.note, language=None, wrap_lines=True)
        else:
            st.caption("No checkpoint has been signed yet.")


def heading(room: Room, line: LogLine) -> str:
    """One line, ready for Markdown."""
    mark = f" ({OPEN_WORDS[line.effect]})" if line.effect in OPEN_WORDS else ""
    who = f"{plain(line.user)} ({plain(line.role)})"
    what = f"{plain(KIND_WORDS[line.kind])}: {plain(line.words)}{mark}"
    return f"**{plain(line.alias)} {line.number}** · {when(line.time)} · {who} · {what}"


def show_line(room: Room, line: LogLine) -> None:
    with st.expander(heading(room, line)):
        actor = f"{plain(line.user)} ({plain(line.role)}) of {room.organisation(line.alias)}"
        st.markdown(f"By {actor}, {when(line.time)}")
        if line.effect in OPEN_WORDS:
            status("cannot tell" if line.effect is EffectStage.RUNNING else "blocked", OPEN_WORDS[line.effect].capitalize())
        st.markdown("Acknowledged by the other side." if line.acknowledged else "Not acknowledged by the other side yet.")
        st.caption("Public facts")
        st.code(json.dumps(dict(line.public), ensure_ascii=False, indent=1), language=None, wrap_lines=True)
        if line.payload is None:
            st.caption(f"Payload: {line.withheld}")
        else:
            st.caption("Payload, as this home holds it")
            text = json.dumps(line.payload, ensure_ascii=False, indent=1)
            st.code(text[:PAYLOAD_CHARACTERS], language=None, wrap_lines=True)
            if len(text) > PAYLOAD_CHARACTERS:
                st.caption(f"The first {PAYLOAD_CHARACTERS:,} of {len(text):,} characters.")
        copyable(line.leaf, "Leaf hash")


def show_lines(room: Room, lines: tuple[LogLine, ...]) -> None:
    kinds = [EVERYTHING, *sorted({line.kind for line in lines}, key=lambda kind: KIND_WORDS[kind])]
    chosen = st.selectbox(
        "Kind of entry", kinds, format_func=lambda kind: KIND_WORDS.get(kind, kind), key="log_kind",
        help="Shows entries of one kind; the order and the numbers stay.",
    )  # fmt: skip
    found = [line for line in reversed(lines) if chosen in (EVERYTHING, line.kind)]
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(st.pagination(pages, key=f"log_page_{chosen}") if pages > 1 else 1, pages)
    shown_now = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    first = (page - 1) * PAGE_SIZE + 1
    st.caption(f"{first} to {first + len(shown_now) - 1} of {len(found)}, newest first.")
    for line in shown_now:
        show_line(room, line)


viewer = require(Permission.LOG_READ)
st.title("Log")
room = open_room(viewer)
st.write("Everything that happened in this room, in both organisations' signed logs. Nothing counts that is not here.")
if st.button("Verify both logs", type="primary"):
    with shown(), st.spinner("Verifying every entry from its bytes ..."):
        show_verdict(room, verify_logs(room.side, room.user))
left, right = st.columns(2)
for place, one in zip((left, right), log_standings(room.side, room.user), strict=False):
    with place:
        show_standing(room, one)
entries = read_log(room.side, room.user)
st.header("Entries")
if room.state.open_intents():
    st.warning(f"{len(room.state.open_intents())} begun and not ended yet; they are marked below.", icon=":material/warning:")
if len(entries) <= len(room.side.origins):
    st.info("The logs have just begun. Offers, signatures, publishes, runs, reviews and releases will stand here, each with "
            "who and when. The timeline says who must act first.")  # fmt: skip
show_lines(room, entries)
