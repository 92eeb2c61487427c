"""The one write path: append to the own log, read all logs, sign checkpoints, and witness the others'.

A `SignedLog` is one collaborator's view of a room: its own log, the mirrors of the others', and who has acknowledged what. It
keeps nothing in memory that cannot be read again from the store.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cleanroom_core.audit.checkpoint import Checkpoint
from cleanroom_core.audit.entry import (
    AUDIENCE,
    KINDS,
    SALT_SIZE,
    Entry,
    PeerState,
    Ref,
    check_payload,
    commitment,
    decode_payload,
    encode_payload,
    format_time,
)
from cleanroom_core.audit.genesis import Collaborator, Genesis
from cleanroom_core.audit.merkle import CompactTree, leaf_hash
from cleanroom_core.audit.verify import LogCopy, TrustedLog, Verdict, verify
from cleanroom_core.errors import ConflictError, InputError, IntegrityError, NotReadyError
from cleanroom_core.stores import witnessing
from cleanroom_core.stores.keys import HomeKeys
from cleanroom_core.stores.protocol import LogStore, New, Stored, StoredCheckpoint, Tail

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Record:
    """An entry as read back. `payload` is None where there is none or this home does not hold it; shared, never change it."""

    entry: Entry
    leaf_hash: bytes
    payload: Any = None

    @property
    def ref(self) -> Ref:
        """How another entry refers to this one."""
        return Ref(self.entry.origin, self.entry.seq, self.leaf_hash.hex())


class SignedLog:
    """Open with `SignedLog.begin` (makes entry 0 once) or `SignedLog.open` (everything from the store). Safe for threads.

    `clock` returns an aware datetime; `random(n)` n unpredictable bytes.
    """

    def __init__(
        self,
        store: LogStore,
        keys: HomeKeys,
        genesis: Genesis,
        clock: Clock = lambda: datetime.now(UTC),
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.store, self.keys, self.genesis, self.clock = store, keys, genesis, clock
        self.me = genesis.by_origin(keys.origin)
        if self.me != keys.collaborator(self.me.alias):
            raise IntegrityError(
                "This home's keys are not those in the room's genesis document.",
                hint="Put the key files and the database of one home together again.",
                code="GENESIS",
            )
        self._random = random
        self._records: dict[str, list[Record]] = {one.origin: [] for one in genesis.collaborators}
        self._reread = CompactTree()  # the own tree, from entry bytes alone: the independent path before signing
        self._lock = threading.RLock()

    @classmethod
    def begin(
        cls,
        store: LogStore,
        keys: HomeKeys,
        genesis: Genesis,
        actor: Mapping[str, str],
        clock: Clock = lambda: datetime.now(UTC),
    ) -> SignedLog:
        """Start the own log with the genesis document as entry 0; if it is there already it must be the same
        (IntegrityError)."""
        log = cls(store, keys, genesis, clock)
        try:
            log.append("genesis", actor, {"sha256": genesis.digest()}, genesis.as_json(), expected=0)
        except ConflictError:
            log._require_genesis()
        return log

    @classmethod
    def open(cls, store: LogStore, keys: HomeKeys, clock: Clock = lambda: datetime.now(UTC)) -> SignedLog:
        """Open a log that was begun before. Raises NotReadyError if it was not."""
        first = store.read(keys.origin, 0, 1)
        if not first or first[0].payload is None:
            raise NotReadyError("This home has no log yet.", hint="Create or join a room first.", code="NO_LOG")
        log = cls(store, keys, Genesis.from_json(decode_payload(first[0].payload)), clock)
        log._require_genesis()
        return log

    def _require_genesis(self) -> None:
        first = self.records(stop=1)[0].entry
        if first.kind != "genesis" or first.public.get("sha256") != self.genesis.digest():
            raise IntegrityError(
                "This home's log belongs to another room.", hint="Use the home that was made for this room.", code="GENESIS"
            )

    # -- who -------------------------------------------------------------------------------------------------------------

    @property
    def alias(self) -> str:
        return self.me.alias

    @property
    def origin(self) -> str:
        return self.me.origin

    @property
    def origins(self) -> tuple[str, ...]:
        """All logs of the room, in the genesis document's order."""
        return tuple(one.origin for one in self.genesis.collaborators)

    @property
    def peers(self) -> tuple[Collaborator, ...]:
        return tuple(one for one in self.genesis.collaborators if one != self.me)

    # -- writing ---------------------------------------------------------------------------------------------------------

    def append(
        self,
        kind: str,
        actor: Mapping[str, str],
        public: Mapping[str, Any],
        payload: object | None = None,
        refs: Sequence[Ref] = (),
        audience: Sequence[str] | None = None,
        expected: int | None = None,
    ) -> Record:
        """Append one entry to the own log; it is durable when this returns.

        `public`: JSON without floats, readable by everybody in the room. `payload`: JSON without floats; handed to the others
        as the table of kinds says, or only to the aliases in `audience` (empty: to nobody). `expected`: the own log's size
        this was decided on; ConflictError if it has grown since. Raises InputError for what cannot be written, StoreError if
        it cannot be kept.
        """
        public = dict(public)
        if AUDIENCE in public:
            raise InputError("The audience is not a public fact.", hint="Give it as `audience`.", code="ENTRY")
        if audience is not None:
            if payload is None or not (kind in KINDS and KINDS[kind].mirrored):
                raise InputError(f"A {kind} entry has nobody to be read by.", hint="Leave the audience out.", code="ENTRY")
            public[AUDIENCE] = [self.genesis.by_alias(alias).alias for alias in audience]
        data = None if payload is None else encode_payload(payload)
        made: list[Entry] = []

        def make(tail: Tail) -> New:
            if expected is not None and tail.seq != expected:
                raise ConflictError("The log has grown meanwhile.", hint="Look at the new state and decide again.")
            salt = None if data is None else self._random(SALT_SIZE)
            now = format_time(self.clock())
            entry = Entry(
                origin=self.origin,
                seq=tail.seq,
                time=now if tail.last is None else max(now, Entry.parse(tail.last).time),
                kind=kind,
                actor=dict(actor),
                refs=tuple(refs),
                peer=None if tail.peer is None else PeerState(tail.peer.origin, tail.peer.size, tail.peer.root.hex()),
                commit=None if salt is None or data is None else commitment(self.origin, tail.seq, kind, salt, data),
                public=public,
            )
            made.append(entry)
            return New(entry.encode(), salt, data)

        stored = self.store.append(self.origin, make)
        return Record(Entry.parse(stored.leaf), stored.leaf_hash, None if data is None else decode_payload(data))

    # -- reading ---------------------------------------------------------------------------------------------------------

    def records(self, origin: str | None = None, start: int = 0, stop: int | None = None) -> list[Record]:
        """Entries of the own log or of a mirror, in order. Entries never change, so each is parsed once per process."""
        origin = origin or self.origin
        with self._lock:
            known = self._records[self.genesis.by_origin(origin).origin]
            if stop is None or stop > len(known):
                fresh = self.store.read(origin, len(known), stop)
                known += [_record(stored, origin, seq) for seq, stored in enumerate(fresh, start=len(known))]
            return known[start:stop]

    def size(self, origin: str | None = None) -> int:
        return self.store.size(origin or self.origin)

    def root(self, origin: str | None = None, size: int | None = None) -> bytes:
        """Root hash of the first `size` entries (all, when None). Raises NotReadyError if fewer are held."""
        origin = origin or self.origin
        tree = self.store.tree(origin, self.store.size(origin) if size is None else size)
        if tree is None:
            raise NotReadyError(
                "That much of the log is not held here.", hint="Exchange with its owner first.", code="NOT_HELD"
            )
        return tree.root()

    def copy(self, origin: str | None = None) -> LogCopy:
        """Everything held of a log, as `audit.verify.verify` takes it."""
        origin = origin or self.origin
        newest = self.store.checkpoint(origin)
        found = self.store.read(origin, 0, newest.size if newest else 0)
        return LogCopy(
            origin=origin,
            leaves=[stored.leaf for stored in found],
            checkpoints=[one.whole for one in self.store.checkpoints(origin)],
            payloads={one.seq: (one.salt, one.payload) for one in found if one.salt is not None and one.payload is not None},
            holder=self.alias,
            own=origin == self.origin,
        )

    def trusted(self) -> tuple[TrustedLog, ...]:
        """The keys of this room's genesis document, to verify what this home holds; an outsider takes them from the annex."""
        return tuple(
            TrustedLog(owner.log_key, tuple(one.cosigner_key for one in self.genesis.collaborators if one != owner))
            for owner in self.genesis.collaborators
        )

    def verify(self) -> Verdict:
        """Verify everything this home holds, from bytes."""
        return verify([self.copy(origin) for origin in self.origins], self.trusted(), self.genesis.digest())

    # -- signing and acknowledgement -------------------------------------------------------------------------------------

    def checkpoint(self) -> bytes:
        """Sign the newest own tree (once per size) and return the note with all cosignatures known.

        Before signing, the entries are read again and the root is computed from their bytes alone; it must be that of the
        stored tree and extend what was signed before. The signature leaves this process only after it is kept: the store's
        lock is held from reading to keeping, which takes the place of a signing intent. Raises NotReadyError for an empty log,
        IntegrityError (LOG_BEHIND) or StoreError (STORE_DAMAGED).
        """
        return self.sealed().whole

    def sealed(self) -> StoredCheckpoint:
        """The same checkpoint in its parts."""
        with self._lock:
            return self.store.seal(self.origin, self._sign)

    def _sign(self, size: int, read: Callable[[int], list[Stored]]) -> StoredCheckpoint:
        if size == 0:
            raise NotReadyError("An empty log is not signed.", hint="Begin the log first.", code="NO_LOG")
        tree = self._reread.copy()
        for stored in read(tree.size):
            tree.append(leaf_hash(stored.leaf))
        if tree.size != size:
            self._reread = CompactTree()
            raise IntegrityError(
                "Entries of the own log are missing; nothing was signed.", hint="Restore it.", code="LOG_BEHIND"
            )
        made = Checkpoint(self.origin, size, tree.root())
        note = made.sign(self.keys.log)
        self._reread = tree
        return StoredCheckpoint(self.origin, size, made.root, note.encode())

    def cosigned(self, origin: str | None = None) -> dict[str, int]:
        """Per collaborator other than the log's owner: how many entries of the log it has countersigned."""
        origin = origin or self.origin
        found = self.store.cosigned(origin)
        return {
            one.alias: found.get(one.cosigner_key.name, (0, 0))[0] for one in self.genesis.collaborators if one.origin != origin
        }

    def acknowledged(self, origin: str | None = None) -> int:
        """How many entries of the log every other collaborator has countersigned, as far as this home knows."""
        return min(self.cosigned(origin).values())

    # -- the conversation (see exchange.protocol) ------------------------------------------------------------------------

    def held(self, origin: str) -> bytes | None:
        """The newest checkpoint this home has countersigned of another's log, or None."""
        return witnessing.held(self, origin)

    def update(self, receiver: str, since: int) -> bytes | None:
        """The own log from entry `since` on for the collaborator `receiver`; None while there is nothing to hand over."""
        return witnessing.update(self, receiver, since)

    def receive(self, update: bytes) -> bytes:
        """Verify, keep, then countersign an update of another's log; returns the newest checkpoint held, with the cosignature.

        Idempotent. Raises EquivocationError (the proof is kept, see `evidence`) or IntegrityError; then nothing was kept.
        """
        return witnessing.receive(self, update)

    def acknowledge(self, sender: str, note: bytes | None) -> int:
        """Keep the sender's cosignature of an own checkpoint; returns the size the sender holds."""
        return witnessing.acknowledge(self, sender, note)

    def copy_back(self, origin: str) -> bytes | None:
        """Everything held of another's log, for an owner who lost it; None if nothing is."""
        return witnessing.copy_back(self, origin)

    def restore(self, copy: bytes) -> int:
        """Take the own log back from what a peer's `copy_back` gave; returns how many entries came back."""
        return witnessing.restore(self, copy)

    def evidence(self, origin: str) -> tuple[bytes, bytes] | None:
        """Two checkpoints that prove a fork of this log, if one was ever seen."""
        return self.store.evidence(origin)


def _record(stored: Stored, origin: str, seq: int) -> Record:
    entry = Entry.parse(stored.leaf)
    if (entry.origin, entry.seq) != (origin, seq) or leaf_hash(stored.leaf) != stored.leaf_hash:
        raise IntegrityError(
            f"Entry {seq} of {origin} is not what was written.",
            hint="The database was changed. Restore the home.",
            code="SEQUENCE",
        )
    if stored.payload is None or stored.salt is None:
        return Record(entry, stored.leaf_hash)
    check_payload(entry, stored.salt, stored.payload)
    return Record(entry, stored.leaf_hash, decode_payload(stored.payload))
