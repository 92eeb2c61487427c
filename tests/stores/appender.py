"""A home's writer as a process of its own, to be killed: appends for ever and says each entry's number once it is durable.

python -m tests.stores.appender DATABASE KEYS
"""

from __future__ import annotations

import sys
from pathlib import Path

from cleanroom_core.stores.keys import load_keys
from cleanroom_core.stores.signed_log import SignedLog
from cleanroom_core.stores.sqlite import open_sqlite
from tests.stores.homes import actor


def main(database: str, keys: str) -> None:
    log = SignedLog.open(open_sqlite(Path(database)), load_keys(Path(keys)))
    while True:
        payload = {"text": f"written by {log.size()}", "bulk": "x" * 5000}
        record = log.append("policy", actor(log.alias), {"n": 1}, payload)
        print(record.entry.seq, record.leaf_hash.hex(), flush=True)
        if record.entry.seq % 3 == 0:
            log.checkpoint()


if __name__ == "__main__":
    main(*sys.argv[1:])
