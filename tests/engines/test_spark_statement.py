"""Spark cannot be locked like DuckDB, so a statement that names anything but its assets is refused before Spark sees it."""

from __future__ import annotations

import pytest

from cleanroom_core.engines.spark.statement import RefusedStatement, with_views
from cleanroom_core.guard import judge
from tests.guard.guard_worlds import template_of, world_named

VIEWS = {"provider.txn": "v0", "consumer.acc": "v1", "provider@2.txn": "v2"}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 FROM provider.txn", "SELECT 1 FROM v0"),
        ("SELECT t0.`n` FROM `provider`.`txn` AS t0", "SELECT t0.`n` FROM v0 AS t0"),
        ("SELECT 1 FROM `provider@2`.`txn`", "SELECT 1 FROM v2"),
        (
            "WITH a AS (SELECT '`provider`.`txn`' AS x FROM `provider`.`txn` t JOIN `consumer`.`acc` u ON t.k <=> u.k) "
            "SELECT '🙂 ${env:HOME}' FROM a, `provider`.`txn`",
            "WITH a AS (SELECT '`provider`.`txn`' AS x FROM v0 t JOIN v1 u ON t.k <=> u.k) SELECT '🙂 ${env:HOME}' FROM a, v0",
        ),
        ("SELECT xxhash64(t.k) AS h FROM provider.txn AS t", "SELECT xxhash64(t.k) AS h FROM v0 AS t"),
        ("SELECT (SELECT max(n) FROM provider.txn) FROM consumer.acc", "SELECT (SELECT max(n) FROM v0) FROM v1"),
    ],
)
def test_assets_become_views_and_nothing_else_changes(sql: str, expected: str) -> None:
    assert with_views(sql, VIEWS) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1 FROM provider.other",
        "SELECT 1 FROM txn",
        "SELECT 1 FROM provider",
        "SELECT 1 FROM x.provider.txn",
        "SELECT 1 FROM parquet.`/etc/passwd`",
        "SELECT 1 FROM text.`file:/etc/passwd`",
        "SELECT 1 FROM `provider.txn`",
        "WITH own AS (SELECT 1 FROM consumer.hidden) SELECT 1 FROM own",
        "WITH txn AS (SELECT 1) SELECT 1 FROM other.txn",
        "SELECT 1; SELECT 2",
        "DROP TABLE provider.txn",
        "SET spark.sql.ansi.enabled = false",
        "ADD JAR 'x.jar'",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO provider.txn SELECT 1",
        "EXPLAIN SELECT 1",
        "SHOW TABLES",
        "REFRESH TABLE t",
        "SELECT java_method('java.lang.System', 'getenv', 'HOME') FROM provider.txn",
        "SELECT reflect('java.lang.System', 'getenv', 'HOME') FROM provider.txn",
        "SELECT input_file_name() FROM provider.txn",
        "SELECT evil.xxhash64(n) FROM provider.txn",
        "SELECT `xxhash64 `(n) FROM provider.txn",
        "SELECT xxhash64(reflect('java.lang.System', 'getenv', n)) FROM provider.txn",
        "SELECT * FROM xxhash64(5)",
        "SELECT * FROM read_files('/etc/passwd')",
        "SELECT * FROM range(5)",
        "SELECT raise_error(n) FROM provider.txn",
        "SELECT not closed ( FROM provider.txn",
    ],
)
def test_everything_else_is_refused(sql: str) -> None:
    with pytest.raises(RefusedStatement):
        with_views(sql, VIEWS)


def test_what_the_guard_renders_is_taken() -> None:
    world = world_named("banks")
    sql = (
        "SELECT merchant_category_code, date_trunc('month', txn_ts) AS m, avg(score), count(*) "
        "FROM provider.transaction_signals t JOIN consumer.account_behavior a USING (card_token) GROUP BY 1, 2"
    )
    (sheet,) = judge(template_of({"sql": sql}, world), world).sheets
    views = {"provider.transaction_signals": "v0", "consumer.account_behavior": "v1"}
    rendered = sheet.query.render("spark")
    assert with_views(rendered, views) == rendered.replace("`provider`.`transaction_signals`", "v0").replace(
        "`consumer`.`account_behavior`", "v1"
    )
