"""What the guard says of a text: which clause stands in the way, whose it is, where in the text, and what would pass."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cleanroom_core.guard.finding import ROOM, Finding
from pages._ui.cards import plain
from pages._ui.room import Room

NEAR = 36  # characters of the text that fit beside each other on a telephone


def show_findings(room: Room, sql: str, findings: Sequence[Finding]) -> None:
    count = f"{len(findings)} clause{'s' if len(findings) > 1 else ''} in the way"
    st.warning(f"Refused: {count}. Nothing was computed.")
    for finding in findings:
        with st.container(border=True):
            st.markdown(f"**{plain(finding.message)}**")
            if (marked := excerpt(sql, finding.line, finding.column)) is not None:
                st.code(marked, language=None, wrap_lines=True)
            st.markdown(f"What would pass: {plain(finding.hint)}")
            if finding.suggestion:
                st.code(finding.suggestion, language=None, wrap_lines=True)
            st.caption(f"{plain(finding.code)} · clause {plain(finding.clause)} · {_owner(room, finding.owner)}")


def _owner(room: Room, owner: str) -> str:
    if owner == ROOM:
        return "a rule of every clean room, nobody can change it"
    return "owned by both sides" if owner == "both" else f"owned by {room.organisation(owner)}"


def excerpt(text: str, line: int | None, column: int | None) -> str | None:
    """The line, or what is near the place of a long one, with a mark under it; None where the text as a whole is meant."""
    lines = text.splitlines()
    if line is None or not 1 <= line <= len(lines):
        return None
    shown, at = lines[line - 1].replace("\t", " "), (column or 1) - 1
    start = max(0, at - NEAR // 3) if len(shown) > NEAR else 0
    part = shown[start : start + NEAR]
    place = f"line {line}" if column is None else f"line {line}, column {column}"
    return f"{place}\n{part}" if column is None else f"{place}\n{part}\n{' ' * (at - start)}^"
