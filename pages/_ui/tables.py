"""Figures and facts as tables. Text in `st.table` is Markdown to Streamlit, so every cell goes through `plain` first."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from pages._ui.cards import plain

LONG = 60  # rows, and
WIDE = 3  # columns: more scroll in a grid, which the keyboard reaches; a plain table would scroll for a mouse only
PLACES = 4


def show_table(names: Sequence[str], rows: Sequence[Sequence[Any]], alt: str) -> None:
    """Rows under their names. `alt` says in words what the table holds."""
    columns = {name: [_cell(row[at]) for row in rows] for at, name in enumerate(names)}
    if len(rows) > LONG or len(names) > WIDE:
        st.dataframe(columns, hide_index=True, alt=alt)
        return
    st.table(
        {plain(name): [plain(value) for value in values] for name, values in columns.items()},
        hide_index=True, border="horizontal", alt=alt,
    )  # fmt: skip


def _cell(value: Any) -> str:
    """As people read it: four decimals; nothing where there is no value."""
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:,.{PLACES}f}".rstrip("0").rstrip(".") if value != value.to_integral_value() else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
