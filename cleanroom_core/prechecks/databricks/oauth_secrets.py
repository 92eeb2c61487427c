"""When do the OAuth secrets of the service principals end?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import WORKSPACE_ADMIN, api, failed, listed, part, passed, unread
from cleanroom_core.prechecks.fact import Fact, Known

NOTICE = timedelta(days=7)
MOST = 5
WHY = f"Runs stop on the day the last secret ends. A secret lives two years at most; a service principal has at most {MOST}."


@dataclass(frozen=True)
class Principal:
    """`number`: its SCIM id, which the API asks for. `ends`: per secret that is active, the aware time it ends; None: never."""

    name: str
    number: str
    ends: Fact[tuple[datetime | None, ...]]


@dataclass(frozen=True)
class SecretFacts:
    """`principals`: service principals only; empty when people act for this side."""

    principals: Fact[tuple[Principal, ...]]
    now: datetime


def judge(facts: SecretFacts) -> Result:
    if not isinstance(facts.principals, Known):
        return unread("Which service principals act", facts.principals, WHY, WORKSPACE_ADMIN)
    if not facts.principals.value:
        return passed("No service principal acts here, so there is no secret to end", WHY)
    wrong = [(each, problem) for each in facts.principals.value if (problem := _problem(each, facts.now))]
    if wrong:
        return failed(
            listed([f"{each.name}: {problem}" for each, problem in wrong]),
            WHY,
            "Make a new secret, put it where the old one is kept, then delete the old one (first, where there is no space).",
            WORKSPACE_ADMIN,
            "\n".join(api("post", _path(each.number), {}) for each, _ in wrong),
        )
    for each in facts.principals.value:
        if not isinstance(each.ends, Known):
            return unread(f"The secrets of {each.name}", each.ends, WHY, WORKSPACE_ADMIN)
    return passed(listed([_lasting(each) for each in facts.principals.value]), WHY)


def _path(number: str) -> str:
    return f"/api/2.0/accounts/servicePrincipals/{part(number)}/credentials/secrets"


def _problem(principal: Principal, now: datetime) -> str:
    if not isinstance(principal.ends, Known):
        return ""
    ends = principal.ends.value
    if not ends:
        return ""  # signs in without a secret of its own: a federation, a certificate
    if None in ends:
        return ""
    last = max(end for end in ends if end is not None)
    full = f", and {len(ends)} of {MOST} are taken" if len(ends) >= MOST else ""
    if last <= now:
        return f"its last secret ended on {last:%Y-%m-%d}{full}"
    return f"its last secret ends on {last:%Y-%m-%d}{full}" if last - now <= NOTICE else ""


def _lasting(principal: Principal) -> str:
    ends = principal.ends.value if isinstance(principal.ends, Known) else ()
    if not ends:
        return f"{principal.name}: no secret"
    if None in ends:
        return f"{principal.name}: a secret that never ends"
    return f"{principal.name}: until {max(end for end in ends if end is not None):%Y-%m-%d}"


CHECK = Check("oauth-secrets", "OAuth secrets", WHY, SecretFacts, judge)
