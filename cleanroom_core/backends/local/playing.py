"""A notebook's SQL cells on DuckDB, in memory, with nothing else of this machine in reach.

Collaborators' aliases are catalogs, `:cr_output_catalog` and `:cr_output_schema` are given, and that schema is what comes out.
Python cells are not run: a rehearsal computes release plans with `engines/`; this is for notebooks that are SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_TARGET = re.compile(
    r"(?i)\bIDENTIFIER\(\s*:cr_output_catalog\s*\|\|\s*'\.'\s*\|\|\s*:cr_output_schema\s*\|\|\s*'\.(\w+)'\s*\)"
)
_COMMAND = re.compile(r"(?m)^-- COMMAND -+[ \t]*$")


class NotPlayedError(Exception):
    """Why a run ends FAILED, in words for whoever runs it."""


def play(source: str, tables: Mapping[str, Path], catalog: str, schema: str) -> dict[str, pa.Table]:
    """Output tables by name. `tables`: alias.schema.asset -> Parquet file. Raises NotPlayedError with the reason."""
    import duckdb
    from sqlglot.errors import SqlglotError

    with duckdb.connect(config={"threads": 1}) as connection:
        for name, path in tables.items():
            alias, schema_name, table = name.split(".")
            _schema(connection, alias, schema_name)
            connection.execute(f"CREATE TABLE {_quoted(alias, schema_name, table)} AS FROM read_parquet(?)", [str(path)])
        _schema(connection, catalog, schema)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        for number, cell in enumerate(_COMMAND.split(source), start=1):
            try:
                for statement in _statements(cell, catalog, schema):
                    connection.execute(statement)
            except (duckdb.Error, SqlglotError, ValueError) as error:
                raise NotPlayedError(f"Cell {number} does not run here ({type(error).__name__}).") from error
        made = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?", [catalog, schema]
        ).fetchall()
        return {name: connection.table(_quoted(catalog, schema, name)).to_arrow_table() for (name,) in made}


def _schema(connection: duckdb.DuckDBPyConnection, catalog: str, schema: str) -> None:
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {_quoted(catalog)}")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(catalog, schema)}")


def _quoted(*parts: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _statements(cell: str, catalog: str, schema: str) -> list[str]:
    """The cell in DuckDB's dialect. Raises ValueError or SqlglotError for anything that is not SQL."""
    import sqlglot

    lines = [line for line in cell.splitlines() if line.strip() != "-- Databricks notebook source"]
    if any(line.startswith("-- MAGIC") for line in lines):
        raise ValueError("another language")
    text = _TARGET.sub(lambda found: f"`{catalog}`.`{schema}`.`{found.group(1)}`", "\n".join(lines))
    trees = sqlglot.parse(text, read="databricks", error_level=sqlglot.ErrorLevel.RAISE)
    return [tree.sql(dialect="duckdb") for tree in trees if tree is not None]
