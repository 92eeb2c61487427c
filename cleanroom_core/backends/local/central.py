"""What both sides of a local room see: one SQLite file of JSON records. A call is one transaction, in whatever process."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Central:
    """Records by kind and key. The file is made when it is first written to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All of the block or nothing of it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=60)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"
                )
                yield Session(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


class Session:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, kind: str, key: str) -> Record | None:
        row = self._connection.execute("SELECT body FROM record WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def put(self, kind: str, key: str, body: Record) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)", (kind, key, json.dumps(body, sort_keys=True))
        )

    def all(self, kind: str) -> list[tuple[str, Record]]:
        rows = self._connection.execute("SELECT key, body FROM record WHERE kind = ? ORDER BY rowid", (kind,)).fetchall()
        return [(key, json.loads(body)) for key, body in rows]

    def delete(self, kind: str, key: str) -> bool:
        return self._connection.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key)).rowcount > 0
