"""Folders for what does not fit into memory: raw rows may lie there, so they go with the call that made them.

A folder belongs to whoever holds the lock beside it. The lock is handed to the engine's process too, so it lasts until both
are gone; the next call then removes what they left. Locks die with their holders, process numbers do not.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cleanroom_core.errors import ConflictError


@contextmanager
def locked_file(path: Path, busy: ConflictError | None = None) -> Iterator[int]:
    """Hold an exclusive lock on a file and yield its descriptor; raises `busy`, where given, instead of waiting."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy is not None else 0))
        except BlockingIOError:
            raise busy or AssertionError from None
        yield handle
    finally:
        os.close(handle)


@contextmanager
def spill_folder(root: Path) -> Iterator[tuple[Path, int]]:
    """A fresh folder (0700) under `root` with the descriptor of its lock; removed at the end, as are those of dead owners."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = root / secrets.token_hex(8)
    with locked_file(root / "sweep.lock"):
        _sweep(root)
        folder.mkdir(mode=0o700)
        lock = os.open(_lock_of(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder, lock
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)
        os.close(lock)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".held")


def _sweep(root: Path) -> None:
    for folder in root.iterdir():
        if not folder.is_dir():
            continue
        handle = os.open(_lock_of(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
            _lock_of(folder).unlink(missing_ok=True)
        finally:
            os.close(handle)
