"""What a template would cost the own tables, before anybody signs: measured on click, for those who may see own figures."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.estimate import ChoiceCost, Cost, Estimate, estimate_template
from pages._ui.cards import plain
from pages._ui.errors import shown
from pages._ui.room import Room
from pages._ui.tables import show_table

_KEPT = "_estimate"  # digest of the newest template measured in this tab, and what was found


def show_costs(room: Room, templates: Mapping[str, Template], place: str) -> None:
    """`place`: where on the page, for the widgets' keys. Nothing for those who may not see own figures."""
    if not templates or not room.may(Permission.PLAN_ESTIMATE):
        return
    with st.container(border=True):
        st.markdown("**What it would cost your own tables**")
        name = next(iter(templates))
        if len(templates) > 1:
            name = st.selectbox("Template", list(templates), key=f"{place}_cost_of")
        template = templates[name]
        digest = text_hash(template.as_json())
        if st.button("Measure on our tables", key=f"{place}_cost", help="Own tables only. That you looked goes on record."):
            with shown(), st.spinner("Counting in the own tables ..."):
                st.session_state[_KEPT] = (digest, estimate_template(room.side, room.user, template))
        known, found = st.session_state.get(_KEPT, ("", ()))
        if known != digest:
            st.caption("Counts the cells of this question in your own share-safe tables, before the other side's are joined.")
            return
        if not found:
            st.markdown("It reads none of your tables, so it costs them nothing.")
        others = " and ".join(room.organisation(alias) for alias in room.side.collaborators if alias != room.alias)
        for one in found:
            draw(one, others)


def draw(found: Estimate, others: str) -> None:
    """One own table. `others`: the other side's name, ready for Markdown."""
    about = f"{found.people:,} people or a few more" if found.people is not None else f"fewer than {found.minimum} people"
    asked = "Of the parameter choices the largest is about" if len(found.each) > 1 else "It is about"
    st.markdown(f"**{plain(found.asset)}**: {asked} {about}. {_said(found.minimum, found.together)}")
    if found.keys:
        st.caption(
            f"Columns of {others} can split these cells further; joined rows are counted only once the plan is computed."
        )
    for collision in found.collisions:
        name = "several earlier templates together" if collision.template is None else plain(collision.template)
        cells = f"{collision.withheld:,} more cell{'s' if collision.withheld != 1 else ''}"
        st.warning(f"It collides with **{name}**: {cells} would stay back, because a difference would tell of too few people.")
    if found.unchecked is not None:
        st.caption(f"Not checked against other templates: {plain(found.unchecked)}")
    if len(found.each) > 1:
        rows = [(_choice(one), *_figures(one.cost)) for one in found.each]
        names = ("choice", "combinations", "with enough people", "of them held back", "rows kept")
        show_table(names, rows, alt=f"What each parameter choice costs {found.asset}")
    if found.suggestions:
        lines = [f"- {plain(one.change)}: {_said(found.minimum, one.cost)}" for one in found.suggestions]
        st.markdown("\n".join(["What would keep more, measured:", "", *lines]))


def _said(minimum: int, cost: Cost) -> str:
    """Not shown is not shown: whether such a combination has nobody or too few is never told."""
    several = f"{cost.reached:,}" if cost.cells is None else f"{cost.reached:,} of {cost.cells:,}"
    said = f"{several} combinations of its labels have {minimum} people or more"
    if cost.cells == 1:
        said = f"Its one cell has {'' if cost.reached else 'not '}{minimum} people or more"
    if cost.withheld:
        said += f", and {cost.withheld:,} of them would stay back so that no difference of figures tells of fewer"
    return f"{said}; what shows holds {cost.kept} % of the rows asked about."


def _choice(one: ChoiceCost) -> str:
    chosen = ", ".join(f"{name} = {value}" for name, value in one.parameters.items())
    condition = f"condition {one.condition}" if one.condition else ""
    return "; ".join(text for text in (chosen, condition) if text) or "the question itself"


def _figures(cost: Cost) -> tuple[str, str, str, str]:
    cells = "not known" if cost.cells is None else f"{cost.cells:,}"
    return cells, f"{cost.reached:,}", f"{cost.withheld:,}", f"{cost.kept} %"
