"""Has this machine the memory and processors a rehearsal takes?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result, Status

NEEDED_GIB = 2.0
WHY = f"The wizard and one engine process take up to {NEEDED_GIB:.0f} GiB on the demo tables; with less the system ends them."


@dataclass(frozen=True)
class MemoryFacts:
    """`bytes`: what this process may use at most (the machine's memory, or a container's limit), None where it is not told."""

    bytes: int | None
    processors: int


def judge(facts: MemoryFacts) -> Result:
    processors = f"{facts.processors} processor{'s' if facts.processors != 1 else ''}"
    if facts.bytes is None:
        return Result(
            Status.CANNOT_TELL,
            f"This system does not say how much memory it has; {processors}.",
            WHY,
            f"Look it up, and go on if it is {NEEDED_GIB:.0f} GiB or more.",
            who=ADMINISTRATOR,
        )
    gib = facts.bytes / 2**30
    found = f"{gib:.1f} GiB of memory, {processors}"
    if gib >= NEEDED_GIB:
        return Result(Status.PASS, found, WHY)
    return Result(
        Status.FAIL,
        found,
        WHY,
        f"Raise the memory limit of this machine or container to {NEEDED_GIB:.0f} GiB.",
        who=ADMINISTRATOR,
    )


CHECK = Check("memory", "Memory and processors", WHY, MemoryFacts, judge)
