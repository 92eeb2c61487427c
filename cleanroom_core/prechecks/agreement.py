"""Is an agreement in force, signed by all, and not yet over?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cleanroom_core.prechecks.check import Check, Result, Status

WHY = "Without an agreement in force nothing is published, computed or released."
OFFICER = "an officer"


@dataclass(frozen=True)
class AgreementFacts:
    """`stage`: "offered", "in force", "rejected", "withdrawn", or None when none was ever offered. `unsigned`: sides (aliases)
    whose signature is missing. `today` and `ends_on` are days in UTC."""

    stage: str | None
    unsigned: tuple[str, ...]
    ends_on: date | None
    today: date


def judge(facts: AgreementFacts) -> Result:
    if facts.stage is None:
        return Result(
            Status.CANNOT_TELL,
            "No agreement has been offered yet",
            WHY,
            "Offer one on the page Agreement.",
            who=f"{OFFICER} of either side",
        )
    if facts.stage == "offered":
        sides = ", ".join(facts.unsigned) or "the other side"
        return Result(
            Status.CANNOT_TELL,
            f"Offered, and not yet signed by {sides}",
            WHY,
            "Read and sign it on the page Agreement, or reject it with a reason.",
            who=f"{OFFICER} of {sides}",
        )
    if facts.stage != "in force":
        return Result(
            Status.FAIL,
            f"The agreement was {facts.stage}",
            WHY,
            "Read the reason on the page Agreement, edit the text and offer it again.",
            who=f"{OFFICER} of the side that offered it",
        )
    if facts.ends_on is not None and facts.ends_on < facts.today:
        return Result(
            Status.FAIL,
            f"The agreement ended on {facts.ends_on.isoformat()}",
            WHY,
            "Offer a new one with a later end on the page Agreement, or close the room.",
            who=f"{OFFICER} of either side",
        )
    return Result(Status.PASS, f"In force until {facts.ends_on.isoformat()}" if facts.ends_on else "In force", WHY)


CHECK = Check("agreement", "Agreement", WHY, AgreementFacts, judge)
