"""A home's database as one SQLite file: durable when a call returns, readable by its owner only.

WAL with synchronous=FULL: a commit is fsynced to the write-ahead log before it is acknowledged, and readers never wait.
Writers take the lock at once (BEGIN IMMEDIATE), so that what is read under it cannot change before it is acted on.
"""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import QueuePool

from cleanroom_core.errors import HomeError
from cleanroom_core.stores.private_file import ensure_file
from cleanroom_core.stores.sql import WRITER, SqlStore
from cleanroom_core.stores.wal import write_ahead

BUSY_SECONDS = 15.0


def open_sqlite(path: Path) -> SqlStore:
    """Open the database of a home, making it (0600) where there is none, and migrating an older one.

    Raises HomeError if the file cannot be used or was written by a newer version, StoreError if it is damaged, locked or full.
    """
    _private_file(path)

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        # In this order: the journal mode can only change outside of a transaction.
        write_ahead(connection, BUSY_SECONDS)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, max_overflow=-1)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(WRITER, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return SqlStore(engine)


def _private_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ensure_file(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)  # a copy made with a looser umask; the -wal and -shm files take this mode over
    except OSError as found_error:
        raise HomeError(
            f"The database {path.name} cannot be opened ({found_error.strerror or found_error}).",
            hint="Check that the directory exists, is yours and has space, and that the database is a plain file.",
            code="HOME_FILE",
        ) from None
