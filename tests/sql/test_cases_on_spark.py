"""Every case of tests/sql/cases on a real Spark. Starts Java, so it runs only with CLEANROOM_TEST_SPARK=1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from cleanroom_core.sql.types import Kind, SqlType
from tests.sql.case_files import Case, cases, same

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of pyspark's own
    pytest.mark.skipif(os.environ.get("CLEANROOM_TEST_SPARK") != "1", reason="starts Java; set CLEANROOM_TEST_SPARK=1"),
]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "America/New_York")  # a zone with summer time: nothing may depend on it
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    yield session
    session.stop()


def spark_type(type_: SqlType) -> str:
    return {Kind.TIMESTAMP: "TIMESTAMP_NTZ"}.get(type_.kind, str(type_)).lower()


def test_all_cases_give_the_same_on_spark(spark: Any) -> None:
    wrong = [problem for case in cases() for problem in problems(spark, case)]
    assert not wrong, "\n".join(wrong)


def problems(spark: Any, case: Case) -> Iterator[str]:
    schema = ", ".join(f"`{column.name}` {spark_type(column.type)}" for column in case.given)
    spark.createDataFrame(
        [(number, *row) for number, row in enumerate(case.rows)], f"number int, {schema}"
    ).createOrReplaceTempView("source")
    try:
        result = spark.sql(f"SELECT {case.compiled.render('spark')} AS found FROM source ORDER BY number")
        found = [row[0] for row in result.collect()]
    except Exception as error:
        yield f"{case.expression}: {str(error)[:300]}"
        return
    if result.schema["found"].dataType.simpleString() != spark_type(case.compiled.type):
        yield f"{case.expression}: type {result.schema['found'].dataType.simpleString()}, not {spark_type(case.compiled.type)}"
    for given, got, want in zip(case.rows, found, case.expected, strict=True):
        if not same(got, want):
            yield f"{case.expression} of {given!r}: {got!r}, not {want!r}"
