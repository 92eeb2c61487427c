"""What the guard says of a text: which clause stands in the way, whose it is, where in the text, and what would pass."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cleanroom_core.guard.finding import ROOM, Finding
from pages._ui.cards import plain
from pages._ui.room import Room


def show_findings(room: Room, sql: str, findings: Sequence[Finding]) -> None:
    count = f"{len(findings)} clause{'s' if len(findings) > 1 else ''} in the way"
    st.warning(f"Refused: {count}. Nothing was computed.")
    for finding in findings:
        with st.container(border=True):
            st.markdown(f"**{plain(finding.message)}**")
            if (marked := excerpt(sql, finding.line, finding.column)) is not None:
                st.code(marked, language=None)
            st.markdown(f"What would pass: {plain(finding.hint)}")
            st.caption(f"{plain(finding.code)} · clause {plain(finding.clause)} · {_owner(room, finding.owner)}")


def _owner(room: Room, owner: str) -> str:
    if owner == ROOM:
        return "a rule of every clean room, nobody can change it"
    return "owned by both sides" if owner == "both" else f"owned by {room.organisation(owner)}"


def excerpt(text: str, line: int | None, column: int | None) -> str | None:
    """The line with a mark under the place; None where the text as a whole is meant."""
    lines = text.splitlines()
    if line is None or not 1 <= line <= len(lines):
        return None
    head = f"line {line}: "
    shown = lines[line - 1].replace("\t", " ")
    return f"{head}{shown}" if column is None else f"{head}{shown}\n{' ' * (len(head) + column - 1)}^ column {column}"
