"""Does the partner still acknowledge this side's log? Without its cosignature nothing runs and nothing is released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cleanroom_core.prechecks.check import ENGINEER, Check, Result, Status

PATIENCE = timedelta(hours=24)
WHY = "An entry counts once the partner's log has taken it over and cosigned; until then it is one side's word."


@dataclass(frozen=True)
class AcknowledgementFacts:
    """Of this side's log: `size` entries, `acknowledged` of them cosigned by `partner`. `waiting_since`: time of the oldest
    entry not yet cosigned, None when there is none. `now` and `waiting_since` are aware times."""

    partner: str
    size: int
    acknowledged: int
    waiting_since: datetime | None
    now: datetime


def judge(facts: AcknowledgementFacts) -> Result:
    outstanding = facts.size - facts.acknowledged
    if outstanding <= 0:
        return Result(Status.PASS, f"{facts.partner} has cosigned all {facts.size} entries", WHY)
    entries = f"{outstanding} entr{'ies' if outstanding > 1 else 'y'}"
    waited = facts.now - facts.waiting_since if facts.waiting_since else timedelta()
    late = waited > PATIENCE
    return Result(
        Status.FAIL if late else Status.CANNOT_TELL,
        f"{facts.partner} has not yet cosigned {entries}"
        + (f", the oldest {int(waited.total_seconds() // 3600)} hours old" if late else ""),
        WHY,
        f"Ask {facts.partner} to open the room, which takes over and cosigns what is new.",
        who=f"an engineer of {facts.partner}" if late else ENGINEER,
    )


CHECK = Check("acknowledgement", "Partner's acknowledgement", WHY, AcknowledgementFacts, judge)
