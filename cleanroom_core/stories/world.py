"""What the guard may know of a room: registered assets and the strictest of all rules."""

from __future__ import annotations

from cleanroom_core.errors import NotReadyError
from cleanroom_core.guard import Asset, World
from cleanroom_core.policies.combine import Thresholds, combine
from cleanroom_core.rooms.state import RoomState


def thresholds_of(state: RoomState) -> Thresholds:
    if state.agreement_in_force is None:
        raise NotReadyError("There is no agreement in force.", hint="Both sides sign it first.", code="NO_AGREEMENT")
    policies = [asset.policy for asset in state.assets.values()]
    return combine(state.agreement_in_force.terms, policies)


def world_of(state: RoomState) -> World:
    """Raises NotReadyError without an agreement in force."""
    thresholds = thresholds_of(state)
    terms = state.agreement_in_force.terms if state.agreement_in_force else None
    assets = {
        name: Asset(
            owner=asset.owner,
            name=name.partition(".")[2],
            schema=asset.schema,
            rule=asset.policy.rule,
            labels=asset.labels,
            key_token=asset.policy.key_token,
            rows_per_key=asset.rows_per_key,
        )
        for name, asset in state.assets.items()
    }
    return World(assets=assets, thresholds=thresholds, purposes=terms.purposes if terms else ())
