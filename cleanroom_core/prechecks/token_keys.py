"""Has this side every token key the room's specs name, each well-formed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.prechecks.check import ENGINEER, Check, Result, Status

WHY = "Both sides' tokens match only under the same key; a key with a trailing space or a missing one means no match at all."


@dataclass(frozen=True)
class TokenKeyFacts:
    """`problems`: key id -> what is wrong with the key (never the key), None when it is there and well-formed."""

    problems: Mapping[str, str | None]


def judge(facts: TokenKeyFacts) -> Result:
    if not facts.problems:
        return Result(
            Status.CANNOT_TELL, "No token spec is on record yet", WHY, "Agree on one on the page Tokens.", who=ENGINEER
        )
    broken = {key: problem for key, problem in facts.problems.items() if problem is not None}
    if broken:
        return Result(
            Status.FAIL,
            "; ".join(f"{key}: {problem}" for key, problem in sorted(broken.items())),
            WHY,
            "Take the key over again, whole, on the page Tokens; the check value at its end shows whether it arrived unharmed.",
            who=ENGINEER,
        )
    return Result(Status.PASS, f"Key{'s' if len(facts.problems) > 1 else ''} {', '.join(sorted(facts.problems))} present", WHY)


CHECK = Check("token_keys", "Token keys", WHY, TokenKeyFacts, judge)
