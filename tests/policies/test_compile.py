"""Policies compile to one share-safe SELECT, or give every problem at once with its place."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ruamel.yaml import YAML

from cleanroom_core.errors import PolicyError
from cleanroom_core.policies.compile import CompiledPolicy, compile_policy
from cleanroom_core.policies.policy import Policy
from cleanroom_core.sql.types import Column, Kind, Schema, SqlType
from cleanroom_core.tokens.hmac_expression import binary_parameters, token_expressions, token_of
from cleanroom_core.tokens.spec import TokenSpec

KEY = bytes(range(32))
CARD = TokenSpec("card", "pan", ("strip", "fullwidth_digits", "digits_only"), "card-1")
SOURCE = {
    "Card_Number": "string", "consent": "string", "region": "string", "mcc": "string", "txn_ts": "timestamp",
    "txn_amount": "decimal(12,2)", "fraud": "boolean", "velocity": "bigint", "rate": "double", "day": "date",
}  # fmt: skip
COLUMNS: dict[str, Any] = {
    "card_token": {"token": "card", "from": "card_number"},
    "mcc": None,
    "txn_ts": {},
    "band": {"expression": "CASE WHEN txn_amount < 50 THEN '0-50' ELSE '50+' END"},
    "txn_amount": {},
    "fraud": {"expression": "CAST(fraud AS INT)"},
}
RULE: dict[str, Any] = {
    "privacy_unit": "card_token",
    "join_key": "card_token",
    "period_column": "txn_ts",
    "dimensions": {"mcc": {"domain": ["5411"]}, "band": {}, "txn_ts": {"dates": ["month"]}},
    "measures": {"fraud": {"min": 0, "max": 1}, "txn_amount": {"min": 0, "max": 5000, "bands": [50]}},
}


def schema(types: dict[str, str] = SOURCE) -> Schema:
    return Schema(tuple(Column(name, SqlType.parse(type_)) for name, type_ in types.items()))


def policy(columns: dict[str, Any] = COLUMNS, rule: dict[str, Any] | None = None, **other: Any) -> Policy:
    return Policy.from_json({"asset": "signals", "owner": "provider", "columns": columns, "rule": RULE | (rule or {}), **other})


def compiled(*arguments: Any, source: Schema | None = None, **other: Any) -> CompiledPolicy:
    return compile_policy(policy(*arguments, **other), source or schema(), token_expressions({"card": CARD}))


def table(connection: duckdb.DuckDBPyConnection, *rows: tuple[Any, ...]) -> None:
    types = ", ".join(f'"{name}" {"VARCHAR" if type_ == "string" else type_}' for name, type_ in SOURCE.items())
    connection.execute(f"CREATE TABLE source ({types})")
    connection.executemany(f"INSERT INTO source VALUES ({', '.join('?' for _ in SOURCE)})", [list(row) for row in rows])


def row(card: str | None, consent: str | None = "YES", amount: str = "49.99") -> tuple[Any, ...]:
    return (card, consent, "EU", "5411", datetime(2024, 1, 31, 23, 59), Decimal(amount), True, 3, 0.5, date(2024, 1, 31))


def test_the_select_shares_exactly_the_columns_named_in_their_order() -> None:
    found = compiled(row_filter="consent = 'YES' AND region IN ('EU', 'UK')")
    assert found.problems == ()
    assert found.schema.as_json() == [
        {"name": "card_token", "type": "STRING"}, {"name": "mcc", "type": "STRING"}, {"name": "txn_ts", "type": "TIMESTAMP"},
        {"name": "band", "type": "STRING"},
        {"name": "txn_amount", "type": "DECIMAL(12,2)"}, {"name": "fraud", "type": "BIGINT"},
    ]  # fmt: skip
    with duckdb.connect() as connection:
        table(
            connection,
            row("4111 1111 1111 1111"), row("４１１１１１１１１１１１１１１１", amount="50.00"), 
            row("4111111111111112"), row(None), row(""),
            row("5555555555554444", consent="NO"),
            row("5555555555554444", consent=None),
        )  # fmt: skip
        result = connection.execute(found.sql("duckdb"), binary_parameters(CARD, KEY))
        assert [item[0] for item in result.description] == list(COLUMNS)
        token = token_of("4111111111111111", CARD, KEY)
        when = datetime(2024, 1, 31, 23, 59)
        assert result.fetchall() == [
            (token, "5411", when, "0-50", Decimal("49.99"), 1),
            (token, "5411", when, "50+", Decimal("50.00"), 1),
            *[(None, "5411", when, "0-50", Decimal("49.99"), 1)] * 3,
        ]
        counts = {name: connection.execute(sql).fetchone()[0] for name, sql in found.counts("duckdb").items()}
        assert counts == {"dropped": 2, "untokened.card_token": 3}
        assert found.parameters == tuple(binary_parameters(CARD, KEY))


def test_without_a_filter_nothing_is_dropped_and_without_a_token_nothing_is_bound() -> None:
    with duckdb.connect() as connection:
        table(connection, row("4111111111111111"), row(None))
        found = compiled()
        assert connection.execute(found.counts("duckdb")["dropped"]).fetchone() == (0,)
        assert len(connection.execute(found.sql("duckdb"), binary_parameters(CARD, KEY)).fetchall()) == 2


def test_the_output_has_the_declared_types_whatever_the_source_really_has() -> None:
    columns = {
        "card_token": COLUMNS["card_token"],
        "velocity": {},
        "rate": {},
        "year": {"expression": "year(day)"},
        "one": {"expression": "1"},
    }
    found = compiled(columns, {"period_column": None, "dimensions": {}, "measures": {}})
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE source AS SELECT '4111111111111111' AS card_number, 3::TINYINT AS velocity, "
            "0.5::FLOAT AS rate, DATE '2024-01-01' AS day"
        )
        result = connection.execute(found.sql("duckdb"), binary_parameters(CARD, KEY))
        assert [str(item[1]) for item in result.description] == ["VARCHAR", "BIGINT", "DOUBLE", "BIGINT", "BIGINT"]


def test_columns_of_any_name_and_one_that_collides_with_a_step() -> None:
    source = schema(
        {"card number": "string", 'we"ird': "bigint", "normalised_1": "string", "Valid_1": "string", "rows": "bigint"}
    )
    columns = {"token": {"token": "card", "from": "CARD NUMBER"}, 'we"ird': {}, "normalised_1": {}, "valid_1": {}, "rows": {}}
    rule = {"privacy_unit": "token", "join_key": "token", "period_column": None, "dimensions": {}, "measures": {}}
    found = compiled(columns, rule, row_filter='`we"ird` > 0', source=source)  # fmt: skip
    assert found.problems == ()
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE source AS SELECT '4111111111111111' AS "card number", 1 AS "we""ird",
            'a' AS normalised_1, 'b' AS "Valid_1", 7 AS rows"""
        )
        assert connection.execute(found.sql("duckdb"), binary_parameters(CARD, KEY)).fetchall() == [
            (token_of("4111111111111111", CARD, KEY), 1, "a", "b", 7)
        ]
        assert connection.execute(found.counts("duckdb")["untokened.token"]).fetchone() == (0,)


