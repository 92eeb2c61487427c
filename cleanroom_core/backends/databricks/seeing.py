"""What the SDK returns, as what was seen. An enum value the SDK does not know arrives as None and becomes UNKNOWN."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from cleanroom_core.backends.seen import (
    CLOSED,
    AssetKind,
    AssetStatus,
    OutputPlace,
    ReviewState,
    RoomStatus,
    RunStage,
    SeenAsset,
    SeenReview,
    SeenRoom,
    SeenRule,
    SeenRun,
    SeenTaskRun,
)

if TYPE_CHECKING:
    from databricks.sdk.service.cleanrooms import (
        CleanRoom,
        CleanRoomAsset,
        CleanRoomAutoApprovalRule,
        CleanRoomRemoteDetail,
        CleanRoomTaskRun,
    )
    from databricks.sdk.service.jobs import Run, RunOutput

Word = TypeVar("Word", bound=StrEnum)
DIGEST = "sha256:"  # in a notebook's description; the exported bytes may differ between two exports of one source


def word(kind: type[Word], value: Any, otherwise: Word) -> Word:
    """The value's own word where this version has it, else `otherwise`."""
    text = getattr(value, "value", None)
    return kind(text) if text in {each.value for each in kind} else otherwise


def seen_room(room: CleanRoom) -> SeenRoom:
    remote = room.remote_detailed_info
    catalog = room.output_catalog.catalog_name if room.output_catalog else None
    restricted = getattr(room.access_restricted, "value", "")
    return SeenRoom(
        name=(room.name or "").lower(),
        status=word(RoomStatus, room.status, RoomStatus.UNKNOWN),
        owner=room.owner or "",
        alias=room.local_collaborator_alias or "",
        parties={
            each.collaborator_alias: each.global_metastore_id or ""
            for each in (remote.collaborators if remote and remote.collaborators else ())
        },
        cloud=(remote.cloud_vendor if remote else None) or "",
        region=(remote.region if remote else None) or "",
        egress=_egress(remote) if remote else "",
        modes=_modes(room, remote) if remote else (),
        output_catalog=catalog or "",
        restricted="" if restricted == "NO_RESTRICTION" else restricted,
    )


def _egress(remote: CleanRoomRemoteDetail) -> str:
    """CLOSED only where nothing is open, not even to be logged and let through."""
    internet = remote.egress_network_policy.internet_access if remote.egress_network_policy else None
    mode = getattr(internet.restriction_mode if internet else None, "value", "")
    if internet is None or mode != "RESTRICTED_ACCESS":
        return mode
    allowed = [*(internet.allowed_internet_destinations or ()), *(internet.allowed_storage_destinations or ())]
    if internet.log_only_mode is not None:
        return "logged, not closed"
    return f"open to {len(allowed)} places" if allowed else CLOSED


def _modes(room: CleanRoom, remote: CleanRoomRemoteDetail) -> tuple[str, ...]:
    shared = room.enable_shared_output or remote.enable_shared_output
    found = ["shared output: every side reads what a run wrote at once"] if shared else []
    packager = remote.package_provider_collaborator_alias
    return (*found, f"packaged by {packager}: nobody reviews notebooks") if packager else tuple(found)


def seen_asset(asset: CleanRoomAsset) -> SeenAsset:
    kind = word(AssetKind, asset.asset_type, AssetKind.OTHER)
    local = asset.table_local_details or asset.view_local_details
    book = asset.notebook
    description = (book.description if book else None) or ""
    return SeenAsset(
        name=asset.name if kind is AssetKind.NOTEBOOK else asset.name.lower(),
        kind=kind,
        owner=asset.owner_collaborator_alias or "",
        status=word(AssetStatus, asset.status, AssetStatus.UNKNOWN),
        local=local.local_name.lower() if local else "",
        etag=(book.etag if book else None) or "",
        digest=description.removeprefix(DIGEST) if description.startswith(DIGEST) else "",
        state=word(ReviewState, book.review_state if book else None, ReviewState.UNKNOWN),
        reviews=tuple(
            SeenReview(
                each.reviewer_collaborator_alias or "",
                word(ReviewState, each.review_state, ReviewState.UNKNOWN),
                each.review_sub_reason is not None,
            )
            for each in ((book.reviews if book else None) or ())
        ),
        runners=tuple((book.runner_collaborator_aliases if book else None) or ()),
    )


def seen_rule(rule: CleanRoomAutoApprovalRule) -> SeenRule:
    return SeenRule(rule.rule_id or "", rule.runner_collaborator_alias or "", rule.author_collaborator_alias or "")


_ENDED = {"TERMINATED", "INTERNAL_ERROR", "SKIPPED"}
_GOING = {"PENDING", "QUEUED", "RUNNING", "TERMINATING", "BLOCKED", "WAITING_FOR_RETRY"}


def stage_of(state: Any) -> RunStage:
    """Of a run's state, or of a room's task run state: both have a life cycle and a result."""
    cycle = getattr(getattr(state, "life_cycle_state", None), "value", None)
    result = getattr(getattr(state, "result_state", None), "value", None)
    if cycle in _GOING:
        return RunStage.RUNNING
    if cycle not in _ENDED:
        return RunStage.UNKNOWN
    if result is None:  # an end nobody here has a word for is not called a success
        return RunStage.FAILED if cycle != "TERMINATED" else RunStage.UNKNOWN
    if result == "SUCCESS":
        return RunStage.SUCCEEDED
    return RunStage.CANCELLED if result in ("CANCELED", "UPSTREAM_CANCELED") else RunStage.FAILED


def seen_run(run: Run, output: RunOutput | None) -> SeenRun:
    stage = stage_of(run.state)
    reason = (output.error if output else None) or (run.state.state_message if run.state else None) or ""
    told = output.clean_rooms_notebook_output if output else None
    info = told.output_schema_info if told else None
    place = None
    if info and info.catalog_name and info.schema_name:
        place = OutputPlace(info.catalog_name, info.schema_name, info.expiration_time)
    return SeenRun(str(run.run_id), stage, _told(reason) if stage is not RunStage.SUCCEEDED else "", place)


_CLASS = re.compile(r"\[[A-Z][A-Z0-9_.]{2,100}\]")
_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")


def _told(reason: str) -> str:
    """Why a run failed, without what may be a value of somebody's row: up to the error's class, or with nothing quoted."""
    found = _CLASS.search(reason)
    told = reason[: found.end()] if found else reason
    return _QUOTED.sub("'...'", told.split("\n")[0])[:300]


def seen_task_run(run: CleanRoomTaskRun) -> SeenTaskRun:
    return SeenTaskRun(
        notebook=run.name or "",
        alias=(run.collaborator_job_run_info.collaborator_alias if run.collaborator_job_run_info else None) or "",
        etag=(run.analysis_details.etag if run.analysis_details else None) or "",
        stage=stage_of(run.task_run_state),
        output_schema=(run.output_info.output_schema_name if run.output_info else None) or "",
    )
