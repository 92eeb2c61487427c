"""Policies against a table as it is in Unity Catalog: what would let rows through is refused, with its place."""

from __future__ import annotations

from typing import Any

import pytest

from cleanroom_core.errors import InputError, PolicyError
from cleanroom_core.policies.unity_catalog.abac import abac_statements
from cleanroom_core.policies.unity_catalog.governance import Access
from cleanroom_core.policies.unity_catalog.names import ObjectName, SchemaName
from cleanroom_core.policies.unity_catalog.share import ShareTarget, share
from cleanroom_core.policies.unity_catalog.types import CatalogType
from cleanroom_core.sql.types import SqlType
from cleanroom_core.tokens.hmac_expression import token_expression
from cleanroom_core.tokens.secret_expression import secret_token_expression
from cleanroom_core.tokens.spec import TokenSpec
from tests.policies.catalogs import CARD, COLUMNS, MAIL, TYPES, governed, policy, shared, table

FILTER, TYPE = ("row_filter",), "TYPE"


@pytest.mark.parametrize(
    ("types", "other", "expected"),
    [
        # no condition, or one that compares two types: Databricks would cast to NULL, or take any text for true
        ({}, {"row_filter": "n"}, [(FILTER, TYPE)]),
        ({}, {"row_filter": "consent"}, [(FILTER, TYPE)]),
        ({}, {"row_filter": "consent = 1"}, [(FILTER, TYPE)]),
        ({}, {"row_filter": "n = 'one'"}, [(FILTER, TYPE)]),
        ({}, {"row_filter": "flag = 'YES'"}, [(FILTER, TYPE)]),
        ({"Consent": "int"}, {}, [(FILTER, TYPE)]),
        ({"amount": "string"}, {}, [(FILTER, TYPE)]),
        # types without an exact reading
        ({"Consent": "char(3)"}, {}, [(FILTER, TYPE)]),
        ({"Consent": "string collate UTF8_LCASE"}, {}, [(FILTER, TYPE)]),
        ({"region": "array<string>"}, {"row_filter": "region IS NOT NULL"}, [(FILTER, TYPE)]),
        ({"n": "interval day"}, {}, [(FILTER, TYPE)]),
        ({"n": "decimal(39,0)"}, {}, [(FILTER, TYPE)]),
        ({"amount": "variant"}, {"masks": {"amount": None}}, [(FILTER, TYPE), (("masks", "amount"), TYPE)]),
        # declared types that some value would not fit
        ({}, {"types": {"consent": "timestamp"}}, [(("types", "consent"), TYPE), (FILTER, TYPE)]),
        ({"n": "string"}, {"types": {"n": "bigint"}}, [(("types", "n"), TYPE)]),
        ({"amount": "decimal(12,3)"}, {"types": {"amount": "decimal(12,2)"}}, [(("types", "amount"), TYPE)]),
        ({"ts": "string"}, {"types": {"ts": "timestamp"}}, [(("types", "ts"), TYPE)]),
        ({"amount": "double"}, {"types": {"amount": "decimal(12,2)"}}, [(("types", "amount"), TYPE)]),
        # masks
        ({}, {"masks": {"region": "n"}}, [(("masks", "region"), TYPE)]),
        ({}, {"masks": {"region": "nowhere"}}, [(("masks", "region"), "UNKNOWN_COLUMN")]),
        ({}, {"masks": {"nowhere": None}}, [(("masks", "nowhere"), "UNKNOWN_COLUMN")]),
        ({"ts": "timestamp"}, {"masks": {"ts": "CAST('2024-01-01' AS TIMESTAMP)"}}, [(("masks", "ts"), TYPE)]),
        ({"region": "char(2)"}, {"row_filter": None, "masks": {"n": "length(region)"}}, [(("masks", "n"), TYPE)]),
        # all at once
        ({}, {"row_filter": "n", "masks": {"region": "n"}}, [(FILTER, TYPE), (("masks", "region"), TYPE)]),
    ],
)
def test_governance_names_each_mistake_at_its_place(types: dict[str, str], other: dict[str, Any], expected: Any) -> None:
    found = governed(table(TYPES | types), **({"masks": {}} | other))
    assert [(problem.path, problem.code) for problem in found.problems] == expected
    assert all(problem.hint for problem in found.problems)
    with pytest.raises(PolicyError):
        found.statements()


