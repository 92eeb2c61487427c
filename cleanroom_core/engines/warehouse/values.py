"""Values on their way from a warehouse: it answers with texts, which are read by the type of their column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlglot import exp

from cleanroom_core.engines.protocol import Value
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import STRING, Kind, SqlType

_READ: dict[Kind, Callable[[str], Value]] = {
    Kind.STRING: str,
    Kind.BIGINT: int,
    Kind.DOUBLE: float,
    Kind.DECIMAL: Decimal,
    Kind.BOOLEAN: lambda text: {"true": True, "false": False}[text],
    Kind.DATE: date.fromisoformat,
    Kind.TIMESTAMP: datetime.fromisoformat,
}


def shown(value: exp.Expr, type_: SqlType) -> exp.Expr:
    """What to select so that the answer's text is exact: of a moment the API shows milliseconds only, its text has them all."""
    return cast(value, STRING) if type_.kind is Kind.TIMESTAMP else value


def read(texts: Iterable[str | None], types: Iterable[SqlType]) -> tuple[Value, ...]:
    return tuple(None if text is None else _READ[type_.kind](text) for text, type_ in zip(texts, types, strict=True))


def read_all(rows: Iterable[Sequence[str | None]], types: Sequence[SqlType]) -> list[tuple[Value, ...]]:
    return [read(row, types) for row in rows]
