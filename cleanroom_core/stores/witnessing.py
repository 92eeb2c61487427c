"""The turns of a conversation between two homes, on top of a `SignedLog`: held, update, receive, acknowledge; and restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanroom_core.audit.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from cleanroom_core.audit.entry import Entry, check_payload
from cleanroom_core.audit.genesis import Collaborator
from cleanroom_core.audit.merkle import CompactTree, leaf_hash
from cleanroom_core.audit.note import Note
from cleanroom_core.audit.update import Sent, Update
from cleanroom_core.audit.witness import AHEAD, Held, equivocation, verify_update
from cleanroom_core.errors import EquivocationError, IntegrityError
from cleanroom_core.stores.protocol import New, StoredCheckpoint

if TYPE_CHECKING:
    from cleanroom_core.stores.signed_log import SignedLog


def held(log: SignedLog, origin: str) -> bytes | None:
    newest = log.store.checkpoint(_other(log, origin).origin)
    return None if newest is None else newest.whole


def update(log: SignedLog, receiver: str, since: int) -> bytes | None:
    log.genesis.by_alias(receiver)
    if log.size() == 0:
        return None
    newest = log.sealed()
    if since > newest.size:
        raise _behind(log, since)
    forwarded = _forwarded(log, receiver)
    if since == newest.size and not forwarded and log.cosigned()[receiver] == newest.size:
        return None
    entries = []
    for stored in log.store.read(log.origin, since, newest.size):
        handed = Entry.parse(stored.leaf).may_hold(receiver)
        entries.append(Sent(stored.leaf, stored.salt, stored.payload) if handed else Sent(stored.leaf))
    proof = log.store.consistency(log.origin, since, newest.size)
    return Update(since, tuple(proof), newest.whole, tuple(entries), forwarded).encode()


def _forwarded(log: SignedLog, receiver: str) -> tuple[bytes, ...]:
    """Own checkpoints with the other witnesses' cosignatures, for a receiver who cannot know of them otherwise."""
    sizes = {size for alias, size in log.cosigned().items() if alias != receiver and size > 0}
    found = (log.store.checkpoint(log.origin, size) for size in sorted(sizes))
    return tuple(one.whole for one in found if one is not None)


def receive(log: SignedLog, data: bytes) -> bytes:
    given = Update.parse(data)
    origin = Checkpoint.parse(Note.parse(given.checkpoint).text).origin
    owner = _other(log, origin)
    forked = log.store.evidence(origin)
    if forked is not None:
        raise equivocation(origin, *forked)
    newest = log.store.checkpoint(origin)
    size = log.store.size(origin)
    last = log.store.read(origin, size - 1, size) if size else []
    state = Held(
        size=size,
        last=last[0].leaf if last else None,
        note=None if newest is None else newest.note,
        tree_at=log.store.tree,
        leaf_at=log.store.leaf_hash,
    )
    try:
        found = verify_update(given, origin, state, log.genesis, log.alias, log.clock())
        signed = found.signed
        alone = Note(signed.note.text, (signed.note.verified((owner.log_key,))[owner.log_key],))
        kept = StoredCheckpoint(origin, signed.checkpoint.size, signed.checkpoint.root, alone.encode())
        fresh = [New(sent.leaf, sent.salt, sent.payload) for _, sent in found.fresh]
        log.store.mirror(origin, min(size, kept.size), fresh, kept)
    except EquivocationError as proof:
        log.store.save_evidence(origin, *proof.evidence)
        raise
    witnesses = tuple(one for one in log.genesis.collaborators if one != owner)
    for note in (given.checkpoint, *given.cosigned):
        _keep_cosignatures(log, owner, witnesses, note)
    return _cosign(log, origin)


def _cosign(log: SignedLog, origin: str) -> bytes:
    """Countersign the newest checkpoint kept, after it is kept, with a time that never goes back."""
    newest = log.store.checkpoint(origin)
    assert newest is not None  # noqa: S101  (the caller has just kept one)
    cosigner = log.keys.cosigner
    if cosigner.name not in dict(newest.cosignatures):
        earlier = log.store.cosigned(origin).get(cosigner.name, (0, 0))[1]
        time = max(int(log.clock().timestamp()), earlier)
        line = str(cosigner.sign(Note.parse(newest.note).text, time))
        # What is returned is what is kept: two processes at once give one and the same signature away.
        log.store.save_cosignature(origin, newest.size, cosigner.name, time, line)
        newest = log.store.checkpoint(origin, newest.size) or newest
    return newest.whole


def acknowledge(log: SignedLog, sender: str, note: bytes | None) -> int:
    witness = log.genesis.by_alias(sender)
    if note is None:
        return 0
    return _keep_cosignatures(log, log.me, (witness,), note)


