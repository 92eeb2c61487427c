"""The release plan of a room file, as both sides would sign it: its tables are published and measured in a folder of the
caller's, as a replay does, and nothing else happens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cleanroom_core.engines.protocol import OwnerEngine
from cleanroom_core.guard import Asset, World
from cleanroom_core.guard.world import Period
from cleanroom_core.policies.combine import combine
from cleanroom_core.policies.policy import Policy
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.state import Planned, PlanText
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.plan import judged
from cleanroom_core.stories.replay_tables import ReplayTable, Say, open_tables


def plan_of_file(
    definition: RoomDefinition, text: str, owner: OwnerEngine, work: Path, say: Say, period: Period | None
) -> tuple[PlanText, World]:
    """Every template of the file but those that are there to be refused, and what the guard knows once all is published.
    `text`: the room file's. Raises RoomFileError, TableError and InputError for what cannot be used."""
    tables = open_tables(definition, text, owner, work, say)
    policies = {table.policy.qualified: table.policy for table in tables.values()}
    thresholds = combine(definition.agreement, policies.values())
    assets = {table.policy.qualified: _asset(table, thresholds.minimum_cohort) for table in tables.values()}
    dated = any(policy.rule.period_column is not None for policy in policies.values())
    world = World(assets, thresholds, definition.agreement.purposes, tuple(definition.collaborators), period if dated else None)
    planned = {}
    for name, template in definition.templates.items():
        if name not in definition.may_be_refused:
            read = judged(template, world)
            planned[name] = Planned(template, read, _custodian(definition, policies, read, template.receiver))
    used = sorted({asset for each in planned.values() for asset in each.assets})
    hashes = {asset: text_hash(policies[asset].as_json()) for asset in used}
    return PlanText(planned, text_hash(definition.agreement.as_json()), hashes), world


def _asset(table: ReplayTable, minimum_cohort: Mapping[str, int]) -> Asset:
    policy = table.policy
    measured = table.measure(minimum_cohort[policy.qualified])
    return Asset(
        policy.owner, policy.asset, table.schema, policy.rule, measured.labels, policy.key_token, measured.rows_per_key
    )


def _custodian(definition: RoomDefinition, policies: Mapping[str, Policy], read: tuple[str, ...], receiver: str) -> str:
    owners = {policies[asset].owner for asset in read}
    return next((alias for alias in definition.collaborators if alias in owners and alias != receiver), receiver)
