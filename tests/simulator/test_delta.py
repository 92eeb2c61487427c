"""What Delta keeps beside the rows: versions, properties, comments; and statements that take a while."""

from __future__ import annotations

import pytest
from databricks.sdk.service.sql import StatementState

from tests.simulator.conftest import Both, Side


@pytest.fixture(scope="module")
def side(both: Both) -> Side:
    return both.provider


def failure(side: Side, statement: str, service: bool = False) -> str:
    """The class of the error of a statement that must fail."""
    client = side.service if service else side.admin
    reply = client.statement_execution.execute_statement(statement, side.warehouse)
    assert reply.status is not None
    assert reply.status.error is not None
    return str(reply.status.error.message).split("]")[0].lstrip("[")


def test_a_replaced_table_goes_on_counting_its_versions_and_forgets_its_properties(side: Side) -> None:
    name = f"{side.catalog}.default.versions"
    made = f"CREATE OR REPLACE TABLE {name} COMMENT 'x' TBLPROPERTIES ('a.b' = '1', 'c' = '2') AS SELECT 1 AS n, 'a' AS t"
    side.sql(made)
    assert side.sql(f"SHOW TBLPROPERTIES {name}") == [["a.b", "1"], ["c", "2"]]
    seen = side.admin.tables.get(name)
    assert (seen.properties, seen.comment) == ({"a.b": "1", "c": "2"}, "x")
    side.sql(f"INSERT INTO {name} VALUES (2, 'b')")
    side.sql(f"UPDATE {name} SET n = 3 WHERE n = 2")
    side.sql(f"COMMENT ON TABLE {name} IS ''")
    side.sql(f"ALTER TABLE {name} ALTER COLUMN t COMMENT 'said'")
    seen = side.admin.tables.get(name)
    assert (seen.comment or "", [each.comment for each in seen.columns or []]) == ("", [None, "said"])
    side.sql(f"CREATE OR REPLACE TABLE {name} AS SELECT 1 AS n")
    assert [(row[0], row[3]) for row in side.sql(f"DESCRIBE HISTORY {name}")] == [
        ("5", "CREATE OR REPLACE TABLE AS SELECT"), ("4", "CHANGE COLUMN"), ("3", "SET TBLPROPERTIES"), ("2", "UPDATE"),
        ("1", "WRITE"), ("0", "CREATE OR REPLACE TABLE AS SELECT"),
    ]  # fmt: skip
    assert len(side.sql(f"DESCRIBE HISTORY {name} LIMIT 2")) == 2
    assert side.sql(f"SHOW TBLPROPERTIES {name}") == []
    side.sql(f"DROP TABLE {name}")
    side.sql(f"CREATE TABLE {name} (n INT)")
    assert [row[3] for row in side.sql(f"DESCRIBE HISTORY {name}")] == ["CREATE TABLE"]


def test_what_cannot_be_said_of_a_table_is_refused(side: Side) -> None:
    name = f"{side.catalog}.default.refused"
    assert failure(side, f"CREATE TABLE {name} TBLPROPERTIES ('owner' = 'me') AS SELECT 1 AS n").startswith("UNSUPPORTED")
    assert failure(side, f"DESCRIBE HISTORY {name}") == "TABLE_OR_VIEW_NOT_FOUND"
    assert failure(side, f"SHOW TBLPROPERTIES {name} AND MORE") == "PARSE_SYNTAX_ERROR"
    assert failure(side, f"COMMENT ON TABLE {name} IS 7") == "PARSE_SYNTAX_ERROR"
    side.sql("CREATE CATALOG kept_apart")
    side.sql("CREATE TABLE kept_apart.default.t AS SELECT 1 AS n")
    for statement in ("DESCRIBE HISTORY", "SHOW TBLPROPERTIES"):
        assert failure(side, f"{statement} kept_apart.default.t", service=True) == "INSUFFICIENT_PERMISSIONS"
    assert failure(side, "COMMENT ON TABLE kept_apart.default.t IS 'x'", service=True) == "INSUFFICIENT_PERMISSIONS"


def test_a_duration_is_made_of_days_hours_minutes_and_seconds(side: Side) -> None:
    assert side.sql(
        "SELECT CAST(CAST('2024-02-28 23:00:00' AS TIMESTAMP_NTZ) + MAKE_DT_INTERVAL(1, 1, 1, 1.000001) AS STRING)"
    ) == [["2024-03-01 00:01:01.000001"]]


def test_moments_with_and_without_a_time_zone_are_told_apart(side: Side) -> None:
    name = f"{side.catalog}.default.moments"
    side.sql(f"CREATE TABLE {name} (a TIMESTAMP, b TIMESTAMP_NTZ)")
    assert [each.type_text for each in side.admin.tables.get(name).columns or []] == ["timestamp", "timestamp_ntz"]


def test_a_statement_that_takes_long_shows_running_and_can_be_cancelled_too_late(side: Side) -> None:
    api, name = side.admin.statement_execution, f"{side.catalog}.default.late"
    side.control("PATCH", "records/limits/", {"statement_looks": 1})
    try:
        first = api.execute_statement(f"CREATE TABLE {name} AS SELECT 1 AS n", side.warehouse)
        assert first.status is not None
        assert first.status.state is StatementState.RUNNING
        api.cancel_execution(str(first.statement_id))
        told = [api.get_statement(str(first.statement_id)).status for _ in range(2)]
        assert [each.state for each in told if each is not None] == [StatementState.CANCELED] * 2
        second = api.execute_statement(f"SELECT n FROM {name}", side.warehouse)
        seen = [api.get_statement(str(second.statement_id)) for _ in range(2)]
        assert [each.status.state for each in seen if each.status] == [StatementState.RUNNING, StatementState.SUCCEEDED]
        assert seen[1].result is not None
        assert seen[1].result.data_array == [["1"]]
    finally:
        side.control("PATCH", "records/limits/", {"statement_looks": 0})