@pytest.mark.parametrize(
    ("types", "other", "expected"),
    [
        ({}, {"row_filter": "amount"}, [(FILTER, TYPE)]),
        (
            {"region": "map<string,string>"}, {"row_filter": None, "rule": None},
            [(("columns", "region"), TYPE), (("columns", "first", "expression"), TYPE)],
        ),
        ({"Card Number": "binary"}, {}, [(("columns", "card_token", "from"), TYPE)]),
        ({"Card Number": "char(16)"}, {}, [(("columns", "card_token", "from"), TYPE)]),
        ({"Card Number": "double"}, {}, [(("columns", "card_token", "from"), TYPE)]),
        ({"ts": "string"}, {"types": {"ts": "timestamp"}}, [(("types", "ts"), TYPE)]),
        ({"day": "void"}, {}, [(("columns", "day"), TYPE)]),
        ({}, {"columns": {**COLUMNS, "a b": {"expression": "n"}}}, [(("columns", "a b"), "NAME")]),
        ({}, {"columns": {**COLUMNS, "x": {"token": "card", "from": "no"}}}, [(("columns", "x", "from"), "UNKNOWN_COLUMN")]),
    ],
)  # fmt: skip
def test_sharing_names_each_mistake_at_its_place(types: dict[str, str], other: dict[str, Any], expected: Any) -> None:
    if other.get("rule", 0) is None:
        other = {**other, "rule": {"privacy_unit": "card_token", "join_key": "card_token"}}
    found = shared(table(TYPES | types), **other)
    assert [(problem.path, problem.code) for problem in found.problems] == expected
    with pytest.raises(PolicyError):
        found.statements()


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [
        ("int", "bigint", True), ("int", "decimal(10,0)", True), ("int", "decimal(9,0)", False), ("int", "string", True),
        ("bigint", "decimal(19,0)", True), ("bigint", "decimal(18,0)", False), ("bigint", "double", False),
        ("smallint", "decimal(5,0)", True), ("float", "double", True), ("float", "bigint", False), ("double", "string", False),
        ("decimal(12,2)", "decimal(13,3)", True), ("decimal(12,2)", "decimal(13,1)", False),
        ("decimal(12,2)", "double", False),
        ("date", "timestamp", True), ("timestamp", "timestamp", True), ("timestamp_ntz", "date", False),
        ("string", "date", False),
        ("varchar(3)", "string", True), ("boolean", "bigint", False), ("char(3)", "string", False),
        ("struct<a:int>", "string", False),
    ],
)  # fmt: skip
def test_a_type_is_read_as_another_only_where_nothing_is_lost(found: str, wanted: str, fits: bool) -> None:
    assert CatalogType.parse(found).holds(SqlType.parse(wanted)) is fits


def test_why_a_type_is_refused_is_said() -> None:
    problem = governed(table(TYPES | {"Consent": "CHAR(3)"}), masks={}).problems[0]
    assert problem.message.startswith("The row filter: Consent is char(3) in Unity Catalog; its values are padded with blanks")
    assert "collation" in CatalogType.parse("STRING COLLATE UTF8_LCASE").why
    assert CatalogType.parse("geography(4326)").why


def test_the_parameters_of_a_filter_have_the_types_of_their_columns() -> None:
    types = {"n": "SMALLINT", "amount": "Decimal(12, 2)", "Consent": "varchar(9)"}
    function = governed(table(TYPES | types), masks={}).row_filter
    assert function is not None
    assert [(given.name, given.column, given.type.text) for given in function.parameters] == [
        ("p_consent", "Consent", "varchar(9)"), ("p_region", "region", "string"), ("p_amount", "amount", "decimal(12,2)"),
        ("p_n", "n", "smallint"), ("p_flag", "flag", "boolean"),
    ]  # fmt: skip
    text = function.create().sql
    assert "(p_consent STRING, p_region STRING, p_amount DECIMAL(12, 2), p_n SMALLINT, p_flag BOOLEAN) RETURNS BOOLEAN" in text
    assert "CAST(`p_n` AS BIGINT)" in text


