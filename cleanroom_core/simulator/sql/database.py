"""The rows of both workspaces: one DuckDB file, a schema per workspace, a table per Unity Catalog table under its full name."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from cleanroom_core.simulator.spark_runs import SparkRuns
from cleanroom_core.simulator.sql.failure import SqlFailure
from cleanroom_core.simulator.world import NAMES

if TYPE_CHECKING:
    import duckdb

_HASHES = {"SHA-256": "sha256", "SHA-512": "sha512", "SHA-384": "sha384", "SHA-224": "sha224", "SHA-1": "sha1", "MD5": "md5"}


@dataclass(frozen=True)
class Rows:
    """`columns` are (name, DuckDB type); `rows` hold Python values."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[Any, ...]]


def physical(place: str, name: str) -> exp.Table:
    """Where the rows of a Unity Catalog table lie."""
    return exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(place, quoted=True))


class Database:
    """Opened when the first statement comes; one statement at a time. Reads no files but its own and reaches no network.
    `spark`: runs that compute beside it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tables.duckdb"
        self.spark = SparkRuns(folder / "spark")
        self._lock = threading.RLock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def close(self) -> None:
        self.spark.close()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def run(self, tree: exp.Expr) -> Rows:
        """Execute one statement whose tables are physical ones. Raises SqlFailure."""
        import duckdb

        with self._lock:
            connection = self._open()
            try:
                connection.execute(tree.sql(dialect="duckdb"))
                description = connection.description or []
                return Rows([(each[0], str(each[1])) for each in description], connection.fetchall() if description else [])
            except duckdb.Error as error:
                kind = type(error).__name__.removesuffix("Exception").upper()
                raise SqlFailure(f"{kind or 'INTERNAL'}_ERROR", str(error).splitlines()[0]) from error

    def export(self, tree: exp.Expr, path: Path) -> None:
        """Write the rows of a query to a Parquet file. Raises SqlFailure."""
        import duckdb
        import pyarrow.parquet as pq

        with self._lock:
            try:
                pq.write_table(self._open().sql(tree.sql(dialect="duckdb")).to_arrow_table(), path)
            except duckdb.Error as error:
                raise SqlFailure("INTERNAL_ERROR", str(error).splitlines()[0]) from error

    def load(self, place: str, name: str, path: Path) -> None:
        """Make a table of a Parquet file, which is read here: this connection reads no files."""
        import pyarrow.parquet as pq

        with self._lock:
            connection = self._open()
            connection.register("loaded", pq.read_table(path))
            try:
                query = exp.select("*").from_("loaded")
                self.run(exp.Create(this=physical(place, name), kind="TABLE", expression=query))
            finally:
                connection.unregister("loaded")

    def columns(self, place: str, name: str) -> list[tuple[str, str]]:
        """(name, DuckDB type) of a table's columns. Raises SqlFailure when it has no rows anywhere."""
        found = self.run(exp.select("*").from_(physical(place, name)).limit(0))
        return list(found.columns)

    def drop_table(self, place: str, name: str, is_view: bool) -> None:
        """Forget a table's rows; a view has none, and a table that never had any is no mistake."""
        if not is_view:
            self.run(exp.Drop(tables=[physical(place, name)], kind="TABLE", exists=True))

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            import duckdb

            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = duckdb.connect(str(self._path))
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            for name in NAMES:
                connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"')
            connection.create_function("hmac", _hmac, ["BLOB", "BLOB", "VARCHAR"], "BLOB")
            self._connection = connection
        return self._connection


def _hmac(key: bytes, message: bytes, algorithm: str) -> bytes:
    return hmac.digest(key, message, getattr(hashlib, _HASHES[algorithm.upper()]))
