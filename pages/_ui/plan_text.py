"""A plan's text for people: each template with who gets it, who keeps it, its parameters and its SQL; and what changes."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.guard.parameter_text import write_parameters
from cleanroom_core.rooms.state import PlanText
from cleanroom_core.rooms.texts import text_hash
from pages._ui.cards import plain
from pages._ui.room import Room


def show_templates(room: Room, text: PlanText, opened: bool) -> None:
    computed = {result.basis: result.verdict.value for result in room.state.results}
    for name, planned in sorted(text.templates.items()):
        template = planned.template
        choices = sum(1 for _ in template.choices())
        outcome = computed.get(text_hash(text.basis(name)), "not computed")
        with st.expander(f"{plain(name)}: {plain(outcome)}", expanded=opened):
            st.markdown(
                f"Result for **{room.organisation(template.receiver)}**, purpose **{plain(template.purpose)}**. "
                f"Reads {plain(', '.join(planned.assets))}. {room.organisation(planned.custodian)} computes it and keeps the "
                f"figures until release. {choices} sheet{'s' if choices != 1 else ''}."
            )
            st.code(template.sql.strip(), language=None, wrap_lines=True)
            if template.parameters:
                st.caption("Parameters, every value known in advance")
                st.code(write_parameters(template.parameters), language=None)


def show_changes(before: PlanText | None, after: PlanText) -> None:
    """Against the plan in force, in words; nothing when there is none yet."""
    if before is None:
        return
    old, new = before.templates, after.templates
    lines = [f"New: {plain(name)}" for name in sorted(new.keys() - old.keys())]
    lines += [f"Dropped: {plain(name)}" for name in sorted(old.keys() - new.keys())]
    lines += [f"Changed: {plain(name)}" for name in sorted(new.keys() & old.keys()) if new[name] != old[name]]
    lines += ["New terms of the agreement"] if before.agreement != after.agreement else []
    lines += [
        f"New policy: {plain(asset)}"
        for asset in sorted(after.policies)
        if asset in before.policies and before.policies[asset] != after.policies[asset]
    ]
    st.markdown("**Against the plan in force**")
    st.markdown("\n".join(f"- {line}" for line in lines) or "- The same questions in the same words.")
