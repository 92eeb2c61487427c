"""Is what the partner gave the right kind of sharing identifier, and does it name the partner?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.errors import InputError
from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import PARTNER, cannot_tell, failed, passed
from cleanroom_core.prechecks.fact import Fact, Known
from cleanroom_core.rooms.sharing_identifier import HOW, RoomIdentifier

WHY = "A room's collaborators are fixed when it is made; a wrong identifier means a new room."


@dataclass(frozen=True)
class IdentifierFacts:
    """`given`: the text the partner sent, None when there is none. `mine`, `partner`: as each side's own workspace says."""

    given: str | None
    mine: Fact[RoomIdentifier]
    partner: Fact[RoomIdentifier]


def judge(facts: IdentifierFacts) -> Result:
    if facts.given is None and isinstance(facts.partner, Known):
        given = facts.partner.value
    elif facts.given is None:
        mine = f"Yours, to send: {facts.mine.value}. " if isinstance(facts.mine, Known) else ""
        return cannot_tell(f"{mine}The partner's was not given", WHY, f"Give it with --partner-identifier. {HOW}", PARTNER)
    else:
        try:
            given = RoomIdentifier.parse(facts.given)
        except InputError as error:
            return failed(error.message, WHY, error.hint, PARTNER)
    if isinstance(facts.mine, Known) and facts.mine.value.metastore == given.metastore:
        if facts.mine.value.workspace_id == given.workspace_id:
            return failed("This is the identifier of this side, not the partner's", WHY, f"Exchange them. {HOW}", PARTNER)
        return cannot_tell(
            "The partner's workspace is attached to this side's metastore",
            WHY,
            "Make sure that this is meant: rooms join metastores, and sides of one metastore can share without a room.",
            PARTNER,
        )
    if isinstance(facts.partner, Known) and (different := _difference(given, facts.partner.value)):
        return failed(
            f"The identifier given and the partner's own file name another {different}",
            WHY,
            f"Ask which is right; the file says {facts.partner.value}",
            PARTNER,
        )
    if not isinstance(facts.mine, Known):
        return cannot_tell(
            f"{given} is of the right kind; this side's own could not be built to compare",
            WHY,
            "See the checks unity-catalog and identity.",
            "an engineer of your side",
        )
    return passed(f"Partner {given}; yours, to send: {facts.mine.value}", WHY)


def _difference(one: RoomIdentifier, other: RoomIdentifier) -> str:
    if one.metastore != other.metastore:
        return "metastore"
    if one.workspace_id != other.workspace_id:
        return "workspace"
    return "" if one.same_user(other) else "user"


CHECK = Check("sharing-identifiers", "Sharing identifiers", WHY, IdentifierFacts, judge)
