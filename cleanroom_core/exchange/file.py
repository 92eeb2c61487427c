"""Exchange by hand: one file with everything the other side has not acknowledged, carried by mail, SFTP or a stick.

The file is a letter as in a shared folder. Importing it twice does nothing; a file for another room or home, a torn or altered
one is refused. An answer is exported in the same way.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Protocol

from cleanroom_core.audit.update import UPDATE_LIMIT
from cleanroom_core.errors import InputError, IntegrityError
from cleanroom_core.exchange.letter import LETTER_LIMIT, Letter
from cleanroom_core.exchange.letters import Correspondent, Taken, take_letter, wants_whole, write_letter
from cleanroom_core.exchange.shelf import read_file, told, write_file


class Mirror(Correspondent, Protocol):
    """A home that keeps the others' logs for them."""

    def copy_back(self, origin: str) -> bytes | None: ...

    def restore(self, copy: bytes) -> int: ...


def export_letter(home: Correspondent, peer: str, target: Path, *, whole: bool = False, group: bool = False) -> Letter:
    """Write what `peer` has not acknowledged into the new file `target`; `whole`: everything from the first entry on.

    Raises InputError for a place that cannot be written to, ExchangeError when writing fails; then there is no file.
    """
    if peer == home.alias or peer not in {one.alias for one in home.genesis.collaborators}:
        raise InputError(
            f"{peer} is no other side of this room.", hint="See: cleanroom exchange status ROOM", code="COLLABORATOR"
        )
    letter = write_letter(home, peer, 0 if whole else home.cosigned()[peer])
    write_new(target, letter.encode(), group=group)
    return letter


def import_letter(home: Correspondent, source: Path, limit: int = LETTER_LIMIT) -> Taken:
    """Take over what the other side exported. Raises ExchangeError for a file that is no whole letter for this home,
    IntegrityError and EquivocationError for one that does not hold; then nothing of it was kept."""
    with told(str(source)):
        data = read_file(source, limit)
    letter = Letter.parse(data, source.name)
    try:
        return take_letter(home, letter)
    except IntegrityError as refused:
        if not wants_whole(refused, letter):
            raise
        raise IntegrityError(
            refused.message,
            hint=f"Ask {letter.sender} for its whole log: cleanroom exchange export ROOM --whole --to FILE",
            code=refused.code,
        ) from None


def export_mirror(home: Mirror, peer: str, target: Path, *, group: bool = False) -> None:
    """Write all that is held of the peer's log into a new file, for a peer who lost it. Raises InputError when nothing is."""
    data = home.copy_back(home.genesis.by_alias(peer).origin)
    if data is None:
        raise InputError(
            f"Nothing of {peer}'s log is held here.", hint="Look at: cleanroom exchange status ROOM", code="NOT_HELD"
        )
    write_new(target, data, group=group)


def import_mirror(home: Mirror, source: Path) -> int:
    """Take the own log back from what a peer mirrored; returns how many entries came back. What was private comes back without
    its payload. Raises IntegrityError for a file that is not this log, signed by its key, or does not go on from this home."""
    with told(str(source)):
        return home.restore(read_file(source, UPDATE_LIMIT))


def write_new(target: Path, data: bytes, *, group: bool = False) -> None:
    """A file that is there whole or not at all, readable by its owner (and group). Raises InputError, ExchangeError."""
    if os.path.lexists(target):
        raise InputError(f"{target} exists already.", hint="Name a new file; nothing is overwritten.", code="FILE_EXISTS")
    with told(str(target)):
        handle = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            write_file(target.name, data, f".{target.name[:200]}.{secrets.token_hex(4)}.partial", group, handle)
        finally:
            os.close(handle)
