"""Is the workspace on a plan that has clean rooms? Three answers, each with the evidence it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import ACCOUNT_ADMIN, cannot_tell, failed, listed, passed
from cleanroom_core.prechecks.fact import Fact, Known, reason

ENOUGH = frozenset({"PREMIUM", "ENTERPRISE", "DEDICATED"})
TOO_LOW = frozenset({"STANDARD", "COMMUNITY_EDITION"})
WHY = "Unity Catalog and clean rooms come with the plan Premium or above."
_FIX = (
    "Move the workspace to Premium or above: account console > Workspaces > the workspace (Azure: the resource's pricing tier)."
)
_READ = (
    "Have the plan read: --account-profile NAME with a profile of the account (AWS, GCP), --warehouse ID to look into "
    "system.billing.usage, or on Azure"
)
_AZURE = "az databricks workspace show --resource-group GROUP --name WORKSPACE --query sku.name"


@dataclass(frozen=True)
class TierFacts:
    """`pricing`: `pricing_tier` of the account's workspace, or the `sku.name` of Azure. `skus`: SKU names billed for this
    workspace. `unity_catalog`: a metastore is attached."""

    pricing: Fact[str]
    skus: Fact[tuple[str, ...]]
    unity_catalog: Fact[str]


def judge(facts: TierFacts) -> Result:
    if isinstance(facts.pricing, Known):
        tier = facts.pricing.value.upper()
        if tier in ENOUGH:
            return passed(f"Plan {tier} (evidence: the account's record of the workspace)", WHY)
        if tier in TOO_LOW:
            return failed(f"Plan {tier} (evidence: the account's record of the workspace)", WHY, _FIX, ACCOUNT_ADMIN)
        return cannot_tell(f"The account calls the plan {tier}, which says nothing", WHY, f"{_READ}:", ACCOUNT_ADMIN, _AZURE)
    if isinstance(facts.skus, Known) and facts.skus.value:
        plans = {sku.split("_", 1)[0].upper() for sku in facts.skus.value}
        evidence = f"evidence: billed as {listed(sorted(facts.skus.value), 2)}"
        if plans & ENOUGH:
            return passed(f"Plan {'/'.join(sorted(plans & ENOUGH))} ({evidence})", WHY)
        if plans & TOO_LOW:
            return failed(f"Plan {'/'.join(sorted(plans & TOO_LOW))} ({evidence})", WHY, _FIX, ACCOUNT_ADMIN)
    inferred = (
        "Unity Catalog is attached, which points to Premium or above, but " if isinstance(facts.unity_catalog, Known) else ""
    )
    return cannot_tell(
        f"{inferred}the plan itself could not be read: {reason(facts.pricing)}", WHY, f"{_READ}:", ACCOUNT_ADMIN, _AZURE
    )


CHECK = Check("tier", "Plan of the workspace", WHY, TierFacts, judge)
