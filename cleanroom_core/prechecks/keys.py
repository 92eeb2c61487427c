"""Are this side's key files there, and readable by their owner alone?"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, ENGINEER, Check, Result, Status

WHY = "The signing key is this side's hand in its log and the token key opens every pseudonym; a copy of either is enough."


@dataclass(frozen=True)
class KeyFacts:
    """`modes`: key file -> permission bits, None when the file is missing. Never what is in it."""

    modes: Mapping[str, int | None]


def judge(facts: KeyFacts) -> Result:
    if not facts.modes:
        return Result(
            Status.CANNOT_TELL,
            "No key has been made yet",
            WHY,
            "Start once: that makes the signing key.",
            "make run",
            ADMINISTRATOR,
        )
    missing = [path for path, mode in facts.modes.items() if mode is None]
    if missing:
        return Result(
            Status.FAIL,
            f"Missing: {', '.join(missing)}",
            WHY,
            "Put the file back from your backup; a rehearsal may also be thrown away and begun again.",
            "cleanroom reset",
            ENGINEER,
        )
    loose = {path: mode for path, mode in facts.modes.items() if mode is not None and mode & 0o177}
    if loose:
        return Result(
            Status.FAIL,
            "Open to others: " + ", ".join(f"{path} (mode {mode:04o})" for path, mode in loose.items()),
            WHY,
            "Close them to others; if anybody else uses this machine, change the keys as well.",
            "chmod 600 " + " ".join(shlex.quote(path) for path in loose),
            ADMINISTRATOR,
        )
    return Result(Status.PASS, f"{len(facts.modes)} key file{'s' if len(facts.modes) > 1 else ''} with mode 0600", WHY)


CHECK = Check("keys", "Key files", WHY, KeyFacts, judge)
