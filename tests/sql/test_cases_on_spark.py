"""Every case of tests/sql/cases on a real Spark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cleanroom_core.sql.types import Kind, SqlType
from tests.spark import MARKS, TestSpark
from tests.sql.case_files import Case, cases, same

pytestmark = MARKS


def spark_type(type_: SqlType) -> str:
    return {Kind.TIMESTAMP: "TIMESTAMP_NTZ"}.get(type_.kind, str(type_)).lower()


def test_all_cases_give_the_same_on_spark(spark: TestSpark) -> None:
    zone = {"spark.sql.session.timeZone": "America/New_York"}  # with summer time: nothing may depend on it
    session = spark.new_session(**zone, **{"spark.sql.timestampType": "TIMESTAMP_LTZ"})
    wrong = [problem for case in cases() for problem in problems(session, case)]
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
