"""May data be shared with the partner's account? Needs are compared, not just the flag."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import (
    ASK_PARTNER,
    METASTORE_ADMIN,
    PARTNER,
    api,
    cannot_tell,
    failed,
    part,
    passed,
    unread,
)
from cleanroom_core.prechecks.fact import Fact, Known, reason

INTERNAL, EXTERNAL = "INTERNAL", "INTERNAL_AND_EXTERNAL"
DAYS_90 = 7_776_000  # seconds
WHY = "A room between two accounts needs sharing outside the account switched on in both metastores."
_FIX = (
    "Switch it on, with a token lifetime alongside (up to a year; 0 is no longer taken): "
    "account console > Catalog > the metastore > Configuration > allow sharing with parties outside the organisation, or"
)


@dataclass(frozen=True)
class SharingFacts:
    """Scopes are `delta_sharing_scope` of each metastore. `rooms_answer`: listing rooms was answered (True), or the platform
    refused it, which it also does while sharing is off."""

    metastore: Fact[str]
    scope: Fact[str]
    account: Fact[str]
    partner_scope: Fact[str]
    partner_account: Fact[str]
    rooms_answer: Fact[bool]


def judge(facts: SharingFacts) -> Result:
    scope, account, partner = facts.scope, facts.account, facts.partner_account
    if not isinstance(scope, Known):
        return unread("The sharing scope of the metastore", scope, WHY, METASTORE_ADMIN)
    if scope.value not in (INTERNAL, EXTERNAL):
        return cannot_tell(
            f"The sharing scope is {scope.value}, which this version does not know",
            WHY,
            "Update this product.",
            METASTORE_ADMIN,
        )
    if isinstance(account, Known) and isinstance(partner, Known) and account.value == partner.value:
        return passed(f"The partner is in the same account, where sharing is always on (scope {scope.value})", WHY)
    if scope.value == INTERNAL:
        if isinstance(partner, Known) and isinstance(account, Known):
            return failed(
                "Sharing is limited to this account, and the partner is in another", WHY, _FIX, METASTORE_ADMIN, _switch(facts)
            )
        return cannot_tell(
            "Sharing is limited to this account, and it is not known whether the partner is in the same",
            WHY,
            ASK_PARTNER,
            PARTNER,
        )
    if isinstance(facts.partner_scope, Known) and facts.partner_scope.value == INTERNAL:
        return failed(
            "Sharing is on here, and limited to its own account on the partner's side",
            WHY,
            _FIX,
            f"{METASTORE_ADMIN} of the partner",
            _switch(None),
        )
    if not isinstance(facts.rooms_answer, Known):
        return cannot_tell(
            f"Sharing is on by the metastore's settings, yet the platform refuses to list rooms: {reason(facts.rooms_answer)}",
            WHY,
            "Give this identity BROWSE or CREATE CLEAN ROOM on the metastore; if it has that, ask Databricks' support.",
            METASTORE_ADMIN,
        )
    if not isinstance(facts.partner_scope, Known):
        return cannot_tell("Sharing outside the account is on here; the partner's side is not known", WHY, ASK_PARTNER, PARTNER)
    return passed("Sharing outside the account is on, on both sides", WHY)


def _switch(facts: SharingFacts | None) -> str:
    metastore = facts.metastore.value if facts is not None and isinstance(facts.metastore, Known) else None
    body = {"delta_sharing_scope": EXTERNAL, "delta_sharing_recipient_token_lifetime_in_seconds": DAYS_90}
    return api("patch", f"/api/2.1/unity-catalog/metastores/{part(metastore) if metastore else 'METASTORE_ID'}", body)


CHECK = Check("sharing", "Sharing with the partner's account", WHY, SharingFacts, judge)
