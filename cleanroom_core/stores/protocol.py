"""What a store keeps for one home: the own log, mirrors of the others' logs, payloads, checkpoints, cosignatures, drafts.

Every method is one transaction that is durable when the call returns. A store knows bytes and sizes, not meanings. `origin`
names a log, roots and leaf hashes are 32 bytes, notes are C2SP signed notes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cleanroom_core.audit.merkle import CompactTree


@dataclass(frozen=True)
class Stored:
    """One entry as kept: the exact leaf bytes, its hash, and the payload with its salt where this home holds them."""

    seq: int
    leaf: bytes
    leaf_hash: bytes
    salt: bytes | None = None
    payload: bytes | None = None


@dataclass(frozen=True)
class New:
    """One entry to keep."""

    leaf: bytes
    salt: bytes | None = None
    payload: bytes | None = None


@dataclass(frozen=True)
class StoredCheckpoint:
    """`note`: the log's own signature only; `cosignatures`: name of the cosigner's key -> its signature line."""

    origin: str
    size: int
    root: bytes
    note: bytes
    cosignatures: tuple[tuple[str, str], ...] = ()

    @property
    def whole(self) -> bytes:
        """The note with all signature lines."""
        return self.note + "".join(line for _, line in self.cosignatures).encode()


@dataclass(frozen=True)
class Tail:
    """What a writer sees under the lock: the next number, the last entry's bytes, the newest checkpoint kept of another's
    log."""

    seq: int
    last: bytes | None
    peer: StoredCheckpoint | None


class LogStore(Protocol):
    def append(self, origin: str, make: Callable[[Tail], New]) -> Stored:
        """Append one entry under the writer's lock. What `make` raises leaves the log as it was."""
        ...

    def mirror(self, origin: str, start: int, entries: Sequence[New], checkpoint: StoredCheckpoint) -> None:
        """Keep entries start, start + 1, ... of another's log together with the checkpoint over all of them.

        Entries already held must be identical, and the kept tree must have the checkpoint's root (IntegrityError otherwise).
        """
        ...

    def seal(self, origin: str, sign: Callable[[int, Callable[[int], list[Stored]]], StoredCheckpoint]) -> StoredCheckpoint:
        """Sign the newest tree under the writer's lock: `sign(size, read)` gets the entries re-read from the store, from a
        number
        on, without payloads. A checkpoint kept for this size already is returned unchanged and `sign` is not called."""
        ...

    def size(self, origin: str) -> int: ...

    def read(self, origin: str, start: int = 0, stop: int | None = None) -> list[Stored]: ...

    def leaf_hash(self, origin: str, seq: int) -> bytes | None: ...

    def tree(self, origin: str, size: int) -> CompactTree | None:
        """Right edge of the tree of `size` leaves; None if fewer are held."""
        ...

    def consistency(self, origin: str, old: int, new: int) -> list[bytes]: ...

    def inclusion(self, origin: str, seq: int, size: int) -> list[bytes]: ...

    def checkpoint(self, origin: str, size: int | None = None) -> StoredCheckpoint | None:
        """The checkpoint of this size, or the newest, with all cosignatures known."""
        ...

    def checkpoints(self, origin: str) -> list[StoredCheckpoint]:
        """All of them, smallest first."""
        ...

    def save_cosignature(self, origin: str, size: int, cosigner: str, time: int, line: str) -> str:
        """Keep a cosigner's signature line over a kept checkpoint; the line kept first stays and is returned."""
        ...

    def cosigned(self, origin: str) -> dict[str, tuple[int, int]]:
        """Per cosigner: the largest size it cosigned, and the time it stated."""
        ...

    def save_evidence(self, origin: str, first: bytes, second: bytes) -> None:
        """Keep two notes that prove a fork of this log."""
        ...

    def evidence(self, origin: str) -> tuple[bytes, bytes] | None: ...

    def save_draft(self, name: str, text: str | None) -> None:
        """Keep a text that is not yet an entry; None removes it."""
        ...

    def draft(self, name: str) -> str | None: ...

    def close(self) -> None: ...
