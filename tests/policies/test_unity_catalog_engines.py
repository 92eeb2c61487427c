"""Function bodies and share-safe SELECTs run: on Spark as their own text, on DuckDB as their own tree, with equal results."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from cleanroom_core.policies.unity_catalog.functions import SqlFunction
from cleanroom_core.policies.unity_catalog.spelling import spell
from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column, identifier
from cleanroom_core.tokens.hmac_expression import binary_parameters, token_of
from cleanroom_core.tokens.secret_expression import secret_texts, secret_token_expression
from cleanroom_core.tokens.vectors import IDENTIFIERS
from tests.policies.catalogs import CARD, KEY, MAIL, TYPES, governed, rows, shared, table
from tests.spark import MARKS, TestSpark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = MARKS
COUNT = 10_000
SECRETS = secret_texts(CARD, KEY, native=False) | secret_texts(MAIL, KEY, native=False)
ARROW = {
    "string": pa.string(), "varchar(200)": pa.string(), "decimal(12,2)": pa.decimal128(12, 2), "int": pa.int32(),
    "double": pa.float64(), "boolean": pa.bool_(), "date": pa.date32(), "timestamp_ntz": pa.timestamp("us"),
}  # fmt: skip


@pytest.fixture(scope="module")
def raw() -> list[tuple[Any, ...]]:
    return rows(COUNT)


@pytest.fixture(scope="module")
def parquet(raw: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "tx.parquet"
    columns = [pa.array(values, ARROW[type_]) for values, type_ in zip(zip(*raw, strict=True), TYPES.values(), strict=True)]
    pq.write_table(pa.table(columns, names=list(TYPES)), path)
    return path


@pytest.fixture(scope="module")
def workspace(spark: TestSpark, parquet: Path) -> Iterator[SparkSession]:
    """A session in which the statements find their table, their secrets and the question who is in a group."""
    session = spark.new_session()
    for schema in ("gold", "security", "share"):
        session.sql(f"CREATE SCHEMA spark_catalog.{schema}")
    session.sql(f"CREATE TABLE spark_catalog.gold.tx USING parquet LOCATION '{parquet}'")
    for name in TYPES:
        session.sql(f"ALTER TABLE spark_catalog.gold.tx CHANGE COLUMN `{name}` COMMENT 'for ourselves'")
    session.sql("USE spark_catalog.security")
    answers = " ".join(f"WHEN name = '{name}' THEN '{value}'" for name, value in SECRETS.items())
    session.sql(f"CREATE FUNCTION secret(scope STRING, name STRING) RETURNS STRING RETURN CASE {answers} END")
    session.sql("CREATE FUNCTION is_account_group_member(name STRING) RETURNS BOOLEAN RETURN name = 'nobody is in it'")
    yield session
    for schema in ("gold", "security", "share"):
        session.sql(f"DROP SCHEMA spark_catalog.{schema} CASCADE")


@pytest.fixture(scope="module")
def duck(parquet: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS spark_catalog")
        connection.execute("CREATE SCHEMA spark_catalog.gold")
        connection.execute(f"CREATE TABLE spark_catalog.gold.tx AS FROM '{parquet}'")
        answers = " ".join(f"WHEN name = '{name}' THEN '{value}'" for name, value in SECRETS.items())
        connection.execute(f"CREATE MACRO secret(scope, name) AS CASE {answers} END")
        connection.execute("CREATE MACRO is_account_group_member(name) AS name = 'nobody is in it'")
        yield connection


def ordered(found: list[Any]) -> list[tuple[Any, ...]]:
    """Rows in one order; NaN is made equal to itself."""
    plain = [tuple("nan" if isinstance(value, float) and math.isnan(value) else value for value in row) for row in found]
    return sorted(plain, key=repr)


def applied(function: SqlFunction, duck: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """The function's body over the table, with the card number beside it."""
    given = ", ".join(f'"{parameter.column}" AS "{parameter.name}"' for parameter in function.parameters)
    body = function.body_sql("duckdb")
    return duck.execute(
        f'SELECT "Card Number", {body} FROM (SELECT "Card Number", {given} FROM spark_catalog.gold.tx)'
    ).fetchall()