def _keep_cosignatures(log: SignedLog, owner: Collaborator, witnesses: tuple[Collaborator, ...], note: bytes) -> int:
    """Keep the cosignatures of `witnesses` on a checkpoint of the owner's log that this home holds; returns its size."""
    signed = open_checkpoint(note, owner.log_key, [one.cosigner_key for one in witnesses])
    size = signed.checkpoint.size
    _require_own_history(log, owner, signed)
    before = log.store.cosigned(owner.origin)
    for key, time in signed.cosigned.items():
        known, known_time = before.get(key.name, (0, 0))
        if time > log.clock().timestamp() + AHEAD.total_seconds() or (size > known and time < known_time):
            raise IntegrityError(
                f"{key.name} countersigned with an impossible time.",
                hint="One of the two clocks is wrong; set it and exchange again.",
                code="TIME",
            )
        line = next(str(one) for one in signed.note.signatures if (one.name, one.key_id) == (key.name, key.key_id))
        log.store.save_cosignature(owner.origin, size, key.name, time, line)
    return size


def _require_own_history(log: SignedLog, owner: Collaborator, signed: SignedCheckpoint) -> None:
    """The checkpoint must be a state of the tree kept here."""
    tree = log.store.tree(owner.origin, signed.checkpoint.size)
    if tree is not None and tree.root() == signed.checkpoint.root:
        return
    if owner != log.me:
        raise IntegrityError(
            "A cosignature was passed on for a state of the log that is not held here.",
            hint="Have it sent again.",
            code="UPDATE",
        )
    newest = log.store.checkpoint(owner.origin)
    if newest is not None and tree is not None and newest.size >= signed.checkpoint.size:
        log.store.save_evidence(owner.origin, newest.note, signed.note.encode())
        raise equivocation(owner.origin, newest.note, signed.note.encode())
    raise _behind(log, signed.checkpoint.size)


def copy_back(log: SignedLog, origin: str) -> bytes | None:
    """Everything held of another's log, for an owner whose own copy was lost. Its private payloads are not among it."""
    newest = log.store.checkpoint(_other(log, origin).origin)
    if newest is None:
        return None
    entries = tuple(Sent(one.leaf, one.salt, one.payload) for one in log.store.read(origin, 0, newest.size))
    return Update(0, (), newest.whole, entries).encode()


def restore(log: SignedLog, data: bytes) -> int:
    """Take the own log back from a mirror, as far as it extends what is here; returns how many entries came back.

    The mirror's copy carries this log's own signature, so it needs no further trust. Raises IntegrityError (LOG_BEHIND) if
    this home has written other entries meanwhile: they were never acknowledged, and the log goes on under a successor's name.
    """
    given = Update.parse(data)
    signed = open_checkpoint(given.checkpoint, log.me.log_key, [one.cosigner_key for one in log.peers])
    tree = CompactTree()
    tree.extend(leaf_hash(sent.leaf) for sent in given.entries)
    if given.old != 0 or (tree.size, tree.root()) != (signed.checkpoint.size, signed.checkpoint.root):
        raise IntegrityError("The copy is not the whole signed log.", hint="Ask for it again.", code="UPDATE")
    size = log.size()
    here = log.store.tree(log.origin, min(size, tree.size))
    agreed = CompactTree()
    agreed.extend(leaf_hash(sent.leaf) for sent in given.entries[:size])
    if size > tree.size or here is None or here.root() != agreed.root():
        raise _behind(log, tree.size)
    for sent in given.entries[size:]:
        entry = Entry.parse(sent.leaf)
        if sent.salt is not None and sent.payload is not None:
            check_payload(entry, sent.salt, sent.payload)
    own = next(one for one in signed.note.signatures if one.name == log.origin)
    kept = StoredCheckpoint(log.origin, tree.size, tree.root(), Note(signed.note.text, (own,)).encode())
    fresh = [New(sent.leaf, sent.salt, sent.payload) for sent in given.entries[size:]]
    log.store.mirror(log.origin, size, fresh, kept)
    _keep_cosignatures(log, log.me, log.peers, given.checkpoint)
    return len(fresh)


def _other(log: SignedLog, origin: str) -> Collaborator:
    owner = log.genesis.by_origin(origin)
    if owner == log.me:
        raise IntegrityError("This is this home's own log.", hint="Exchange with another home.", code="ORIGIN")
    return owner


def _behind(log: SignedLog, size: int) -> IntegrityError:
    return IntegrityError(
        f"The other side holds {size} signed entries of this log that are not all here, {log.size()} are. Nothing was signed.",
        hint="This home was restored from an old copy. Take the log back from the other side's mirror (restore) first.",
        code="LOG_BEHIND",
    )
