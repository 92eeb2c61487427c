"""Reads tests/sql/cases: expressions with rows and what must come out, the same on every engine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from cleanroom_core.sql.expressions import Expression, parse_expression
from cleanroom_core.sql.types import Column, Kind, Schema, SqlType

FOLDER = Path(__file__).parent / "cases"
FILES = ("texts", "operators", "numbers", "casts", "dates")


@dataclass(frozen=True)
class Case:
    expression: str
    given: Schema
    rows: tuple[tuple[Any, ...], ...]
    expected: tuple[Any, ...]

    @property
    def compiled(self) -> Expression:
        return parse_expression(self.expression, self.given)


def cases() -> list[Case]:
    found = []
    for name in FILES:
        document = YAML(typ="safe").load(FOLDER / f"{name}.yaml")
        types = {column: SqlType.parse(type_) for column, type_ in document["columns"].items()}
        for item in document["cases"]:
            schema = Schema(tuple(Column(column, types[column]) for column in item["given"]))
            expression = str(item["expression"]).upper() if isinstance(item["expression"], bool) else str(item["expression"])
            compiled = parse_expression(expression, schema)
            rows = tuple(
                tuple(value_as(value, column.type) for value, column in zip(row[:-1], schema, strict=True))
                for row in item["rows"]
            )
            found.append(Case(expression, schema, rows, tuple(value_as(row[-1], compiled.type) for row in item["rows"])))
    return found


def refused() -> list[dict[str, Any]]:
    return YAML(typ="safe").load(FOLDER / "refused.yaml")


def value_as(value: Any, type_: SqlType) -> Any:
    """The YAML value as the Python value an engine takes and gives for this type."""
    if value is None:
        return None
    if type_.kind is Kind.DATE:
        return date.fromisoformat(value)
    if type_.kind is Kind.TIMESTAMP:
        return datetime.fromisoformat(value)
    expected = {Kind.STRING: str, Kind.BIGINT: int, Kind.BOOLEAN: bool, Kind.DOUBLE: float, Kind.DECIMAL: str}[type_.kind]
    assert isinstance(value, expected), (value, type_)
    return Decimal(value) if type_.kind is Kind.DECIMAL else value


def same(found: Any, expected: Any) -> bool:
    """Equal in value and in type; decimals in their digits too, NaN equal to itself."""
    if isinstance(expected, float) and isinstance(found, float) and math.isnan(expected):
        return math.isnan(found)
    if isinstance(expected, Decimal) and isinstance(found, Decimal):
        return found.as_tuple() == expected.as_tuple() or (found == expected == 0)
    return type(found) is type(expected) and found == expected
