"""Where a collaborator's token keys lie: a 0600 file in its home, or the environment. Never in a log, never in a text."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cleanroom_core.errors import TokenKeyError
from cleanroom_core.sql.names import checked_name


def _slug(key_id: str) -> str:
    return checked_name(key_id.lower().replace("-", "_").replace(".", "_"), "a token key")


def environment_name(key_id: str) -> str:
    return f"CLEANROOM_TOKEN_KEY_{_slug(key_id).upper()}"


def key_path(home: Path, key_id: str) -> Path:
    return home / "keys" / f"token-{_slug(key_id)}.key"


def read_token_key(home: Path, key_id: str) -> str | None:
    """The key's text, unparsed, or None. Raises TokenKeyError when the file may be read by others."""
    if (text := os.environ.get(environment_name(key_id))) is not None:
        return text
    path = key_path(home, key_id)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
    if mode & 0o077:
        raise TokenKeyError(
            f"The key file {path.name} may be read by others (mode {mode:04o}).", hint=f"Run: chmod 600 {path}", code="KEY_MODE"
        )
    return path.read_text(encoding="utf-8").removesuffix("\n")


def write_token_key(home: Path, key_id: str, text: str) -> Path:
    """Keep a key as a new 0600 file; raises TokenKeyError when there is one, because tokens made with it would be orphaned."""
    path = key_path(home, key_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise TokenKeyError(
            f"There is a key {key_id} already.", hint="Use a new key_id in the token spec for a new key.", code="KEY_EXISTS"
        ) from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path
