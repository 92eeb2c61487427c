"""A verified share table as a DataFrame of exactly its columns.

The Parquet files of the verified version are read by name, so that Spark reads the very bytes whose digest was checked; a Delta
connector would look for the files again and needs jars. See docs/decisions/0015-spark.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from cleanroom_core.engines.delta import Snapshot
from cleanroom_core.errors import TableError
from cleanroom_core.sql.types import Kind, SqlType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_OPTIONS = {
    "datetimeRebaseMode": "CORRECTED",
    "ignoreCorruptFiles": "false",
    "ignoreMissingFiles": "false",
    "mergeSchema": "false",
    "recursiveFileLookup": "true",  # a folder called a=1 is no column
}
_GLOB = re.compile(r"[][{}*?\\^]")


def opened(session: SparkSession, found: Snapshot) -> DataFrame:
    """The columns of the table's schema, timestamps naive in UTC."""
    from pyspark.sql.types import StructType

    columns = list(found.schema())
    if not found.files:
        empty = [_aliased(exp.cast(exp.Null(), _type(column.type), dialect="spark"), column.name) for column in columns]
        return session.range(0).selectExpr(*empty)
    fields = [{"name": name, "type": type_, "nullable": True, "metadata": {}} for name, type_ in found.fields]
    stored = StructType.fromJson({"type": "struct", "fields": fields})
    files = [_literal_path(str(file.path)) for file in found.files]
    data = session.read.schema(stored).options(**_OPTIONS).parquet(*files)
    return data.selectExpr(*(_aliased(_cast(column.name, column.type), column.name) for column in columns))


def _literal_path(path: str) -> str:
    """Spark takes a path for a pattern, and skips files whose names begin with a dot or underscore, without a word."""
    if path.rpartition("/")[2][:1] in "._":
        raise TableError("A data file's name begins with a dot or underscore, which Spark skips.", hint="Publish it again.")
    return _GLOB.sub(lambda found: "\\" + found.group(), path)


def _cast(name: str, type_: SqlType) -> exp.Expr:
    return exp.cast(exp.column(exp.to_identifier(name, quoted=True)), _type(type_), dialect="spark")


def _type(type_: SqlType) -> str:
    return "TIMESTAMP_NTZ" if type_.kind is Kind.TIMESTAMP else str(type_)


def _aliased(value: exp.Expr, name: str) -> str:
    return exp.alias_(value, name, quoted=True).sql(dialect="spark")
