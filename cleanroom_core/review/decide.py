"""Release at once, or wait for a person: a rule both sides can read, and whose reason is signed with the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.review.contract import CHECKS


@dataclass(frozen=True)
class Decision:
    """`release`: at once, without a person. `reason` is what goes on record, or why somebody must look."""

    release: bool
    reason: str


def decide(checks: Mapping[str, bool], released_before: bool) -> Decision:
    """`released_before`: a result of exactly this template has been released by a reviewer already."""
    failed = [name for name in CHECKS if not checks.get(name, False)]
    if failed:
        return Decision(False, f"The output contract does not hold: {', '.join(failed)}.")
    if not released_before:
        return Decision(False, "This is the first result of this template; the data-owning side's reviewer releases it.")
    return Decision(True, "The template is unchanged and was released before, and every check of the output contract holds.")
