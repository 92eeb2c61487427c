"""Is the platform's own record of the room switched on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import METASTORE_ADMIN, api, cannot_tell, failed, part, passed, unread
from cleanroom_core.prechecks.fact import Fact, Known

ON = frozenset({"ENABLE_COMPLETED", "MANAGED"})
OFF = frozenset({"AVAILABLE", "DISABLE_INITIALIZED", "UNAVAILABLE"})
WHY = (
    "system.access.clean_room_events says that runs and reviews happened; it is kept for about a year and only while it is on."
)


@dataclass(frozen=True)
class SystemTableFacts:
    """`states`: system schema -> state. `metastore`: id, for the command."""

    states: Fact[Mapping[str, str | None]]
    metastore: Fact[str]


def judge(facts: SystemTableFacts) -> Result:
    command = api("put", f"/api/2.1/unity-catalog/metastores/{_metastore(facts)}/systemschemas/access", {})
    fix = "Switch the system schema access on:"
    if not isinstance(facts.states, Known):
        return unread("The list of system schemas", facts.states, WHY, METASTORE_ADMIN)
    if "access" not in facts.states.value:
        return failed("There is no system schema access in this region", WHY, fix, METASTORE_ADMIN, command)
    state = facts.states.value["access"]
    if state in ON:
        return passed(f"system.access is on ({state})", WHY)
    if state in OFF:
        return failed(f"system.access is off ({state})", WHY, fix, METASTORE_ADMIN, command)
    said = state or "in a state this version does not know"
    return cannot_tell(f"system.access is {said}", WHY, "Look again later.", METASTORE_ADMIN)


def _metastore(facts: SystemTableFacts) -> str:
    return part(facts.metastore.value) if isinstance(facts.metastore, Known) else "METASTORE_ID"


CHECK = Check("system-tables", "System tables", WHY, SystemTableFacts, judge)
