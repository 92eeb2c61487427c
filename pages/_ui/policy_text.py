"""A policy for people who did not write it: what is shared of which column, and what may be asked."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.policies.policy import ColumnPolicy, Policy
from cleanroom_core.policies.rule import AnalysisRule, Dimension, Measure
from cleanroom_core.rooms.state import PolicyState
from pages._ui.cards import copyable, plain, status
from pages._ui.room import Room
from pages._ui.tables import show_table


def show_policy(room: Room, state: PolicyState) -> None:
    """One policy on record, folded away under its name."""
    policy = state.policy
    with st.expander(f"{plain(policy.qualified)}, version {state.version}"):
        if state.publishing:
            status("waiting", "Being published")
        else:
            status("done" if state.published else "waiting", "Published" if state.published else "Said, not published yet")
        st.markdown(f"Said by {room.said(state.by)}.")
        read_policy(policy)
        copyable(state.policy_hash, "SHA-256 of the exact policy")


def read_policy(policy: Policy) -> None:
    st.markdown("Every row is shared." if policy.row_filter is None else "Rows are shared for which this is true:")
    if policy.row_filter is not None:
        st.code(policy.row_filter, language=None, wrap_lines=True)
    columns = [[name, _how(column), _use(policy.rule, name)] for name, column in policy.columns.items()]
    show_table(("Shared column", "How", "May be asked"), columns, alt=f"Columns of {policy.qualified}")
    for name, column in policy.columns.items():
        if column.expression is not None:
            copyable(column.expression, f"Expression of {name}")
    rule = policy.rule
    cohort = f", at least {rule.minimum_cohort} people in every figure" if rule.minimum_cohort else ""
    period = f" Each period counts its own rows, by {plain(rule.period_column)}." if rule.period_column else ""
    st.markdown(f"People are told apart by {plain(rule.privacy_unit)} and joined on {plain(rule.join_key)}{cohort}.{period}")


def _how(column: ColumnPolicy) -> str:
    if column.token is not None:
        return f"token {column.token} of {column.source}"
    return "as it is" if column.expression is None else "expression"


def _use(rule: AnalysisRule, name: str) -> str:
    if name in (rule.privacy_unit, rule.join_key):
        return "joins and counts people only"
    if name in rule.dimensions:
        return _dimension(rule.dimensions[name])
    if name in rule.measures:
        return _measure(rule.measures[name])
    return "counted only" if name in rule.counted else "nothing"


def _dimension(dimension: Dimension) -> str:
    if dimension.dates:
        return f"grouped by {', '.join(dimension.dates)}"
    return "grouped by" + ("" if dimension.domain is None else f": {', '.join(map(str, dimension.domain))}")


def _measure(measure: Measure) -> str:
    bands = f", cut at {', '.join(measure.bands)}" if measure.bands else ""
    return f"summed and averaged, {measure.min} to {measure.max}{bands}"
