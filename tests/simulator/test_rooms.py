"""Rooms, assets, reviews and rules through the real SDK."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from databricks.sdk import errors
from databricks.sdk.service import cleanrooms as cr
from databricks.sdk.service.cleanrooms import CleanRoomStatusEnum as Status

from tests.simulator import room as rooms
from tests.simulator.conftest import Both

NOTEBOOK, TABLE = cr.CleanRoomAssetAssetType.NOTEBOOK_FILE, cr.CleanRoomAssetAssetType.TABLE
APPROVED = cr.CleanRoomNotebookReviewNotebookReviewState.APPROVED
REJECTED = cr.CleanRoomNotebookReviewNotebookReviewState.REJECTED


@pytest.fixture(scope="module")
def name(both: Both) -> str:
    return rooms.active(both, "shared_room")


def test_create_answers_at_provisioning_and_the_other_side_sees_the_active_room(both: Both) -> None:
    room = both.provider.admin.clean_rooms.create(rooms.described(both, "Fresh_Room")).response
    assert (room.name, room.status, room.remote_detailed_info) == ("fresh_room", Status.PROVISIONING, None)
    assert [both.provider.admin.clean_rooms.get("fresh_room").status for _ in range(2)] == [Status.PROVISIONING, Status.ACTIVE]
    ours, theirs = both.provider.admin.clean_rooms.get("fresh_room"), both.consumer.admin.clean_rooms.get("Fresh_room")
    assert (ours.local_collaborator_alias, theirs.local_collaborator_alias) == ("creator", "collaborator")
    assert theirs.owner == "admin@consumer.example"
    assert ours.remote_detailed_info
    assert theirs.remote_detailed_info
    assert ours.remote_detailed_info.central_clean_room_id == theirs.remote_detailed_info.central_clean_room_id
    assert ours.remote_detailed_info.collaborators
    assert theirs.remote_detailed_info.collaborators
    assert ours.remote_detailed_info.collaborators[1].invite_recipient_email == "admin@consumer.example"
    assert theirs.remote_detailed_info.collaborators[1].invite_recipient_email is None
    listed = {each.name: each for each in both.consumer.admin.clean_rooms.list()}
    assert listed["fresh_room"].remote_detailed_info is None


def test_provisioning_can_be_slow_and_can_fail(both: Both) -> None:
    both.provider.fault(kind="provisioning", polls=4, times=1)
    both.provider.admin.clean_rooms.create(rooms.described(both, "slow_room"))
    statuses = [both.provider.admin.clean_rooms.get("slow_room").status for _ in range(4)]
    assert statuses == [Status.PROVISIONING] * 3 + [Status.ACTIVE]
    both.provider.fault(kind="provisioning_failed", times=1)
    both.provider.admin.clean_rooms.create(rooms.described(both, "failed_room"))
    assert [both.provider.admin.clean_rooms.get("failed_room").status for _ in range(2)] == [Status.PROVISIONING, Status.FAILED]
    with pytest.raises(errors.InvalidState, match="FAILED"):
        both.provider.admin.clean_room_assets.create("failed_room", rooms.table("creator.s.t", "x.y.z"))


def test_a_503_after_the_room_was_made_is_repeated_by_the_sdk_and_meets_the_room(both: Both) -> None:
    both.provider.fault(
        kind="error", status=503, retry_after=0, after_commit=True, method="POST", path="/api/2.0/clean-rooms", times=1
    )
    with pytest.raises(errors.ResourceAlreadyExists):
        both.provider.admin.clean_rooms.create(rooms.described(both, "made_anyway"))
    assert both.provider.admin.clean_rooms.get("made_anyway").status is Status.PROVISIONING


def test_an_enum_of_next_year_arrives_as_none(both: Both, name: str) -> None:
    both.provider.fault(kind="unknown_enum", field="status", path="/api/2.0/clean-rooms/*", times=1)
    assert both.provider.admin.clean_rooms.get(name).status is None


@pytest.mark.parametrize("bad", ["has.dot", "has space", "has/slash", "", "x" * 256, "tab\t"])
def test_room_names_follow_unity_catalog(both: Both, bad: str) -> None:
    with pytest.raises(errors.InvalidParameterValue):
        both.provider.admin.clean_rooms.create(rooms.described(both, bad))


def _change(**changed: Any) -> Any:
    def apply(both: Both) -> dict[str, Any]:
        partner = rooms.collaborators(both)[1].as_dict() | changed
        return {"collaborators": [rooms.collaborators(both)[0], cr.CleanRoomCollaborator.from_dict(partner)]}

    return apply


@pytest.mark.parametrize(
    "changed",
    [
        lambda both: {"cloud_vendor": None},
        lambda both: {"region": None},
        lambda both: {"cloud_vendor": "azure"},
        lambda both: {"cloud_vendor": "moon"},
        lambda both: {"collaborators": None},
        lambda both: {"collaborators": rooms.collaborators(both)[:1]},
        lambda both: {"collaborators": rooms.collaborators(both)[1:] * 2},
        lambda both: {"collaborators": rooms.collaborators(both) + [rooms.collaborators(both)[1]] * 9},
        lambda both: {"central_clean_room_id": "mine"},
        lambda both: {"package_provider_collaborator_alias": "nobody"},
        _change(invite_recipient_workspace_id=None),
        _change(invite_recipient_workspace_id=17),
        _change(collaborator_alias="creator"),
        _change(collaborator_alias="has.dot"),
        _change(display_name="us"),
        _change(global_metastore_id="aws:eu-west-1:not-a-uuid"),
        _change(global_metastore_id="aws:eu-west-1:00000000-0000-0000-0000-000000000000:12:me@there.example"),
    ],
)
def test_a_mistake_in_what_cannot_be_changed_later_is_refused(both: Both, changed: Any) -> None:
    with pytest.raises(errors.InvalidParameterValue):
        both.provider.admin.clean_rooms.create(rooms.described(both, "never_made", **changed(both)))


def test_the_eleventh_collaborator_is_refused_as_such(both: Both) -> None:
    eleven = [rooms.collaborators(both)[0], *[rooms.collaborators(both)[1]] * 10]
    with pytest.raises(errors.InvalidParameterValue, match="at most 10"):
        both.provider.admin.clean_rooms.create(rooms.described(both, "too_many", collaborators=eleven))


def test_sharing_with_another_account_must_be_on(both: Both) -> None:
    key = f"records/metastore/{both.provider.facts['global_metastore_id'].split(':')[2]}"
    both.provider.control("PATCH", key, {"delta_sharing_scope": "INTERNAL"})
    try:
        with pytest.raises(errors.PermissionDenied):
            both.provider.admin.clean_rooms.create(rooms.described(both, "never_made"))
        with pytest.raises(errors.PermissionDenied):
            list(both.provider.admin.clean_rooms.list())
    finally:
        both.provider.control("PATCH", key, {"delta_sharing_scope": "INTERNAL_AND_EXTERNAL"})


def test_a_group_owns_a_room_and_its_members_act_for_it(both: Both) -> None:
    service = both.provider.facts["client_id"]
    both.provider.control("PATCH", "records/group/cleanroom_owners", {"id": "6002"})
    with pytest.raises(errors.InvalidParameterValue, match="does not exist"):
        both.provider.service.clean_rooms.create(replace(rooms.described(both, "grouped"), owner="nobody_at_all"))
    both.provider.service.clean_rooms.create(replace(rooms.described(both, "grouped"), owner="cleanroom_owners"))
    with pytest.raises(errors.PermissionDenied):
        both.provider.service.clean_rooms.get("grouped")
    both.provider.control("PATCH", f"records/principal/{service}", {"groups": ["cleanroom_owners"]})
    assert both.provider.service.clean_rooms.get("grouped").owner == "cleanroom_owners"
    both.provider.control("PATCH", f"records/principal/{service}", {"groups": []})


def test_a_second_room_of_the_name_is_refused_on_either_side(both: Both, name: str) -> None:
    with pytest.raises(errors.ResourceAlreadyExists):
        both.provider.admin.clean_rooms.create(rooms.described(both, name.upper()))


def test_only_owner_and_comment_can_change(both: Both, name: str) -> None:
    client = both.provider.admin
    assert client.clean_rooms.update(name, clean_room=cr.CleanRoom(comment="for 2026")).comment == "for 2026"
    assert both.consumer.admin.clean_rooms.get(name).comment == ""
    client.clean_rooms.update(name, clean_room=client.clean_rooms.get(name))  # sent back unchanged
    for change in (
        cr.CleanRoom(name="other"),
        cr.CleanRoom(remote_detailed_info=cr.CleanRoomRemoteDetail(region="eu-west-1")),
        cr.CleanRoom(remote_detailed_info=cr.CleanRoomRemoteDetail(collaborators=rooms.collaborators(both)[:1])),
        cr.CleanRoom(enable_shared_output=True),
    ):
        with pytest.raises(errors.InvalidParameterValue):
            client.clean_rooms.update(name, clean_room=change)


def test_the_partners_metastore_admin_hands_the_room_to_somebody(both: Both) -> None:
    rooms.active(both, "handed_over")
    service = both.consumer.facts["client_id"]
    with pytest.raises(errors.PermissionDenied):
        both.consumer.service.clean_rooms.get("handed_over")
    both.consumer.admin.clean_rooms.update("handed_over", clean_room=cr.CleanRoom(owner=service))
    assert both.consumer.service.clean_rooms.get("handed_over").owner == service
    with pytest.raises(errors.PermissionDenied):
        both.consumer.admin.clean_rooms.update("handed_over", clean_room=cr.CleanRoom(comment="mine?"))
    with pytest.raises(errors.InvalidParameterValue):
        both.consumer.admin.clean_rooms.update("handed_over", clean_room=cr.CleanRoom(owner="nobody@here.example"))


def test_deleting_by_one_side_leaves_the_other_a_stub(both: Both) -> None:
    rooms.active(both, "ended")
    both.consumer.admin.clean_rooms.delete("ended")
    with pytest.raises(errors.NotFound):
        both.consumer.admin.clean_rooms.get("ended")
    assert both.provider.admin.clean_rooms.get("ended").status is Status.DELETED
    with pytest.raises(errors.InvalidState):
        list(both.provider.admin.clean_room_assets.list("ended"))
    both.provider.admin.clean_rooms.delete("ended")
    with pytest.raises(errors.NotFound):
        both.provider.admin.clean_rooms.get("ended")


def test_an_output_catalog_is_made_once(both: Both, name: str) -> None:
    wanted = cr.CleanRoomOutputCatalog(catalog_name="room_output")
    made = both.consumer.admin.clean_rooms.create_output_catalog(name, wanted).output_catalog
    assert made
    assert made.status is cr.CleanRoomOutputCatalogOutputCatalogStatus.CREATED
    shown = both.consumer.admin.clean_rooms.get(name).output_catalog
    assert shown
    assert shown.catalog_name == "room_output"
    with pytest.raises(errors.InvalidState):
        both.consumer.admin.clean_rooms.create_output_catalog(name, cr.CleanRoomOutputCatalog(catalog_name="second"))
    taken = cr.CleanRoomOutputCatalog(catalog_name=both.provider.catalog)
    with pytest.raises(errors.ResourceConflict):
        both.provider.admin.clean_rooms.create_output_catalog(name, taken)


def test_a_table_is_seen_by_both_with_its_local_name_for_its_owner_alone(both: Both, name: str) -> None:
    local = rooms.local_table(both.provider, "seen")
    both.provider.admin.clean_room_assets.create(name, rooms.table("creator.signals.seen", local))
    mine = both.provider.admin.clean_room_assets.get(name, TABLE, "creator.signals.seen")
    theirs = {each.name: each for each in both.consumer.admin.clean_room_assets.list(name)}["creator.signals.seen"]
    assert mine.table_local_details
    assert mine.table_local_details.local_name == local
    assert theirs.table_local_details is None
    assert theirs.table
    assert theirs.table.columns
    assert theirs.table.columns[0].name == "token"
    assert (theirs.owner_collaborator_alias, theirs.status) == ("creator", cr.CleanRoomAssetStatusEnum.ACTIVE)
    with pytest.raises(errors.ResourceAlreadyExists):
        both.provider.admin.clean_room_assets.create(name, rooms.table("creator.signals.seen", local))
    with pytest.raises(errors.PermissionDenied):
        both.consumer.admin.clean_room_assets.delete(name, TABLE, "creator.signals.seen")
    both.provider.control("DELETE", f"records/table/{local}")
    lost = both.consumer.admin.clean_room_assets.get(name, TABLE, "creator.signals.seen")
    assert lost.status is cr.CleanRoomAssetStatusEnum.PERMISSION_DENIED
    both.provider.admin.clean_room_assets.delete(name, TABLE, "creator.signals.seen")
    with pytest.raises(errors.NotFound):
        both.provider.admin.clean_room_assets.get(name, TABLE, "creator.signals.seen")


def test_filtered_and_masked_tables_are_refused(both: Both, name: str) -> None:
    create = both.provider.admin.clean_room_assets.create
    function = f"{both.provider.catalog}.default.f"
    filtered = rooms.local_table(both.provider, "filtered", row_filter={"function_name": function, "input_column_names": []})
    with pytest.raises(errors.InvalidParameterValue, match="row filter"):
        create(name, rooms.table("creator.signals.filtered", filtered))
    column = {"name": "pan", "type_name": "STRING", "type_text": "string", "mask": {"function_name": function}}
    masked = rooms.local_table(both.provider, "masked", columns=[column])
    with pytest.raises(errors.InvalidParameterValue, match="mask"):
        create(name, rooms.table("creator.signals.masked", masked))


def test_assets_are_named_by_alias_and_their_table_must_exist(both: Both, name: str) -> None:
    local = rooms.local_table(both.provider, "named")
    create = both.provider.admin.clean_room_assets.create
    for wrong in (
        "named",
        "signals.named",
        "collaborator.signals.named",
        "creator.sig nals.named",
        f"{both.provider.catalog}.a.b",
    ):
        with pytest.raises(errors.InvalidParameterValue):
            create(name, rooms.table(wrong, local))
    with pytest.raises(errors.NotFound):
        create(name, rooms.table("creator.signals.named", f"{both.provider.catalog}.default.absent"))
    with pytest.raises(errors.InvalidParameterValue):
        create(name, cr.CleanRoomAsset("creator.signals.named", TABLE))
    view = rooms.local_table(both.provider, "a_view", table_type="VIEW")
    with pytest.raises(errors.InvalidParameterValue, match="VIEW"):
        create(name, rooms.table("creator.signals.a_view", view))


def test_a_notebook_is_the_base64_of_an_html_export_for_known_runners(both: Both, name: str) -> None:
    create = both.provider.admin.clean_room_assets.create
    plain = base64.b64encode(b"SELECT 1").decode()
    for content, runners in (
        (plain, ["collaborator"]),
        ("no base64!", ["creator"]),
        (rooms.content("SELECT 1"), ["stranger"]),
        (rooms.content("SELECT 1"), []),
    ):
        book = cr.CleanRoomAssetNotebook(notebook_content=content, runner_collaborator_aliases=runners)
        with pytest.raises(errors.InvalidParameterValue):
            create(name, cr.CleanRoomAsset("wrong", NOTEBOOK, notebook=book))


def test_reviews_are_of_the_newest_version_and_never_ones_own(both: Both, name: str) -> None:
    provider, consumer = both.provider.admin, both.consumer.admin
    first = provider.clean_room_assets.create(name, rooms.notebook("plan", "SELECT 1")).notebook
    assert first
    assert first.etag
    assert first.environment_version == "2"
    review = cr.NotebookVersionReview(first.etag, APPROVED)
    with pytest.raises(errors.PermissionDenied):
        provider.clean_room_assets.create_clean_room_asset_review(name, NOTEBOOK, "plan", notebook_review=review)
    with pytest.raises(errors.InvalidParameterValue, match="500"):
        consumer.clean_room_assets.create_clean_room_asset_review(
            name, NOTEBOOK, "plan", notebook_review=cr.NotebookVersionReview(first.etag, APPROVED, comment="x" * 501)
        )
    answer = consumer.clean_room_assets.create_clean_room_asset_review(name, NOTEBOOK, "plan", notebook_review=review)
    assert answer.notebook_review_state is APPROVED
    second = provider.clean_room_assets.update(name, NOTEBOOK, "plan", rooms.notebook("plan", "SELECT 2")).notebook
    assert second
    assert second.etag
    assert second.etag != first.etag
    assert second.review_state is cr.CleanRoomNotebookReviewNotebookReviewState.PENDING
    with pytest.raises(errors.ResourceConflict):
        consumer.clean_room_assets.create_clean_room_asset_review(name, NOTEBOOK, "plan", notebook_review=review)
    rejected = consumer.clean_room_assets.create_clean_room_asset_review(
        name, NOTEBOOK, "plan", notebook_review=cr.NotebookVersionReview(second.etag, REJECTED, comment="no cohort guard")
    )
    assert rejected.notebook_review_state is REJECTED
    revisions = list(consumer.clean_room_asset_revisions.list(name, NOTEBOOK, "plan"))
    assert [each.notebook.etag for each in revisions if each.notebook] == [second.etag, first.etag]
    assert consumer.clean_room_asset_revisions.get(name, NOTEBOOK, "plan", first.etag).notebook == revisions[1].notebook
    with pytest.raises(errors.PermissionDenied):
        consumer.clean_room_assets.update(name, NOTEBOOK, "plan", rooms.notebook("plan", "SELECT 3"))


def test_auto_approval_is_about_who_not_what(both: Both, name: str) -> None:
    rules = both.consumer.admin.clean_room_auto_approval_rules
    rule = rules.create(
        name, cr.CleanRoomAutoApprovalRule(author_collaborator_alias="creator", runner_collaborator_alias="collaborator")
    )
    assert rule.rule_id
    assert rule.rule_owner_collaborator_alias == "collaborator"
    made = both.provider.admin.clean_room_assets.create(name, rooms.notebook("auto", "SELECT 1")).notebook
    assert made
    assert made.review_state is APPROVED
    assert made.reviews
    assert made.reviews[0].review_sub_reason is cr.CleanRoomNotebookReviewNotebookReviewSubReason.AUTO_APPROVED
    self_run = both.provider.admin.clean_room_assets.create(
        name, rooms.notebook("own", "SELECT 1", runners=("creator",))
    ).notebook
    assert self_run
    assert self_run.review_state is cr.CleanRoomNotebookReviewNotebookReviewState.PENDING
    assert list(both.provider.admin.clean_room_auto_approval_rules.list(name)) == []
    anyone = cr.CleanRoomAutoApprovalRuleAuthorScope.ANY_AUTHOR
    changed = rules.update(
        name, rule.rule_id, cr.CleanRoomAutoApprovalRule(author_scope=anyone, runner_collaborator_alias="collaborator")
    )
    assert (changed.author_scope, changed.author_collaborator_alias) == (anyone, None)
    assert rules.get(name, rule.rule_id) == changed
    for wrong in (
        cr.CleanRoomAutoApprovalRule(author_collaborator_alias="collaborator", runner_collaborator_alias="creator"),
        cr.CleanRoomAutoApprovalRule(
            author_collaborator_alias="creator", author_scope=anyone, runner_collaborator_alias="creator"
        ),
        cr.CleanRoomAutoApprovalRule(author_collaborator_alias="stranger", runner_collaborator_alias="creator"),
        cr.CleanRoomAutoApprovalRule(runner_collaborator_alias="creator"),
    ):
        with pytest.raises(errors.InvalidParameterValue):
            rules.create(name, wrong)
    rules.delete(name, rule.rule_id)
    assert list(rules.list(name)) == []


def test_lists_come_in_pages(both: Both) -> None:
    room = rooms.active(both, "paged")
    asset = both.provider.admin.clean_room_assets.create(room, rooms.notebook("versions", "SELECT 0"))
    for number in range(1, 12):
        both.provider.admin.clean_room_assets.update(room, NOTEBOOK, "versions", rooms.notebook("versions", f"SELECT {number}"))
    path = f"/api/2.0/clean-rooms/{room}/assets/NOTEBOOK_FILE/versions/revisions"
    first = both.provider.admin.api_client.do("GET", path)
    assert isinstance(first, dict)
    assert len(first["revisions"]) == 10
    assert first["next_page_token"]
    whole = list(both.provider.admin.clean_room_asset_revisions.list(room, NOTEBOOK, "versions", page_size=5))
    assert len({each.notebook.etag for each in whole if each.notebook}) == 12
    assert whole[-1].notebook == asset.notebook
