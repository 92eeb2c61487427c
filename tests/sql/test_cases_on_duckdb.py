"""Every case of tests/sql/cases on DuckDB: value, type, and no error whatever the row."""

from __future__ import annotations

import duckdb
import pytest
from sqlglot import exp

from cleanroom_core.sql.dialect import parse_scalar
from cleanroom_core.sql.functions.registry import ENTRIES
from cleanroom_core.sql.types import Kind, SqlType
from tests.sql.case_files import Case, cases, same

CASES = cases()


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as found:
        yield found


def duckdb_type(type_: SqlType) -> str:
    return {Kind.STRING: "VARCHAR"}.get(type_.kind, str(type_))


@pytest.mark.parametrize("case", CASES, ids=[case.expression for case in CASES])
def test_a_case_gives_the_same_on_duckdb(connection: duckdb.DuckDBPyConnection, case: Case) -> None:
    columns = ", ".join(f'"{column.name}" {duckdb_type(column.type)}' for column in case.given)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE source ({columns})")
    connection.executemany(
        f"INSERT INTO source VALUES ({', '.join('?' for _ in case.given)})", [list(row) for row in case.rows]
    )
    result = connection.sql(f"SELECT {case.compiled.render('duckdb')} FROM source ORDER BY source.rowid")
    found = [row[0] for row in result.fetchall()]
    assert str(result.types[0]) == duckdb_type(case.compiled.type)
    wrong = [
        (given, got, want) for given, got, want in zip(case.rows, found, case.expected, strict=True) if not same(got, want)
    ]
    assert not wrong


def test_every_function_of_the_list_has_a_case() -> None:
    called = set()
    for case in CASES:
        tree = parse_scalar(case.expression)
        called |= {node.name.lower() for node in tree.find_all(exp.Anonymous)}
        called |= {"iff"} if tree.find(exp.If) else set()
    assert [entry.names for entry in ENTRIES if not called & set(entry.names)] == []
