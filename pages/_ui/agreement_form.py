"""The form of an agreement: one field for each clause, each with what it means; every problem stands at its field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import streamlit as st

from cleanroom_core.agreements.fields import AT_END_THINGS, TermsFields
from cleanroom_core.agreements.terms import AT_END, PERIODS, AgreementTerms
from pages._ui.cards import plain

_BASE, _PROBLEMS = "_agreement_base", "_agreement_problems"
_AT_END_WORDS = {"outputs": "Outputs", "share_tables": "Share-safe tables", "tokens": "Tokens"}


def begin_form(base: AgreementTerms | None, name: str, today: date) -> None:
    """Fill the fields from `base` when another text is edited than before; what somebody typed meanwhile is kept.

    Streamlit forgets fields once another page was drawn: after that they are filled anew too.
    """
    if st.session_state.get(_BASE) == name and "terms_purposes" in st.session_state:
        return
    st.session_state[_BASE] = name
    st.session_state.pop(_PROBLEMS, None)
    fields = TermsFields("", 100, 3, 10, "month", "both", None) if base is None else TermsFields.of(base)
    for field in ("purposes", "minimum_cohort", "numerator_minimum", "dominance_percent", "period", "output_owner", "ends_on"):
        st.session_state[f"terms_{field}"] = getattr(fields, field)
    for thing in AT_END_THINGS:
        st.session_state[f"terms_at_end_{thing}"] = fields.at_end.get(thing, "delete")
    for alias, contact in fields.contacts.items():
        st.session_state[f"terms_contact_{alias}"] = contact


def problems_of(problems: Mapping[str, str]) -> None:
    """Keep the problems for the next drawing of the form, at their fields."""
    before = st.session_state.get(_PROBLEMS, {})
    st.session_state[_PROBLEMS] = dict(problems)
    if dict(problems) != before:
        st.rerun()


def agreement_form(collaborators: Mapping[str, str], primary: bool) -> TermsFields | None:
    """What was typed, when it was sent."""
    problems: Mapping[str, str] = st.session_state.get(_PROBLEMS, {})

    def problem(field: str) -> None:
        if field in problems:
            st.error(plain(problems[field]), icon=":material/warning:")

    if problems:
        count = "1 field needs a change" if len(problems) == 1 else f"{len(problems)} fields need a change"
        st.error(f"{count}; each says which.", icon=":material/warning:")
    with st.form("agreement", border=True):
        purposes = st.text_area(
            "Purposes, one a line", key="terms_purposes",
            help="What the joined data may be used for. Every query names one of them, and no other purpose is computed.",
        )  # fmt: skip
        problem("purposes")
        left, right = st.columns(2)
        with left:
            cohort = st.number_input(
                "Minimum cohort", step=1, key="terms_minimum_cohort",
                help="How many distinct people, on each side, stand behind every released figure. 100 is usual.",
            )  # fmt: skip
            problem("minimum_cohort")
            dominance = st.number_input(
                "Dominance, percent", step=1, key="terms_dominance_percent",
                help="The p % rule: a sum is withheld if somebody in it could be estimated to within this percentage.",
            )  # fmt: skip
            problem("dominance_percent")
            owner = st.selectbox(
                "Output owner", ["both", *collaborators], key="terms_output_owner",
                format_func=lambda alias: "Both sides" if alias == "both" else f"{collaborators.get(alias, alias)} ({alias})",
                help="Whose property released figures are.",
            )  # fmt: skip
            problem("output_owner")
        with right:
            numerator = st.number_input(
                "Numerator minimum", step=1, key="terms_numerator_minimum",
                help="A count of people smaller than this, or of all but so few, is shown as fewer than this. 3 is usual.",
            )  # fmt: skip
            problem("numerator_minimum")
            period = st.selectbox(
                "Period", PERIODS, key="terms_period",
                help="How often the release plan is computed anew.",
            )  # fmt: skip
            problem("period")
            ends_on = st.date_input(
                "Ends on", key="terms_ends_on", format="YYYY-MM-DD", max_value=date(9999, 12, 31),
                help="The last day on which anything is computed or released.",
            )  # fmt: skip
            problem("ends_on")
        at_end = {}
        for column, thing in zip(st.columns(len(AT_END_THINGS)), AT_END_THINGS, strict=True):
            with column:
                at_end[thing] = st.selectbox(
                    f"At the end: {_AT_END_WORDS[thing].lower()}", AT_END, key=f"terms_at_end_{thing}",
                    help="What happens to them when the agreement ends.",
                )  # fmt: skip
        problem("at_end")
        contacts = {
            alias: st.text_input(
                f"Contact of {plain(name)}", key=f"terms_contact_{alias}", max_chars=200,
                help="Who answers for this side: a person or an office. Leave it empty to name nobody.",
            )
            for alias, name in collaborators.items()
        }  # fmt: skip
        problem("contacts")
        sent = st.form_submit_button("Show what would be offered", type="primary" if primary else "secondary")
    if not sent:
        return None
    return TermsFields(purposes, cohort, numerator, dominance, period, owner, ends_on, at_end, contacts)
