"""The private keys of a home: files only their owner can read, made once, never overwritten.

`log.key` signs the own log, `cosigner.key` countersigns the others'. Beside each lies the key that may replace it later
(`*.next.key`); only the hash of its public part is told to anybody now. Files hold one PRIVATE+KEY line (see `audit.note`).
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cleanroom_core.audit.genesis import Collaborator
from cleanroom_core.audit.note import COSIGNER, LOG, SigningKey
from cleanroom_core.errors import HomeError, InputError

_KINDS = {"log.key": LOG, "log.next.key": LOG, "cosigner.key": COSIGNER, "cosigner.next.key": COSIGNER}


@dataclass(frozen=True)
class HomeKeys:
    log: SigningKey
    cosigner: SigningKey
    next_log: SigningKey
    next_cosigner: SigningKey

    @property
    def origin(self) -> str:
        return self.log.name

    def collaborator(self, alias: str) -> Collaborator:
        """The public side of these keys, as it goes into the genesis document."""
        return Collaborator(
            alias=alias,
            log_key=self.log.verification_key,
            cosigner_key=self.cosigner.verification_key,
            next_log_key=sha256(str(self.next_log.verification_key).encode()).hexdigest(),
            next_cosigner_key=sha256(str(self.next_cosigner.verification_key).encode()).hexdigest(),
        )


def make_keys(folder: Path, origin: str, random: Callable[[int], bytes] = secrets.token_bytes) -> HomeKeys:
    """Make the keys of a home for the log `origin`, or load those that are there (finishing what was cut short).

    Raises HomeError (code KEYS) if the folder or a file is not private, damaged, or belongs to another log.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, f"it cannot be made ({error.strerror})", "Check the directory above it.") from None
    _require_private(folder, stat.S_ISDIR, "700")
    for name, kind in _KINDS.items():
        if not (folder / name).exists():
            key = SigningKey(origin if kind == LOG else f"{origin}/cosigner", kind, random(32))
            _write_once(folder / name, key.secret_line() + "\n")
    keys = load_keys(folder)
    if keys.origin != origin:
        raise _unusable(folder, f"its keys belong to the log {keys.origin}", "Use the home that was made for this room.")
    return keys


def load_keys(folder: Path) -> HomeKeys:
    """Load the keys of a home. Raises HomeError (code KEYS)."""
    _require_private(folder, stat.S_ISDIR, "700")
    found = [_load(folder / name, kind) for name, kind in _KINDS.items()]
    if len({key.seed for key in found}) != len(found):
        raise _unusable(folder, "two of its key files hold the same key", "Restore them from their backup.")
    log, next_log, cosigner, next_cosigner = found
    return HomeKeys(log, cosigner, next_log, next_cosigner)


def _load(path: Path, kind: int) -> SigningKey:
    _require_private(path, stat.S_ISREG, "600")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, encoding="ascii") as file:
            key = SigningKey.parse(file.read(4096).removesuffix("\n"))
    except OSError as error:
        raise _unusable(path, f"it cannot be read ({error.strerror})", "Check its owner and mode.") from None
    except (InputError, UnicodeDecodeError):
        raise _unusable(path, "it is damaged", "Restore it from its backup.") from None
    if key.kind != kind:
        raise _unusable(path, "it holds a key of another type", "Restore it from its backup.")
    return key


def _require_private(path: Path, is_kind: Callable[[int], bool], mode: str) -> None:
    try:
        found = path.lstat()
    except OSError:
        raise _unusable(path, "it is not there", "Restore it from its backup; keys are never made twice for one log.") from None
    if not is_kind(found.st_mode):
        raise _unusable(path, "it is a link or something else than expected", "Put the real one in its place.")
    if found.st_uid != os.geteuid():
        raise _unusable(path, "it belongs to another user", "Start the program as its owner.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise _unusable(path, "other users can get at it", f"Run: chmod {mode} {path}")


def _write_once(path: Path, line: str) -> None:
    """Complete or not there at all: written and fsynced under a name of its own, then linked, which never overwrites."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, path)
        finally:
            partial.unlink()
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except FileExistsError:
        return  # another process made it at the same moment; that one counts
    except OSError as error:
        raise _unusable(
            path, f"it cannot be written ({error.strerror})", "Check the directory's mode and free space."
        ) from None


def _unusable(path: Path, why: str, hint: str) -> HomeError:
    return HomeError(f"{path.name} cannot be used: {why}.", hint=hint, code="KEYS")
