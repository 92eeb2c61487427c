"""The same sample rows three times: the owner's by shape, the steward's with what is dropped, exactly the partner's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from cleanroom_core.engines.protocol import Preview
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.policies.policy import Policy
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.publish import PolicyPreview, preview_policy, see_raw
from pages._ui.cards import plain
from pages._ui.room import Room

_KEPT = "_preview"
DROPPED = "dropped by the filter"
LONG = 30


@dataclass(frozen=True)
class Views:
    """What may stay in a tab: shapes and shared rows, never a raw value. `shared`: None where the filter drops the row."""

    of: str
    names: tuple[str, ...]
    shapes: tuple[tuple[Any, ...], ...]
    shared_names: tuple[str, ...]
    shared: tuple[tuple[Any, ...] | None, ...]
    rows: int
    counts: dict[str, int]
    select: str


def views_of(of: str, preview: PolicyPreview, sample: Preview) -> Views:
    return Views(
        of=of,
        names=sample.source.names,
        shapes=sample.raw,
        shared_names=() if preview.schema is None else preview.schema.names,
        shared=sample.shared,
        rows=sample.rows,
        counts=dict(sample.counts),
        select=preview.select,
    )


def identity(policy: Policy, source: str) -> str:
    return text_hash({"policy": policy.as_json(), "source": source})


def kept(policy: Policy, source: str) -> Views | None:
    """The preview of exactly this policy, if this tab has made it."""
    found = st.session_state.get(_KEPT)
    return found if isinstance(found, Views) and found.of == identity(policy, source) else None


def make(room: Room, policy: Policy, source: str) -> Views | None:
    with st.spinner("Filtering, tokenising and counting; about ten seconds for a million rows ..."):
        preview = preview_policy(room.side, room.user, policy, source)
    if preview.sample is None:
        return None
    st.session_state[_KEPT] = views = views_of(identity(policy, source), preview, preview.sample)
    return views


def show(room: Room, policy: Policy, source: str, views: Views) -> None:
    """Three views of the same rows, what the filter drops, rows without a token, and the SELECT."""
    partner = " and ".join(room.organisation(alias) for alias in room.side.collaborators if alias != room.alias)
    owner, steward, other = st.columns(3)
    with owner:
        st.markdown("**Owner**: the raw row, its shape only")
        _grid(views.names, views.shapes, "Shapes of the raw sample rows: digits as 9, letters as x")
    with steward:
        st.markdown("**Steward**: what becomes of it")
        rows = [("shared", *row) if row else (DROPPED, *("" for _ in views.shared_names)) for row in views.shared]
        _grid(("outcome", *views.shared_names), rows, "What is shared of each sample row, or that the filter drops it")
    with other:
        st.markdown(f"**Partner**: exactly what {partner} gets")
        numbers = [number for number, row in enumerate(views.shared, 1) if row]
        _grid(views.shared_names, [row for row in views.shared if row], "The shared rows as the partner gets them", numbers)
    st.markdown(counted(views))
    raw(room, policy, source, views)
    with st.expander("The exact SELECT"):
        st.code(views.select, language=None, wrap_lines=True)


def counted(views: Views) -> str:
    dropped = views.counts.get("dropped", 0)
    said = f"{views.rows:,} rows in the table. The filter drops {dropped:,}, so {views.rows - dropped:,} are shared."
    for name, count in views.counts.items():
        if name.startswith("untokened."):
            said += f" {count:,} of them have no {plain(name.removeprefix('untokened.'))}: the identifier is empty or invalid."
    return said


def raw(room: Room, policy: Policy, source: str, views: Views) -> None:
    """Raw values of the own table: on click, for its steward, after that went on record; gone at the next click."""
    if not room.may(Permission.POLICY_RAW):
        st.caption(f"Raw values are shown to {room.who_may(Permission.POLICY_RAW)} only, and each look is logged.")
        return
    if not st.button("Show raw values", help="Your own table only. That you looked goes on record."):
        return
    with st.spinner("Reading ..."):
        rows = see_raw(room.side, room.user, policy, source)
    st.markdown("**Raw rows.** That you looked is on record; they are gone at your next click.")
    _grid(views.names, rows, "Raw sample rows of the own table")


def _grid(names: tuple[str, ...], rows: Any, alt: str, numbers: list[int] | None = None) -> None:
    """A grid that scrolls by itself; `row` has the same number in each view."""
    numbers = list(range(1, len(rows) + 1)) if numbers is None else numbers
    columns: dict[str, list[Any]] = {"row": numbers}
    columns |= {name: ["" if row[at] is None else str(row[at]) for row in rows] for at, name in enumerate(names)}
    long = [name for name, cells in columns.items() if any(len(str(cell)) > LONG for cell in cells)]
    narrow = {name: st.column_config.TextColumn(width="small") for name in long}  # tokens would push the rest out of sight
    st.dataframe(columns, hide_index=True, alt=alt, column_config=narrow)
