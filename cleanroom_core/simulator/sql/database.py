"""The tables of both workspaces: one DuckDB with one attached file per Unity Catalog catalog."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


class Database:
    """Opened when the first statement comes; one statement at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def drop_table(self, place: str, name: str, is_view: bool) -> None:
        """Forget the table's rows; one that never had any is no mistake."""

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
