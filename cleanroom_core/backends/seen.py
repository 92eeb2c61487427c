"""What a platform shows. A value it has that nobody here knows is UNKNOWN and never taken for something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RoomStatus(StrEnum):
    PROVISIONING = "PROVISIONING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"


class AssetKind(StrEnum):
    TABLE = "TABLE"
    VIEW = "VIEW"
    NOTEBOOK = "NOTEBOOK_FILE"
    OTHER = "OTHER"


class AssetStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PENDING = "PENDING"
    PERMISSION_DENIED = "PERMISSION_DENIED"  # the room's owner has lost SELECT
    UNKNOWN = "UNKNOWN"


class ReviewState(StrEnum):
    APPROVED = "APPROVED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class RunStage(StrEnum):
    RUNNING = "RUNNING"  # asked for and not ended
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class SeenRoom:
    """A room as one side sees it. `restricted`: why this side may not work in it, empty when it may.

    What follows `restricted` is fixed when a room is made and empty while the platform does not say: `parties`, alias ->
    metastore; `egress`, CLOSED or what is open; `modes`, ways of working that leave our review out.
    """

    name: str
    status: RoomStatus
    owner: str = ""
    alias: str = ""
    output_catalog: str = ""
    restricted: str = ""
    parties: Mapping[str, str] = field(default_factory=dict)
    cloud: str = ""
    region: str = ""
    egress: str = ""
    modes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeenReview:
    alias: str
    state: ReviewState
    automatic: bool = False


@dataclass(frozen=True)
class SeenAsset:
    """`local`: where an own table lies. A notebook has `etag`, `state`, `reviews`, `runners`, and as `digest` what its uploader
    says its source's SHA-256 is: a claim, which a reviewer checks by reading the version."""

    name: str
    kind: AssetKind
    owner: str = ""
    status: AssetStatus = AssetStatus.UNKNOWN
    local: str = ""
    etag: str = ""
    digest: str = ""
    state: ReviewState = ReviewState.UNKNOWN
    reviews: tuple[SeenReview, ...] = ()
    runners: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeenRule:
    id: str
    runner: str
    author: str = ""


@dataclass(frozen=True)
class OutputPlace:
    """Where a run wrote its tables. `expires_at`: milliseconds since 1970, None when the platform does not say."""

    catalog: str
    schema: str
    expires_at: int | None = None


@dataclass(frozen=True)
class SeenRun:
    """`id` names the run, `reason` says why it failed, in the platform's words."""

    id: str
    stage: RunStage
    reason: str = ""
    output: OutputPlace | None = None


@dataclass(frozen=True)
class SeenTaskRun:
    """A run as the room's own list shows it to every collaborator: which side ran which version."""

    notebook: str
    alias: str
    etag: str
    stage: RunStage
    output_schema: str = ""


@dataclass(frozen=True)
class OutputTable:
    """All rows of one table a run wrote, values as the platform's text (None: NULL), in an order of their own."""

    name: str
    columns: tuple[tuple[str, str], ...]  # name, type
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Identity:
    """Who this process is at the platform. `is_service`: no person, so that nobody reads a run's output by signing in."""

    name: str
    is_service: bool
    groups: frozenset[str] = frozenset()


def has_joined(alias: str, rooms_assets: tuple[SeenAsset, ...]) -> bool:
    """Whether a partner has taken part, as far as this side can see: there is something of theirs in the room.

    No platform has an accept call; the partner's own side sees more (`is_ready`).
    """
    return any(asset.owner == alias for asset in rooms_assets)


CLOSED = "CLOSED"


def dangers(room: SeenRoom) -> tuple[str, ...]:
    """Why nobody should bring data into this room, in words; what cannot be told counts as a danger."""
    found = [f"it works as {mode}" for mode in room.modes]
    if room.egress != CLOSED:
        found.append(f"its way to the internet is {room.egress or 'not told'}")
    return tuple(found)


def is_ready(room: SeenRoom | None) -> bool:
    """Whether this side can work in the room: it is there, active, open to this side and says who we are in it."""
    return room is not None and room.status is RoomStatus.ACTIVE and not room.restricted and bool(room.alias)
