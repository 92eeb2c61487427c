"""What the guard may know of a room: registered assets and the strictest of all rules."""

from __future__ import annotations

from cleanroom_core.errors import NotReadyError
from cleanroom_core.guard import Asset, World
from cleanroom_core.guard.world import Period
from cleanroom_core.policies.combine import Thresholds, combine
from cleanroom_core.rooms.state import ResultState, RoomState


def thresholds_of(state: RoomState) -> Thresholds:
    if state.agreement_in_force is None:
        raise NotReadyError("There is no agreement in force.", hint="Both sides sign it first.", code="NO_AGREEMENT")
    policies = [asset.policy for asset in state.assets.values()]
    return combine(state.agreement_in_force.terms, policies)


def world_of(state: RoomState, period: Period | None = None) -> World:
    """`period`: whose rows count, in assets with a period column. Raises NotReadyError without an agreement in force."""
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
    return World(assets=assets, thresholds=thresholds, purposes=terms.purposes if terms else (), period=period)


def period_then(result: ResultState) -> Period | None:
    """The period whose rows a result counts."""
    return None if result.period is None else Period(*result.period)
