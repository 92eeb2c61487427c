"""A policy as rows of a form and back: nothing is lost, and every row that is no column is named at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cleanroom_core.errors import PolicyError
from cleanroom_core.policies.form import ColumnRow, RuleRow, Share, Use, column_rows, policy_of, rule_of, rule_rows
from cleanroom_core.policies.policy import Policy
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DATE, STRING, Column, Schema, SqlType

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SOURCE = Schema((Column("id", STRING), Column("city", STRING), Column("odd name", STRING), Column("flag", BOOLEAN)))


def shared_schema(policy: Policy) -> Schema:
    """Good enough for labels: a column whose domain is whole numbers is one."""
    dimensions = policy.rule.dimensions
    kinds = {name: type(next(iter(found.domain or ("",)))) for name, found in dimensions.items()}
    types = {str: STRING, int: BIGINT, bool: BOOLEAN}
    return Schema(tuple(Column(name, types[kinds.get(name, str)]) for name in policy.columns))


@pytest.mark.parametrize("example", ["banks", "hospital"])
def test_every_policy_of_the_examples_survives_the_form(example: str) -> None:
    for policy in read_room_file(EXAMPLES / example / "room.yaml", need_data=False).policies.values():
        names = [column.source or name for name, column in policy.columns.items()]
        found = {name: policy.types.get(name, STRING) for name in [*names, *policy.types]}
        source = Schema((*(Column(name, type_) for name, type_ in found.items()), Column("left_out", DATE)))
        rows = column_rows(source, policy)
        assert {row.source for row in rows if row.share is Share.OUT} >= {"left_out"}
        again = policy_of(policy.asset, policy.owner, rows, source, policy.row_filter or "", policy)
        assert again.as_json() == policy.as_json()
        shared = shared_schema(policy)
        rule = policy.rule
        read = rule_of(
            rule_rows(policy, shared), shared, rule.privacy_unit, rule.join_key, rule.period_column or "", rule.minimum_cohort
        )
        assert read == rule


def test_a_new_policy_counts_people_by_its_first_token() -> None:
    rows = [ColumnRow("id", "STRING", Share.TOKEN, "who", token="card"), ColumnRow("city", "STRING", Share.AS_IS)]
    policy = policy_of("people", "north", rows, SOURCE, "  ", None)
    assert (policy.rule.privacy_unit, policy.rule.join_key, policy.row_filter) == ("who", "who", None)
    assert list(policy.columns) == ["who", "city"]


def test_another_name_for_a_column_is_an_expression() -> None:
    rows = [ColumnRow("city", "STRING", Share.AS_IS, "town"), ColumnRow("odd name", "STRING", Share.AS_IS, "odd")]
    policy = policy_of("people", "north", rows, SOURCE, "", None)
    assert [column.expression for column in policy.columns.values()] == ["city", "`odd name`"]


def test_a_type_somebody_changes_is_named_in_the_policy() -> None:
    rows = [ColumnRow("city", "bigint", Share.AS_IS, "city"), ColumnRow("id", "string")]
    assert policy_of("people", "north", rows, SOURCE, "", None).types == {"city": SqlType.parse("bigint")}


def test_all_mistakes_are_named_at_once() -> None:
    rows = [
        ColumnRow("id", "STRING", Share.TOKEN, "who"),
        ColumnRow("city", "STRING", Share.EXPRESSION, "city"),
        ColumnRow("", "", Share.AS_IS, "nothing"),
        ColumnRow("city", "STRING", Share.AS_IS, "city"),
        ColumnRow("flag", "colour", Share.OUT),
    ]
    with pytest.raises(PolicyError) as caught:
        policy_of("people", "north", rows, SOURCE, "", None)
    places = [problem.path for problem in caught.value.problems]
    assert places == [
        ("columns", "who"), ("columns", "city"), ("columns", "nothing"), ("columns", "city"), ("types", "flag"),
    ]  # fmt: skip
    with pytest.raises(PolicyError, match="No column is shared"):
        policy_of("people", "north", [ColumnRow("id")], SOURCE, "", None)


def test_mistakes_of_the_rule_are_named_at_once() -> None:
    rows = [
        RuleRow("flag", Use.MEASURE, minimum="", maximum="1"),
        RuleRow("city", Use.DIMENSION, dates="fortnight"),
        RuleRow("odd name", Use.COUNTED),
    ]
    with pytest.raises(PolicyError) as caught:
        rule_of(rows, SOURCE, "id", "id", "", None)
    assert [problem.path for problem in caught.value.problems] == [("rule", "measures", "flag"), ("rule", "dimensions", "city")]
    fixed = [replace(rows[0], minimum="0"), replace(rows[1], dates="month"), rows[2]]
    rule = rule_of(fixed, SOURCE, "id", "id", "", None)
    assert (rule.measures["flag"].min, rule.dimensions["city"].dates, rule.counted) == ("0", ("month",), ("odd name",))


def test_labels_have_the_type_of_their_column() -> None:
    rows = [RuleRow("city", Use.DIMENSION, labels="010, true"), RuleRow("flag", Use.DIMENSION, labels="true, false")]
    rule = rule_of(rows, SOURCE, "id", "id", "", None)
    assert rule.dimensions["city"].domain == ("010", "true")
    assert rule.dimensions["flag"].domain == (True, False)
