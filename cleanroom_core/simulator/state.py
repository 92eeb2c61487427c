"""What the simulator knows, kept in one SQLite file under its home, so that a restart changes nothing.

A record is a JSON object under (kind, place, key); `place` is the name of a workspace, or CENTRAL for what both workspaces see.
One request is one transaction: refused, it leaves nothing behind.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cleanroom_core.simulator.strict import Json

CENTRAL = "central"


class State:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
            " place TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, place, key))"
        )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One request at a time; an exception undoes everything the request wrote."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def get(self, kind: str, place: str, key: str) -> Json | None:
        with self._lock:
            found = self._db.execute(
                "SELECT body FROM records WHERE kind = ? AND place = ? AND key = ?", (kind, place, key)
            ).fetchone()
        return json.loads(found[0]) if found else None

    def put(self, kind: str, place: str, key: str, body: Json) -> None:
        """Write a record; one that exists keeps its position among its kind."""
        with self._lock:
            self._db.execute(
                "INSERT INTO records (kind, place, key, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, place, key) DO UPDATE SET body = excluded.body",
                (kind, place, key, json.dumps(body)),
            )

    def delete(self, kind: str, place: str, key: str) -> bool:
        with self._lock:
            found = self._db.execute("DELETE FROM records WHERE kind = ? AND place = ? AND key = ?", (kind, place, key))
        return found.rowcount > 0

    def all(self, kind: str, place: str) -> list[tuple[str, Any]]:
        """(key, record) of a kind, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT key, body FROM records WHERE kind = ? AND place = ? ORDER BY number", (kind, place)
            ).fetchall()
        return [(key, json.loads(body)) for key, body in rows]

    def next_number(self, name: str) -> int:
        """1, 2, 3 ... for each name."""
        current = (self.get("counter", CENTRAL, name) or {"value": 0})["value"] + 1
        self.put("counter", CENTRAL, name, {"value": current})
        return int(current)
