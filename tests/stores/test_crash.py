"""Crashes: nothing acknowledged is lost, nothing half-written counts.

kill -9 cannot lose what the kernel already has, so the disk is cut too: the database and every prefix of its write-ahead log
are copied and opened as after a power failure.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cleanroom_core.audit.merkle import root_of
from cleanroom_core.exchange.in_process import exchange
from cleanroom_core.stores.signed_log import SignedLog
from cleanroom_core.stores.sqlite import open_sqlite
from tests.stores.homes import Clock, make_room, reopen, write

ROOT = Path(__file__).parents[2]
WAL_HEADER, FRAME_HEADER = 32, 24


def check_whole(log: SignedLog) -> None:
    """Every log held is a valid prefix: entries parse, payloads are there and fit, tree and checkpoints agree."""
    for origin in log.origins:
        records = log.records(origin)
        assert log.root(origin) == root_of([record.leaf_hash for record in records])
        for record in records:
            expected = record.entry.commit is not None and (origin == log.origin or record.entry.may_hold(log.alias))
            assert (record.payload is not None) == expected
        newest = log.store.checkpoint(origin)
        assert newest is None or newest.size <= len(records)
    assert log.verify().findings == ()


def test_kill_9_loses_nothing_acknowledged(tmp_path):
    provider, consumer = make_room(tmp_path)
    consumer.store.close()
    provider.store.close()
    path, keys = tmp_path / "provider" / "log.db", tmp_path / "provider" / "keys"
    acknowledged: dict[int, str] = {}
    chance = random.Random(7)  # noqa: S311
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.stores.appender", str(path), str(keys)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(chance.randint(4, 30)):
            seq, leaf = child.stdout.readline().split()
            acknowledged[int(seq)] = leaf
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:  # what it said before it died was acknowledged as well
            if line.endswith("\n"):
                seq, leaf = line.split()
                acknowledged[int(seq)] = leaf
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        log = reopen(provider, path)
        found = {record.entry.seq: record.leaf_hash.hex() for record in log.records()}
        assert found.items() >= acknowledged.items()
        assert len(found) <= len(acknowledged) + 2  # the genesis document, and one that was durable but not yet said
        acknowledged = {seq: leaf for seq, leaf in found.items() if seq}
        check_whole(log)
        log.store.close()


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """A home with an open write-ahead log, and how far that log reached after each acknowledged step."""
    root = tmp_path_factory.mktemp("cut")
    clock = Clock()
    provider, consumer = make_room(root, clock=clock)
    exchange(provider, consumer)
    provider.store.close()  # folds the write-ahead log into the database
    path = root / "provider" / "log.db"
    provider = reopen(provider, path)
    wal = path.with_name("log.db-wal")
    base = path.read_bytes()
    reached: list[tuple[int, dict[str, int]]] = []

    def acknowledge() -> None:
        reached.append((wal.stat().st_size, {origin: provider.size(origin) for origin in provider.origins}))

    acknowledge()
    for size in (10, 9000, 10):
        provider.append("policy", {"organisation": "provider"}, {}, {"text": "x" * size})
        acknowledge()
    provider.append("intent", {"organisation": "provider"}, {}, {"text": "private"})
    acknowledge()
    provider.checkpoint()
    acknowledge()
    write(consumer, count=2)
    exchange(provider, consumer)
    acknowledge()
    assert path.read_bytes() == base  # nothing was folded meanwhile, so the copies below are what a disk would hold
    written = wal.read_bytes()
    page = int.from_bytes(written[8:12], "big")
    yield provider, consumer, base, written, page, reached
    provider.store.close()
    consumer.store.close()


def opened(cut, folder: Path, database: bytes, wal: bytes) -> SignedLog:
    provider = cut[0]
    folder.mkdir()
    (folder / "log.db").write_bytes(database)
    (folder / "log.db-wal").write_bytes(wal)
    return SignedLog.open(open_sqlite(folder / "log.db"), provider.keys, provider.clock)


def held_at(reached, length):
    return next(sizes for point, sizes in reversed(reached) if point <= length or point == reached[0][0])


def test_the_disk_cut_at_every_write(tmp_path, cut):
    _, _, base, written, page, reached = cut
    frame = FRAME_HEADER + page
    ends = range(WAL_HEADER, len(written) + 1, frame)
    assert len(ends) > 20
    lengths = {0, 5, WAL_HEADER} | {end + off for end in ends for off in (0, FRAME_HEADER + page // 2)}
    seen = set()
    for length in sorted(one for one in lengths if one <= len(written)):
        log = opened(cut, tmp_path / f"at{length}", base, written[:length])
        sizes = {origin: log.size(origin) for origin in log.origins}
        after = [found for _, found in reached]
        assert sizes in after, "a step is there as a whole or not at all"
        assert after.index(sizes) >= after.index(held_at(reached, length)), "an acknowledged step is lost"
        check_whole(log)
        seen.add(tuple(sizes.values()))
        log.store.close()
    assert seen == {tuple(found.values()) for _, found in reached}


def test_a_torn_write_is_cut_off(tmp_path, cut):
    """The file has its full length, but the last write arrived as zeros or as garbage."""
    _, _, base, written, page, reached = cut
    chance = random.Random(11)  # noqa: S311
    for number, (point, sizes) in enumerate(reached[:-1]):
        torn = min(len(written), point + FRAME_HEADER + page // 3)
        for kind, rest in (("zeros", bytes(len(written) - torn)), ("garbage", chance.randbytes(len(written) - torn))):
            log = opened(cut, tmp_path / f"{kind}{number}", base, written[:torn] + rest)
            assert {origin: log.size(origin) for origin in log.origins} == sizes
            check_whole(log)
            log.store.close()


def test_cut_while_the_write_ahead_log_is_folded_in(tmp_path, cut):
    """Any part of the pages may have reached the database already; the write-ahead log is still there and wins."""
    _, _, base, written, page, reached = cut
    whole = opened(cut, tmp_path / "whole", base, written)
    whole.store.close()
    folded = (tmp_path / "whole" / "log.db").read_bytes()
    for pages in range(0, len(folded) // page + 1, 3):
        mixed = folded[: pages * page] + base[pages * page :]
        log = opened(cut, tmp_path / f"folding{pages}", mixed, written)
        assert {origin: log.size(origin) for origin in log.origins} == reached[-1][1]
        check_whole(log)
        log.store.close()


def test_after_a_cut_the_conversation_goes_on(tmp_path, cut):
    """The consumer has countersigned more than the cut disk holds of what was never acknowledged here: it comes back."""
    provider, consumer, base, written, _, reached = cut
    log = opened(cut, tmp_path / "cut", base, written[: reached[2][0]])
    before = log.size()
    assert before < provider.size()
    assert log.restore(consumer.copy_back(provider.origin)) == provider.size() - before
    exchange(log, consumer)
    assert log.acknowledged() == log.size() == provider.size()
    check_private_payload_is_gone(log)
    log.store.close()


def check_private_payload_is_gone(log: SignedLog) -> None:
    """A mirror never had it; the entry and its commitment are back, and that is said by its absence."""
    private = [record for record in log.records() if record.entry.kind == "intent"]
    assert len(private) == 1
    assert private[0].payload is None
    assert private[0].entry.commit is not None
