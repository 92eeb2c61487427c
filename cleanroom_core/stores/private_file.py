"""The file of a database: there, plain, and nobody else's to read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def ensure_file(path: Path) -> None:
    """Make the file (0600) where there is none. Raises OSError where there is no plain file that may be read and written.

    One that is there is never opened: closing it again would drop the locks that this process holds on it for its connections.
    Source: SQLite, "How To Corrupt An SQLite Database File", 2.2; fcntl(2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError("not a file") from None
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None
