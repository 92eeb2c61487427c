"""A program that exchanges and is killed: `python -m tests.exchange.killed ROOT CARRIER`.

It forks once per point of a turn; each child writes an entry, exchanges both ways, and kills itself with SIGKILL at its point:
just before a file is opened, renamed, flushed or removed, or the database is read, written or committed. Nobody cleans up after
it: the next child finds what the last one left.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

POINTS = 3


def main(root: Path, name: str) -> None:
    from sqlalchemy import Engine, event

    from cleanroom_core.stores.signed_log import SignedLog
    from cleanroom_core.stores.sqlite import open_sqlite
    from tests.exchange.carriers import CARRIERS
    from tests.stores.homes import Clock, keys_of, write

    def play(point: int) -> int:
        logs = [
            SignedLog.open(open_sqlite(root / alias / "log.db"), keys_of(root / alias, alias), Clock())
            for alias in ("provider", "consumer")
        ]
        carrier = CARRIERS[name](root)
        effects = 0

        def count(*_: object) -> None:
            nonlocal effects
            effects += 1
            if effects == point:
                os.kill(os.getpid(), signal.SIGKILL)

        def audit(what: str, _: object) -> None:
            if what in ("open", "os.rename", "os.remove", "os.listdir"):
                count()

        def fsync(handle: int, real: Callable[[int], None] = os.fsync) -> None:
            count()
            real(handle)

        for name_ in ("before_cursor_execute", "commit"):
            event.listen(Engine, name_, count)
        sys.addaudithook(audit)
        os.fsync = fsync
        for log in logs:
            write(log)
        for log, other in (logs, logs[::-1], logs):
            carrier.turn(log, other)
        return effects

    read, written = os.pipe()
    if (child := os.fork()) == 0:
        os.write(written, str(play(-1)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    total = int(os.read(read, 32))
    for number in range(POINTS):
        if (child := os.fork()) == 0:
            play(1 + total * number // POINTS)
            os._exit(3)
        status = os.waitpid(child, 0)[1]
        print("killed" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else f"ended {status}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
