"""Which tables of a side wait to be registered, and what the columns of a registered one are for."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.policies.rule import AnalysisRule
from cleanroom_core.rooms.state import AssetState, RoomState
from cleanroom_core.sql.types import Column


def registrable(state: RoomState, alias: str | None) -> tuple[str, ...]:
    """Qualified names of a side's tables that are published as their policy says, and not registered so."""
    return tuple(
        qualified
        for qualified, policy in state.policies.items()
        if policy.policy.owner == alias
        and policy.published is not None
        and (qualified not in state.assets or state.assets[qualified].policy_hash != policy.policy_hash)
    )


def column_roles(asset: AssetState) -> tuple[tuple[Column, str], ...]:
    """Each column of the share-safe table with what a query may do with it, in words."""
    rule = asset.policy.rule
    return tuple((column, "; ".join(_roles(rule, column.name)) or "none: no query may use it") for column in asset.schema)


def _roles(rule: AnalysisRule, name: str) -> Iterator[str]:
    column = name.casefold()
    if column == rule.privacy_unit.casefold():
        yield "privacy unit: stands for one person"
    if column == rule.join_key.casefold():
        yield "join key"
    dimension = next((found for key, found in rule.dimensions.items() if key.casefold() == column), None)
    if dimension is not None:
        labels = "" if dimension.domain is None else f", {len(dimension.domain)} agreed labels"
        grids = f", by {', '.join(dimension.dates)} only" if dimension.dates else ""
        yield f"dimension: group and filter{labels}{grids}"
    measure = next((found for key, found in rule.measures.items() if key.casefold() == column), None)
    if measure is not None:
        yield f"measure: sum and average, each row within {measure.min} to {measure.max}"
    if column in (key.casefold() for key in rule.counted):
        yield "counted: inside count() only"
    if rule.period_column is not None and column == rule.period_column.casefold():
        yield "period column"
