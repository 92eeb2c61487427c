"""The key that signs sign-in cookies: made once per home, 0600, or given by the environment."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from cleanroom_core.errors import HomeError

VARIABLE = "CLEANROOM_COOKIE_KEY"
MINIMUM_BYTES = 32
_FEWEST_DIFFERENT = 10
_SAMPLES = ("some_key", "some_signature_key", "some_secret", "changeme", "change_me", "secret_key", "your_key", "example")


def check_cookie_key(key: str) -> str:
    """The key itself when it can be used; HomeError when it is too short, a known sample or plainly no random text."""
    if len(key.encode()) < MINIMUM_BYTES:
        raise HomeError(
            f"The cookie key has fewer than {MINIMUM_BYTES} bytes.",
            hint=f"Remove {VARIABLE} or the file cookie.key, and a good one is made.",
            code="COOKIE_KEY",
        )
    if any(sample in key.casefold() for sample in _SAMPLES) or len(set(key)) < _FEWEST_DIFFERENT:
        raise HomeError(
            "The cookie key is a sample or no random text.",
            hint=f"Remove {VARIABLE} or the file cookie.key, and a good one is made.",
            code="COOKIE_KEY",
        )
    return key


def load_cookie_key(path: Path, environ: Mapping[str, str], random_hex: Callable[[int], str] = secrets.token_hex) -> str:
    """The key from the environment, else from the file, which is made when it is not there. Raises HomeError.

    Two processes that start at once end with the same key: the file appears whole (a hard link), and only once.
    """
    if given := environ.get(VARIABLE):
        return check_cookie_key(given.strip())
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}.{random_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(random_hex(MINIMUM_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another process was first: its key is the key
                os.link(draft, path)
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        raise HomeError("Others on this machine can read the cookie key.", hint=f"Run: chmod 600 {path}", code="COOKIE_KEY")
    return check_cookie_key(path.read_text().strip())
