"""A DuckDB that can read exactly the files it was given, and nothing else; see `tests/engines/test_duckdb_locked.py`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
from sqlglot import exp

from cleanroom_core.engines.protocol import Limits


def open_locked(files: Iterable[Path], limits: Limits, spill: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database that reads `files` only and spills to `spill` only. Its configuration cannot be changed again.

    DuckDB accepts `allowed_paths` after the start only, so the lock is three statements in this order.
    Source: DuckDB documentation, "Securing DuckDB".
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{limits.memory_mb}MB",
            "threads": str(limits.threads),
            "temp_directory": str(spill),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
        },
    )
    allowed = exp.array(*(exp.Literal.string(str(file)) for file in files)).sql("duckdb")
    for statement in (
        "SET TimeZone = 'UTC'",
        f"SET allowed_paths = {allowed}",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
    return connection


def select(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object] | None = None
) -> duckdb.DuckDBPyRelation:
    """The relation of one SELECT; anything else is refused before it is planned."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise duckdb.ParserException("not one SELECT statement")
    return connection.sql(sql, params=parameters) if parameters else connection.sql(sql)


def name(text: str) -> exp.Identifier:
    return exp.to_identifier(text, quoted=True)


def column(text: str) -> exp.Column:
    return exp.column(name(text))
