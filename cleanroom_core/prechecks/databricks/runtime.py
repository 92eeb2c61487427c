"""Runtime and access mode of clusters that prepare share-safe tables. The room itself has no cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import WORKSPACE_ADMIN, cannot_tell, failed, listed, passed, unread
from cleanroom_core.prechecks.fact import Fact, Known

NEEDED = (13, 3)
WHY = (
    "Share-safe tables are prepared on your compute: below runtime 13.3 the statements are missing, and only the standard and "
    "dedicated access modes keep to Unity Catalog. (Tag policies need 16.4, the native hmac() 19; before it the nested form "
    "runs.)"
)
UNITY_MODES = frozenset(
    {
        "USER_ISOLATION",
        "SINGLE_USER",
        "DATA_SECURITY_MODE_STANDARD",
        "DATA_SECURITY_MODE_DEDICATED",
        "DATA_SECURITY_MODE_AUTO",
    }
)
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})[.\-x]")
_FIX = (
    "Edit the cluster: Compute > the cluster > Edit > Databricks Runtime 16.4 LTS or later, access mode Standard or Dedicated."
)


@dataclass(frozen=True)
class Cluster:
    """`version`: `spark_version` as it stands there. `mode`: `data_security_mode`,
    None where it is left out or in a word the SDK does not know. `minutes`: `autotermination_minutes`. `job`:
    made for one job run."""

    cluster_id: str
    name: str
    version: str | None
    mode: str | None
    minutes: int | None
    job: bool


@dataclass(frozen=True)
class RuntimeFacts:
    """`chosen`: ids of the clusters that prepare tables; empty when nobody named them."""

    clusters: Fact[tuple[Cluster, ...]]
    chosen: tuple[str, ...]


def release(version: str | None) -> tuple[int, int] | None:
    """Major and minor release of a Databricks runtime: (15, 4) of "15.4.x-photon-scala2.12"; None for a custom image."""
    found = _VERSION.match(version or "")
    return (int(found[1]), int(found[2])) if found else None


def judge(facts: RuntimeFacts) -> Result:
    if not isinstance(facts.clusters, Known):
        return unread("The list of clusters", facts.clusters, WHY, WORKSPACE_ADMIN)
    known = {cluster.cluster_id: cluster for cluster in facts.clusters.value if not cluster.job}
    missing = [each for each in facts.chosen if each not in known]
    if missing:
        return failed(f"There is no cluster {listed(missing)}", WHY, "Name the cluster that prepares tables.", WORKSPACE_ADMIN)
    looked_at = [known[each] for each in facts.chosen] or list(known.values())
    wrong = [f"{each.name}: {problem}" for each in looked_at if (problem := _problem(each))]
    unclear = [f"{each.name}: {doubt}" for each in looked_at if (doubt := _doubt(each))]
    if wrong and facts.chosen:
        return failed(f"Cannot prepare tables: {listed(wrong)}", WHY, _FIX, WORKSPACE_ADMIN)
    if wrong:
        return cannot_tell(
            f"Some clusters cannot prepare tables: {listed(wrong)}",
            WHY,
            "Name the cluster that prepares them with --cluster ID, or use a serverless warehouse.",
            WORKSPACE_ADMIN,
        )
    if unclear:
        return cannot_tell(
            f"Runtime or access mode that cannot be read: {listed(unclear)}",
            WHY,
            "Look up what they are built on.",
            WORKSPACE_ADMIN,
        )
    if not looked_at:
        return passed("No cluster of your own; serverless compute has the current runtime", WHY)
    return passed(listed([f"{each.name}: {each.version}" for each in looked_at]), WHY)


def _problem(cluster: Cluster) -> str:
    found = release(cluster.version)
    if found is not None and found < NEEDED:
        return f"runtime {found[0]}.{found[1]}"
    return "" if cluster.mode is None or cluster.mode in UNITY_MODES else f"access mode {cluster.mode}"


def _doubt(cluster: Cluster) -> str:
    if release(cluster.version) is None:
        return cluster.version or "no runtime"
    return "its access mode is not said" if cluster.mode is None else ""


CHECK = Check("runtime", "Runtime and access mode", WHY, RuntimeFacts, judge)
