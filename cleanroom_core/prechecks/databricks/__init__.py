"""Checks of a Databricks workspace, before and beside a room. A new check is one file and one line in a list here.

`OWN`: of this side, on what its workspace told. `PARTNER`: the same questions put to the partner's evidence, which arrives as a
file (`handover.py`).
"""

from __future__ import annotations

from typing import Any

from cleanroom_core.prechecks import agreement
from cleanroom_core.prechecks.check import Check
from cleanroom_core.prechecks.databricks import (
    assets,
    compliance,
    identifiers,
    identity,
    idle_compute,
    metastore_admin,
    oauth_secrets,
    privileges,
    recipient_tokens,
    region,
    room_health,
    room_limits,
    runtime,
    sdk,
    serverless,
    sharing,
    system_tables,
    tier,
    unity_catalog,
)

OWN: tuple[Check[Any], ...] = (
    sdk.CHECK,
    identity.CHECK,
    unity_catalog.CHECK,
    sharing.CHECK,
    tier.CHECK,
    serverless.CHECK,
    runtime.CHECK,
    privileges.CHECK,
    identifiers.CHECK,
    region.CHECK,
    compliance.CHECK,
    metastore_admin.CHECK,
    assets.CHECK,
    recipient_tokens.CHECK,
    oauth_secrets.CHECK,
    idle_compute.CHECK,
    system_tables.CHECK,
    room_limits.CHECK,
    room_health.CHECK,
    agreement.CHECK,
)
PARTNER: tuple[Check[Any], ...] = (unity_catalog.CHECK, tier.CHECK, serverless.CHECK)
