"""Try to break the own policy from within the wizard: a session against this side's own registered tables, in memory.

Only this side's tables are there. Each replay certifies from scratch, so that a few of them over the partner's table would tell
what one release plan never does; statements that join both belong on a machine that has both, as in a rehearsal
(`cleanroom guard replay`). No log is written: it is this side's own data and nobody else reads it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cleanroom_core.engines import delta
from cleanroom_core.engines.protocol import Limits, ShareTable, Source
from cleanroom_core.errors import NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.replay_session import Step, read_session
from cleanroom_core.rooms.state import AssetState
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.replay import Played, Prepared, Replay, outcomes
from cleanroom_core.stories.replay_tables import ReplayTable

LIMITS = Limits(seconds=60.0)


@dataclass(frozen=True)
class Tried:
    step: Step
    played: Played


def own_tables(side: Collaborator) -> dict[str, AssetState]:
    """The registered tables of this side, by bare name."""
    return {asset.policy.asset: asset for asset in side.state().assets.values() if asset.owner == side.alias}


def try_policy(
    side: Collaborator, user: User, session: str, failed: Callable[[int, Prepared, Exception], None]
) -> tuple[Tried, ...]:
    """Play a session (JSON lines, as `cleanroom guard replay` reads them). `failed` hears of steps that went wrong within.

    Raises InputError for a session that cannot be used, NotReadyError without an agreement or a registered table.
    """
    user.require(Permission.POLICY_PREVIEW, side.organisation)
    agreement = side.require_agreement()
    assets = own_tables(side)
    if not assets:
        raise NotReadyError("This side has registered no table yet.", hint="Publish and register one first.", code="NO_TABLE")
    definition = RoomDefinition(
        name=side.room,
        collaborators=dict(side.collaborators),
        agreement=agreement.terms,
        tokens={},
        policies={name: asset.policy for name, asset in assets.items()},
        templates={},
    )
    names = {asset.qualified: name for name, asset in assets.items()}
    steps = read_session(session.encode("utf-8", "replace"), tuple(side.collaborators), names)
    with tempfile.TemporaryDirectory(prefix="replay-", dir=side.home / "work") as work:
        tables = {name: _table(side, asset, Path(work) / name) for name, asset in assets.items()}
        prepared = Replay(definition, tables, side.room_engine, LIMITS).prepared(steps)
        return tuple(Tried(*both) for both in zip(steps, outcomes(prepared, failed), strict=True))


def _table(side: Collaborator, asset: AssetState, folder: Path) -> ReplayTable:
    """The registered version, which is only read; versions that the session makes lie in `folder`."""
    path = side.share_files(asset)
    found = delta.snapshot(path)
    if found.version != asset.version:
        raise NotReadyError(
            f"{asset.qualified} has been published again and is not registered as it is now.",
            hint="Register it first.",
            code="NOT_REGISTERED",
        )
    rows = sum(file.rows or 0 for file in found.files)
    table = ShareTable(path, asset.version, asset.digest, rows, asset.schema, "")
    return ReplayTable(asset.policy, Source(path, {}), side.owner_engine, folder, table, table, {})
