"""Does the clock agree with what has already been written down?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result, Status

TOLERANCE = timedelta(minutes=2)
WHY = (
    "Every entry of the log carries the time, and agreements end on a date; a clock that runs back writes entries out of order."
)


@dataclass(frozen=True)
class ClockFacts:
    """`now` and `latest` are aware times. `latest`: the newest moment each witness knows ("your log", "the partner's log", "the
    files of the home"); none of them can lie in the future."""

    now: datetime
    latest: Mapping[str, datetime]


def judge(facts: ClockFacts) -> Result:
    if not facts.latest:
        return Result(
            Status.CANNOT_TELL,
            f"It is {facts.now:%Y-%m-%d %H:%M} UTC by this clock, and nothing has been written yet to compare it with.",
            WHY,
            "Compare it with another clock.",
            "date -u",
            ADMINISTRATOR,
        )
    witness, newest = max(facts.latest.items(), key=lambda item: item[1])
    ahead = newest - facts.now
    if ahead <= TOLERANCE:
        return Result(Status.PASS, f"No earlier than {witness} ({newest:%Y-%m-%d %H:%M:%S} UTC)", WHY)
    return Result(
        Status.FAIL,
        f"This clock is {_duration(ahead)} behind {witness}",
        WHY,
        "Set the clock by the network; if it is right, the other clock is wrong: tell whoever runs it.",
        "timedatectl set-ntp true",
        ADMINISTRATOR,
    )


def _duration(ahead: timedelta) -> str:
    minutes = int(ahead.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


CHECK = Check("clock", "Clock", WHY, ClockFacts, judge)
