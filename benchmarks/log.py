"""The signed log: what an append and a verification cost, each against a named baseline in the same run.

    python -m benchmarks.log [--entries 1000] [--json]

append: `SignedLog.append` against a plain SQLite insert of the same bytes, one transaction each, with the same PRAGMAs.
verify: `audit.verify` of the whole log against hashing the same leaves with hashlib.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cleanroom_core.audit.genesis import Genesis
from cleanroom_core.audit.verify import verify
from cleanroom_core.exchange.in_process import exchange
from cleanroom_core.stores.keys import make_keys
from cleanroom_core.stores.signed_log import SignedLog
from cleanroom_core.stores.sqlite import open_sqlite

ACTOR = {"organisation": "provider", "role": "steward", "id": "u-1"}
ROUNDS = 3


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def two_homes(root: Path) -> tuple[SignedLog, SignedLog]:
    keys = {alias: make_keys(root / alias / "keys", f"{alias}.example/cleanroom/bench") for alias in ("provider", "consumer")}
    genesis = Genesis("bench", tuple(key.collaborator(alias) for alias, key in keys.items()))
    logs = [SignedLog.begin(open_sqlite(root / alias / "log.db"), key, genesis, ACTOR) for alias, key in keys.items()]
    return logs[0], logs[1]


def append(log: SignedLog, count: int) -> None:
    for number in range(count):
        log.append("policy", ACTOR, {"asset": "transaction_signals", "number": number}, {"sql": "SELECT 1 " * 20})


def insert(path: Path, rows: list[tuple[int, bytes, bytes, bytes]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE IF NOT EXISTS plain (seq INTEGER PRIMARY KEY, leaf BLOB, salt BLOB, payload BLOB)")
    connection.execute("DELETE FROM plain")
    for row in rows:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO plain VALUES (?, ?, ?, ?)", row)
        connection.execute("COMMIT")
    connection.close()


def measure(root: Path, count: int) -> dict[str, float]:
    provider, consumer = two_homes(root)
    appended = min(seconds(lambda: append(provider, count)) for _ in range(ROUNDS))
    stored = provider.store.read(provider.origin)
    rows = [(one.seq, one.leaf, one.salt or b"", one.payload or b"") for one in stored[-count:]]
    inserted = min(seconds(lambda: insert(root / "plain.db", rows)) for _ in range(ROUNDS))
    mirrored = seconds(lambda: exchange(provider, consumer))
    idle = min(seconds(lambda: exchange(provider, consumer)) for _ in range(ROUNDS))
    copy, trusted = provider.copy(), provider.trusted()[:1]
    verified = min(seconds(lambda: verify([copy], trusted).require()) for _ in range(ROUNDS))
    hashed = min(seconds(lambda: [sha256(leaf).digest() for leaf in copy.leaves]) for _ in range(ROUNDS))
    fresh = SignedLog.open(provider.store, provider.keys)
    cold = seconds(fresh.records)
    warm = min(seconds(fresh.records) for _ in range(ROUNDS))
    entries = len(copy.leaves)
    return {
        "entries": entries,
        "append_ms": appended / count * 1e3,
        "plain_insert_ms": inserted / count * 1e3,
        "append_to_plain_insert": appended / inserted,
        "verify_us_per_entry": verified / entries * 1e6,
        "sha256_us_per_entry": hashed / entries * 1e6,
        "verify_to_sha256": verified / hashed,
        "exchange_ms": mirrored * 1e3,
        "exchange_idle_ms": idle * 1e3,
        "records_cold_ms": cold * 1e3,
        "records_warm_ms": warm * 1e3,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--entries", type=int, default=1000, help="appended per round; there are three rounds")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), given.entries)
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    print(f"log of {found['entries']:,.0f} entries")
    print(f"append    {found['append_ms']:8.3f} ms   plain SQLite insert {found['plain_insert_ms']:8.3f} ms", end="   ")
    print(f"ratio {found['append_to_plain_insert']:.1f}")
    print(
        f"verify    {found['verify_us_per_entry']:8.1f} us   SHA-256 of the leaf {found['sha256_us_per_entry']:8.2f} us",
        end="   ",
    )
    print(f"ratio {found['verify_to_sha256']:.0f}")
    print(f"exchange  {found['exchange_ms']:8.1f} ms   again, nothing new {found['exchange_idle_ms']:.1f} ms")
    print(f"records   {found['records_cold_ms']:8.1f} ms   again {found['records_warm_ms']:.2f} ms")


if __name__ == "__main__":
    main()
