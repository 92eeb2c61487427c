"""ALTER TABLE: row filters and masks put on a table and taken off again."""

from __future__ import annotations

from cleanroom_core.policies.unity_catalog.catalog import FunctionUse
from cleanroom_core.policies.unity_catalog.names import ObjectName, column_name
from cleanroom_core.policies.unity_catalog.spelling import Statement, listed, spell
from cleanroom_core.sql.quoting import identifier


def set_filter(table: ObjectName, use: FunctionUse) -> Statement:
    sql = spell("ALTER TABLE", table.tree(), "SET ROW FILTER", use.function.tree(), "ON", listed(use.columns))
    return Statement(f"Readers of {table} see only the rows {use.function.name} lets through.", sql)


def drop_filter(table: ObjectName) -> Statement:
    return Statement(f"Take the row filter off {table}.", spell("ALTER TABLE", table.tree(), "DROP ROW FILTER"))


def set_mask(table: ObjectName, column: str, use: FunctionUse) -> Statement:
    words = ("ALTER TABLE", table.tree(), "ALTER COLUMN", identifier(column_name(column)), "SET MASK", use.function.tree())
    others = ("USING COLUMNS", listed(use.columns)) if use.columns else ()
    return Statement(f"Mask {column} of {table} with {use.function.name}.", spell(*words, *others))


def drop_mask(table: ObjectName, column: str) -> Statement:
    sql = spell("ALTER TABLE", table.tree(), "ALTER COLUMN", identifier(column_name(column)), "DROP MASK")
    return Statement(f"Take the mask off {column} of {table}.", sql)
