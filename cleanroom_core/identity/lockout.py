"""How long a client waits after failed sign-ins: a growing delay per (user name, address), never a lock.

Only the pair waits, so nobody can keep somebody else out from afar: the owner signs in from another address at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
FREE_FAILURES = 5
FIRST_DELAY = timedelta(seconds=15)


def remaining_delay(failures: Sequence[datetime], now: datetime) -> timedelta:
    """What is left to wait before the next attempt counts; zero when it may be made now.

    `failures` are the times of this pair's failed attempts in any order. From the fifth within 15 minutes on the delay
    after the latest one is 15 s, 30 s, 60 s ... and never longer than the window.
    """
    recent = [at for at in failures if now - at < WINDOW]
    if len(recent) < FREE_FAILURES:
        return timedelta(0)
    delay = min(FIRST_DELAY * (1 << min(len(recent) - FREE_FAILURES, 16)), WINDOW)
    return max(max(recent) + delay - now, timedelta(0))
