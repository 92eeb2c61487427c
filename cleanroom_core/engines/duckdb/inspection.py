"""Look at a whole raw table once: its columns, their types, its rows, and the first thing that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
from sqlglot import exp

from cleanroom_core.engines import delta, sources
from cleanroom_core.engines.duckdb import columns, csv_source
from cleanroom_core.engines.duckdb.locked import column
from cleanroom_core.engines.duckdb.reading import Field, Partitioned, Reading, open_raw
from cleanroom_core.errors import TableError
from cleanroom_core.sql.types import STRING, SqlType

Opener = Callable[[tuple[Path, ...]], duckdb.DuckDBPyConnection]


def inspection(path: Path, types: Mapping[str, str], opener: Opener) -> Reading:
    """`opener` opens a locked database over the files found. Raises TableError."""
    kind = sources.kind_of(path)
    found = {"csv": _csv, "parquet": _parquet, "delta": _delta}[kind](path, types, opener)
    if not any(field.type for field in found.fields):
        raise TableError("The table has no column of a usable type.", hint="Nested and binary columns cannot be shared.")
    return found


def _csv(path: Path, types: Mapping[str, str], opener: Opener) -> Reading:
    form = csv_source.structure(path)
    given = _given(types, form.header)
    connection = opener((path,))
    open_raw(connection, "csv", (path,), form.header, form.delimiter)
    try:
        rows, filled, candidates = _first_look(connection, form.header, given)
        found = _round_trips(connection, candidates, filled)
    except duckdb.InvalidInputException:
        raise csv_source.unreadable(path, form) from None
    if rows != form.records:  # two readers must agree on how many there are, or one of them has lost some
        raise csv_source.unreadable(path, form)
    fields = tuple(
        Field(title, "VARCHAR", given.get(title) or found.get(title, STRING), title in given) for title in form.header
    )
    _check_given(connection, fields, lambda record: csv_source.line_of(path, form, record))
    return Reading("csv", (path,), fields, rows, form.delimiter)


def _first_look(
    connection: duckdb.DuckDBPyConnection, header: tuple[str, ...], given: Mapping[str, SqlType]
) -> tuple[int, dict[str, int], dict[str, tuple[SqlType, ...]]]:
    """Rows of the table, filled values of each column, and the types each column may have by its first value."""
    counts = [exp.Count(this=exp.Star()), *(exp.Count(this=column(title)) for title in header)]
    firsts = [exp.AnyValue(this=column(title)) for title in header]
    rows, *found = _one_row(connection, exp.select(*counts, *firsts).from_("raw"))
    filled = dict(zip(header, found[: len(header)], strict=True))
    first = zip(header, found[len(header) :], strict=True)
    return rows, filled, {title: columns.candidates(value) for title, value in first if title not in given}


def _round_trips(
    connection: duckdb.DuckDBPyConnection, candidates: Mapping[str, tuple[SqlType, ...]], filled: Mapping[str, int]
) -> dict[str, SqlType]:
    """Per column the first of its candidates that every value fits; columns without one are left out."""
    asked = [(title, type_) for title, types in candidates.items() for type_ in types]
    if not asked:
        return {}
    counts = [exp.CountIf(this=columns.same_text(title, type_)) for title, type_ in asked]
    same = _one_row(connection, exp.select(*counts).from_("raw"))
    found: dict[str, SqlType] = {}
    for (title, type_), count in zip(asked, same, strict=True):
        if count == filled[title]:
            found.setdefault(title, type_)
    return found


def _parquet(path: Path, types: Mapping[str, str], opener: Opener) -> Reading:
    connection = opener((path,))
    try:
        open_raw(connection, "parquet", (path,))
        known = {
            row[0] for row in connection.sql("SELECT name FROM parquet_schema($path)", params={"path": str(path)}).fetchall()
        }
        if not known.issuperset(connection.sql("SELECT * FROM raw").columns):  # DuckDB renames the second of two
            raise _doubtful_names()
        return _typed(connection, "parquet", (path,), types, Partitioned())
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException):
        raise TableError(
            f"{path.name} cannot be read as Parquet.", hint="Copy it again; it may be cut short.", code="TABLE_KIND"
        ) from None


def _delta(path: Path, types: Mapping[str, str], opener: Opener) -> Reading:
    found = delta.snapshot(path)
    if not found.files:
        raise _no_rows()
    files = tuple(file.path for file in found.files)
    declared = {title: delta.sql_type(type_) for title, type_ in found.fields}
    partitioned = Partitioned(
        found.partitioned_by,
        tuple(_spelled(declared[title]) for title in found.partitioned_by),
        tuple((str(file.path), *(file.partition[title] for title in found.partitioned_by)) for file in found.files),
    )
    connection = opener(files)
    try:
        open_raw(connection, "delta", files, tuple(declared), partitioned=partitioned)
        return _typed(connection, "delta", files, types, partitioned, tuple(declared))
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException):
        raise TableError(
            f"A data file of the Delta table {path.name} cannot be read.",
            hint="Copy the whole folder again.",
            code="TABLE_KIND",
        ) from None


def _spelled(type_: SqlType | None) -> str:
    return "TEXT" if type_ is None or type_ == STRING else str(type_)


def _typed(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    files: tuple[Path, ...],
    types: Mapping[str, str],
    partitioned: Partitioned,
    declared: tuple[str, ...] = (),
) -> Reading:
    raw = connection.sql("SELECT * FROM raw")
    physical = {title: str(type_) for title, type_ in zip(raw.columns, raw.types, strict=True)}
    _check_names(raw.columns)
    given = _given(types, tuple(raw.columns))
    (rows,) = _one_row(connection, exp.select(exp.Count(this=exp.Star())).from_("raw"))
    if not rows:
        raise _no_rows()
    fields = tuple(_field(title, physical[title], given.get(title)) for title in raw.columns)
    fields += tuple(
        Field(title, "", None, reason="no data file of this version holds it") for title in declared if title not in physical
    )
    _check_given(connection, fields, None)
    return Reading(kind, files, fields, rows, partitioned=partitioned)


def _field(title: str, physical: str, given: SqlType | None) -> Field:
    usual = columns.natural(physical)
    if usual is None:
        return Field(title, physical, None, reason=f"its type {physical.partition('(')[0]} cannot be shared")
    return Field(title, physical, given or usual, given is not None)


def _check_names(names: list[str]) -> None:
    seen: set[str] = set()
    for title in names:
        if not title.strip() or title.casefold() in seen:
            raise _doubtful_names()
        seen.add(title.casefold())


def _given(types: Mapping[str, str], names: tuple[str, ...]) -> dict[str, SqlType]:
    """The overrides by the names the file uses; raises TableError for a column the file does not have."""
    spelled = {title.casefold(): title for title in names}
    for title in types:
        if title.casefold() not in spelled:
            raise TableError(
                f"types names the column {title}, which the table does not have.",
                hint="Spell it as in the table's header.",
                code="TABLE_COLUMNS",
            )
    return {spelled[title.casefold()]: SqlType.parse(type_) for title, type_ in types.items()}


def _check_given(
    connection: duckdb.DuckDBPyConnection, fields: tuple[Field, ...], line_of: Callable[[int], int] | None
) -> None:
    given = [(found, found.type) for found in fields if found.given and found.type is not None]
    if not given:
        return
    wrong = {found.name: exp.not_(exp.func("coalesce", columns.strict(found.name, found.physical, type_), exp.false()))
             for found, type_ in given}  # fmt: skip
    broken = {
        title: exp.and_(exp.not_(exp.Is(this=column(title), expression=exp.null())), rule) for title, rule in wrong.items()
    }
    counts = _one_row(connection, exp.select(*(exp.CountIf(this=rule.copy()) for rule in broken.values())).from_("raw"))
    for (found, type_), count in zip(given, counts, strict=True):
        if count:
            where = f" (line {line_of(_first(connection, found.name, broken[found.name]))})" if line_of else ""
            raise TableError(
                f"Column {found.name}: a value cannot be read as {type_}{where}.",
                hint="Correct the value, or leave the column as it is found.",
                code="TABLE_VALUE",
            )


def _first(connection: duckdb.DuckDBPyConnection, title: str, broken: exp.Expr) -> int:
    number = exp.alias_(exp.Window(this=exp.RowNumber()), "number_of_record")
    numbered = exp.select(number, exp.alias_(broken, "is_broken")).from_("raw")
    query = exp.select(exp.Min(this=exp.column("number_of_record"))).from_(numbered.subquery("numbered"))
    return int(_one_row(connection, query.where(exp.column("is_broken")))[0])


def _one_row(connection: duckdb.DuckDBPyConnection, query: exp.Select) -> tuple:  # type: ignore[type-arg]
    return connection.sql(query.sql("duckdb")).fetchall()[0]


def _no_rows() -> TableError:
    return TableError("The table has no rows.", hint="Export it with its rows.", code="TABLE_EMPTY")


def _doubtful_names() -> TableError:
    return TableError(
        "A column has no name, or the same name as another (upper and lower case do not differ).",
        hint="Give every column a name of its own.",
        code="TABLE_COLUMNS",
    )