def test_an_identifier_stored_as_a_number_is_tokenised_as_its_digits() -> None:
    found = compiled(source=schema(SOURCE | {"Card_Number": "bigint"}))
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE source AS SELECT 4111111111111111 AS card_number, '' AS mcc, "
            "TIMESTAMP '2024-01-01' AS txn_ts, 1.00::DECIMAL(12,2) AS txn_amount, TRUE AS fraud"
        )
        assert connection.execute(found.sql("duckdb"), binary_parameters(CARD, KEY)).fetchall()[0][0] == token_of(
            "4111111111111111", CARD, KEY
        )


def test_the_same_for_databricks() -> None:
    sql = compiled(row_filter="consent = 'YES'").sql("databricks")
    assert "`source`" in sql
    assert ":card_inner_pad" in sql
    assert "WHERE `consent` = 'YES'" in sql


@pytest.mark.parametrize(
    "case", YAML(typ="safe").load(Path(__file__).parent / "mistakes.yaml"), ids=lambda case: str(case["change"])
)
def test_each_mistake_is_found_at_its_place_and_alone(case: dict[str, Any]) -> None:
    change = dict(case["change"])
    columns = COLUMNS | change.pop("columns", {})
    found = compiled(columns, change.pop("rule", {}), **change)
    assert [(list(problem.path), problem.code) for problem in found.problems] == [(case["path"], case["code"])]
    assert found.problems[0].hint
    with pytest.raises(PolicyError):
        found.sql("duckdb")
    with pytest.raises(PolicyError):
        found.counts("duckdb")


@pytest.mark.parametrize(
    "expression", ["card_number IS NULL", "(card_number) IS NOT NULL", "length(card_number)", "isnull(card_number)"]
)
def test_that_an_identifier_is_there_and_how_long_it_is_may_be_shared(expression: str) -> None:
    assert compiled(COLUMNS | {"has_card": {"expression": expression}}).problems == ()


def test_the_row_filter_may_look_at_the_identifier() -> None:
    assert compiled(row_filter="card_number IS NOT NULL AND card_number NOT LIKE '4%'").problems == ()


def test_all_problems_come_at_once_with_line_and_column_inside_the_expression() -> None:
    columns = COLUMNS | {
        "bad": {"expression": "CASE\n  WHEN amount < 5 THEN 1 END"},
        "worse": {"expression": "foo(mcc)"},
        "nothere": {},
    }
    rule = {"dimensions": {"bad": {}, "nowhere": {}}, "join_key": "mcc"}
    found = compiled(columns, rule, row_filter="1")
    assert {(problem.path, problem.line, problem.column) for problem in found.problems} == {
        (("row_filter",), None, None), (("columns", "bad", "expression"), 2, 8), (("columns", "worse", "expression"), 1, 1),
        (("columns", "nothere"), None, None), (("rule", "join_key"), None, None),
        (("rule", "dimensions", "nowhere"), None, None),
    }  # fmt: skip
    with pytest.raises(PolicyError) as caught:
        found.enforce()
    assert caught.value.problems == found.problems


def test_hints_name_what_helps() -> None:
    hints = {
        problem.path: problem.hint
        for problem in compiled(
            COLUMNS | {"mc": {}, "flag": {"expression": "fraud"}}, {"measures": {"flag": {"min": 0, "max": 1}}}
        ).problems
    }
    assert hints == {
        ("columns", "mc"): "Did you mean mcc?",
        ("rule", "measures", "flag"): "Share it as {expression: CAST(flag AS INT)}.",
    }


def test_a_column_that_does_not_compile_is_reported_once_and_not_again_by_the_rule() -> None:
    found = compiled(COLUMNS | {"band": {"expression": "nothing"}})
    assert [problem.path for problem in found.problems] == [("columns", "band", "expression")]


def test_a_code_in_quotes_is_a_label_of_a_column_found_to_be_whole_numbers() -> None:
    """A CSV column of codes becomes BIGINT when every value survives the way there and back; the domain may quote them."""
    from cleanroom_core.policies.rule_check import _fits

    assert _fits("5411", Kind.BIGINT)
    assert not _fits("05411", Kind.BIGINT)
    assert not _fits("5411 ", Kind.BIGINT)
    assert not _fits("bread", Kind.BIGINT)
