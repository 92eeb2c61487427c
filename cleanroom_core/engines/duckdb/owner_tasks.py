"""What the owner-side process can do: look at one raw table, preview and publish it, and count in the own published table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from cleanroom_core.engines.duckdb import columns, wire
from cleanroom_core.engines.duckdb.inspection import inspection
from cleanroom_core.engines.duckdb.locked import select
from cleanroom_core.engines.duckdb.reading import Reading, open_shared, open_source
from cleanroom_core.engines.duckdb.session import Session
from cleanroom_core.engines.sampling import chosen
from cleanroom_core.errors import TableError
from cleanroom_core.sql.types import Column, Kind, Schema

_POOL = 100  # rows a preview looks at, to find some that are shared and some that the filter drops


def inspect(session: Session, body: Mapping[str, Any]) -> Mapping[str, Any]:
    return inspection(Path(body["path"]), body["types"], session.database).as_json()


def preview(session: Session, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send the sample as streams `raw` and `shared` (an empty row: dropped by the filter); the counts are the result."""
    reading = Reading.from_json(body["reading"])
    connection = _opened(session, reading)
    binary = _binary(body)
    checked = _as_declared(connection, body["sql"], binary, Schema.from_json(body["schema"]), stored=False)
    connection.sql("SELECT * FROM source").limit(_POOL).create("pool")
    raw = connection.sql("SELECT * FROM pool ORDER BY rowid").fetchall()
    shared = []
    for number in range(len(raw)):
        session.check()
        one = "WITH source AS (SELECT * FROM pool WHERE rowid = $number_of_row) "
        found = select(connection, one + checked, {"number_of_row": number, **binary}).fetchall()
        shared.append(found[0] if found else ())
        if sum(map(bool, shared)) == body["sample"]:
            break
    numbers = chosen([bool(row) for row in shared], body["sample"])
    session.rows("raw", (raw[number] for number in numbers))
    session.rows("shared", (shared[number] for number in numbers))
    return _counts(session, connection, body["counts"], binary)


def publish(session: Session, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """One overwrite commit with the intent's id. Rows sorted by all columns; no column statistics in the log."""
    from deltalake import CommitProperties, PostCommitHookProperties, write_deltalake
    from deltalake.exceptions import CommitFailedError

    from cleanroom_core.engines import delta
    from cleanroom_core.errors import ConflictError

    reading = Reading.from_json(body["reading"])
    target = Path(body["target"])
    session.progress("reading", 0.0)
    connection = _opened(session, reading)
    binary = _binary(body)
    counts = _counts(session, connection, body["counts"], binary)
    checked = _as_declared(connection, body["sql"], binary, Schema.from_json(body["schema"]), stored=True)
    session.progress("writing", 0.3)
    try:
        write_deltalake(
            str(target),
            select(connection, f"SELECT * FROM ({checked}) ORDER BY ALL", binary),  # noqa: S608 - compiled, checked above
            mode="overwrite",
            schema_mode="overwrite",
            configuration={"delta.dataSkippingNumIndexedCols": "0"},
            commit_properties=CommitProperties(custom_metadata={delta.INTENT: body["intent"]}, max_commit_retries=0),
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False),
        )
    except CommitFailedError:
        raise ConflictError("Somebody else has written this table meanwhile.", hint="Look again, then publish.") from None
    session.progress("checking", 0.9)
    if (version := delta.version_of(target, body["intent"])) is not None:
        delta.sync(target, version)
    return counts


def shared(session: Session, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Run each query over the relation `shared`, the own published table; its rows are the stream of its name."""
    connection = session.database(Path(file) for file in body["files"])
    open_shared(connection, exp.to_table("shared"), body["files"], Schema.from_json(body["schema"]))
    for title, sql in body["queries"].items():
        session.check()
        session.rows(title, select(connection, sql).fetchall())
    return {}


def source_counts(session: Session, body: Mapping[str, Any]) -> Mapping[str, Any]:
    reading = Reading.from_json(body["reading"])
    connection = _opened(session, reading)
    return _counts(session, connection, body["counts"], _binary(body))


def _opened(session: Session, reading: Reading) -> duckdb.DuckDBPyConnection:
    session.columns = tuple(found.name for found in reading.fields)
    connection = session.database(reading.files)
    open_source(connection, reading)
    return connection


def _counts(
    session: Session, connection: duckdb.DuckDBPyConnection, queries: Mapping[str, str], binary: dict[str, object]
) -> dict[str, int]:
    found = {}
    for title, sql in queries.items():
        session.check()
        found[title] = int(select(connection, sql, _used(connection, sql, binary)).fetchall()[0][0])
    return found


def _as_declared(
    connection: duckdb.DuckDBPyConnection, sql: str, binary: dict[str, object], declared: Schema, *, stored: bool
) -> str:
    """The SELECT with exactly the declared columns and types. `stored`: a timestamp becomes the instant it means in UTC, which
    is what Delta's type `timestamp` holds. Raises TableError when the SELECT computes something else than was declared."""
    found = select(connection, sql, binary)
    physical = [str(type_) for type_ in found.types]
    if tuple(found.columns) != declared.names:
        raise TableError("The policy's SELECT has other columns than its schema.", hint="Compile the policy again.")
    selected = []
    for title, type_, wanted in zip(found.columns, physical, declared, strict=True):
        if not _fits(type_, wanted):
            raise TableError(
                f"Column {title} is {type_} where the policy declares {wanted.type}.", hint="Write a CAST in its expression."
            )
        value = columns.reading(title, type_, wanted.type, given=False)
        if stored and wanted.type.kind is Kind.TIMESTAMP:
            value = exp.AtTimeZone(this=value, zone=exp.Literal.string("UTC"))
        selected.append(exp.alias_(value, title, quoted=True).sql("duckdb"))
    return f"SELECT {', '.join(selected)} FROM ({sql}) AS compiled"  # noqa: S608 - sqlglot made the columns, policies the rest


def _fits(physical: str, wanted: Column) -> bool:
    natural = columns.natural("BIGINT" if physical == "HUGEINT" else physical)
    if natural is None or natural.kind is not wanted.type.kind:
        return False
    return natural.kind is not Kind.DECIMAL or natural.scale == wanted.type.scale


def _binary(body: Mapping[str, Any]) -> dict[str, object]:
    return {title: wire.decode(value) for title, value in body["binary"].items()}


def _used(connection: duckdb.DuckDBPyConnection, sql: str, binary: dict[str, object]) -> dict[str, object]:
    """DuckDB refuses parameters a statement does not name."""
    named = set().union(*(statement.named_parameters for statement in connection.extract_statements(sql)))
    return {title: value for title, value in binary.items() if title in named}


TASKS = {"inspect": inspect, "preview": preview, "publish": publish, "shared": shared, "source_counts": source_counts}
