"""Types and values on their way between Databricks SQL and DuckDB."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Sequence
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from cleanroom_core.simulator.sql.database import Rows
from cleanroom_core.simulator.sql.failure import SqlFailure
from cleanroom_core.simulator.strict import Json

_TYPES = {
    "VARCHAR": ("STRING", "string"),
    "BIGINT": ("LONG", "bigint"),
    "HUGEINT": ("LONG", "bigint"),  # what DuckDB makes of a sum of whole numbers; the platform says bigint
    "INTEGER": ("INT", "int"),
    "SMALLINT": ("SHORT", "smallint"),
    "TINYINT": ("BYTE", "tinyint"),
    "DOUBLE": ("DOUBLE", "double"),
    "FLOAT": ("FLOAT", "float"),
    "BOOLEAN": ("BOOLEAN", "boolean"),
    "DATE": ("DATE", "date"),
    "TIMESTAMP": ("TIMESTAMP_NTZ", "timestamp_ntz"),  # DuckDB's has no time zone
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP", "timestamp"),
    "BLOB": ("BINARY", "binary"),
    "NULL": ("NULL", "void"),
    '"NULL"': ("NULL", "void"),
}


def of_column(name: str, duckdb_type: str, position: int) -> Json:
    """A column as both APIs describe it, from DuckDB's name of its type."""
    kind, _, inner = duckdb_type.partition("(")
    if kind == "DECIMAL":
        precision, scale = (int(part) for part in inner.rstrip(")").split(","))
        text = f"decimal({precision},{scale})"
        known = {"type_name": "DECIMAL", "type_text": text, "type_precision": precision, "type_scale": scale}
    elif duckdb_type.endswith("[]"):
        known = {"type_name": "ARRAY", "type_text": f"array<{_TYPES.get(duckdb_type[:-2], ('', 'string'))[1]}>"}
    else:
        names = _TYPES.get(duckdb_type, ("STRUCT" if kind == "STRUCT" else "STRING", duckdb_type.lower()))
        known = {"type_name": names[0], "type_text": names[1]}
    return {"name": name, "position": position, **known}


def as_text(value: Any) -> str | None:
    """A value as JSON_ARRAY carries it: text, or null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if value.tzinfo else value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def arrays(found: Rows) -> list[list[str | None]]:
    return [[as_text(value) for value in row] for row in found.rows]


def bound(parameters: Sequence[Json]) -> dict[str, exp.Expr]:
    """The statement's parameters as typed literals, by name. Raises SqlFailure for a type nobody knows."""
    found: dict[str, exp.Expr] = {}
    for each in parameters:
        try:
            kind = exp.DataType.build(each.get("type", "STRING"), dialect="databricks")
        except SqlglotError as error:
            raise SqlFailure("INVALID_PARAMETER", f"Parameter '{each['name']}' has an unknown type.", "22023") from error
        value = each.get("value")
        literal: exp.Expr = exp.Null() if value is None else exp.Literal.string(str(value))
        found[each["name"]] = exp.Cast(this=literal, to=kind)
    return found


def text_of(parameter: exp.Expr) -> str:
    """The text of a parameter, for a name built from it."""
    inner = parameter.this
    if not isinstance(inner, exp.Literal):
        raise SqlFailure("NOT_A_CONSTANT_STRING", "IDENTIFIER needs a text, not NULL.", "42601")
    return str(inner.this)
