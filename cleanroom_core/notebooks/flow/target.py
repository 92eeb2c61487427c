"""Names of tables that are put together at run time: `:cr_output_catalog || '.' || :cr_output_schema || '.segments'`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.facts import function_name

UNKNOWN = "?"


def spelled(node: exp.Expr, stands: Mapping[str, Any]) -> str:
    """The text a value has at run time: parameters as `:name`, `?` for what cannot be told."""
    if isinstance(node, exp.Literal):
        return str(node.this)
    if isinstance(node, exp.Placeholder):
        known = stands.get(f":{node.name}")
        return spelled(known, stands) if isinstance(known, exp.Expr) else f":{node.name}"
    if isinstance(node, exp.Parameter):
        return f":{node.name}"
    if isinstance(node, exp.DPipe):
        return spelled(node.left, stands) + spelled(node.right, stands)
    if isinstance(node, (exp.Paren, exp.Cast)):
        return spelled(node.this, stands)
    if isinstance(node, exp.Column) and not node.table and node.name in stands:
        value = stands[node.name]
        return spelled(value, stands) if isinstance(value, exp.Expr) else UNKNOWN
    name = function_name(node)
    if name == "concat":
        return "".join(spelled(part, stands) for part in node.expressions)
    if name == "concat_ws" and node.expressions:
        between = spelled(node.expressions[0], stands)
        return between.join(spelled(part, stands) for part in node.expressions[1:])
    return UNKNOWN


def table_name(table: exp.Expr, stands: Mapping[str, Any]) -> str:
    """The name of a table as it stands in FROM or after INTO, dotted, without quotes."""
    if isinstance(table, exp.Schema):
        return table_name(table.this, stands)
    if not isinstance(table, exp.Table):
        return UNKNOWN
    return ".".join(_part(table.args[key], stands) for key in ("catalog", "db", "this") if table.args.get(key) is not None)


def _part(node: exp.Expr, stands: Mapping[str, Any]) -> str:
    if isinstance(node, exp.Identifier):
        value = stands.get(node.name)
        return node.name if value is None else spelled(value, stands) if isinstance(value, exp.Expr) else UNKNOWN
    if isinstance(node, exp.Anonymous):
        return spelled(node.expressions[0], stands) if function_name(node) == "identifier" and node.expressions else UNKNOWN
    if isinstance(node, exp.Dot):
        return f"{_part(node.left, stands)}.{_part(node.right, stands)}"
    return spelled(node, stands)


def is_output(name: str) -> bool:
    """Whether a full name lies in the schema the room made for this run."""
    return name.replace("`", "").lower().startswith(":cr_output_catalog.:cr_output_schema.")
