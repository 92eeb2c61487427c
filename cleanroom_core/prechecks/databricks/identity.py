"""Who is this process at the workspace, and is that principal active?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import WORKSPACE_ADMIN, failed, listed, passed, unread
from cleanroom_core.prechecks.fact import Absent, Fact, Unknown

WHY = "Everything is done, and may be read later, as this principal; a room's results belong to whoever ran the notebook."


@dataclass(frozen=True)
class Identity:
    """`name`: user name, or a service principal's application id. `number`: its SCIM id. `groups`: names of its groups."""

    name: str
    number: str
    groups: tuple[str, ...]
    active: bool
    service_principal: bool


@dataclass(frozen=True)
class IdentityFacts:
    """Absent: the workspace refused the credential itself."""

    me: Fact[Identity]


def judge(facts: IdentityFacts) -> Result:
    me = facts.me
    if isinstance(me, Unknown):
        return unread("Who this is", me, WHY, WORKSPACE_ADMIN)
    if isinstance(me, Absent):
        return failed(
            f"The workspace does not take these credentials: {me.said}",
            WHY,
            "Sign in again, or make a new secret for the service principal, and name the profile with --profile.",
            WORKSPACE_ADMIN,
            "databricks auth describe",
        )
    if not me.value.active:
        return failed(f"{me.value.name} is deactivated", WHY, "Activate it: Settings > Identity and access.", WORKSPACE_ADMIN)
    kind = "service principal" if me.value.service_principal else "user"
    groups = f", in {listed(list(me.value.groups))}" if me.value.groups else ", in no group"
    return passed(f"{kind} {me.value.name}{groups}", WHY)


CHECK = Check("identity", "Identity", WHY, IdentityFacts, judge)
