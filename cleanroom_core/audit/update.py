"""What one home hands another: plain bytes, so that a folder, a file carried by hand or HTTP can bring them.

The content is C2SP tlog-witness add-checkpoint (old size, consistency proof, checkpoint) plus the new entries, because the
receiver is a mirror: it keeps what it countersigns. `cosigned` carries earlier checkpoints with the other witnesses'
signatures, so that in a room of many each home knows what all have acknowledged. Nothing here is verified; `witness` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cleanroom_core.audit import canonical
from cleanroom_core.audit.note import b64, unb64
from cleanroom_core.errors import CleanRoomError, IntegrityError

_VERSION = "cleanroom-update/1"
UPDATE_LIMIT = 512 * 1024 * 1024


@dataclass(frozen=True)
class Sent:
    """One entry as handed over; without salt and payload where the receiver may not have them."""

    leaf: bytes
    salt: bytes | None = None
    payload: bytes | None = None


@dataclass(frozen=True)
class Update:
    """Entries old, old + 1, ... of one log, and the checkpoint over all of them."""

    old: int
    consistency: tuple[bytes, ...]
    checkpoint: bytes
    entries: tuple[Sent, ...]
    cosigned: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        return canonical.encode(
            {
                "v": _VERSION,
                "old": self.old,
                "consistency": [b64(value) for value in self.consistency],
                "checkpoint": self.checkpoint.decode(),
                "cosigned": [note.decode() for note in self.cosigned],
                "entries": [
                    {
                        "leaf": sent.leaf.decode(),
                        "salt": None if sent.salt is None else b64(sent.salt),
                        "payload": None if sent.payload is None else sent.payload.decode(),
                    }
                    for sent in self.entries
                ],
            },
            text="any",
        )

    @classmethod
    def parse(cls, data: bytes) -> Update:
        """Raises IntegrityError (code UPDATE)."""
        try:
            if len(data) > UPDATE_LIMIT:
                raise ValueError("too long")
            value = canonical.decode(data, text="any")
            if (
                value["v"] != _VERSION
                or not isinstance(value["old"], int)
                or isinstance(value["old"], bool)
                or value["old"] < 0
            ):
                raise ValueError("not an update")
            return cls(
                old=value["old"],
                consistency=tuple(unb64(one) for one in value["consistency"]),
                checkpoint=value["checkpoint"].encode(),
                cosigned=tuple(note.encode() for note in value["cosigned"]),
                entries=tuple(_sent(one) for one in value["entries"]),
            )
        except (CleanRoomError, ValueError, KeyError, TypeError, AttributeError):
            pass
        raise IntegrityError("This is no update of a log.", hint="Have it sent again.", code="UPDATE")


def _sent(one: dict[str, Any]) -> Sent:
    salt, payload = one["salt"], one["payload"]
    if (salt is None) != (payload is None):
        raise ValueError("a payload goes with its salt")
    return Sent(one["leaf"].encode(), None if salt is None else unb64(salt), None if payload is None else payload.encode())
