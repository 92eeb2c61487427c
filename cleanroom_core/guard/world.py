"""What the guard judges against: registered assets with their rules, and the thresholds and purposes both sides signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from cleanroom_core.policies.rule import AnalysisRule, Dimension, Measure
from cleanroom_core.sql.cells import Label, Thresholds
from cleanroom_core.sql.types import Column, Kind, Schema, SqlType

DATED = (Kind.DATE, Kind.TIMESTAMP)
T = TypeVar("T")


@dataclass(frozen=True)
class Period:
    """The days of one period: from `start` up to the day before `stop`; None is no end."""

    start: date | None
    stop: date | None


@dataclass(frozen=True)
class Asset:
    """A registered asset. `schema`: of the share-safe table. `labels`: the published labels per dimension, which stand in where
    the rule names no domain; for a date the first days of its periods, under `column@month` for each agreed grid. None among
    the labels says that missing values form a cell of their own. `key_token`: the token spec the join key is made with.
    `rows_per_key`: rows per distinct join key, measured on the snapshot; None where nobody has measured yet."""

    owner: str
    name: str
    schema: Schema
    rule: AnalysisRule
    labels: Mapping[str, tuple[Label, ...]] = field(default_factory=dict)
    key_token: str | None = None
    rows_per_key: float | None = None

    @property
    def qualified(self) -> str:
        """The name analysts use in SQL: `provider.transaction_signals`."""
        return f"{self.owner}.{self.name}"

    def dimension(self, column: Column) -> Dimension | None:
        return _named(self.rule.dimensions, column.name)

    def measure(self, column: Column) -> Measure | None:
        return _named(self.rule.measures, column.name)

    def is_counted(self, column: Column) -> bool:
        return column.name.casefold() in {name.casefold() for name in self.rule.counted}

    def is_unit(self, column: Column) -> bool:
        return column.name.casefold() == self.rule.privacy_unit.casefold()

    def is_key(self, column: Column) -> bool:
        return column.name.casefold() == self.rule.join_key.casefold()

    def domain(self, column: Column) -> tuple[Label, ...] | None:
        """The labels that may appear, in the column's own type; None when neither rule nor publication named any.

        A label of the rule that cannot be a value of the column (text in an integer column) names nothing and is left out."""
        dimension = self.dimension(column)
        named = dimension.domain if dimension is not None else None
        found: tuple[Label, ...] | None = named if named is not None else _named(self.labels, column.name)
        if found is None:
            return None
        typed = [as_label(label, column.type) for label in found if label is not None]
        known: dict[Label, None] = dict.fromkeys(label for label in typed if label is not None)
        if None in found:
            known[None] = None
        return tuple(known)

    def periods(self, name: str, grid: str) -> tuple[date | None, ...] | None:
        """The published periods of a date dimension on a grid, by their first days; None when they are not published."""
        found = _named(self.labels, f"{name}@{grid}")
        if found is None:
            return None
        return tuple(None if label is None else date.fromisoformat(str(label)[:10]) for label in found)

    def clause(self, *path: str) -> str:
        """How a finding names a clause of this asset's rule: `provider.transaction_signals: rule.dimensions`."""
        return f"{self.qualified}: {'.'.join(('rule', *path))}"


@dataclass(frozen=True)
class World:
    """`assets` by qualified name. `purposes`: those of the agreement. `collaborators`: aliases that may receive a result; empty
    when the caller has checked that already. `period`: the only rows that count, in assets whose rule names a period column."""

    assets: Mapping[str, Asset]
    thresholds: Thresholds
    purposes: tuple[str, ...]
    collaborators: tuple[str, ...] = ()
    period: Period | None = None

    def asset(self, qualified: str) -> Asset | None:
        return _named(self.assets, qualified)


def as_label(value: object, type_: SqlType) -> Label:
    """The value as the column's type would hold it, or None when it cannot: '5411' in a BIGINT column is 5411, 1 is TRUE."""
    if type_.kind is Kind.STRING:
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if type_.kind is Kind.BOOLEAN:
        return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
    if type_.kind is Kind.BIGINT:
        try:
            return int(str(value))
        except ValueError:
            return int(value) if isinstance(value, bool) else None
    return None


def _named(things: Mapping[str, T], name: str) -> T | None:
    """Look a name up without case, as Unity Catalog does."""
    if (found := things.get(name)) is not None:
        return found
    return next((thing for key, thing in things.items() if key.casefold() == name.casefold()), None)
