"""Every case of tests/sql/cases on a real Spark. Many cases are asked in one statement: each alone would take a second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlglot import exp

from cleanroom_core.sql.portable import render
from cleanroom_core.sql.types import Kind, SqlType
from tests.spark import MARKS, TestSpark
from tests.sql.case_files import Case, cases, same

pytestmark = MARKS
AT_ONCE = 35
ALL = cases()


def spark_type(type_: SqlType) -> str:
    return {Kind.TIMESTAMP: "TIMESTAMP_NTZ"}.get(type_.kind, str(type_)).lower()


@pytest.mark.parametrize("start", range(0, len(ALL), AT_ONCE))
def test_cases_give_the_same_on_spark(spark: TestSpark, start: int) -> None:
    session = spark.new_session(**{"spark.sql.session.timeZone": "America/New_York"})  # has summer time: nothing depends on it
    some = ALL[start : start + AT_ONCE]
    try:
        wrong = list(problems(session, some))
    except Exception:  # which of them is it?
        wrong = [problem for case in some for problem in alone(session, case)]
        assert wrong, "together they fail, each alone does not"
    assert not wrong, "\n".join(wrong)


def alone(session: Any, case: Case) -> Iterator[str]:
    try:
        yield from problems(session, [case])
    except Exception as error:
        yield f"{case.expression}: {str(error)[:300]}"


def problems(session: Any, some: Sequence[Case]) -> Iterator[str]:
    """Case 3 reads the column x as c3_x and its answer is a3; a case with fewer rows than others repeats its first one."""
    columns = [f"`c{n}_{column.name}` {spark_type(column.type)}" for n, case in enumerate(some) for column in case.given]
    depth = max(len(case.rows) for case in some)
    rows = [
        (i, *(value for case in some for value in (case.rows[i] if i < len(case.rows) else case.rows[0]))) for i in range(depth)
    ]
    session.createDataFrame(rows, ", ".join(["number int", *columns])).createOrReplaceTempView("source")
    answers = ", ".join(f"{renamed(case, f'c{n}_')} AS a{n}" for n, case in enumerate(some))
    result = session.sql(f"SELECT number, {answers} FROM source")
    found = sorted(result.collect())
    for n, case in enumerate(some):
        given_type = result.schema[f"a{n}"].dataType.simpleString()
        if given_type != spark_type(case.compiled.type):
            yield f"{case.expression}: type {given_type}, not {spark_type(case.compiled.type)}"
        for given, row, want in zip(case.rows, found, case.expected, strict=False):
            if not same(row[n + 1], want):
                yield f"{case.expression} of {given!r}: {row[n + 1]!r}, not {want!r}"


def renamed(case: Case, prefix: str) -> str:
    tree = case.compiled.tree.copy()
    for column in list(tree.find_all(exp.Column)):
        column.this.set("this", prefix + column.name)
    return render(tree, "spark")
