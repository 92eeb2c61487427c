"""Has each side the compliance profile the room asks for?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import (
    ACCOUNT_ADMIN,
    ASK_PARTNER,
    METASTORE_ADMIN,
    PARTNER,
    cannot_tell,
    failed,
    passed,
    unread,
)
from cleanroom_core.prechecks.fact import Fact, Known, Unknown

WHY = (
    "A room with a compliance security profile keeps out every side whose workspace has not the same standards (CSP_MISMATCH)."
)
_FIX = "Add the standard: account console > Workspaces > the workspace > Security and compliance. It cannot be taken off again."


@dataclass(frozen=True)
class ComplianceFacts:
    """Names of standards (PCI_DSS ...). `agreed`: what the agreement asks for. `room`: what the room
    enforces; Absent: there is none yet. `mine`, `partner`: of
    the workspaces; empty where the profile is off. `mismatch`: the platform itself says CSP_MISMATCH of the room."""

    agreed: frozenset[str]
    room: Fact[frozenset[str]]
    mine: Fact[frozenset[str]]
    partner: Fact[frozenset[str]]
    mismatch: bool


def judge(facts: ComplianceFacts) -> Result:
    if facts.mismatch:
        return failed("The platform keeps this side out of the room: CSP_MISMATCH", WHY, _FIX, ACCOUNT_ADMIN)
    every = facts.agreed | (facts.room.value if isinstance(facts.room, Known) else frozenset())
    needed = ", ".join(sorted(every))
    for side, found, who in (
        ("this side", facts.mine, ACCOUNT_ADMIN),
        ("the partner", facts.partner, f"{ACCOUNT_ADMIN} of the partner"),
    ):
        if isinstance(found, Known) and (lacking := every - found.value):
            return failed(f"Asked for is {needed}; {side} lacks {', '.join(sorted(lacking))}", WHY, _FIX, who)
    if isinstance(facts.room, Unknown):
        return unread("What the room enforces", facts.room, WHY, METASTORE_ADMIN)
    if not every:
        return passed("No standard is asked for", WHY)
    if not isinstance(facts.mine, Known):
        return unread("The compliance profile of this workspace", facts.mine, WHY, ACCOUNT_ADMIN)
    if not isinstance(facts.partner, Known):
        return cannot_tell(f"This side has {needed}; the partner's profile is not known", WHY, ASK_PARTNER, PARTNER)
    return passed(f"Both sides have {needed}", WHY)


CHECK = Check("compliance", "Compliance profile", WHY, ComplianceFacts, judge)
