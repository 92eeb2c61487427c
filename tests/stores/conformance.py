"""What every store must do, whatever it is built on. A test module gives `store` and `again` (the same store opened anew)."""

from __future__ import annotations

import threading
from hashlib import sha256

import pytest

from cleanroom_core.audit import merkle
from cleanroom_core.errors import ConflictError, EquivocationError, IntegrityError
from cleanroom_core.stores.protocol import New, Stored, StoredCheckpoint

A, B = "a.example/log", "b.example/log"


def entry(number: int, payload: bool = True) -> New:
    salt = sha256(b"salt%d" % number).digest()
    return New(b"entry %d" % number, salt if payload else None, b"payload %d" % number if payload else None)


def checkpoint(origin: str, entries: list[New], note: bytes = b"note\n\nsignature\n") -> StoredCheckpoint:
    return StoredCheckpoint(origin, len(entries), merkle.root_of([merkle.leaf_hash(one.leaf) for one in entries]), note)


def fill(store, count: int, origin: str = A) -> list[New]:
    made = [entry(number, number % 2 == 0) for number in range(count)]
    for one in made:
        store.append(origin, lambda tail, one=one: one)
    return made


class StoreConformance:
    def test_an_empty_store(self, store):
        assert store.size(A) == 0
        assert store.read(A) == []
        assert store.checkpoint(A) is None
        assert store.checkpoints(A) == []
        assert store.cosigned(A) == {}
        assert store.evidence(A) is None
        assert store.leaf_hash(A, 0) is None
        assert store.tree(A, 0).root() == merkle.EMPTY_ROOT
        assert store.tree(A, 1) is None

    def test_what_is_appended_is_read_back_in_order(self, store, again):
        made = fill(store, 20)
        expected = [Stored(seq, one.leaf, merkle.leaf_hash(one.leaf), one.salt, one.payload) for seq, one in enumerate(made)]
        assert store.read(A) == expected
        assert store.read(A, 3, 7) == expected[3:7]
        assert store.read(A, 19, 99) == expected[19:]
        assert store.read(A, 20) == []
        assert again().read(A) == expected
        assert store.size(A) == 20
        assert store.size(B) == 0

    def test_every_size_has_its_root_and_proofs(self, store):
        hashes = [merkle.leaf_hash(one.leaf) for one in fill(store, 33)]
        for size in range(34):
            assert store.tree(A, size).root() == merkle.root_of(hashes[:size])
        assert store.tree(A, 34) is None
        merkle.verify_inclusion(hashes[5], 5, 33, store.inclusion(A, 5, 33), merkle.root_of(hashes))
        merkle.verify_consistency(9, 33, merkle.root_of(hashes[:9]), merkle.root_of(hashes), store.consistency(A, 9, 33))
        assert store.leaf_hash(A, 5) == hashes[5]

    def test_the_writer_sees_the_end_of_the_log_and_the_newest_checkpoint_of_another(self, store):
        seen = []
        store.append(A, lambda tail: seen.append(tail) or entry(0))
        other = [entry(1), entry(2)]
        store.mirror(B, 0, other, checkpoint(B, other))
        store.append(A, lambda tail: seen.append(tail) or entry(3))
        assert (seen[0].seq, seen[0].last, seen[0].peer) == (0, None, None)
        assert (seen[1].seq, seen[1].last) == (1, b"entry 0")
        assert (seen[1].peer.origin, seen[1].peer.size) == (B, 2)

    def test_a_writer_that_fails_leaves_nothing(self, store):
        fill(store, 2)

        def fail(tail):
            raise ConflictError("no", hint="no")

        with pytest.raises(ConflictError):
            store.append(A, fail)
        assert store.size(A) == 2
        fill(store, 1)
        assert store.size(A) == 3

    def test_writers_at_once_never_share_a_number(self, store, again):
        stores = [store, again()]
        numbers: list[int] = []

        def work(one):
            for _ in range(15):
                one.append(A, lambda tail: numbers.append(tail.seq) or New(b"entry %d" % tail.seq))

        threads = [threading.Thread(target=work, args=(one,)) for one in stores for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(numbers) == list(range(60))
        leaves = [one.leaf for one in store.read(A)]
        assert leaves == [b"entry %d" % number for number in range(60)]
        assert store.tree(A, 60).root() == merkle.root_of([merkle.leaf_hash(leaf) for leaf in leaves])

    def test_a_mirror_takes_what_follows_and_nothing_else(self, store):
        whole = [entry(number) for number in range(5)]
        store.mirror(B, 0, whole[:3], checkpoint(B, whole[:3]))
        store.mirror(B, 0, whole[:3], checkpoint(B, whole[:3]))  # the same again
        store.mirror(B, 1, whole[1:], checkpoint(B, whole))  # overlapping
        assert [one.leaf for one in store.read(B)] == [one.leaf for one in whole]
        changed = [*whole[:4], entry(9), entry(10)]
        for start, entries, point in (
            (6, [entry(6)], checkpoint(B, [*whole, entry(6), entry(6)])),  # a gap
            (0, changed, checkpoint(B, changed)),  # other entries
            (5, [entry(5)], checkpoint(B, [*whole, entry(6)])),  # not the signed root
        ):
            with pytest.raises(IntegrityError):
                store.mirror(B, start, entries, point)
        assert store.size(B) == 5
        assert store.checkpoint(B).size == 5

    def test_one_size_has_one_root_for_ever(self, store):
        fill(store, 3)
        sealed = store.seal(A, lambda size, read: checkpoint(A, [New(one.leaf) for one in read(0)]))
        assert store.seal(A, lambda size, read: pytest.fail("signed twice")) == sealed
        store.mirror(A, 3, [], StoredCheckpoint(A, 2, store.tree(A, 2).root(), b"two\n"))
        with pytest.raises(EquivocationError) as fork:
            store.mirror(A, 3, [], StoredCheckpoint(A, 3, bytes(32), b"other\n"))
        assert fork.value.evidence[1] == b"other\n"

    def test_nothing_is_signed_that_is_not_the_stored_tree(self, store):
        fill(store, 3)
        with pytest.raises(Exception, match="do not agree"):
            store.seal(A, lambda size, read: StoredCheckpoint(A, 3, bytes(32), b"note\n"))
        assert store.checkpoint(A) is None

    def test_checkpoints_and_cosignatures_stay(self, store, again):
        whole = [entry(number) for number in range(4)]
        store.mirror(B, 0, whole[:2], checkpoint(B, whole[:2], b"two\n\nB\n"))
        store.mirror(B, 2, whole[2:], checkpoint(B, whole, b"four\n\nB\n"))
        assert store.save_cosignature(B, 2, "c", 50, "c two\n") == "c two\n"
        assert store.save_cosignature(B, 2, "c", 60, "c again\n") == "c two\n"  # the first one stays
        store.save_cosignature(B, 2, "d", 55, "d two\n")
        store.save_cosignature(B, 4, "c", 70, "c four\n")
        store = again()
        assert store.cosigned(B) == {"c": (4, 70), "d": (2, 55)}
        assert store.checkpoint(B, 2).whole == b"two\n\nB\nc two\nd two\n"
        assert store.checkpoint(B).whole == b"four\n\nB\nc four\n"
        assert [one.size for one in store.checkpoints(B)] == [2, 4]

    def test_evidence_and_drafts(self, store, again):
        store.save_evidence(A, b"one", b"two")
        store.save_evidence(A, b"three", b"four")
        assert again().evidence(A) == (b"one", b"two")
        assert store.draft("agreement") is None
        store.save_draft("agreement", "first")
        store.save_draft("agreement", "second \u20ac")
        assert again().draft("agreement") == "second \u20ac"
        store.save_draft("agreement", None)
        assert store.draft("agreement") is None