def test_the_share_safe_table_is_the_same_on_both_engines_and_has_the_tokens_of_the_vectors(
    workspace: SparkSession, duck: duckdb.DuckDBPyConnection, raw: list[tuple[Any, ...]]
) -> None:
    wanted = shared()
    writing = next(statement.sql for statement in wanted.statements() if "CREATE OR REPLACE TABLE" in statement.sql)
    workspace.sql(writing.replace("CREATE OR REPLACE TABLE", "CREATE TABLE", 1))  # Spark replaces no Parquet table
    written = workspace.table("spark_catalog.share.tx")
    assert all("comment" in field.metadata for field in workspace.table("spark_catalog.gold.tx").schema)
    assert not any(field.metadata for field in written.schema)  # before the statements that empty them
    on_spark = [tuple(row) for row in written.collect()]
    on_duckdb = duck.execute(render(wanted.select(), "duckdb")).fetchall()
    assert ordered(on_spark) == ordered(on_duckdb)
    kept = [row for row in raw if _kept(row)]
    assert COUNT / 20 < len(kept) < COUNT / 2
    assert set(IDENTIFIERS["pan"].values()) <= {row[0] for row in kept}
    assert set(IDENTIFIERS["email"].values()) <= {row[1] for row in kept}
    tokens = [(token_of(row[0], CARD, KEY), token_of(row[1], MAIL, KEY)) for row in kept]
    assert ordered([row[:2] for row in on_spark]) == ordered(tokens)
    assert len({card for card, _ in tokens if card is not None}) > 100

    gone = sorted({card for card, _ in tokens if card is not None})[:50]
    workspace.createDataFrame(pa.table({"card_token": gone})).write.saveAsTable("spark_catalog.share.withdrawn")
    workspace.sql(next(statement.sql for statement in wanted.statements() if "VIEW" in statement.sql))
    left = [tuple(row) for row in workspace.table("spark_catalog.share.tx_live").collect()]
    assert ordered(left) == ordered([row for row in on_spark if row[0] not in gone])
    assert len(left) < len(on_spark)


def test_the_native_form_gives_the_tokens_where_a_runtime_has_hmac(spark: TestSpark) -> None:
    """Spark 4.0 has none, so one that knows exactly these two keys stands for it; key and message come to it as BINARY."""
    session = spark.new_session()
    keys = {CARD: KEY, MAIL: KEY[::-1]}
    secrets = {name: text for spec, key in keys.items() for name, text in secret_texts(spec, key, native=True).items()}
    answers = " ".join(f"WHEN name = '{name}' THEN '{text}'" for name, text in secrets.items())
    session.sql(f"CREATE TEMPORARY FUNCTION secret(scope STRING, name STRING) RETURNS STRING RETURN CASE {answers} END")
    nested = "unhex(sha2(concat(X'{1}', unhex(sha2(concat(X'{0}', message), 256))), 256))"
    macs = {key: nested.format(*(pad.hex() for pad in binary_parameters(spec, key).values())) for spec, key in keys.items()}
    cases = " ".join(f"WHEN key = X'{key.hex()}' THEN {mac}" for key, mac in macs.items())
    refused = "ELSE CAST(raise_error('another key or algorithm') AS BINARY) END"
    session.sql(
        "CREATE TEMPORARY FUNCTION hmac(key BINARY, message BINARY, algorithm STRING) RETURNS BINARY "
        f"RETURN CASE WHEN algorithm <> 'SHA-256' THEN NULL {cases} {refused}"
    )
    for spec, key in keys.items():
        token = secret_token_expression(spec, "cleanroom", native=True)
        texts = [text for text in IDENTIFIERS[spec.identifier].values() if token_of(text, spec, key) is not None]
        session.createDataFrame(pa.table({"c": texts})).createOrReplaceTempView("given")
        select = spell(exp.Select(expressions=[column("c"), token.digest(token.normalised(column("c")))]).from_("given"))
        assert dict(tuple(row) for row in session.sql(select).collect()) == {text: token_of(text, spec, key) for text in texts}
        assert len(texts) > 5


