"""Write-ahead logging, switched on once per database file."""

from __future__ import annotations

import sqlite3
import time

_PAUSE = 0.02


def write_ahead(connection: sqlite3.Connection, seconds: float) -> None:
    """Put the database into WAL mode, waiting up to `seconds` for others who open it at the same moment.

    SQLite answers "locked" at once while two connections change the mode, whatever the busy timeout says, because neither could
    ever get the lock; so we look again. Raises sqlite3.OperationalError when the time is over.
    Source: SQLite documentation, "Write-Ahead Logging", section 8.
    """
    ends = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
        time.sleep(_PAUSE)
