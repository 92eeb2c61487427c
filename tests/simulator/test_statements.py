"""SQL over HTTP through the real SDK: what is executed, what fails and how, and what Unity Catalog's DDL changes."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from databricks.sdk import errors
from databricks.sdk.service import catalog
from databricks.sdk.service.sql import StatementParameterListItem as Parameter
from databricks.sdk.service.sql import StatementState

from tests.simulator.conftest import Both, Side


@pytest.fixture(scope="module")
def side(both: Both) -> Side:
    """The provider with a table of four payments, an admin group of its own and a schema for policies."""
    provider = both.provider
    provider.sql("CREATE SCHEMA provider_data.security")
    provider.sql(
        "CREATE TABLE provider_data.default.payments (pan STRING COMMENT 'card', region STRING, flag STRING,"
        " amount DECIMAL(10,2)) USING DELTA COMMENT 'raw'"
    )
    provider.sql(
        "INSERT INTO provider_data.default.payments VALUES ('4111', 'EU', 'YES', 10.50), ('4222', 'EU', 'NO', 20),"
        " ('4333', 'US', 'YES', 30), ('4444', 'US', NULL, 40)"
    )
    return provider


def fails(side: Side, statement: str, condition: str, service: bool = False) -> None:
    client = side.service if service else side.admin
    reply = client.statement_execution.execute_statement(statement, side.warehouse)
    assert reply.status
    assert reply.status.state is StatementState.FAILED, statement
    assert reply.status.error
    assert (reply.status.error.message or "").startswith(f"[{condition}"), reply.status.error.message


def test_a_query_answers_rows_as_text_with_their_types(side: Side) -> None:
    reply = side.admin.statement_execution.execute_statement(
        "SELECT region, count(*) AS n, sum(amount) AS total, max(flag) IS NULL AS none FROM payments"
        " GROUP BY region ORDER BY region",
        side.warehouse,
        catalog=side.catalog,
    )
    assert reply.result
    assert reply.result.data_array == [["EU", "2", "30.50", "false"], ["US", "2", "70.00", "false"]]
    assert reply.manifest
    assert reply.manifest.schema
    assert [each.type_text for each in reply.manifest.schema.columns or []] == ["string", "bigint", "decimal(38,2)", "boolean"]
    assert reply.statement_id
    again = side.admin.statement_execution.get_statement(reply.statement_id)
    assert again.result == reply.result


def test_parameters_are_values_and_never_text(side: Side) -> None:
    statement = "SELECT count(*) FROM provider_data.default.payments WHERE region = :region AND amount > :least"
    parameters = [Parameter("region", value="US"), Parameter("least", value="35", type="DECIMAL(10,2)")]
    reply = side.admin.statement_execution.execute_statement(statement, side.warehouse, parameters=parameters)
    assert reply.result
    assert reply.result.data_array == [["1"]]
    assert side.sql("SELECT :p", p="'; DROP TABLE provider_data.default.payments; --") == [
        ["'; DROP TABLE provider_data.default.payments; --"]
    ]
    fails(side, statement, "UNBOUND_SQL_PARAMETER")


def test_identifiers_are_built_from_parameters(side: Side) -> None:
    assert side.sql("SELECT count(*) FROM IDENTIFIER(:c || '.default.' || :t)", c=side.catalog, t="payments") == [["4"]]
    side.sql("CREATE TABLE IDENTIFIER(:c || '.default.copied') AS SELECT * FROM provider_data.default.payments", c=side.catalog)
    assert side.admin.tables.get("provider_data.default.copied").table_type is catalog.TableType.MANAGED
    side.sql("DROP TABLE provider_data.default.copied")
    assert not side.admin.tables.exists("provider_data.default.copied").table_exists
    fails(side, "DROP TABLE provider_data.default.copied", "TABLE_OR_VIEW_NOT_FOUND")
    side.sql("DROP TABLE IF EXISTS provider_data.default.copied")


def test_a_failing_statement_is_no_http_error(side: Side) -> None:
    fails(side, "SELEKT 1", "PARSE_SYNTAX_ERROR")
    fails(side, "SELECT 1; SELECT 2", "PARSE_SYNTAX_ERROR")
    fails(side, "SELECT * FROM provider_data.default.absent", "TABLE_OR_VIEW_NOT_FOUND")
    fails(side, "SELECT nothing FROM provider_data.default.payments", "BINDER")
    fails(side, "CREATE TABLE provider_data.default.payments (x INT)", "TABLE_OR_VIEW_ALREADY_EXISTS")
    fails(side, "CREATE TABLE provider_data.absent.t (x INT)", "SCHEMA_NOT_FOUND")
    fails(side, "SELECT provider_data.security.absent(1)", "UNRESOLVED_ROUTINE")
    fails(side, "OPTIMIZE provider_data.default.payments", "SIMULATOR_NOT_PLAYED")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM duckdb_settings()",
        "COPY (SELECT 1) TO '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "SET enable_external_access = true",
        'SELECT * FROM "provider"."provider_data.default.payments"',
    ],
)
def test_duckdb_is_not_reached_past_the_catalog(side: Side, statement: str) -> None:
    reply = side.admin.statement_execution.execute_statement(statement, side.warehouse)
    assert reply.status
    assert reply.status.state is StatementState.FAILED


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROW ACCESS POLICY p AS (flag STRING) RETURNS BOOLEAN -> flag = 'x'",
        "ALTER TABLE provider_data.default.payments ADD ROW ACCESS POLICY p ON (flag)",
        "CREATE MASKING POLICY m AS (v STRING) RETURNS STRING -> '***'",
        "ALTER TABLE provider_data.default.payments MODIFY COLUMN pan SET MASKING POLICY m",
    ],
)
def test_the_snowflake_ddl_of_the_article_fails(side: Side, statement: str) -> None:
    reply = side.admin.statement_execution.execute_statement(statement, side.warehouse)
    assert reply.status
    assert reply.status.state is StatementState.FAILED


def test_a_row_filter_and_a_mask_are_recorded_and_applied(side: Side) -> None:
    side.sql("CREATE TABLE provider_data.default.governed AS SELECT * FROM provider_data.default.payments")
    side.sql("CREATE TABLE provider_data.security.regions AS SELECT 'EU' AS allowed_region")
    side.sql(
        "CREATE OR REPLACE FUNCTION provider_data.security.eligible(flag STRING, region STRING) RETURNS BOOLEAN"
        " RETURN is_account_group_member('admins') OR (flag = 'YES' AND EXISTS"
        " (SELECT 1 FROM provider_data.security.regions a WHERE a.allowed_region = region))"
    )
    side.sql(
        "CREATE FUNCTION provider_data.security.hide(pan STRING, region STRING) RETURNS STRING"
        " RETURN CASE WHEN is_account_group_member('admins') THEN pan ELSE '**' || right(pan, 2) END"
    )
    table = "ALTER TABLE provider_data.default.governed"
    side.sql(f"{table} SET ROW FILTER provider_data.security.eligible ON (flag, region)")
    side.sql(f"{table} ALTER COLUMN pan SET MASK provider_data.security.hide USING COLUMNS (region)")
    read = side.admin.tables.get("provider_data.default.governed")
    assert read.row_filter
    assert read.row_filter.as_dict() == {
        "function_name": "provider_data.security.eligible",
        "input_column_names": ["flag", "region"],
    }
    assert read.columns
    assert read.columns[0].mask
    assert read.columns[0].mask.using_column_names == ["region"]
    select = "SELECT pan FROM provider_data.default.governed ORDER BY pan"
    assert len(side.sql(select)) == 4
    assert side.sql(select, side.service) == [["**11"]]
    side.sql(f"{table} DROP ROW FILTER")
    side.sql(f"{table} ALTER COLUMN pan DROP MASK")
    assert side.sql(select, side.service) == [["4111"], ["4222"], ["4333"], ["4444"]]
    assert side.admin.tables.get("provider_data.default.governed").row_filter is None


def test_filters_and_masks_that_do_not_fit_fail(side: Side) -> None:
    side.sql("CREATE OR REPLACE FUNCTION provider_data.security.number(x STRING) RETURNS INT RETURN length(x)")
    table = "ALTER TABLE provider_data.default.payments"
    fails(side, f"{table} SET ROW FILTER provider_data.security.number ON (flag)", "INVALID_ROW_FILTER")
    fails(side, f"{table} SET ROW FILTER provider_data.security.absent ON (flag)", "UNRESOLVED_ROUTINE")
    fails(side, f"{table} SET ROW FILTER provider_data.security.number ON (flag, region)", "WRONG_NUM_ARGS")
    fails(side, f"{table} ALTER COLUMN pan SET MASK provider_data.security.number", "INVALID_COLUMN_MASK")
    fails(side, f"{table} ALTER COLUMN absent SET MASK provider_data.security.number", "UNRESOLVED_COLUMN")
    side.sql("CREATE OR REPLACE VIEW provider_data.default.seen AS SELECT region FROM provider_data.default.payments")
    fails(side, "ALTER TABLE provider_data.default.seen DROP ROW FILTER", "EXPECT_TABLE_NOT_VIEW")


def test_a_view_is_read_with_its_owners_rights(both: Both) -> None:
    side, service = both.consumer, both.consumer.facts["client_id"]
    side.sql("CREATE CATALOG IF NOT EXISTS closed COMMENT 'for the owner'")
    side.sql("CREATE CATALOG IF NOT EXISTS closed")
    side.sql("CREATE TABLE closed.default.t AS SELECT 1 AS x UNION ALL SELECT 2")
    side.sql("CREATE VIEW consumer_data.default.v AS WITH q AS (SELECT x FROM closed.default.t) SELECT * FROM q WHERE x > 1")
    assert side.admin.tables.get("consumer_data.default.v").table_type is catalog.TableType.VIEW
    assert side.sql("SELECT x FROM consumer_data.default.v", side.service) == [["2"]]
    fails(side, "SELECT x FROM closed.default.t", "INSUFFICIENT_PERMISSIONS", service=True)
    fails(side, "GRANT SELECT ON TABLE closed.default.t TO `admins`", "PERMISSION_DENIED", service=True)
    for grant in ("USE CATALOG ON CATALOG closed", "USE SCHEMA ON SCHEMA closed.default", "SELECT ON TABLE closed.default.t"):
        side.sql(f"GRANT {grant} TO `{service}`")
    assert side.sql("SELECT sum(x) FROM closed.default.t", side.service) == [["3"]]
    fails(side, "DELETE FROM closed.default.t", "INSUFFICIENT_PERMISSIONS", service=True)
    side.sql(f"REVOKE SELECT ON TABLE closed.default.t FROM `{service}`")
    fails(side, "SELECT x FROM closed.default.t", "INSUFFICIENT_PERMISSIONS", service=True)
    fails(side, "DROP CATALOG closed", "CATALOG_NOT_EMPTY")
    side.sql("DROP CATALOG closed CASCADE")


def test_rows_are_changed(side: Side) -> None:
    side.sql("CREATE TABLE provider_data.default.changing AS SELECT pan, amount FROM provider_data.default.payments")
    side.sql("UPDATE provider_data.default.changing SET amount = 0 WHERE changing.pan = '4111'")
    side.sql("DELETE FROM provider_data.default.changing AS c WHERE c.amount > 25")
    side.sql(
        "MERGE INTO provider_data.default.changing t USING provider_data.default.payments s ON t.pan = s.pan"
        " WHEN NOT MATCHED THEN INSERT (pan, amount) VALUES (s.pan, 1)"
    )
    found = side.sql("SELECT pan, amount FROM provider_data.default.changing ORDER BY pan")
    assert found == [["4111", "0.00"], ["4222", "20.00"], ["4333", "1.00"], ["4444", "1.00"]]
    assert side.sql("DESCRIBE TABLE provider_data.default.payments")[0] == ["pan", "string", "card"]


def test_hmac_is_that_of_everybody_else(side: Side) -> None:
    documented = "6E9EF29B75FFFC5B7ABAE527D58FDADB2FE42E7219011976917343065F58ED4A"
    assert side.sql("SELECT hex(hmac('key', 'message', 'SHA-256'))") == [[documented]]
    side.admin.secrets.create_scope("tokens")
    side.admin.secrets.put_secret("tokens", "key", string_value="kéy")
    expected = hmac.digest("kéy".encode(), "4111ü".encode(), hashlib.sha256).hex()
    assert side.sql("SELECT lower(hex(hmac(secret('tokens', 'key'), '4111ü', 'SHA-256')))") == [[expected]]
    fails(side, "SELECT secret('tokens', 'key')", "INVALID_SECRET_LOOKUP", service=True)


def test_policies_and_tags_in_sql_are_those_of_the_api(side: Side) -> None:
    table = "provider_data.default.payments"
    side.sql("CREATE FUNCTION provider_data.security.yes(flag STRING) RETURNS BOOLEAN RETURN flag = 'YES'")
    side.sql(f"ALTER TABLE {table} ALTER COLUMN flag SET TAGS ('consent' = 'flag', 'pii')")
    policy = (
        f"POLICY eligible ON TABLE {table} ROW FILTER provider_data.security.yes TO `account users` EXCEPT `admins`"
        " FOR TABLES MATCH COLUMNS has_tag_value('consent', 'flag') AS c1 USING COLUMNS (c1)"
    )
    side.sql(f"CREATE OR REPLACE {policy}")
    (found,) = side.admin.policies.list_policies("TABLE", table)
    assert found.match_columns == [catalog.MatchColumn(alias="c1", condition="has_tag_value('consent', 'flag')")]
    assert found.row_filter == catalog.RowFilterOptions("provider_data.security.yes", [catalog.FunctionArgument(alias="c1")])
    assert (found.to_principals, found.except_principals) == (["account users"], ["admins"])
    fails(side, f"CREATE {policy}", "RESOURCE_ALREADY_EXISTS")
    fails(side, f"CREATE POLICY p ON TABLE {table} ROW FILTER a.b.c TO x FOR TABLES", "UNRESOLVED_ROUTINE")
    fails(side, f"CREATE POLICY p ON TABLE {table} TO x FOR TABLES", "PARSE_SYNTAX_ERROR")
    fails(side, f"ALTER TABLE {table} ALTER COLUMN absent SET TAGS ('a')", "UNRESOLVED_COLUMN")
    side.sql(f"DROP POLICY eligible ON TABLE {table}")
    side.sql(f"ALTER TABLE {table} ALTER COLUMN flag UNSET TAGS ('consent', 'pii')")
    assert list(side.admin.policies.list_policies("TABLE", table)) == []
    assert side.control("GET", "records/tags")["records"] == {f"{table}.flag": {}}


def test_requests_the_api_does_not_take(side: Side) -> None:
    execute = side.admin.statement_execution.execute_statement
    with pytest.raises(errors.NotFound):
        execute("SELECT 1", "0000000000000000")
    with pytest.raises(errors.InvalidParameterValue):
        execute("SELECT 1", side.warehouse, wait_timeout="3s")
    with pytest.raises(errors.NotFound):
        side.admin.statement_execution.get_statement("absent")


def test_system_tables_want_their_schema_enabled(both: Both) -> None:
    side = both.provider
    query = "SELECT count(*) FROM system.access.clean_room_events"
    fails(side, query, "SCHEMA_NOT_FOUND")
    metastore = side.facts["global_metastore_id"].split(":")[2]
    side.admin.system_schemas.enable(metastore, "access")
    assert side.sql(query) == [["0"]]
