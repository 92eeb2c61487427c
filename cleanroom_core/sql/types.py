"""Column types of the closed grammar: what a shared table may hold, spelled as Databricks SQL spells it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cleanroom_core.errors import InputError


class Kind(StrEnum):
    STRING = "STRING"
    BIGINT = "BIGINT"
    DECIMAL = "DECIMAL"
    DOUBLE = "DOUBLE"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"


_SPELLINGS = {
    "string": Kind.STRING, "varchar": Kind.STRING, "text": Kind.STRING, "char": Kind.STRING,
    "bigint": Kind.BIGINT, "int": Kind.BIGINT, "integer": Kind.BIGINT, "long": Kind.BIGINT, "smallint": Kind.BIGINT,
    "tinyint": Kind.BIGINT, "double": Kind.DOUBLE, "float": Kind.DOUBLE, "real": Kind.DOUBLE, "boolean": Kind.BOOLEAN,
    "bool": Kind.BOOLEAN, "date": Kind.DATE, "timestamp": Kind.TIMESTAMP, "timestamp_ntz": Kind.TIMESTAMP,
}  # fmt: skip
_DECIMAL = re.compile(r"(?:decimal|numeric)\s*(?:\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\))?", re.IGNORECASE)


@dataclass(frozen=True)
class SqlType:
    """One column type. `precision` and `scale` are set for DECIMAL only (1..38, 0..precision)."""

    kind: Kind
    precision: int | None = None
    scale: int | None = None

    def __post_init__(self) -> None:
        if (self.kind is Kind.DECIMAL) != (self.precision is not None and self.scale is not None):
            raise InputError("Only DECIMAL has a precision and a scale.", hint="Write it as decimal(12,2).", code="TYPE")
        if self.precision is not None and not (1 <= self.precision <= 38 and 0 <= (self.scale or 0) <= self.precision):
            raise InputError(
                "A decimal has 1 to 38 digits, of which the scale is a part.", hint="Write it as decimal(12,2).", code="TYPE"
            )

    @classmethod
    def parse(cls, text: str) -> SqlType:
        """Read `bigint`, `decimal(12,2)`, `timestamp` ...; raises InputError for anything else."""
        word = text.strip()
        if (found := _DECIMAL.fullmatch(word)) is not None:
            return cls(Kind.DECIMAL, int(found.group(1) or 10), int(found.group(2) or 0))
        if (kind := _SPELLINGS.get(word.lower())) is None:
            known = "Known are string, bigint, decimal(p,s), double, boolean, date and timestamp."
            quoted = '"decimal(6,1)" stands in quotes inside braces, where a comma ends a value.'
            raise InputError(
                f"There is no column type {text!r}.", hint=quoted if "(" in word and ")" not in word else known, code="TYPE"
            )
        return cls(kind)

    @property
    def is_numeric(self) -> bool:
        return self.kind in (Kind.BIGINT, Kind.DECIMAL, Kind.DOUBLE)

    def __str__(self) -> str:
        return f"DECIMAL({self.precision},{self.scale})" if self.kind is Kind.DECIMAL else self.kind.value


STRING = SqlType(Kind.STRING)
BIGINT = SqlType(Kind.BIGINT)
DOUBLE = SqlType(Kind.DOUBLE)
BOOLEAN = SqlType(Kind.BOOLEAN)
DATE = SqlType(Kind.DATE)
TIMESTAMP = SqlType(Kind.TIMESTAMP)


@dataclass(frozen=True)
class Column:
    name: str
    type: SqlType


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order. Names are compared without case, as Unity Catalog does."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for column in self.columns:
            if column.name.casefold() in seen:
                raise InputError(
                    f"Two columns are called {column.name!r}.", hint="Column names differ by more than case.", code="COLUMN"
                )
            seen.add(column.name.casefold())

    def get(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name.casefold() == name.casefold()), None)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def as_json(self) -> list[dict[str, str]]:
        return [{"name": column.name, "type": str(column.type)} for column in self.columns]

    @classmethod
    def from_json(cls, data: list[dict[str, str]]) -> Schema:
        return cls(tuple(Column(item["name"], SqlType.parse(item["type"])) for item in data))
