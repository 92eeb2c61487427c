"""The SQLite store: conformance, and what is special about a file."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from cleanroom_core.errors import HomeError, StoreError
from cleanroom_core.stores import sqlite
from cleanroom_core.stores.protocol import New
from cleanroom_core.stores.sqlite import open_sqlite
from tests.stores.conformance import A, StoreConformance, fill


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "log.db"


@pytest.fixture
def again(path):
    opened = []

    def open_again():
        opened.append(open_sqlite(path))
        return opened[-1]

    yield open_again
    for one in opened:
        one.close()


@pytest.fixture
def store(again):
    return again()


class TestSqliteStore(StoreConformance):
    pass


def test_only_the_owner_can_read_it(path, store):
    fill(store, 1)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


LOCKED = """
import fcntl, sys
with open(sys.argv[1], "r+b") as database:
    try:
        fcntl.lockf(database, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # where SQLite keeps its shared locks
    except OSError:
        sys.exit(3)
"""


def test_opening_it_again_in_one_process_drops_no_lock(path, store, again):
    fill(store, 1)

    def is_locked():
        return subprocess.run([sys.executable, "-c", LOCKED, path], check=False).returncode == 3

    with store._connection():
        assert is_locked()
        again()
        assert is_locked()


def test_a_copy_with_a_loose_mode_is_tightened(path, store):
    fill(store, 1)
    store.close()
    path.chmod(0o644)
    again = open_sqlite(path)
    fill(again, 1)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    again.close()


def test_the_promised_durability_is_switched_on(store):
    with store._connection() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_home_of_a_newer_version_is_refused(path, store):
    with store._write() as connection:
        connection.exec_driver_sql("UPDATE home SET version = 99")
    store.close()
    with pytest.raises(HomeError) as refused:
        open_sqlite(path)
    assert refused.value.code == "HOME_NEWER"
    assert refused.value.message.count(".") == 1


def test_an_older_home_is_migrated_once(path, store, monkeypatch):
    fill(store, 3)
    store.close()
    ran = []

    def add_a_column(connection):
        ran.append(connection.exec_driver_sql("ALTER TABLE drafts ADD COLUMN author TEXT"))

    monkeypatch.setattr("cleanroom_core.stores.tables.MIGRATIONS", (lambda _: pytest.fail("made anew"), add_a_column))
    for _ in range(2):
        again = open_sqlite(path)
        assert again.size(A) == 3
        with again._connection() as connection:
            assert connection.exec_driver_sql("SELECT version FROM home").scalar() == 2
        again.close()
    assert len(ran) == 1


def test_a_migration_cut_short_leaves_the_old_home(path, store, monkeypatch):
    fill(store, 3)
    store.close()

    def half(connection):
        connection.exec_driver_sql("ALTER TABLE drafts ADD COLUMN author TEXT")
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("cleanroom_core.stores.tables.MIGRATIONS", (lambda _: None, half))
        with pytest.raises(RuntimeError):
            open_sqlite(path)
    again = open_sqlite(path)
    assert again.size(A) == 3
    with again._connection() as connection:
        assert "author" not in [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(drafts)")]
    again.close()


@pytest.mark.parametrize("make", ["folder", "link", "file_above"])
def test_a_path_that_is_no_file(tmp_path, make):
    path = tmp_path / "home" / "log.db"
    if make == "folder":
        path.mkdir(parents=True)
    elif make == "link":
        path.parent.mkdir()
        path.symlink_to(tmp_path / "elsewhere.db")
    else:
        path.parent.write_text("not a folder")
    with pytest.raises(HomeError) as refused:
        open_sqlite(path)
    assert refused.value.code == "HOME_FILE"
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_file_that_is_no_database(path):
    path.parent.mkdir()
    path.write_bytes(b"name,amount\n" * 1000)
    with pytest.raises(StoreError) as refused:
        open_sqlite(path)
    assert refused.value.code == "STORE_DAMAGED"
    assert path.read_bytes().startswith(b"name,amount")


def test_a_damaged_database_is_said_so(path, store):
    fill(store, 200)
    store.close()
    data = bytearray(path.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 64] = b"\xff" * 64
    path.write_bytes(data)
    with pytest.raises(StoreError) as refused:
        open_sqlite(path).read(A)
    assert refused.value.code == "STORE_DAMAGED"
    assert "backup" in refused.value.hint


def test_a_database_in_use_says_so_and_loses_nothing(path, store, monkeypatch):
    fill(store, 2)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    impatient = open_sqlite(path)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError) as refused:
        fill(impatient, 1)
    assert refused.value.code == "STORE_LOCKED"
    assert impatient.size(A) == 2  # readers never wait
    blocker.execute("ROLLBACK")
    blocker.close()
    fill(impatient, 1)
    assert impatient.size(A) == 3
    impatient.close()


def test_a_full_disk_says_so_and_loses_nothing(path, store):
    """SQLite's own page limit stands in for the disk: the same SQLITE_FULL from the same place."""
    fill(store, 5)
    store.close()
    full = open_sqlite(path)
    with full._engine.connect() as connection:  # the pool's only connection so far, and it keeps the limit
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")
    acknowledged = 5

    def append_until_full():
        nonlocal acknowledged
        for _ in range(100):
            full.append(A, lambda tail: New(b"entry %d" % tail.seq, bytes(32), b"x" * 3000))
            acknowledged += 1

    with pytest.raises(StoreError) as refused:
        append_until_full()
    assert refused.value.code == "STORE_FULL"
    assert "space" in refused.value.hint
    assert "entry" not in refused.value.message
    found = full.read(A)
    assert len(found) == acknowledged
    assert full.tree(A, acknowledged) is not None
    full.close()
    roomy = open_sqlite(path)
    assert roomy.read(A) == found
    fill(roomy, 1)
    assert roomy.size(A) == acknowledged + 1
    roomy.close()


def test_a_database_that_cannot_be_written(path, store):
    fill(store, 1)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(StoreError) as refused:
        fill(store, 1)
    assert refused.value.code == "STORE_READONLY"


def test_many_readers_while_one_writes(store):
    failures = []

    def read():
        try:
            for _ in range(20):
                found = store.read(A)
                assert [one.seq for one in found] == list(range(len(found)))
                assert all((one.payload is None) == (one.seq % 2 == 1) for one in found)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    fill(store, 30)
    for thread in threads:
        thread.join()
    assert failures == []
