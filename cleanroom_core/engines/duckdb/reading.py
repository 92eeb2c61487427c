"""How one raw table is read: decided once by looking at every value (`inspection`), then repeated exactly (`open_source`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from cleanroom_core.engines.duckdb import columns
from cleanroom_core.engines.duckdb.locked import name
from cleanroom_core.engines.protocol import Described
from cleanroom_core.sql.types import Column, Schema, SqlType

READ_CSV = """SELECT * FROM read_csv($path, auto_detect = false, header = true, delim = $delimiter, quote = '"', escape = '"',
    nullstr = '', strict_mode = true, encoding = 'utf-8', columns = $columns)"""

READ_MARKED = "SELECT * FROM read_parquet($paths, hive_partitioning = false, union_by_name = true, filename = $mark)"


@dataclass(frozen=True)
class Field:
    """A column as found: its name, DuckDB's type for it, the type it gets (None: unusable, `reason` says why), and whether
    that type was given by an override."""

    name: str
    physical: str
    type: SqlType | None
    given: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Partitioned:
    """Partition columns of a Delta table, whose values stand in its log and not in its files."""

    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    values: tuple[tuple[str | None, ...], ...] = ()  # one row per file: its path, then the values


@dataclass(frozen=True)
class Reading:
    """Everything needed to open the table again the same way. `files` are what the locked process may read."""

    kind: str
    files: tuple[Path, ...]
    fields: tuple[Field, ...]
    rows: int
    delimiter: str = ","
    partitioned: Partitioned = field(default_factory=Partitioned)

    def described(self) -> Described:
        return Described(
            kind=self.kind,
            schema=Schema(tuple(Column(found.name, found.type) for found in self.fields if found.type is not None)),
            unusable={found.name: found.reason for found in self.fields if found.type is None},
            rows=self.rows,
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "files": [str(file) for file in self.files],
            "fields": [
                [found.name, found.physical, str(found.type) if found.type else None, found.given, found.reason]
                for found in self.fields
            ],
            "rows": self.rows,
            "delimiter": self.delimiter,
            "partitioned": [self.partitioned.names, self.partitioned.types, self.partitioned.values],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reading:
        names, types, values = data["partitioned"]
        return cls(
            kind=data["kind"],
            files=tuple(Path(file) for file in data["files"]),
            fields=tuple(
                Field(title, physical, SqlType.parse(type_) if type_ else None, given, reason)
                for title, physical, type_, given, reason in data["fields"]
            ),
            rows=data["rows"],
            delimiter=data["delimiter"],
            partitioned=Partitioned(tuple(names), tuple(types), tuple(tuple(row) for row in values)),
        )


def open_raw(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    files: tuple[Path, ...],
    names: tuple[str, ...] = (),
    delimiter: str = ",",
    partitioned: Partitioned | None = None,
) -> None:
    """Make the view `raw`: the table as its files spell it. `names`: its columns, for CSV all text."""
    if kind == "csv":
        options = {"path": str(files[0]), "delimiter": delimiter, "columns": dict.fromkeys(names, "VARCHAR")}
        connection.sql(READ_CSV, params=options).create_view("raw")
        return
    paths = [str(file) for file in files]
    if partitioned is None or not partitioned.names:
        connection.read_parquet(paths, hive_partitioning=False, union_by_name=True).create_view("raw")
        return
    mark = _unused((*names, *partitioned.names))
    connection.sql(READ_MARKED, params={"paths": paths, "mark": mark}).create_view("unpartitioned")
    keys = exp.Schema(
        this=exp.to_table("partition_values"),
        expressions=[exp.ColumnDef(this=name(title), kind=exp.DataType.build("TEXT")) for title in (mark, *partitioned.names)],
    )
    connection.execute(exp.Create(this=keys, kind="TABLE").sql("duckdb"))
    marks = exp.values([tuple(exp.Placeholder() for _ in range(len(partitioned.names) + 1))])
    connection.executemany(exp.insert(marks, "partition_values").sql("duckdb"), [list(row) for row in partitioned.values])
    selected: list[exp.Expr] = [exp.Column(this=exp.Star(except_=[name(mark)]), table=name("u"))]
    for title, physical in zip(partitioned.names, partitioned.types, strict=True):
        value = exp.cast(exp.column(name(title), table="p"), physical, dialect="duckdb")
        selected.append(exp.alias_(value, title, quoted=True))
    joined = exp.select(*selected).from_("unpartitioned AS u").join("partition_values AS p", using=[name(mark)])
    create_view(connection, exp.to_table("raw"), joined)


def open_source(connection: duckdb.DuckDBPyConnection, reading: Reading) -> None:
    """Make the view `source`: the usable columns with their final types, timestamps in UTC."""
    names = tuple(found.name for found in reading.fields)
    open_raw(connection, reading.kind, reading.files, names, reading.delimiter, reading.partitioned)
    selected = [
        exp.alias_(columns.reading(found.name, found.physical, found.type, found.given), found.name, quoted=True)
        for found in reading.fields
        if found.type is not None
    ]
    create_view(connection, exp.to_table("source"), exp.select(*selected).from_("raw"))


def open_shared(connection: duckdb.DuckDBPyConnection, view: exp.Table, files: list[str], schema: Schema) -> None:
    """Make a view over a share table's files, with exactly the columns and types of its schema."""
    raw = exp.Table(this=name("files of " + view.sql("duckdb")))
    if files:
        connection.read_parquet(files, hive_partitioning=False).create_view(raw.name)
    selected = []
    for found in schema:
        target = columns.reading(found.name, "", found.type, given=False)
        if not files:
            target = exp.cast(exp.null(), target.args["to"])
        elif str(found.type) == "TIMESTAMP":
            target = columns.instant(found.name)
        selected.append(exp.alias_(target, found.name, quoted=True))
    query = exp.select(*selected)
    create_view(connection, view, query.from_(raw) if files else query.where(exp.false()))


def create_view(connection: duckdb.DuckDBPyConnection, view: exp.Table, query: exp.Select) -> None:
    connection.execute(exp.Create(this=view, kind="VIEW", expression=query).sql("duckdb"))


def _unused(names: tuple[str, ...]) -> str:
    mark = "file"
    while mark.casefold() in {title.casefold() for title in names}:
        mark += "_"
    return mark
