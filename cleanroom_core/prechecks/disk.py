"""Is there room on the disk for share tables, logs and the engine's spill folder?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result, Status

NEEDED_GIB = 2.0
WHY = (
    "Share tables, logs and an engine that spills to disk are written here; a full disk stops a publish or a run in the middle."
)


@dataclass(frozen=True)
class DiskFacts:
    home: str
    free_bytes: int


def judge(facts: DiskFacts) -> Result:
    gib = facts.free_bytes / 2**30
    found = f"{gib:.1f} GiB free at {facts.home}"
    if gib >= NEEDED_GIB:
        return Result(Status.PASS, found, WHY)
    return Result(
        Status.FAIL,
        found,
        WHY,
        f"Free {NEEDED_GIB - gib:.1f} GiB there, or start with a home on another disk.",
        "make run CLEANROOM_HOME=/folder/on/another/disk",
        ADMINISTRATOR,
    )


CHECK = Check("disk", "Free disk space", WHY, DiskFacts, judge)
