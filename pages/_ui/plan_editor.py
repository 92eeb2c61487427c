"""The editor that proposes a template: the guard's verdict stands before anything is proposed, let alone run."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cleanroom_core.guard.parameter_text import read_parameters, write_parameters
from cleanroom_core.guard.template import Template
from cleanroom_core.guard.verdict import Verdict
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.sql.names import checked_name
from cleanroom_core.stories.drafts import draft_template, read_draft
from cleanroom_core.stories.plan import explain
from pages._ui.cards import plain
from pages._ui.errors import shown
from pages._ui.estimate import show_costs
from pages._ui.findings import show_findings
from pages._ui.guard import action
from pages._ui.room import Room

NEW = "A new template"
_JUDGED = "_judged_template"


def editor(room: Room, propose: Callable[..., None]) -> None:
    """`propose(viewer, templates)` proposes a list of templates."""
    st.header("Ask something new")
    if not room.may(Permission.PLAN_PROPOSE):
        st.caption(f"Templates are proposed by {room.who_may(Permission.PLAN_PROPOSE)}.")
        return
    known = _known(room)
    start = st.selectbox("Start from", [NEW, *known], key="editor_start", help="A template with the same name is replaced.")
    template = _form(room, start, known.get(start))
    if template is not None:
        st.session_state[_JUDGED] = template.as_json()
    if _JUDGED not in st.session_state:
        return
    judged = Template.from_json(st.session_state[_JUDGED])
    verdict = explain(room.side, room.user, judged)
    st.markdown(f"**Verdict on {plain(judged.name)}**")
    if not verdict.ok:
        show_findings(room, judged.sql, verdict.findings)
        return
    _passed(verdict)
    show_costs(room, {judged.name: judged}, "editor")
    st.button(
        "Propose this template", key="editor_propose", on_click=action(Permission.PLAN_PROPOSE, propose), args=([judged],),
        help="The plan in force and any open proposal are kept, with this template added; signatures start anew.",
    )  # fmt: skip


def _known(room: Room) -> dict[str, Template]:
    found = dict(read_draft(room.side).templates)
    for plan in (room.state.plan_in_force, room.state.plan):
        found |= {} if plan is None else {name: planned.template for name, planned in plan.text.templates.items()}
    return dict(sorted(found.items()))


def _form(room: Room, start: str, given: Template | None) -> Template | None:
    """The fields; a Template once they were sent and can be one. It is kept as a draft of this side."""
    agreement = room.state.agreement_in_force
    purposes = () if agreement is None else agreement.terms.purposes
    sides = list(room.side.collaborators)
    with st.form(f"editor:{start}"):
        left, middle, right = st.columns(3)
        name = left.text_input("Name", given.name if given else "", key=f"editor:{start}:name", max_chars=63)
        receiver = middle.selectbox(
            "Who gets the result", sides, index=sides.index(given.receiver) if given and given.receiver in sides else 0,
            format_func=lambda alias: room.side.collaborators[alias], key=f"editor:{start}:receiver",
        )  # fmt: skip
        purpose = right.selectbox(
            "Purpose", purposes, index=purposes.index(given.purpose) if given and given.purpose in purposes else 0,
            key=f"editor:{start}:purpose", help="One the agreement allows.",
        )  # fmt: skip
        sql = st.text_area(
            "Question in SQL", given.sql if given else "", key=f"editor:{start}:sql", height=220,
            placeholder="SELECT t.dimension, count(*) AS n FROM side.table t JOIN ... ON ... GROUP BY t.dimension",
        )  # fmt: skip
        parameters = st.text_area(
            "Parameters", write_parameters(given.parameters) if given else "", key=f"editor:{start}:parameters", height=80,
            help="One line each, with every value it may take: flag: 0, 1. In the SQL it is :flag.",
        )  # fmt: skip
        sent = st.form_submit_button("Show the verdict", help="Nothing is run.")
    if not sent:
        return None
    with shown():
        template = Template(
            checked_name(name or "", "a template"), receiver or "", purpose or "", sql or "", read_parameters(parameters or "")
        )
        draft_template(room.side, room.user, template)
        return template
    return None


def _passed(verdict: Verdict) -> None:
    count = len(verdict.sheets)
    st.success(f"The guard lets it pass: {count} sheet{'s' if count != 1 else ''}, one for each parameter choice.")
    with st.expander("What would run, written by the guard"):
        for sheet in verdict.sheets[:3]:
            for part in sheet.parts:
                st.code(part.query.render("duckdb"), language=None, wrap_lines=True)
        if count > 3:
            st.caption(f"and {count - 3} more of the same shape")
