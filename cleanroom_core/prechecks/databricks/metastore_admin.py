"""Is there a metastore admin on the invited side? The first step there is theirs alone."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import ACCOUNT_ADMIN, ASK_PARTNER, PARTNER, failed, passed, unread
from cleanroom_core.prechecks.fact import Absent, Fact, Known

WHY = (
    "An invitation cannot be accepted by a call: the room appears on the invited side, owned by that side's metastore admin, "
    "who hands it on. Where nobody is metastore admin, nobody can."
)
_FIX = "Name one, best a group: account console > Catalog > the metastore > Metastore admin > Edit."


@dataclass(frozen=True)
class AdminFacts:
    """Of the invited side. `present`: the metastore has an owner that is a person or group; False where the system owns it."""

    present: Fact[bool]
    partner: bool


def judge(facts: AdminFacts) -> Result:
    side = "The partner's" if facts.partner else "This side's"
    who = f"{ACCOUNT_ADMIN}{' of the partner' if facts.partner else ''}"
    if isinstance(facts.present, Absent) or (isinstance(facts.present, Known) and not facts.present.value):
        return failed(f"{side} metastore has no admin", WHY, _FIX, who)
    if not isinstance(facts.present, Known):
        if facts.partner:
            return unread(f"{side} metastore admin", facts.present, WHY, PARTNER, ASK_PARTNER)
        return unread(f"{side} metastore admin", facts.present, WHY, ACCOUNT_ADMIN)
    return passed(f"{side} metastore has an admin", WHY)


CHECK = Check("metastore-admin", "Metastore admin of the invited side", WHY, AdminFacts, judge)
