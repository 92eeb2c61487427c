"""Column types of Unity Catalog, and how a column is read so that nothing is lost and nothing depends on the session.

A parameter of a function gets exactly the type of its column: where they differ, Unity Catalog casts, without ANSI a value that
does not fit becomes NULL, and a condition over NULL may let every row through (Databricks, "Row filters and column masks").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from cleanroom_core.sql.portable import call
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DATE, DOUBLE, STRING, TIMESTAMP, Kind, SqlType

_PLAIN = {
    "string": STRING, "tinyint": BIGINT, "smallint": BIGINT, "int": BIGINT, "integer": BIGINT, "bigint": BIGINT, "long": BIGINT,
    "float": DOUBLE, "double": DOUBLE, "boolean": BOOLEAN, "date": DATE, "timestamp": TIMESTAMP, "timestamp_ntz": TIMESTAMP,
}  # fmt: skip
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_VARCHAR = re.compile(r"varchar\(\d+\)")
_CHAR = re.compile(r"char\(\d+\)")
_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "integer": 10}  # of the largest value; 19 otherwise


@dataclass(frozen=True)
class CatalogType:
    """The type of a column as TableInfo's `type_text` has it, in lower case without blanks.

    `type`: the type of our grammar that holds each of its values; None: it cannot be used, and `why` says why.
    """

    text: str
    type: SqlType | None
    why: str = ""

    @classmethod
    def parse(cls, text: str) -> CatalogType:
        """Never fails: a type we do not know is one that cannot be used."""
        word = re.sub(r"\s+", "", text.lower()) if "collate" not in text.lower() else text.lower()
        if (sizes := _DECIMAL.fullmatch(word)) is not None and 1 <= int(sizes[1]) <= 38 and int(sizes[2]) <= int(sizes[1]):
            return cls(word, SqlType(Kind.DECIMAL, int(sizes[1]), int(sizes[2])))
        if _VARCHAR.fullmatch(word) is not None:
            return cls(word, STRING)
        if _CHAR.fullmatch(word) is not None:
            return cls(word, None, "its values are padded with blanks, so that <> 'NO' would be true of NO")
        if "collate" in word:
            return cls(word, None, "with a collation, equal means something else there than here")
        if word not in _PLAIN:
            return cls(word, None, "no expression of a policy can be made of it")
        return cls(word, _PLAIN[word])

    @classmethod
    def of(cls, type_: SqlType) -> CatalogType:
        """The type a column has in Unity Catalog that is written from one of ours."""
        return cls("timestamp_ntz" if type_ == TIMESTAMP else str(type_).lower(), type_)

    def declared(self) -> exp.Expr:
        """As the type of a parameter or of a result."""
        return exp.DataType.build("string" if self.type == STRING else self.text, dialect="databricks")

    def read(self, value: exp.Expr) -> exp.Expr:
        """A value of this type as one of `type`: exactly, and the same in every session's time zone."""
        if self.type is None:
            raise ValueError(f"{self.text} cannot be read")
        if self.text == "timestamp":
            return _in_utc(value)
        if self.text in ("bigint", "long", "double") or self.type.kind not in (Kind.BIGINT, Kind.DOUBLE):
            return value
        return cast(value, self.type)

    def holds(self, wanted: SqlType) -> bool:
        """Whether every value of this type is exactly one of `wanted`, so that reading it so loses nothing."""
        if self.type is None:
            return False
        if wanted == self.type:
            return True
        if self.type == BIGINT:
            digits = _DIGITS.get(self.text, 19)
            return wanted == STRING or (wanted.kind is Kind.DECIMAL and _before(wanted) >= digits)
        if self.type.kind is Kind.DECIMAL and wanted.kind is Kind.DECIMAL:
            return _before(wanted) >= _before(self.type) and (wanted.scale or 0) >= (self.type.scale or 0)
        return self.type == DATE and wanted == TIMESTAMP


def _before(decimal: SqlType) -> int:
    """Digits before the point."""
    return (decimal.precision or 0) - (decimal.scale or 0)


def _in_utc(moment: exp.Expr) -> exp.Expr:
    """An instant as the naive time of UTC. A CAST would take the reader's time zone, and lose an hour of each autumn."""
    micros = cast(call("UNIX_MICROS", moment), SqlType(Kind.DECIMAL, 26, 6))
    seconds = cast(exp.Div(this=micros, expression=exp.Literal.number(1_000_000)), SqlType(Kind.DECIMAL, 18, 6))
    zero = exp.Literal.number(0)
    since = call("MAKE_DT_INTERVAL", zero, zero.copy(), zero.copy(), seconds)
    return exp.Paren(this=exp.Add(this=cast(exp.Literal.string("1970-01-01 00:00:00"), TIMESTAMP), expression=since))
