"""Names as they stand in people's tables (spaces, quotes, any case, any script), always quoted by sqlglot, never by us."""

from __future__ import annotations

from sqlglot import exp


def identifier(name: str) -> exp.Identifier:
    """The name as a quoted identifier; `render` doubles whatever quote the dialect uses."""
    return exp.Identifier(this=name, quoted=True)


def column(name: str, table: str | None = None) -> exp.Column:
    return exp.Column(this=identifier(name), table=None if table is None else identifier(table))


def table(name: str, alias: str | None = None) -> exp.Table:
    found = exp.Table(this=identifier(name))
    if alias is not None:
        found.set("alias", exp.TableAlias(this=identifier(alias)))
    return found
