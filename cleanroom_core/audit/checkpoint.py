"""A checkpoint (C2SP tlog-checkpoint v1.0.0): the signed statement "my log has this size and this root".

    <origin>\\n<size in decimal>\\n<base64(root)>\\n

Extension lines are refused: older libraries sign only the first three. The key that signs is named like the log; the cosigners'
keys (type 0x04) are named differently and belong to others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cleanroom_core.audit.merkle import EMPTY_ROOT, HASH_SIZE
from cleanroom_core.audit.note import LOG, Note, SigningKey, VerificationKey, b64, unb64
from cleanroom_core.errors import IntegrityError

_ORIGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,198}[A-Za-z0-9])?")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


def is_origin(text: str) -> bool:
    """A log's identity: a schemaless URL in plain ASCII, at most 200 characters."""
    return _ORIGIN.fullmatch(text) is not None and "//" not in text


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not is_origin(self.origin) or self.size < 0 or len(self.root) != HASH_SIZE:
            raise _malformed("origin, size or root hash are impossible")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise _malformed("the empty log has another root")

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text, strictly. Raises IntegrityError (code CHECKPOINT)."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not _SIZE.fullmatch(lines[1]):
            raise _malformed("it must be origin, size and root hash, one line each")
        try:
            root = unb64(lines[2])
        except ValueError:
            raise _malformed("the root hash is not base64") from None
        return cls(lines[0], int(lines[1]), root)

    def sign(self, key: SigningKey) -> Note:
        """The checkpoint as a note signed by the log's own key."""
        if key.kind != LOG or key.name != self.origin:
            raise ValueError("a checkpoint is signed by the key of its own log")
        return Note(self.text, (key.sign(self.text),))


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint whose log signature holds; `cosigned` gives the stated POSIX time per cosigner that signed as well."""

    checkpoint: Checkpoint
    note: Note
    cosigned: Mapping[VerificationKey, int]


def open_checkpoint(data: bytes, log_key: VerificationKey, cosigners: Iterable[VerificationKey] = ()) -> SignedCheckpoint:
    """Parse and verify a checkpoint note. Raises IntegrityError (NOTE, SIGNATURE, CHECKPOINT or ORIGIN)."""
    note = Note.parse(data)
    if log_key.kind != LOG:
        raise ValueError("not a log's key")
    found = dict(note.verified((log_key, *cosigners)))
    if found.pop(log_key, None) is None:
        raise IntegrityError(
            f"The checkpoint is not signed by the log {log_key.name}.",
            hint="Compare the key fingerprints with the contract's annex.",
            code="SIGNATURE",
        )
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log_key.name:
        raise IntegrityError(
            f"The checkpoint belongs to another log than {log_key.name}.",
            hint="Logs or keys have been swapped; look at where the file came from.",
            code="ORIGIN",
        )
    return SignedCheckpoint(checkpoint, note, {key: signature.time for key, signature in found.items()})


def _malformed(why: str) -> IntegrityError:
    return IntegrityError(f"This is no checkpoint: {why}.", hint="Ask for the original file again.", code="CHECKPOINT")
