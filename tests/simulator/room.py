"""Rooms as the tests make them."""

from __future__ import annotations

import base64
from typing import Any

from databricks.sdk.service import settings
from databricks.sdk.service.cleanrooms import (
    CleanRoom,
    CleanRoomAsset,
    CleanRoomAssetAssetType,
    CleanRoomAssetNotebook,
    CleanRoomAssetTableLocalDetails,
    CleanRoomCollaborator,
    CleanRoomRemoteDetail,
    CleanRoomStatusEnum,
)

from cleanroom_core.simulator.notebook import Cell, to_html
from tests.simulator.conftest import Both, Side

RESTRICTED = settings.EgressNetworkPolicy(
    internet_access=settings.EgressNetworkPolicyInternetAccessPolicy(
        restriction_mode=settings.EgressNetworkPolicyInternetAccessPolicyRestrictionMode.RESTRICTED_ACCESS
    )
)


def collaborators(both: Both) -> list[CleanRoomCollaborator]:
    consumer = both.consumer.facts
    return [
        CleanRoomCollaborator("creator", global_metastore_id=both.provider.facts["global_metastore_id"]),
        CleanRoomCollaborator(
            "collaborator",
            global_metastore_id=consumer["global_metastore_id"],
            invite_recipient_email="admin@consumer.example",
            invite_recipient_workspace_id=consumer["workspace_id"],
        ),
    ]


def described(both: Both, name: str, **changed: Any) -> CleanRoom:
    remote: dict[str, Any] = {
        "cloud_vendor": "aws",
        "region": "us-west-2",
        "collaborators": collaborators(both),
        "egress_network_policy": RESTRICTED,
    }
    return CleanRoom(name=name, remote_detailed_info=CleanRoomRemoteDetail(**{**remote, **changed}))


def active(both: Both, name: str, **changed: Any) -> str:
    """A room both sides can work in."""
    both.provider.admin.clean_rooms.create(described(both, name, **changed))
    for _ in range(5):
        if both.provider.admin.clean_rooms.get(name).status is CleanRoomStatusEnum.ACTIVE:
            return name
    raise AssertionError("the room did not become active")


def table(name: str, local: str) -> CleanRoomAsset:
    details = CleanRoomAssetTableLocalDetails(local_name=local)
    return CleanRoomAsset(name, CleanRoomAssetAssetType.TABLE, table_local_details=details)


def local_table(side: Side, name: str, **changed: Any) -> str:
    """A table record without data, for what looks at metadata only."""
    full = f"{side.catalog}.default.{name}"
    columns = [{"name": "token", "type_name": "STRING", "type_text": "string", "position": 0}]
    record = {"table_type": "MANAGED", "owner": f"admin@{side.facts['name']}.example", "columns": columns, **changed}
    side.control("PATCH", f"records/table/{full}", record)
    return full


def content(*sql: str) -> str:
    html = to_html("plan", [Cell("sql", each) for each in sql], "SQL")
    return base64.b64encode(html.encode()).decode()


def notebook(name: str, *sql: str, runners: tuple[str, ...] = ("collaborator",)) -> CleanRoomAsset:
    book = CleanRoomAssetNotebook(notebook_content=content(*sql), runner_collaborator_aliases=list(runners))
    return CleanRoomAsset(name, CleanRoomAssetAssetType.NOTEBOOK_FILE, notebook=book)
