"""RFC 6962 trees against the published roots and proofs, and against a reference written as the RFC's recursion."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.audit import merkle
from cleanroom_core.errors import IntegrityError

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def kept(hashes):
    """All complete nodes of a tree, as a store keeps them, and how to read them."""
    tree = merkle.CompactTree()
    nodes = {(level, index): value for leaf in hashes for level, index, value in tree.append(leaf)}
    return lambda level, index: nodes[level, index]


def rfc_root(entries):
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + rfc_root(entries[:k]) + rfc_root(entries[k:])).digest()


def rfc_path(m, entries):
    if len(entries) == 1:
        return []
    k = 1
    while k * 2 < len(entries):
        k *= 2
    if m < k:
        return [*rfc_path(m, entries[:k]), rfc_root(entries[k:])]
    return [*rfc_path(m - k, entries[k:]), rfc_root(entries[:k])]


def rfc_proof(m, entries, whole=True):
    n = len(entries)
    if m == n:
        return [] if whole else [rfc_root(entries)]
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return [*rfc_proof(m, entries[:k], whole), rfc_root(entries[k:])]
    return [*rfc_proof(m - k, entries[k:], False), rfc_root(entries[:k])]


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size):
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert merkle.root_of(hashes).hex() == ROOTS[size]
    assert merkle.root(kept([merkle.leaf_hash(leaf) for leaf in LEAVES]), size).hex() == ROOTS[size]


def test_published_proofs():
    read = kept([merkle.leaf_hash(leaf) for leaf in LEAVES])
    assert [value.hex() for value in merkle.inclusion_proof(read, 5, 8)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [base64.b64encode(value).decode() for value in merkle.consistency_proof(read, 6, 8)] == [
        "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=",
        "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
        "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
    ]
    assert [base64.b64encode(value).decode() for value in merkle.consistency_proof(read, 2, 5)] == [
        "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
        "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
    ]


@given(st.lists(st.binary(max_size=4), max_size=70), st.data())
def test_equals_the_rfcs_recursion_and_verifies(entries, data):
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    read = kept(hashes)
    size = data.draw(st.integers(0, len(entries)))
    root = rfc_root(entries[:size])
    assert merkle.root(read, size) == root
    old = data.draw(st.integers(0, size))
    proof = merkle.consistency_proof(read, old, size)
    if old > 0:
        assert proof == rfc_proof(old, entries[:size])
    merkle.verify_consistency(old, size, rfc_root(entries[:old]), root, proof)
    if size:
        index = data.draw(st.integers(0, size - 1))
        path = merkle.inclusion_proof(read, index, size)
        assert path == rfc_path(index, entries[:size])
        merkle.verify_inclusion(hashes[index], index, size, path, root)


def spoiled(proof):
    """Tamper case 12: extra, missing, reordered, repeated and changed hashes."""
    yield [*proof, b"\x00" * 32]
    yield [b"\x00" * 32, *proof]
    if proof:
        yield proof[:-1]
        yield proof[1:]
        yield [*proof, proof[-1]]
        yield [proof[0], *proof]
        yield [bytes([proof[0][0] ^ 1]) + proof[0][1:], *proof[1:]]
        yield [proof[0][:31], *proof[1:]]
    if len(proof) > 1 and proof[0] != proof[1]:
        yield [proof[1], proof[0], *proof[2:]]


@given(st.integers(1, 40), st.data())
def test_case_12_spoiled_proofs_are_refused(size, data):
    entries = [bytes([value]) for value in range(size)]
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    read, root = kept(hashes), rfc_root(entries)
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_proof(read, index, size)
    for wrong in spoiled(path):
        with pytest.raises(IntegrityError):
            merkle.verify_inclusion(hashes[index], index, size, wrong, root)
    for other_index, other_size in ((index + size, size), (-1, size), (index, index)):
        with pytest.raises(IntegrityError):
            merkle.verify_inclusion(hashes[index], other_index, other_size, path, root)
    old = data.draw(st.integers(0, size))
    proof = merkle.consistency_proof(read, old, size)
    for wrong in spoiled(proof):
        with pytest.raises(IntegrityError):
            merkle.verify_consistency(old, size, rfc_root(entries[:old]), root, wrong)


@given(st.integers(2, 40), st.data())
def test_another_history_is_never_consistent(size, data):
    entries = [bytes([value]) for value in range(size)]
    old = data.draw(st.integers(1, size - 1))
    forked = [*entries[: old - 1], b"another", *entries[old:]]
    read = kept([merkle.leaf_hash(entry) for entry in forked])
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(
            old, size, rfc_root(entries[:old]), rfc_root(forked), merkle.consistency_proof(read, old, size)
        )


def test_case_13_inner_nodes_are_no_entries():
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    root = merkle.node_hash(left, right)
    for entry in (left + right, b"\x01" + left + right):
        with pytest.raises(IntegrityError):
            merkle.verify_inclusion(merkle.leaf_hash(entry), 0, 1, [], root)
    with pytest.raises(IntegrityError):  # a leaf hashed without its prefix
        merkle.verify_inclusion(sha256(b"a").digest(), 0, 2, [right], root)


def test_case_14_empty_trees():
    assert merkle.EMPTY_ROOT.hex() == ROOTS[0]
    merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(0, 0, bytes(32), bytes(32), [])
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(0, 8, bytes(32), bytes.fromhex(ROOTS[8]), [])
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(8, 7, bytes.fromhex(ROOTS[8]), bytes.fromhex(ROOTS[7]), [])


def test_proofs_outside_the_tree_are_a_programming_error():
    read = kept([merkle.leaf_hash(leaf) for leaf in LEAVES])
    for wrong in (lambda: merkle.inclusion_proof(read, 8, 8), lambda: merkle.consistency_proof(read, 9, 8)):
        with pytest.raises(ValueError, match="tree"):
            wrong()


def test_answers_read_few_nodes():
    size = 100_000
    read, asked = kept([value.to_bytes(32, "big") for value in range(size)]), []

    def counting(level, index):
        asked.append((level, index))
        return read(level, index)

    for answer in (
        lambda: merkle.root(counting, size),
        lambda: merkle.inclusion_proof(counting, 54_321, size),
        lambda: merkle.consistency_proof(counting, 33_333, size),
    ):
        asked.clear()
        answer()
        assert len(asked) <= 17 * 3
