"""The Python and the databricks-sdk of this process, and which calls of ours that SDK lacks."""

from __future__ import annotations

import importlib.metadata
import sys

from cleanroom_core.prechecks.databricks.sdk import SdkFacts
from cleanroom_core.prechecks.fact import Absent, Fact, Known

_SERVICES = {
    "clean_rooms": ("create", "get", "list", "update", "delete", "create_output_catalog"),
    "clean_room_assets": ("create", "get", "list", "delete", "create_clean_room_asset_review"),
    "clean_room_asset_revisions": ("get", "list"),
    "clean_room_auto_approval_rules": ("create", "list", "delete"),
    "clean_room_task_runs": ("list_clean_room_task_runs_handler",),
    "policies": ("list_policies",),
}


def sdk_facts() -> SdkFacts:
    try:
        version: Fact[str] = Known(importlib.metadata.version("databricks-sdk"))
    except importlib.metadata.PackageNotFoundError:
        return SdkFacts(sys.version_info[:2], Absent("databricks-sdk is not installed"), ())
    return SdkFacts(sys.version_info[:2], version, _lacking())


def _lacking() -> tuple[str, ...]:
    from databricks.sdk import WorkspaceClient

    missing = []
    for name, calls in _SERVICES.items():
        service = getattr(WorkspaceClient, name, None)
        if not isinstance(service, property) or service.fget is None:
            missing.append(name)
            continue
        kind = service.fget.__annotations__.get("return")
        missing += [f"{name}.{call}" for call in calls if not hasattr(kind, call)]
    return tuple(missing)
