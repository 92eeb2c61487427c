"""Is the workspace attached to a Unity Catalog metastore?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import ACCOUNT_ADMIN, failed, passed, unread
from cleanroom_core.prechecks.fact import Absent, Fact, Unknown

WHY = "Rooms, assets and grants are objects of Unity Catalog; a workspace without a metastore has none of them."
FIX = "Assign a metastore of the workspace's region: account console > Catalog > the metastore > Workspaces > Assign, or"


@dataclass(frozen=True)
class UnityCatalogFacts:
    """`metastore`: id of the metastore the workspace is attached to (`metastores.current()`)."""

    metastore: Fact[str]


def judge(facts: UnityCatalogFacts) -> Result:
    if isinstance(facts.metastore, Unknown):
        return unread("The assignment of a metastore", facts.metastore, WHY, "any user of the workspace")
    if isinstance(facts.metastore, Absent):
        return failed(
            f"No metastore is attached: {facts.metastore.said}",
            WHY,
            FIX,
            ACCOUNT_ADMIN,
            "databricks account metastore-assignments create WORKSPACE_ID METASTORE_ID",
        )
    return passed(f"Attached to metastore {facts.metastore.value}", WHY)


CHECK = Check("unity-catalog", "Unity Catalog", WHY, UnityCatalogFacts, judge)
