"""Does compute around the room stop when nobody uses it? The room itself has none of its own."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.runtime import Cluster
from cleanroom_core.prechecks.databricks.wording import WORKSPACE_ADMIN, api, failed, listed, passed, unread
from cleanroom_core.prechecks.fact import Fact, Known

MINUTES = 30
WHY = (
    f"Clusters and warehouses that tables are prepared on cost money while idle; {MINUTES} minutes is the limit here. "
    "For runs in the room the job's timeout does this."
)
_FIX = (
    f"Set {MINUTES} minutes. A running cluster restarts when this changes. A warehouse: "
    "SQL Warehouses > the warehouse > Edit > Auto stop."
)


@dataclass(frozen=True)
class Warehouse:
    """`minutes`: `auto_stop_mins`; 0 and None are never."""

    warehouse_id: str
    name: str
    minutes: int | None


@dataclass(frozen=True)
class IdleFacts:
    clusters: Fact[tuple[Cluster, ...]]
    warehouses: Fact[tuple[Warehouse, ...]]


def judge(facts: IdleFacts) -> Result:
    clusters = facts.clusters.value if isinstance(facts.clusters, Known) else ()
    warehouses = facts.warehouses.value if isinstance(facts.warehouses, Known) else ()
    late = [each for each in clusters if not each.job and _late(each.minutes)]
    wrong = [f"cluster {each.name}: {_minutes(each.minutes)}" for each in late]
    wrong += [f"warehouse {each.name}: {_minutes(each.minutes)}" for each in warehouses if _late(each.minutes)]
    if wrong:
        return failed(listed(wrong), WHY, _FIX, WORKSPACE_ADMIN, "\n".join(_stop(each) for each in late))
    if not isinstance(facts.clusters, Known):
        return unread("The list of clusters", facts.clusters, WHY, WORKSPACE_ADMIN)
    if not isinstance(facts.warehouses, Known):
        return unread("The list of warehouses", facts.warehouses, WHY, WORKSPACE_ADMIN)
    counted = f"{sum(not each.job for each in clusters)} clusters and {len(warehouses)} warehouses"
    return passed(f"{counted}, none idle for more than {MINUTES} minutes", WHY)


def _late(minutes: int | None) -> bool:
    return not minutes or minutes > MINUTES


def _minutes(minutes: int | None) -> str:
    return f"stops after {minutes} minutes" if minutes else "never stops"


def _stop(cluster: Cluster) -> str:
    body = {
        "cluster_id": cluster.cluster_id,
        "update_mask": "autotermination_minutes",
        "cluster": {"autotermination_minutes": MINUTES},
    }
    return api("post", "/api/2.1/clusters/update", body)


CHECK = Check("idle-compute", "Idle compute", WHY, IdleFacts, judge)
