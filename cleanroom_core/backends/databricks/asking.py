"""What is asked, in the SDK's dataclasses."""

from __future__ import annotations

from databricks.sdk.service import cleanrooms as cr
from databricks.sdk.service import settings

from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRoom, NewRule, NewTable
from cleanroom_core.backends.databricks.seeing import DIGEST
from cleanroom_core.backends.seen import AssetKind, ReviewState
from cleanroom_core.errors import InputError


def type_of(kind: AssetKind) -> cr.CleanRoomAssetAssetType:
    if kind is AssetKind.OTHER:
        raise InputError("Nobody here knows this kind of asset.", hint="Look at it in the workspace.", code="ASSET_KIND")
    return cr.CleanRoomAssetAssetType(kind.value)


def room_of(room: NewRoom) -> cr.CleanRoom:
    """Egress is restricted, said in so many words: the platform's default is not documented."""
    restricted = settings.EgressNetworkPolicyInternetAccessPolicyRestrictionMode.RESTRICTED_ACCESS
    return cr.CleanRoom(
        name=room.name,
        owner=room.owner or None,
        comment=room.comment or None,
        remote_detailed_info=cr.CleanRoomRemoteDetail(
            cloud_vendor=room.cloud,
            region=room.region,
            collaborators=[
                cr.CleanRoomCollaborator(
                    party.alias,
                    global_metastore_id=party.metastore,
                    invite_recipient_email=party.invite_user or None,
                    invite_recipient_workspace_id=int(party.invite_workspace) if party.invite_workspace else None,
                )
                for party in room.parties
            ],
            egress_network_policy=settings.EgressNetworkPolicy(
                internet_access=settings.EgressNetworkPolicyInternetAccessPolicy(restriction_mode=restricted)
            ),
        ),
    )


def table_of(room: str, table: NewTable) -> cr.CleanRoomAsset:
    if table.is_view:
        details = cr.CleanRoomAssetViewLocalDetails(local_name=table.local)
        return cr.CleanRoomAsset(table.name, type_of(AssetKind.VIEW), clean_room_name=room, view_local_details=details)
    local = cr.CleanRoomAssetTableLocalDetails(local_name=table.local)
    return cr.CleanRoomAsset(table.name, type_of(AssetKind.TABLE), clean_room_name=room, table_local_details=local)


def notebook_of(room: str, notebook: NewNotebook, html: str) -> cr.CleanRoomAsset:
    """`html`: base64 of the workspace's HTML export. The source's digest goes along, as two exports of it may differ."""
    book = cr.CleanRoomAssetNotebook(
        notebook_content=html,
        description=f"{DIGEST}{notebook.digest}",
        runner_collaborator_aliases=list(notebook.runners),
    )
    return cr.CleanRoomAsset(notebook.name, type_of(AssetKind.NOTEBOOK), clean_room_name=room, notebook=book)


def review_of(judgement: Judgement) -> cr.NotebookVersionReview:
    state = ReviewState.APPROVED if judgement.approve else ReviewState.REJECTED
    return cr.NotebookVersionReview(
        judgement.etag, cr.CleanRoomNotebookReviewNotebookReviewState[state], comment=judgement.comment or None
    )


def rule_of(rule: NewRule) -> cr.CleanRoomAutoApprovalRule:
    return cr.CleanRoomAutoApprovalRule(
        runner_collaborator_alias=rule.runner,
        author_collaborator_alias=rule.author or None,
        author_scope=None if rule.author else cr.CleanRoomAutoApprovalRuleAuthorScope.ANY_AUTHOR,
    )
