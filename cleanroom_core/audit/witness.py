"""What a witness checks before it keeps and countersigns an update of another's log. Pure: bytes in, verified values out.

A cosignature of ours says "received and durably stored every entry up to this size", not "agreed"; disagreement is a `dispute`
entry in the own log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cleanroom_core.audit.checkpoint import SignedCheckpoint, open_checkpoint
from cleanroom_core.audit.entry import Entry, check_payload, decode_payload, parse_time
from cleanroom_core.audit.genesis import Genesis
from cleanroom_core.audit.merkle import CompactTree, leaf_hash, verify_consistency
from cleanroom_core.audit.update import Sent, Update
from cleanroom_core.errors import EquivocationError, IntegrityError

AHEAD = timedelta(minutes=10)


@dataclass(frozen=True)
class Held:
    """What this home holds already. Of the log in question: its `size`, the `last` entry's bytes, the newest checkpoint `note`.

    `tree_at(origin, size)` and `leaf_at(origin, seq)` ask about any log of the room; None beyond what is held of it.
    """

    size: int
    last: bytes | None
    note: bytes | None
    tree_at: Callable[[str, int], CompactTree | None]
    leaf_at: Callable[[str, int], bytes | None]


@dataclass(frozen=True)
class Verified:
    """`fresh`: the entries not yet held, parsed beside their bytes; they begin at what was held."""

    signed: SignedCheckpoint
    fresh: tuple[tuple[Entry, Sent], ...]


def verify_update(update: Update, origin: str, held: Held, genesis: Genesis, reader: str, now: datetime) -> Verified:
    """Check an update of the log `origin` on behalf of the collaborator `reader` (an alias).

    Raises EquivocationError (with both notes) if it proves two histories signed by one key; IntegrityError for everything else
    that does not hold, with code SIGNATURE, NOTE, CHECKPOINT, ORIGIN, UPDATE, GAP, NOT_CONSISTENT, PROOF, CANONICAL, ENTRY,
    SEQUENCE, TIME, GENESIS, PEER, REFERENCE, PAYLOAD or COMMITMENT.
    """
    owner = genesis.by_origin(origin)
    signed = open_checkpoint(
        update.checkpoint, owner.log_key, [one.cosigner_key for one in genesis.collaborators if one != owner]
    )
    size, root = signed.checkpoint.size, signed.checkpoint.root
    if size - update.old != len(update.entries):
        raise _broken("its entries are not those between the two sizes", "UPDATE")
    tree = held.tree_at(origin, update.old)
    if update.old > held.size or tree is None:
        raise _broken(f"it begins at {update.old}, but only {held.size} entries are held", "GAP")
    old_root = tree.root()

    leaves = [leaf_hash(sent.leaf) for sent in update.entries]
    if size <= held.size:
        here = held.tree_at(origin, size)
        if here is None or here.root() != root:
            raise equivocation(origin, held.note, update.checkpoint)
    tree.extend(leaves)
    if tree.root() != root:
        raise _broken("its entries do not lead to the signed root from what is held", "NOT_CONSISTENT")
    overlap = min(held.size, size) - update.old
    if any(held.leaf_at(origin, update.old + at) != leaf for at, leaf in enumerate(leaves[:overlap])):
        # The signed root covers these entries, the checkpoint held covers others: one log was signed twice.
        raise equivocation(origin, held.note, update.checkpoint)
    verify_consistency(update.old, size, old_root, root, update.consistency)
    return Verified(signed, _fresh(update.entries[overlap:], origin, held, genesis, reader, now))


def equivocation(origin: str, first: bytes | None, second: bytes) -> EquivocationError:
    """The proof of a fork: two notes signed by the same log that no single history can satisfy."""
    return EquivocationError(
        f"The log {origin} has been signed with two different histories.",
        hint="Stop, keep this home as it is, and talk to its owner: the two signed checkpoints are kept as evidence.",
        evidence=(first or b"", second),
    )


def _fresh(
    entries: Sequence[Sent], origin: str, held: Held, genesis: Genesis, reader: str, now: datetime
) -> tuple[tuple[Entry, Sent], ...]:
    own = genesis.by_alias(reader).origin
    last = Entry.parse(held.last) if held.last is not None else None
    newest = parse_time(last.time) if last is not None else None
    seen = {last.peer.origin: last.peer.size} if last is not None and last.peer is not None else {}
    found: list[tuple[Entry, Sent]] = []
    for seq, sent in enumerate(entries, start=held.size):
        entry = Entry.parse(sent.leaf)
        if entry.origin != origin or entry.seq != seq:
            raise _broken(f"entry {seq} says that it is another one", "SEQUENCE")
        moment = parse_time(entry.time)
        if newest is not None and moment < newest:
            raise _broken(f"entry {seq} is dated before the one it follows", "TIME")
        if moment > now + AHEAD:
            raise _broken(f"entry {seq} is dated more than ten minutes ahead of this machine's clock", "TIME")
        newest = moment
        if (entry.kind == "genesis") != (seq == 0) or (seq == 0 and entry.public.get("sha256") != genesis.digest()):
            raise _broken("it does not begin with this room's genesis document", "GENESIS")
        _check_pointers(entry, found, held, genesis, own)
        if entry.peer is not None:
            # Whoever has seen an entry cannot unsee it: an older state here would order this entry before what it follows.
            if entry.peer.size < seen.get(entry.peer.origin, 0):
                raise _broken(f"entry {seq} knows less of {entry.peer.origin} than the entry before it", "PEER")
            seen[entry.peer.origin] = entry.peer.size
        _check_payload(entry, sent, reader)
        found.append((entry, sent))
    return tuple(found)


def _check_pointers(entry: Entry, fresh: Sequence[tuple[Entry, Sent]], held: Held, genesis: Genesis, own: str) -> None:
    """References and the peer state must be what this home knows; of a third log it may know less than the writer does."""
    origins = {one.origin for one in genesis.collaborators}
    for ref in entry.refs:
        if ref.origin == entry.origin and ref.seq >= held.size:
            at = ref.seq - held.size
            leaf = leaf_hash(fresh[at][1].leaf) if at < len(fresh) else None
        else:
            leaf = held.leaf_at(ref.origin, ref.seq)
        unknown = leaf is None and ref.origin in origins - {own, entry.origin}
        if not unknown and (leaf is None or leaf.hex() != ref.leaf):
            raise _broken(f"entry {entry.seq} refers to an entry that does not exist", "REFERENCE")
    if entry.peer is not None:
        tree = held.tree_at(entry.peer.origin, entry.peer.size)
        unknown = tree is None and entry.peer.origin in origins - {own, entry.origin}
        wrong = tree is None or tree.root().hex() != entry.peer.root or entry.peer.origin == entry.origin
        if not unknown and wrong:
            raise _broken(f"entry {entry.seq} cites a checkpoint that was never signed", "PEER")


def _check_payload(entry: Entry, sent: Sent, reader: str) -> None:
    if not entry.may_hold(reader):
        if sent.payload is not None:
            raise _broken(f"it brings the payload of entry {entry.seq}, which is not for {reader}", "PAYLOAD")
        return
    if sent.payload is None or sent.salt is None:
        raise _broken(f"the payload of entry {entry.seq} is missing", "PAYLOAD")
    check_payload(entry, sent.salt, sent.payload)
    decode_payload(sent.payload)


def _broken(why: str, code: str) -> IntegrityError:
    return IntegrityError(
        f"The update of the other side's log was refused: {why}.",
        hint="Nothing was countersigned. Have it sent again; if it happens again, talk to its owner.",
        code=code,
    )