def test_a_filter_is_never_null_and_the_exempt_see_everything() -> None:
    function = governed().row_filter
    assert function is not None
    assert function.body_sql().startswith("IS_ACCOUNT_GROUP_MEMBER('cleanroom publishers') OR COALESCE(")
    assert function.body_sql().endswith(", FALSE)")


def test_every_raw_identifier_is_masked_whether_asked_for_or_not() -> None:
    assert set(governed(masks={}).masks) == {"Card Number", "mail"}
    shown = governed(masks={"MAIL": "concat('*', right(mail, 4))"}).masks
    assert set(shown) == {"Card Number", "mail"}
    assert "'*'" in shown["mail"].body_sql()


def test_a_function_s_name_says_what_is_in_it() -> None:
    def name(**other: Any) -> str:
        found = governed(**other).row_filter
        assert found is not None
        return found.name.name

    assert name() == name(masks={})
    assert name().startswith("cleanroom_signals_filter_")
    assert len({name(), name(row_filter="n = 1"), name(row_filter="n = 2"), name(source=table(TYPES | {"n": "bigint"}))}) == 4


def test_the_consent_test_stands_before_everything_else_and_only_what_is_used_is_read() -> None:
    writing = next(found.sql for found in shared().statements() if "CREATE OR REPLACE TABLE" in found.sql)
    first = writing[writing.index("WITH `source`") : writing.index("kept")]
    assert "`rate`" not in first
    assert "CAST(`n` AS BIGINT) AS `n`" in first
    assert "CAST(`region` AS STRING) AS `region`" in first
    kept = writing[writing.index("kept") : writing.index("checked")]
    assert "WHERE\n    `Consent` = 'YES'" in kept
    assert "Consent" not in writing[writing.index("checked") :]


def test_the_publisher_is_checked_before_anything_is_written() -> None:
    assert shared().statements()[0].sql.startswith("SELECT ASSERT_TRUE(IS_ACCOUNT_GROUP_MEMBER('cleanroom publishers')")


def test_abac_says_when_the_platform_s_limits_are_passed() -> None:
    columns = "consent = 'a' AND region = 'b' AND n = 1 AND amount = 1 AND flag AND day = '2024-01-01' AND rate > 1"
    for wanted, to, path in (
        (governed(row_filter=columns, masks={}), ["x"], ("row_filter",)),
        (governed(masks={"region": "CASE WHEN flag AND n = 1 AND amount > 5 THEN 'a' END"}), ["x"], ("masks", "region")),
        (governed(), [f"group {number}" for number in range(21)], ("to",)),
        (governed(), [], ("to",)),
    ):
        with pytest.raises(PolicyError) as caught:
            abac_statements(wanted, to=to)
        assert [problem.path for problem in caught.value.problems] == [path]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ShareTarget(ObjectName("a", "b", "c"), ObjectName("a", "b", "C")),
        lambda: ShareTarget(ObjectName("a", "b", "c"), withdrawn=ObjectName("a", "b", "d")),
        lambda: Access(SchemaName("a", "b"), ""),
        lambda: Access(SchemaName("a", "b/c"), "x"),
        lambda: Access(SchemaName("a", "b"), "x", ("a\nb",)),
        lambda: governed(asset="two words"),
        lambda: secret_token_expression(TokenSpec("card", "pan", (), "key one"), "scope", native=True),
        lambda: secret_token_expression(CARD, "a scope", native=False),
    ],
)
def test_what_cannot_be_is_refused(make: Any) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.hint


def test_a_share_never_overwrites_its_source_and_binds_nothing() -> None:
    secret = {spec.name: secret_token_expression(spec, "s", native=True) for spec in (CARD, MAIL)}
    found = share(policy(), table(), secret, ShareTarget(ObjectName.parse("spark_catalog.gold.TX")))
    assert [problem.code for problem in found.problems] == ["SHARE"]
    bound = {spec.name: token_expression(spec) for spec in (CARD, MAIL)}
    found = share(policy(), table(), bound, ShareTarget(ObjectName.parse("a.b.c")))
    assert [problem.code for problem in found.problems] == ["TOKEN"]
