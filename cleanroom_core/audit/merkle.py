"""The Merkle tree of RFC 6962 section 2.1: hashes, roots, inclusion and consistency proofs, in O(log n) per answer.

A tree of n leaves is kept as the hashes of its *complete* subtrees: node (level, index) covers the leaves
[index * 2^level, (index + 1) * 2^level). Nodes never change once written, whatever is appended later. Every function that needs
nodes takes `read(level, index) -> hash`; where they lie is the caller's business. Proofs are checked by the loops of RFC 9162
sections 2.1.3.2 and 2.1.4.2, which also fix the exact number of hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cleanroom_core.errors import IntegrityError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

ReadNode = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@dataclass
class CompactTree:
    """The right edge of a tree: enough to append leaves and to know the root, in O(log n) memory, from the leaves alone."""

    size: int = 0
    edge: list[bytes] = field(default_factory=list)  # roots of the complete subtrees, largest first

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add one leaf hash; returns the complete nodes this creates as (level, index, hash), the leaf itself first."""
        level, index, value = 0, self.size, leaf
        created = [(level, index, value)]
        while index & 1:
            value = node_hash(self.edge.pop(), value)
            level, index = level + 1, index >> 1
            created.append((level, index, value))
        self.edge.append(value)
        self.size += 1
        return created

    def extend(self, leaves: Iterable[bytes]) -> None:
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        if not self.edge:
            return EMPTY_ROOT
        value = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            value = node_hash(left, value)
        return value

    def copy(self) -> CompactTree:
        return CompactTree(self.size, list(self.edge))

    @classmethod
    def load(cls, read: ReadNode, size: int) -> CompactTree:
        """The right edge of the tree of `size` leaves, from stored nodes."""
        edge, begin = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                edge.append(read(level, begin >> level))
                begin += 1 << level
        return cls(size, edge)


def root(read: ReadNode, size: int) -> bytes:
    """Root hash of the first `size` leaves."""
    return CompactTree.load(read, size).root()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root hash of these leaf hashes."""
    tree = CompactTree()
    tree.extend(leaves)
    return tree.root()


def inclusion_proof(read: ReadNode, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]): sibling hashes, the leaf's own sibling first."""
    if not 0 <= index < size:
        raise ValueError("index outside the tree")
    return _path(read, index, 0, size)


def consistency_proof(read: ReadNode, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[new]); empty for old = 0 and for old = new."""
    if not 0 <= old <= new:
        raise ValueError("old tree larger than the new one")
    return [] if old in (0, new) else _subproof(read, old, 0, new, whole=True)


def _split(count: int) -> int:
    """The largest power of two strictly less than `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range(read: ReadNode, begin: int, end: int) -> bytes:
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, begin >> level)
    middle = begin + _split(count)
    return node_hash(_range(read, begin, middle), _range(read, middle, end))


def _path(read: ReadNode, index: int, begin: int, end: int) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + _split(end - begin)
    if index < middle:
        return [*_path(read, index, begin, middle), _range(read, middle, end)]
    return [*_path(read, index, middle, end), _range(read, begin, middle)]


def _subproof(read: ReadNode, old: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
    if old == end:
        return [] if whole else [_range(read, begin, end)]
    middle = begin + _split(end - begin)
    if old <= middle:
        return [*_subproof(read, old, begin, middle, whole=whole), _range(read, middle, end)]
    return [*_subproof(read, old, middle, end, whole=False), _range(read, begin, middle)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """Raise IntegrityError unless `proof` shows the leaf hash at `index` in the tree of `size` leaves with root `expected`."""
    _check_hashes(leaf, expected, *proof)
    if not 0 <= index < size:
        raise _bad("the entry's number lies outside the tree")
    value = leaf
    for sibling, on_left in _siblings(index, size - 1, proof):
        value = node_hash(sibling, value) if on_left else node_hash(value, sibling)
    if value != expected:
        raise _bad("it leads to another root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise IntegrityError unless `proof` shows that the tree (new, new_root) only appends to the tree (old, old_root)."""
    _check_hashes(old_root, new_root, *proof)
    if not 0 <= old <= new:
        raise _bad("the old tree is larger than the new one")
    if old in (0, new):
        if proof:
            raise _bad("it must be empty here")
        if old_root != (new_root if old == new else EMPTY_ROOT) or (new == 0 and new_root != EMPTY_ROOT):
            raise _bad("one size has two roots")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise _bad("it holds too few hashes")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for sibling, on_left in _siblings(fn, sn, path[1:]):
        if on_left:
            first = node_hash(sibling, first)
        second = node_hash(sibling, second) if on_left else node_hash(second, sibling)
    if first != old_root or second != new_root:
        raise _bad("it leads to another root")


def _siblings(fn: int, sn: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The loop both verifications of RFC 9162 share: each hash of a proof, and whether it stands on the left of the path.

    `fn` is the node's index on its level, `sn` that of the last node. Raises IntegrityError for too many or too few hashes.
    """
    for sibling in proof:
        if sn == 0:
            raise _bad("it holds too many hashes")
        on_left = bool(fn & 1) or fn == sn
        while on_left and fn and not fn & 1:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
        yield sibling, on_left
    if sn != 0:
        raise _bad("it holds too few hashes")


def _check_hashes(*values: bytes) -> None:
    if any(len(value) != HASH_SIZE for value in values):
        raise _bad("a hash does not have 32 bytes")


def _bad(why: str) -> IntegrityError:
    return IntegrityError(f"The Merkle proof does not hold: {why}.", hint="Ask for the log again and compare.", code="PROOF")
