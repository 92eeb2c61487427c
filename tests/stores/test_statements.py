"""The store's SQL is not SQLite's alone: every statement and table also compiles for PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import ClauseElement

from cleanroom_core.stores import statements
from cleanroom_core.stores.tables import metadata

ALL = {name: value for name, value in vars(statements).items() if name.isupper() and isinstance(value, ClauseElement)}


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_statement_compiles_for_postgresql(name):
    assert str(ALL[name].compile(dialect=postgresql.dialect()))


def test_the_writers_lock_is_a_row_lock_there():
    assert "FOR UPDATE" in str(statements.LOCK.compile(dialect=postgresql.dialect()))


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_compiles_for_postgresql(table):
    assert "PRIMARY KEY" in str(CreateTable(table).compile(dialect=postgresql.dialect()))
