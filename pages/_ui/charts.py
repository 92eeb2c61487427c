"""Charts of released segments: Altair, colours left to the theme, every axis named, and a text that says the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import streamlit as st

LONGEST = 26  # characters of a label on the axis; the table under the chart has it whole


@dataclass(frozen=True)
class Bars:
    """`segments`: label, colour label or None, figure; a figure that is text ("fewer than 3") or missing has no bar."""

    title: str
    segment: str
    figure: str
    unit: str
    colour: str | None
    segments: Sequence[tuple[str, str | None, Any]]

    @property
    def drawn(self) -> list[dict[str, Any]]:
        return [
            {"segment": label, "colour": colour, "figure": float(value)}
            for label, colour, value in self.segments
            if isinstance(value, Decimal | int) and not isinstance(value, bool)
        ]

    @property
    def axis(self) -> str:
        return f"{self.figure} ({self.unit})" if self.unit else self.figure

    @property
    def alt(self) -> str:
        drawn = self.drawn
        by = f" and {self.colour}" if self.colour else ""
        said = f"Bar chart: {self.axis} by {self.segment}{by}, {len(drawn)} bars."
        if drawn:
            low, high = (pick(drawn, key=lambda bar: bar["figure"]) for pick in (min, max))
            said += f" Lowest {low['figure']:.4g} for {_named(low)}, highest {high['figure']:.4g} for {_named(high)}."
        return said + " The table under it has every figure."


def _named(bar: dict[str, Any]) -> str:
    return bar["segment"] if bar["colour"] is None else f"{bar['segment']}, {bar['colour']}"


def show_bars(bars: Bars) -> None:
    """Horizontal bars: labels read without turning the head, on a telephone too."""
    import altair as alt

    if not bars.drawn:
        st.info("No segment has a figure that can be drawn; the table shows what was released.")
        return
    encoding: dict[str, Any] = {
        "y": alt.Y("segment:N", title=bars.segment, sort=None, axis=alt.Axis(labelAngle=0, labelLimit=LONGEST * 7)),
        "x": alt.X("figure:Q", title=bars.axis, axis=alt.Axis(labelAngle=0)),
        "tooltip": [
            alt.Tooltip("segment:N", title=bars.segment),
            *([alt.Tooltip("colour:N", title=bars.colour)] if bars.colour else []),
            alt.Tooltip("figure:Q", title=bars.axis, format=".6~g"),
        ],
    }
    if bars.colour:
        encoding["color"] = alt.Color("colour:N", title=bars.colour, sort=None, legend=alt.Legend(orient="bottom"))
        encoding["yOffset"] = alt.YOffset("colour:N", sort=None)
    chart = alt.Chart(alt.InlineData(values=bars.drawn)).mark_bar().encode(**encoding).properties(title=bars.title)
    st.altair_chart(chart, alt=bars.alt, theme="streamlit")
