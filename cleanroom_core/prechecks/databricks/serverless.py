"""Is serverless compute on? A room's notebooks run on nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import ACCOUNT_ADMIN, failed, passed, unread
from cleanroom_core.prechecks.fact import Fact, Known

WHY = "Notebooks of a room run on serverless compute only."


@dataclass(frozen=True)
class ServerlessFacts:
    """`enabled`: `enable_serverless_compute` of the workspace's warehouse settings."""

    enabled: Fact[bool]


def judge(facts: ServerlessFacts) -> Result:
    if not isinstance(facts.enabled, Known):
        return unread(
            "Whether serverless compute is on",
            facts.enabled,
            WHY,
            ACCOUNT_ADMIN,
            "Run a notebook of one line on serverless compute; if that works, it is on.",
        )
    if not facts.enabled.value:
        return failed(
            "Serverless SQL warehouses are off in this workspace",
            WHY,
            "Switch serverless compute on: account console > Settings > Feature enablement > Serverless compute.",
            ACCOUNT_ADMIN,
        )
    return passed("Serverless SQL warehouses are on (indirect: a notebook's own first run is the proof)", WHY)


CHECK = Check("serverless", "Serverless compute", WHY, ServerlessFacts, judge)
