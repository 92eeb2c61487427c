"""Are the installed packages those that were tested together?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result, Status

WHY = "Only the exact versions in requirements.txt were tested together; others may answer differently or not at all."
_NAMED = 5  # how many packages a sentence names


@dataclass(frozen=True)
class PackageFacts:
    """`pinned`: name -> version of requirements.txt. `installed`: name -> version found, for those found. `needed`: what the
    package cannot run without. `install`: the command that brings the pinned set."""

    pinned: Mapping[str, str]
    installed: Mapping[str, str]
    needed: frozenset[str]
    install: str


def judge(facts: PackageFacts) -> Result:
    missing = sorted(name for name in facts.needed if name not in facts.installed)
    if missing:
        return Result(
            Status.FAIL, f"Not installed: {_listed(missing)}", WHY, "Install the pinned packages.", facts.install, ADMINISTRATOR
        )
    if not facts.pinned:
        return Result(
            Status.CANNOT_TELL,
            "There is no requirements.txt here to compare with.",
            WHY,
            "Run from a clone of the project, where it stands.",
            "make install",
            ADMINISTRATOR,
        )
    other = sorted(
        f"{name} {facts.installed[name]} instead of {version}"
        for name, version in facts.pinned.items()
        if name in facts.installed and facts.installed[name] != version
    )
    if other:
        return Result(
            Status.CANNOT_TELL,
            f"Other versions: {_listed(other)}",
            WHY,
            "Install the pinned packages.",
            facts.install,
            ADMINISTRATOR,
        )
    return Result(Status.PASS, f"{len(facts.installed)} packages at their pinned versions", WHY)


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


CHECK = Check("packages", "Package versions", WHY, PackageFacts, judge)
