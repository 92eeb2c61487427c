"""What a store keeps for one home: the own log, mirrors of the others' logs, payloads, checkpoints, drafts.

Every method is one transaction that is durable when the call returns. A store knows bytes and sizes, not meanings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Stored:
    """One entry as kept: the exact leaf bytes, and the payload with its salt where this home holds them."""

    seq: int
    leaf: bytes
    salt: bytes | None
    payload: bytes | None


class LogStore(Protocol):
    def append(self, origin: str, make: Any) -> Stored:
        """Append one entry under the writer's lock (BEGIN IMMEDIATE). `make(seq)` returns (leaf, salt, payload)."""
        ...

    def mirror(self, origin: str, start: int, entries: Sequence[Stored]) -> None:
        """Keep entries start..start+n of another's log; entries already held must be identical (IntegrityError otherwise)."""
        ...

    def size(self, origin: str) -> int: ...

    def read(self, origin: str, start: int = 0, stop: int | None = None) -> list[Stored]: ...

    def leaf_hashes(self, origin: str, stop: int | None = None) -> list[bytes]: ...

    def save_checkpoint(self, origin: str, size: int, note: bytes) -> None:
        """Keep a checkpoint note; the same size with another root is an EquivocationError, further signatures are added."""
        ...

    def checkpoint(self, origin: str, size: int | None = None) -> bytes | None:
        """The note of this size, or the newest."""
        ...

    def save_draft(self, name: str, text: str | None) -> None: ...

    def draft(self, name: str) -> str | None: ...
