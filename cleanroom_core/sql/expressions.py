"""The closed expression grammar: a person's Databricks SQL in, a typed tree with equal meaning on every engine out.

Every node is looked up in a list of what is allowed; anything else is refused with its place and with what may be used
instead. Columns are resolved, types are checked from the leaves up, and no row can make an accepted expression fail: what an
engine would answer with an error (a text that is no number, an overflow) is NULL.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from cleanroom_core.errors import ExpressionError
from cleanroom_core.sql import operators
from cleanroom_core.sql.compiler import Compiler, Reference
from cleanroom_core.sql.dialect import parse_scalar, place_of
from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import Kind, Schema, SqlType


@dataclass(frozen=True)
class Expression:
    """A checked expression. `tree` is portable (render it with `render` only); `columns` in the order of first mention, spelled
    as the table spells them; `text` is what the person wrote."""

    tree: exp.Expr = field(compare=False)
    type: SqlType
    columns: tuple[str, ...]
    text: str

    def render(self, dialect: str) -> str:
        """SQL for `duckdb`, `spark` or `databricks`."""
        return render(self.tree, dialect)


def parse_expression(text: str, schema: Schema) -> Expression:
    """Check a person's expression over the columns of one table. Raises ExpressionError with line, column, code and hint."""
    return compile_node(parse_scalar(text), columns_of(schema, text), text)


def compile_node(node: exp.Expr, resolve: Callable[[exp.Column], Reference], text: str) -> Expression:
    """The same for a node of a query parsed with `dialect.parse_query`; `resolve` gives each column its meaning.

    `text` is the whole text the node was parsed from, so that places are right. Raises ExpressionError.
    """
    compiler = Compiler(text, resolve, operators.RULES, operators.REFUSALS)
    try:
        found = compiler.compile(node)
    except RecursionError:
        compiler.fail(node, "The expression is nested too deeply.", "Write it with fewer levels.", "TOO_LARGE")
    if found.type is None:
        compiler.fail(node, "The type of this NULL is not known.", "Write CAST(NULL AS STRING).", "TYPE")
    return Expression(_exactly(found.tree, found.type), found.type, tuple(compiler.columns), text)


def columns_of(schema: Schema, text: str) -> Callable[[exp.Column], Reference]:
    """A `resolve` for the bare columns of one table, without regard to case."""

    def resolve(node: exp.Column) -> Reference:
        if node.table:
            raise located(node, text, "A column stands here without a table.", f"Write {node.name} alone.", "UNKNOWN_COLUMN")
        found = schema.get(node.name)
        if found is None:
            raise unknown_column(node, text, schema.names)
        return Reference(found.name, column(found.name), found.type)

    return resolve


def unknown_column(node: exp.Column, text: str, known: Sequence[str]) -> ExpressionError:
    """The error for a name that is no column, with the nearest one that is."""
    by_fold = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(node.name.casefold(), by_fold, n=1)
    hint = f"Did you mean {by_fold[near[0]]}?" if near else f"Columns are: {', '.join(known)}."
    return located(node, text, f"There is no column {node.name!r}.", hint, "UNKNOWN_COLUMN")


def located(node: exp.Expr, text: str, message: str, hint: str, code: str) -> ExpressionError:
    """An ExpressionError at the place of a node."""
    line, position = place_of(node, text)
    return ExpressionError(message, hint=hint, code=code, line=line, column=position)


def _exactly(tree: exp.Expr, type_: SqlType) -> exp.Expr:
    """Numbers get a CAST around them: a literal, year() or an INT column has another width from engine to engine."""
    narrow = type_.is_numeric or type_.kind is Kind.TIMESTAMP
    return cast(tree, type_) if narrow and not isinstance(tree, exp.Cast) else tree
