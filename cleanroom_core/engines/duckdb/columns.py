"""From what a file holds to the types of the closed grammar: which text may become a number, and what a strict cast is.

Every rule is one SQL text with `:c` where the column stands, and true or NULL/false as its answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp, parse_one

from cleanroom_core.engines.duckdb.locked import column
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DATE, DOUBLE, STRING, TIMESTAMP, Kind, SqlType

# What the first value of a text column looks like decides which types it may have; the classes exclude each other.
_SHAPES: Mapping[Kind, re.Pattern[str]] = {
    Kind.BIGINT: re.compile(r"-?[0-9]{1,19}"),
    Kind.DECIMAL: re.compile(r"-?[0-9]+\.([0-9]+)"),
    Kind.DOUBLE: re.compile(r"-?[0-9](\.[0-9]+)?e[-+][0-9]+"),
    Kind.DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    Kind.TIMESTAMP: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"),
    Kind.BOOLEAN: re.compile(r"(?i:true|false)"),
}
_SAME_TEXT = "CAST(TRY_CAST(:c AS {type}) AS TEXT) = :c AND regexp_full_match(:c, '{spelling}')"
_SPELLING: Mapping[Kind, str] = {
    # As the programs that write doubles do it: a point always, hence no code of digits, no 7 beside 7.0, no 1.10 beside 1.1.
    Kind.DOUBLE: "-?[0-9]+[.][0-9]+(e[-+][0-9]+)?|-?[0-9]e[-+][0-9]+",
}
# An override is the owner's word, so these accept more spellings; they still refuse what would change the value.
_STRICT_TEXT: Mapping[Kind, str] = {
    Kind.STRING: "TRUE",
    Kind.BIGINT: "regexp_full_match(:c, ' *[+-]?[0-9]+ *') AND TRY_CAST(:c AS BIGINT) IS NOT NULL",
    Kind.DECIMAL: "regexp_full_match(:c, ' *[+-]?[0-9]+([.][0-9]{{0,{scale}}}0*)? *') AND TRY_CAST(:c AS {type}) IS NOT NULL",
    Kind.DOUBLE: "regexp_matches(:c, '[0-9]') AND isfinite(TRY_CAST(:c AS DOUBLE))",
    Kind.BOOLEAN: "regexp_full_match(lower(:c), 'true|false|t|f|1|0')",
    Kind.DATE: "regexp_full_match(:c, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') AND TRY_CAST(:c AS DATE) IS NOT NULL",
    Kind.TIMESTAMP: (
        "regexp_full_match(:c, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]{{1,6}})?)?"
        "(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)?)?') AND TRY_CAST(:c AS TIMESTAMPTZ) IS NOT NULL"
    ),
}
_PHYSICAL: Mapping[str, SqlType] = {
    "VARCHAR": STRING, "JSON": STRING, "TINYINT": BIGINT, "SMALLINT": BIGINT, "INTEGER": BIGINT, "BIGINT": BIGINT,
    "UTINYINT": BIGINT, "USMALLINT": BIGINT, "UINTEGER": BIGINT, "UBIGINT": SqlType(Kind.DECIMAL, 20, 0), "FLOAT": DOUBLE,
    "DOUBLE": DOUBLE, "BOOLEAN": BOOLEAN, "DATE": DATE, "TIMESTAMP": TIMESTAMP, "TIMESTAMP_S": TIMESTAMP,
    "TIMESTAMP_MS": TIMESTAMP, "TIMESTAMP_NS": TIMESTAMP, "TIMESTAMP WITH TIME ZONE": TIMESTAMP,
}  # fmt: skip


def candidates(first: str | None) -> tuple[SqlType, ...]:
    """The types but STRING that a column starting with this value may have, the better one first. A decimal is wide (18 or 38
    digits), so that tomorrow's larger amount does not change the table's schema."""
    for kind, shape in _SHAPES.items():
        if first is not None and (found := shape.fullmatch(first)) is not None:
            if kind is not Kind.DECIMAL:
                return (SqlType(kind),)
            scale = len(found.group(1))
            return (DOUBLE,) if scale > 38 else (SqlType(kind, 18 if scale <= 9 else 38, scale), DOUBLE)
    return ()


def same_text(name: str, type_: SqlType) -> exp.Expr:
    """True where the value, read as `type_` and written again, is the same text: nothing was lost. TRUE says what true says."""
    if type_.kind is Kind.BOOLEAN:
        return _rule("lower(:c) IN ('true', 'false')", name)
    return _rule(_SAME_TEXT.format(type=type_, spelling=_SPELLING.get(type_.kind, "[-0-9:. ]+")), name)


def strict(name: str, physical: str, type_: SqlType) -> exp.Expr:
    """True where the value can be read as `type_` without becoming another one: by its spelling for text, by casting there and
    back for everything else."""
    if physical == "VARCHAR":
        return _rule(_STRICT_TEXT[type_.kind].format(type=type_, scale=type_.scale), name)
    there = exp.TryCast(this=_instant(column(name), physical), to=_data_type(type_), safe=True)
    back = exp.TryCast(this=there, to=exp.DataType.build(_timeless(physical), dialect="duckdb"), safe=True)
    return exp.EQ(this=back, expression=_instant(column(name), physical))


def natural(physical: str) -> SqlType | None:
    """The type a column has where nobody says otherwise; None when the closed grammar has none for it."""
    if physical.startswith("ENUM"):
        return STRING
    return SqlType.parse(physical) if physical.startswith("DECIMAL(") else _PHYSICAL.get(physical)


def reading(name: str, physical: str, type_: SqlType, given: bool) -> exp.Expression:
    """The expression that reads a column as `type_`. `given`: an override, whose timestamps may carry an offset."""
    value: exp.Expression = column(name)
    if type_.kind is Kind.TIMESTAMP and physical == "VARCHAR" and given:
        value = _utc(exp.cast(value, "TIMESTAMPTZ", dialect="duckdb"))
    return exp.cast(_instant(value, physical), _data_type(type_))


def instant(name: str) -> exp.Expression:
    """A share table's timestamp, stored as an instant, as the naive UTC timestamp it means."""
    return _utc(exp.cast(column(name), "TIMESTAMPTZ", dialect="duckdb"))


def _instant(value: exp.Expression, physical: str) -> exp.Expression:
    return _utc(value) if physical == "TIMESTAMP WITH TIME ZONE" else value


def _timeless(physical: str) -> str:
    return "TIMESTAMP" if physical == "TIMESTAMP WITH TIME ZONE" else physical


def _utc(value: exp.Expression) -> exp.Expression:
    return exp.AtTimeZone(this=value, zone=exp.Literal.string("UTC"))


def _data_type(type_: SqlType) -> exp.DataType:
    return exp.DataType.build("TEXT" if type_.kind is Kind.STRING else str(type_), dialect="duckdb")


def _rule(text: str, name: str) -> exp.Expr:
    return exp.replace_placeholders(parse_one(text, dialect="duckdb"), c=column(name))
