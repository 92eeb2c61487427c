"""Can this side's own tables be read?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.prechecks.check import STEWARD, Check, Result, Status

WHY = "A table that cannot be read cannot be previewed, published or computed on; better to know it before the partner waits."


@dataclass(frozen=True)
class TableFacts:
    """`problems`: own asset -> what stands in the way of reading its data (no data value in it), None when it can be read."""

    problems: Mapping[str, str | None]


def judge(facts: TableFacts) -> Result:
    if not facts.problems:
        return Result(
            Status.CANNOT_TELL, "Your side has no table in this room yet", WHY, "Add one on the page Policies.", who=STEWARD
        )
    broken = {asset: problem for asset, problem in facts.problems.items() if problem is not None}
    if broken:
        return Result(
            Status.FAIL,
            "; ".join(f"{asset}: {problem}" for asset, problem in sorted(broken.items())),
            WHY,
            "Put the file back or correct it, then look at it alone.",
            "cleanroom table FILE",
            STEWARD,
        )
    count = len(facts.problems)
    return Result(Status.PASS, f"{count} table{'s' if count > 1 else ''} readable: {', '.join(sorted(facts.problems))}", WHY)


CHECK = Check("tables", "Own tables", WHY, TableFacts, judge)
