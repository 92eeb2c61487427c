"""One party's `inbox/` folder: the only files a page may offer, found by name and never by path.

Paths are for the command line and for room files. Whatever is a link, hidden, or lies elsewhere does not exist here.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cleanroom_core.engines.sources import ENDINGS, content_kind
from cleanroom_core.errors import InputError, TableError

UPLOAD_BYTES = 5 * 1024 * 1024
_LONGEST_NAME = 120
_SILENT_ENDINGS = ("", ".tsv", ".txt")


@dataclass(frozen=True)
class InboxFile:
    """A table somebody may choose. `kind` is csv, parquet or delta; `size` in bytes, of a Delta folder all its files;
    `modified` in UTC."""

    name: str
    kind: str
    size: int
    modified: datetime


def listing(inbox: Path) -> list[InboxFile]:
    """The usable files and Delta folders of this inbox by name; an inbox that is not there yet is empty."""
    if inbox.is_symlink() or not inbox.is_dir():
        return []
    return [_entry(found) for found in sorted(inbox.iterdir()) if _is_offered(found)]


def resolve(inbox: Path, name: str) -> Path:
    """The path of an entry of `listing`. Raises InputError for a name that is a path, hidden, a link, or not there."""
    _check_name(name)
    found = inbox / name
    if inbox.is_symlink() or not _is_offered(found) or found.resolve().parent != inbox.resolve():
        raise InputError(
            f"There is no table {name!r} in the inbox.", hint="Choose one of the list, or upload it.", code="INBOX_NAME"
        )
    return found


def save_upload(inbox: Path, name: str, content: bytes) -> str:
    """Keep an upload (0600, whole or not at all) and return the name it got: `-2` is added rather than anything overwritten.

    Raises InputError for a name or size that is not allowed, TableError where the bytes are not what the ending says.
    """
    _check_name(name)
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"Files ending in {ending or 'nothing'} cannot be uploaded.", hint="Upload a .csv or .parquet file.",
                         code="INBOX_NAME")  # fmt: skip
    if len(content) > UPLOAD_BYTES:
        raise InputError(
            "The file is larger than 5 MB.", hint="Put it into the inbox folder on the machine itself.", code="INBOX_SIZE"
        )
    content_kind(content[:64], ending)
    if ending == ".csv" and b"\0" in content:
        raise TableError("The file is not text.", hint="Save it as CSV in UTF-8.", code="TABLE_KIND")
    inbox.mkdir(parents=True, exist_ok=True, mode=0o700)
    if inbox.is_symlink():
        raise InputError("The inbox is a link.", hint="Make it a folder of its own.", code="INBOX_NAME")
    return _write(inbox, name, content)


def _write(inbox: Path, name: str, content: bytes) -> str:
    written = inbox / f".upload-{secrets.token_hex(8)}"
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        number = 1
        while True:
            final = name if number == 1 else f"{Path(name).stem}-{number}{Path(name).suffix}"
            try:
                os.link(written, inbox / final)  # unlike a rename, a link never replaces what somebody else has just put there
            except FileExistsError:
                number += 1
            else:
                return final
    finally:
        written.unlink()


def _check_name(name: str) -> None:
    if (
        not name
        or name != name.strip()
        or name.startswith((".", "-", "~"))
        or any(character in name for character in '/\\:*?"<>|')
        or not name.isprintable()
        or len(name.encode()) > _LONGEST_NAME
    ):
        raise InputError(
            "That is not the name of a file in the inbox.",
            hint="A name without slashes, colons or leading dots, at most 120 bytes long.",
            code="INBOX_NAME",
        )


def _is_offered(path: Path) -> bool:
    if path.name.startswith(".") or path.is_symlink():
        return False
    if path.is_dir():
        return (path / "_delta_log").is_dir() and not any(found.is_symlink() for found in path.rglob("*"))
    return path.is_file() and (_kind(path) in ("csv", "parquet"))


def _kind(path: Path) -> str | None:
    """By content, for files whose ending says nothing: `transactions`, `accounts.tsv`, `export.txt`."""
    if path.suffix.lower() not in _SILENT_ENDINGS:
        return path.suffix.lower()[1:]
    try:
        with path.open("rb") as file:
            return content_kind(file.read(64))
    except (TableError, OSError):
        return None


def _entry(path: Path) -> InboxFile:
    files = [found for found in path.rglob("*") if found.is_file()] if path.is_dir() else [path]
    facts = [found.stat() for found in files]
    return InboxFile(
        name=path.name,
        kind="delta" if path.is_dir() else _kind(path) or "",
        size=sum(fact.st_size for fact in facts),
        modified=datetime.fromtimestamp(max((fact.st_mtime for fact in facts), default=0), UTC),
    )
