from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from cleanroom_core.stores.wal import write_ahead


def open_(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)


def test_waits_until_the_other_has_finished(tmp_path: Path) -> None:
    with closing(open_(tmp_path / "x.db")) as one, closing(open_(tmp_path / "x.db")) as two:
        one.execute("BEGIN EXCLUSIVE")
        later = threading.Timer(0.2, lambda: one.execute("COMMIT"))
        later.start()
        write_ahead(two, 10)
        later.join()
        assert two.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_gives_up_when_the_time_is_over(tmp_path: Path) -> None:
    with closing(open_(tmp_path / "x.db")) as one, closing(open_(tmp_path / "x.db")) as two:
        one.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write_ahead(two, 0.1)
        assert time.monotonic() - started >= 0.1


def test_another_error_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database at all, but long enough to look like one " * 100)
    with closing(open_(tmp_path / "x.db")) as one, pytest.raises(sqlite3.DatabaseError, match="not a database"):
        write_ahead(one, 10)
