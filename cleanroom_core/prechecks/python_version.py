"""Is this a Python the pinned packages were tested with?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result, Status

SUPPORTED = ((3, 11), (3, 12), (3, 13))
WHY = "The pinned packages were tested together on Python 3.11, 3.12 and 3.13; on another one they may not even install."


@dataclass(frozen=True)
class PythonFacts:
    version: tuple[int, int, int]


def judge(facts: PythonFacts) -> Result:
    found = f"Python {'.'.join(map(str, facts.version))}"
    if facts.version[:2] in SUPPORTED:
        return Result(Status.PASS, found, WHY)
    return Result(
        Status.FAIL,
        found,
        WHY,
        "Make the environment again with a supported Python.",
        "make install PYTHON=python3.12",
        ADMINISTRATOR,
    )


CHECK = Check("python", "Python version", WHY, PythonFacts, judge)
