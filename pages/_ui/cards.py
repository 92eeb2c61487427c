"""Small shared parts of pages. Text that somebody else wrote goes through `plain`, `st.text` or `st.code`, nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

# What Markdown, or Streamlit's additions to it (`:red[`, `$`), take for more than itself; some at a line's start only.
_ACTIVE = re.compile(r"[\\`*_\[\]<>~$#|&!]|:(?=\w)|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]|(?<=^\d\d\d)[.)]")

type_of_status = Literal["done", "your turn", "waiting", "blocked", "not yet", "cannot tell"]
_COLOURS: dict[str, Literal["green", "blue", "orange", "red", "gray"]] = {
    "done": "green", "your turn": "blue", "waiting": "orange", "blocked": "red", "not yet": "gray", "cannot tell": "gray",
}  # fmt: skip


def plain(text: str) -> str:
    """Text of others for use inside Markdown: every character stands for itself (CommonMark 2.4), on one line."""
    return _ACTIVE.sub(r"\\\g<0>", " ".join(text.split()))


def status(state: type_of_status, text: str | None = None) -> None:
    """A badge that says its state in words; the colour only repeats it."""
    st.badge(plain(text or state.capitalize()), color=_COLOURS[state])


def copyable(text: str, label: str | None = None) -> None:
    """An id, a command or a digest with a copy button."""
    if label:
        st.caption(plain(label))
    st.code(text, language=None, wrap_lines=True)


def moment(at: datetime) -> str:
    """A time in the viewer's zone with UTC beside it: `22 Nov 2026, 18:06 (17:06 UTC)`."""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    there, utc = at.astimezone(zone), at.astimezone(UTC)
    if there.utcoffset() == utc.utcoffset():
        return f"{utc:%-d %b %Y, %H:%M} UTC"
    return f"{there:%-d %b %Y, %H:%M} ({utc:%H:%M} UTC)"


def flash(text: str) -> None:
    """A short notice about the viewer's own act, shown once at the top of the next run (so it survives `st.rerun`)."""
    st.session_state.setdefault("_flash", []).append(text)


def show_flashes() -> None:
    for text in st.session_state.pop("_flash", []):
        st.toast(plain(text))
