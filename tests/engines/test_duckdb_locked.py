"""What a statement in the locked database may not do. Every refusal is tried against the real thing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from cleanroom_core.engines.duckdb.locked import open_locked, select
from cleanroom_core.engines.protocol import Limits


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "it's listed ü.parquet"
    duckdb.sql("SELECT range AS n FROM range(3)").write_parquet(str(path))
    (tmp_path / "other.csv").write_text("secret\n1\n")
    return path


@pytest.fixture
def locked(listed: Path, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    (tmp_path / "spill").mkdir()
    return open_locked([listed], Limits(memory_mb=200), tmp_path / "spill")


def test_reads_the_listed_file(locked: duckdb.DuckDBPyConnection, listed: Path) -> None:
    assert locked.read_parquet([str(listed)]).fetchall() == [(0,), (1,), (2,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{folder}/other.csv')",
        "SELECT * FROM '{folder}/other.csv'",
        "SELECT * FROM read_text('{folder}/other.csv')",
        "SELECT * FROM read_blob('{folder}/other.csv')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('{folder}/other.csv')",
        "SELECT getenv('HOME')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
        "COPY (SELECT 1) TO '{folder}/stolen.csv'",
        "COPY (SELECT 1) TO '/dev/stdout'",
        "EXPORT DATABASE '{folder}/stolen'",
        "IMPORT DATABASE '{folder}'",
        "ATTACH '{folder}/stolen.db' AS stolen",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET temp_directory = '/tmp'",
        "PRAGMA enable_profiling",
        "SELECT * FROM a_python_variable",
    ],
)
def test_refuses(locked: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str) -> None:
    a_python_variable = locked.sql("SELECT 1 AS n").to_arrow_table()
    assert a_python_variable.num_rows == 1
    with pytest.raises(duckdb.Error):
        locked.execute(statement.format(folder=tmp_path)).fetchall()
    assert not list(tmp_path.glob("stolen*"))


def test_the_listed_file_cannot_be_overwritten(locked: duckdb.DuckDBPyConnection, listed: Path) -> None:
    before = listed.read_bytes()
    with pytest.raises(duckdb.Error):
        locked.execute("COPY (SELECT 1) TO '{}' (FORMAT parquet)".format(str(listed).replace("'", "''")))
    assert listed.read_bytes() == before


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SET VARIABLE x = 1", "ATTACH ':memory:' AS m", "EXPLAIN SELECT 1",
                                 "CREATE TABLE t AS SELECT 1", "COPY (SELECT 1) TO 'x'", ""])  # fmt: skip
def test_only_one_select_is_taken(locked: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(duckdb.Error):
        select(locked, sql).fetchall()


def test_time_is_utc(locked: duckdb.DuckDBPyConnection) -> None:
    assert locked.sql("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
