"""What a statement may name: the assets it was made for and its own WITH parts. Nothing else reaches Spark.

Spark has no way to lock a session, so the lock is here: one SELECT, no function that sqlglot does not know by name, and in the
place of each asset the temporary view of this run. The text stays as the guard rendered it, only names change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import sqlglot
from sqlglot import exp


class RefusedStatement(Exception):  # noqa: N818 - becomes a QueryFailedError; it says nothing about rows
    """The text is not one SELECT over the given assets."""


def with_views(sql: str, views: Mapping[str, str]) -> str:
    """The SELECT with the view's name wherever an asset of `views` (qualified name -> view) is read."""
    try:
        statements = sqlglot.parse(sql, read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise RefusedStatement(type(error).__name__) from None
    if len(statements) != 1 or not isinstance(tree := statements[0], exp.Select):
        _refuse("not one SELECT")
    found = tree.find_all(exp.Anonymous, exp.Command, exp.UDTF, exp.Lateral)
    if (strange := next((node for node in found if not _is_hash(node)), None)) is not None:
        _refuse(f"{type(strange).__name__} {strange.name}")
    own = {part.alias for part in tree.find_all(exp.CTE)}
    changes = []
    for table in tree.find_all(exp.Table):
        if "db" not in table.args and table.name in own:
            continue
        view = views.get(f"{table.db}.{table.name}")
        if view is None or table.args.get("catalog") is not None:
            _refuse(f"table {table.sql('spark')}")
        changes.append((*_place(table, sql), view))
    for start, stop, view in sorted(changes, reverse=True):
        sql = sql[:start] + view + sql[stop:]
    return sql


def _is_hash(node: exp.Expr) -> bool:
    """The one function that class queries use and the parser does not know by name: it computes a number of its values."""
    return isinstance(node, exp.Anonymous) and node.name.upper() == "XXHASH64" and not isinstance(node.parent, exp.Dot)


def _place(table: exp.Table, sql: str) -> tuple[int, int]:
    first, last = table.args["db"].meta, table.this.meta
    start, stop = first.get("start", 0), last.get("end", -1) + 1
    if sql[start:stop].replace("`", "") != f"{table.db}.{table.name}":
        _refuse("a name that is not where it seems")
    return start, stop


def _refuse(what: str) -> NoReturn:
    raise RefusedStatement(what)