@pytest.mark.parametrize("ansi", ["true", "false"])
def test_the_row_filter_lets_the_same_rows_through_on_both_engines_whatever_the_reader_has_set(
    workspace: SparkSession, duck: duckdb.DuckDBPyConnection, raw: list[tuple[Any, ...]], ansi: str
) -> None:
    function = governed().row_filter
    assert function is not None
    workspace.conf.set("spark.sql.ansi.enabled", ansi)
    try:
        workspace.sql(function.create().sql)
        columns = ", ".join(f"`{column}`" for column in function.use(mask=False).columns)
        answers = workspace.sql(f"SELECT `Card Number`, {function.name}({columns}) FROM gold.tx").collect()
    finally:
        workspace.conf.set("spark.sql.ansi.enabled", "true")
    on_spark = [tuple(row) for row in answers]
    assert ordered(on_spark) == ordered(applied(function, duck)) == ordered([(row[0], _kept(row)) for row in raw])


def test_masks_show_the_same_on_both_engines(workspace: SparkSession, duck: duckdb.DuckDBPyConnection) -> None:
    masks = governed().masks
    assert sorted(masks) == ["Card Number", "amount", "mail", "n", "region"]
    for function in masks.values():
        workspace.sql(function.create().sql)
    calls = [
        f"{function.name}({', '.join(f'`{given.column}`' for given in function.parameters)})" for function in masks.values()
    ]
    on_spark = workspace.sql(f"SELECT `Card Number`, {', '.join(calls)} FROM gold.tx").collect()
    for position, (name, function) in enumerate(masks.items(), 1):
        found = [(row[0], row[position]) for row in on_spark]
        assert ordered(found) == ordered(applied(function, duck)), name
        assert {value for _, value in found} != {None} or name in ("Card Number", "mail", "amount")


def test_an_instant_means_the_same_in_every_reader_s_time_zone(spark: TestSpark) -> None:
    """2024-11-03 01:30 happens twice in New York; a CAST could not tell the two apart."""
    function = governed(table(TYPES | {"ts": "timestamp"}), row_filter="ts >= '2024-11-03 06:30:00'", masks={}).row_filter
    assert function is not None
    instants = {
        1730611799: False,
        1730611800: False,
        1730615399: False,
        1730615400: True,
        1730619000: True,
        -62135596800: False,
    }
    values = ", ".join(f"({seconds})" for seconds in instants)
    text = f"SELECT at, {function.body_sql()} FROM (SELECT at, timestamp_seconds(at) AS p_ts FROM VALUES {values} AS t(at))"
    for zone in ("UTC", "America/New_York", "Asia/Kathmandu"):
        session = spark.new_session(**{"spark.sql.session.timeZone": zone})
        session.sql("CREATE TEMPORARY FUNCTION is_account_group_member(name STRING) RETURNS BOOLEAN RETURN FALSE")
        assert dict(tuple(row) for row in session.sql(text).collect()) == instants, zone


def test_names_of_any_kind_come_back_from_spark_as_they_were(spark: TestSpark) -> None:
    names = [
        "`",
        "``",
        "a`b",
        "`; DROP TABLE x; --",
        "a\"b'c",
        "\\",
        "\\`",
        "sélect",
        "日本",
        "\U0001f600",
        "a b",
        "-- x",
        "/*",
    ]
    columns = ", ".join(f"1 AS {spell(identifier(name))}" for name in names)
    assert spark.new_session().sql(f"SELECT {columns}").columns == names


def _kept(row: tuple[Any, ...]) -> bool:
    """The row filter once more, in Python's words."""
    _, _, consent, region, amount, n, _, flag, _, _ = row
    large = None if amount is None else amount >= 50.5
    here = None if region is None else region in ("EU", "Łódź", "O'Hare", "e\u0301\u200b")
    either = True if large or here else None if large is None or here is None else False
    few = None if n is None else n < -5
    neither = False if few or flag is None else None if few is None else True
    return consent == "YES" and either is True and neither is True
