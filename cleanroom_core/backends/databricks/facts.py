"""Gathers the facts of one side's Databricks prechecks, and what that side may tell its partner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from cleanroom_core.backends.databricks.connection import open_client
from cleanroom_core.backends.databricks.facts_privileges import candidate, holders, secrets
from cleanroom_core.backends.databricks.facts_reading import for_prechecks
from cleanroom_core.backends.databricks.facts_sdk import sdk_facts
from cleanroom_core.backends.databricks.facts_workspace import Workspace
from cleanroom_core.errors import InputError, NotPermittedError
from cleanroom_core.prechecks.check import Gatherers
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.prechecks.databricks.assets import AssetFacts
from cleanroom_core.prechecks.databricks.compliance import ComplianceFacts
from cleanroom_core.prechecks.databricks.handover import Evidence
from cleanroom_core.prechecks.databricks.identifiers import IdentifierFacts
from cleanroom_core.prechecks.databricks.identity import IdentityFacts
from cleanroom_core.prechecks.databricks.idle_compute import IdleFacts
from cleanroom_core.prechecks.databricks.metastore_admin import AdminFacts
from cleanroom_core.prechecks.databricks.oauth_secrets import SecretFacts
from cleanroom_core.prechecks.databricks.privileges import PrivilegeFacts
from cleanroom_core.prechecks.databricks.recipient_tokens import RecipientFacts
from cleanroom_core.prechecks.databricks.region import Place, RegionFacts
from cleanroom_core.prechecks.databricks.room_health import Room, RoomHealthFacts
from cleanroom_core.prechecks.databricks.room_limits import RoomLimitFacts
from cleanroom_core.prechecks.databricks.runtime import RuntimeFacts
from cleanroom_core.prechecks.databricks.sdk import SdkFacts
from cleanroom_core.prechecks.databricks.serverless import ServerlessFacts
from cleanroom_core.prechecks.databricks.sharing import SharingFacts
from cleanroom_core.prechecks.databricks.system_tables import SystemTableFacts
from cleanroom_core.prechecks.databricks.tier import TierFacts
from cleanroom_core.prechecks.databricks.unity_catalog import UnityCatalogFacts
from cleanroom_core.prechecks.fact import Absent, Fact, Known, Unknown, mapped

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

A = TypeVar("A")
B = TypeVar("B")


def connect(profile: str = "", account_profile: str = "") -> Workspace:
    """The workspace that unified authentication finds. Raises InputError when there is no usable connection."""
    client = _opened(profile)
    if not account_profile:
        return Workspace(client)
    from databricks.sdk import AccountClient

    return Workspace(client, AccountClient(config=_opened(account_profile).config))  # the same bounds on waiting


def _opened(profile: str) -> WorkspaceClient:
    try:
        return open_client(for_prechecks(profile))
    except NotPermittedError as error:
        raise InputError(error.message, hint=error.hint, code="CONNECTION") from error


def gatherers(workspace: Workspace, asked: Asked, partner: Evidence, now: datetime) -> Gatherers:
    """Where the facts of each check in `prechecks.databricks.OWN` come from; the agreement's are in the room's own state."""

    def room() -> Fact[Room]:
        return workspace.room(asked.room) if asked.room else Absent("no room was named")

    def complete() -> bool:
        me, metastore = workspace.me(), workspace.metastore()
        if not (isinstance(me, Known) and isinstance(metastore, Known)):
            return False
        return metastore.value.owner in {me.value.name, *me.value.groups}

    def compliance() -> ComplianceFacts:
        found = room()
        enforced = _said(found, lambda seen: seen.standards)
        mismatch = isinstance(found, Known) and found.value.restricted == "CSP_MISMATCH"
        theirs = mapped(partner.standards, frozenset)
        return ComplianceFacts(asked.standards, enforced, workspace.standards(), theirs, mismatch)

    def assets() -> AssetFacts:
        owner = _said(room(), lambda seen: seen.owner)
        return AssetFacts(tuple(candidate(workspace, table, owner) for table in asked.tables))

    def region() -> RegionFacts:
        mine = _said(workspace.metastore(), lambda found: _place(found.cloud, found.region))
        there = _said(room(), lambda found: _place(found.cloud, found.region))
        return RegionFacts(mine, partner.place(), asked.place, there, asked.creator)

    def admin() -> AdminFacts:
        own = mapped(workspace.metastore(), lambda found: found.has_admin)
        return AdminFacts(partner.admin if asked.creator else own, partner=asked.creator)

    def sharing() -> SharingFacts:
        answer: Fact[bool] = mapped(workspace.rooms(), lambda _names: True)
        return SharingFacts(
            metastore_id(workspace), scope(workspace), workspace.account_id(), partner.scope, partner.account, answer
        )

    def identifiers() -> IdentifierFacts:
        return IdentifierFacts(asked.partner_identifier, evidence(workspace, now).identifier(), partner.identifier())

    return {
        SdkFacts: sdk_facts,
        IdentityFacts: lambda: IdentityFacts(workspace.me()),
        UnityCatalogFacts: lambda: UnityCatalogFacts(metastore_id(workspace)),
        SharingFacts: sharing,
        TierFacts: lambda: TierFacts(workspace.pricing(), workspace.skus(asked.warehouse), metastore_id(workspace)),
        ServerlessFacts: lambda: ServerlessFacts(workspace.serverless()),
        RuntimeFacts: lambda: RuntimeFacts(workspace.clusters(), asked.clusters),
        PrivilegeFacts: lambda: PrivilegeFacts(holders(workspace, asked)),
        IdentifierFacts: identifiers,
        RegionFacts: region,
        ComplianceFacts: compliance,
        AdminFacts: admin,
        AssetFacts: assets,
        RecipientFacts: lambda: RecipientFacts(workspace.recipients(), now, complete()),
        SecretFacts: lambda: SecretFacts(secrets(workspace, asked), now),
        IdleFacts: lambda: IdleFacts(workspace.clusters(), workspace.warehouses()),
        SystemTableFacts: lambda: SystemTableFacts(workspace.system_schemas(), metastore_id(workspace)),
        RoomLimitFacts: lambda: RoomLimitFacts(
            workspace.rooms(), asked.room_limit, asked.room, asked.collaborators, complete()
        ),
        RoomHealthFacts: lambda: RoomHealthFacts(
            asked.room, room(), workspace.room_assets(asked.room) if asked.room else Absent("no room was named")
        ),
    }


def evidence(workspace: Workspace, now: datetime) -> Evidence:
    """What this side may tell its partner: nothing secret, nothing about its tables."""
    metastore = workspace.metastore()
    return Evidence(
        collected_at=now,
        account=workspace.account_id(),
        metastore=_said(metastore, lambda found: found.global_id),
        workspace=mapped(workspace.assignment(), lambda found: found[0]),
        user=mapped(workspace.me(), lambda found: found.name),
        scope=scope(workspace),
        admin=mapped(metastore, lambda found: found.has_admin),
        pricing=workspace.pricing(),
        serverless=workspace.serverless(),
        standards=mapped(workspace.standards(), lambda found: tuple(sorted(found))),
    )


def metastore_id(workspace: Workspace) -> Fact[str]:
    return mapped(workspace.assignment(), lambda found: found[1])


def scope(workspace: Workspace) -> Fact[str]:
    return _said(workspace.metastore(), lambda found: found.scope)


def _said(fact: Fact[A], part: Callable[[A], B | None]) -> Fact[B]:
    if not isinstance(fact, Known):
        return fact
    found = part(fact.value)
    return (
        Known(found)
        if found is not None
        else Unknown("the platform leaves it out, or says it in a word this SDK does not know")
    )


def _place(cloud: str | None, region: str | None) -> Place | None:
    return Place(cloud.lower(), region.lower()) if cloud and region else None
