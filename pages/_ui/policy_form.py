"""The form of a policy: what is shared of each column, which rows, and what may be asked. Saved as a draft of this side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

import streamlit as st

from cleanroom_core.errors import Problem
from cleanroom_core.policies.form import ColumnRow, RuleRow, Share, Use, column_rows, policy_of, rule_of, rule_rows
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.rule import GRIDS
from cleanroom_core.sql.types import Schema
from cleanroom_core.stories.drafts import draft_policy
from cleanroom_core.stories.publish import PolicyPreview, inspect_source, known_specs
from pages._ui.cards import flash, plain
from pages._ui.errors import shown
from pages._ui.room import Room

TYPES = ("STRING", "BIGINT", "DECIMAL(12,2)", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
GRID, FIELDS = "As a grid", "As single fields"
R = TypeVar("R", ColumnRow, RuleRow)


def edit_policy(room: Room, asset: str, source: str, policy: Policy | None, checked: PolicyPreview | None) -> None:
    """Two forms: columns and rows first, then the rule over what is shared. `checked`: the problems of the saved draft."""
    problems = () if checked is None else checked.problems
    found = inspect_source(room.side, room.user, source, {} if policy is None else {n: str(t) for n, t in policy.types.items()})
    st.caption(f"{plain(source)}: {found.rows:,} rows, {len(found.schema.names)} columns that can be shared.")
    for name, why in found.unusable.items():
        st.caption(f"Not usable: {plain(name)}, {plain(why)}")
    way = st.radio("Edit", (GRID, FIELDS), horizontal=True, key=f"way:{asset}", help="Single fields suit screen readers.")
    columns_form(room, asset, source, policy, found.schema, problems, way)
    if policy is not None and checked is not None:
        rule_form(room, source, policy, checked.schema or Schema(()), problems, way)


def columns_form(
    room: Room, asset: str, source: str, policy: Policy | None, schema: Schema, problems: Sequence[Problem], way: str
) -> None:
    tokens = sorted(known_specs(room.side))
    rows = column_rows(schema, policy)
    options = {"share": tuple(Share), "token": ("", *tokens), "source": ("", *schema.names), "type": _types(rows)}
    with st.form(f"columns:{asset}"):
        st.markdown("**What is shared of each column**")
        edited = _edit(f"columns:{asset}", rows, ColumnRow(""), options, way, _COLUMNS, added=1)
        _problems(problems, "columns", "types")
        row_filter = st.text_area(
            "Which rows (SQL condition, empty for all)", (policy.row_filter if policy else None) or "", key=f"filter:{asset}",
            height=80, placeholder="consent = 'yes'",
        )  # fmt: skip
        _problems(problems, "row_filter")
        sent = st.form_submit_button("Save columns and rows", help="As a draft; nothing is shared.")
    if sent:
        with shown():
            changed = policy_of(asset, room.side.alias, edited, schema, row_filter or "", policy)
            _save(room, changed, source)


def rule_form(room: Room, source: str, policy: Policy, shared: Schema, problems: Sequence[Problem], way: str) -> None:
    rule, asset = policy.rule, policy.asset
    people = [name for name, column in policy.columns.items() if column.token is not None] or list(policy.columns)
    dated = ["", *(name for name in policy.columns if name not in people)]
    with st.form(f"rule:{asset}"):
        st.markdown("**What may be asked**")
        left, right = st.columns(2)
        unit = left.selectbox("People are told apart by", people, index=_at(people, rule.privacy_unit), key=f"unit:{asset}",
                              help="The privacy unit: every figure counts distinct values of it.")  # fmt: skip
        key = right.selectbox("Joined on", people, index=_at(people, rule.join_key), key=f"key:{asset}", help="The join key.")
        options: dict[str, tuple[str, ...]] = {"use": tuple(Use)}
        edited = _edit(f"rule:{asset}", rule_rows(policy, shared), RuleRow(""), options, way, _RULE, fixed=("column",))
        st.caption(f"Labels and cut points with commas. Dates: {', '.join(GRIDS)}. No labels: those published with the table.")
        left, right = st.columns(2)
        period = left.selectbox("Period column", dated, index=_at(dated, rule.period_column or ""), key=f"period:{asset}",
                                help="Each period then counts its own rows only.")  # fmt: skip
        cohort = right.number_input("Minimum cohort, if stricter than the agreement", min_value=2, step=1,
                                    value=rule.minimum_cohort, key=f"cohort:{asset}")  # fmt: skip
        _problems(problems, "rule")
        sent = st.form_submit_button("Save the rule", help="As a draft; nothing is shared.")
    if sent:
        with shown():
            changed = rule_of(edited, shared, unit or "", key or "", period or "", None if cohort is None else int(cohort))
            _save(room, Policy(asset, policy.owner, policy.columns, changed, policy.row_filter, policy.types), source)


def _save(room: Room, policy: Policy, source: str) -> None:
    draft_policy(room.side, room.user, policy, source)
    flash("Draft saved. Nothing is shared yet.")
    st.rerun()


def _at(options: Sequence[str], wanted: str) -> int:
    return options.index(wanted) if wanted in options else 0


def _types(rows: Sequence[ColumnRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("", *TYPES, *(row.type for row in rows))))


def _problems(problems: Sequence[Problem], *places: str) -> None:
    """Under the fields they are about, all at once."""
    for problem in problems:
        if problem.path and problem.path[0] in places:
            where = f"line {problem.line}, column {problem.column}: " if problem.line else ""
            st.error(f"{where}{plain(problem.message)} {plain(problem.hint)}")


_COLUMNS = {
    "source": "Column", "type": "Read as", "share": "Share", "name": "Shared as", "expression": "Expression (SQL)",
    "token": "Token",
}  # fmt: skip
_RULE = {
    "column": "Column", "use": "Use", "labels": "Labels", "dates": "Dates by", "minimum": "Min", "maximum": "Max",
    "bands": "Cut points",
}  # fmt: skip


def _edit(
    key: str, rows: Sequence[R], blank: R, options: dict[str, tuple[str, ...]], way: str, titles: dict[str, str],
    added: int = 0, fixed: tuple[str, ...] = (),
) -> list[R]:  # fmt: skip
    """The rows as somebody left them, in one grid or as single fields."""
    if way == FIELDS:
        return [_fields(key, at, row, options, titles, fixed) for at, row in enumerate([*rows, *[blank] * added])]
    config: dict[str, Any] = {
        name: st.column_config.SelectboxColumn(title, options=list(options[name]), required=False)
        if name in options
        else st.column_config.TextColumn(title)
        for name, title in titles.items()
    }
    edited = st.data_editor(
        [{name: str(value) for name, value in asdict(row).items()} for row in rows] or [asdict(blank)], key=f"grid:{key}",
        hide_index=True, num_rows="dynamic" if added else "fixed", column_config=config, column_order=list(titles),
        disabled=list(fixed), alt=f"Grid: {', '.join(titles.values())}. Choose single fields above to edit without a grid",
    )  # fmt: skip
    return [row for row in (_typed(blank, record) for record in edited) if row != blank]


def _fields(
    key: str, at: int, row: R, options: dict[str, tuple[str, ...]], titles: dict[str, str], fixed: tuple[str, ...]
) -> R:
    found: dict[str, Any] = {}
    name = next(iter(asdict(row).values())) or "a further column"
    with st.expander(f"{plain(str(name))}: {plain(str(getattr(row, 'share', getattr(row, 'use', ''))))}"):
        for field in fields(row):
            value, label = str(getattr(row, field.name)), f"{titles[field.name]} ({name})"
            if field.name in fixed:
                found[field.name] = value
            elif field.name in options:
                choices = list(options[field.name])
                found[field.name] = st.selectbox(label, choices, index=_at(choices, value), key=f"{key}:{at}:{field.name}")
            else:
                found[field.name] = st.text_input(label, value, key=f"{key}:{at}:{field.name}")
    return _typed(row, found)


def _typed(like: R, record: dict[str, Any]) -> R:
    values = {name: str(value or "") for name, value in record.items()}
    if isinstance(like, ColumnRow):
        return ColumnRow(**{**values, "share": Share(values.get("share") or Share.OUT)})  # type: ignore[return-value]
    return RuleRow(**{**values, "use": Use(values.get("use") or Use.NONE)})  # type: ignore[return-value]
