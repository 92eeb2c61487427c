"""A question in the guard's own words: which assets, which rows, which cells, which base figures. Aliases, order and spelling
are gone, so that the same question in other words has the same canonical form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from cleanroom_core.guard.calendar import following
from cleanroom_core.guard.logic import (
    ALWAYS,
    NEVER,
    AllOf,
    AnyOf,
    Condition,
    Ref,
    Within,
    both,
    either,
    not_true,
    possible,
    refs_of,
)
from cleanroom_core.guard.meaning import meaning
from cleanroom_core.guard.regions import Labels, Spans
from cleanroom_core.guard.world import DATED, Asset, Period
from cleanroom_core.sql.cells import CellLayout, Label, label_to_json
from cleanroom_core.sql.types import Column, SqlType

SEVERAL = 1.5  # rows per key of an asset nobody has measured: more than one, as far as anybody knows


@dataclass(frozen=True, eq=False)
class Key:
    """A label column of the cells: a dimension, a date truncated to a calendar grid, or derived from such.

    A plain key has a `ref`, a date also its `grid`. A derived one has `branches` instead: label and condition, disjoint and in
    the order of the labels; a row that meets none of them is in no cell. `type` is that of the labels. `expected`: where rows
    are looked for; a label no row has there is not missing when it has no cell."""

    ref: Ref | None
    grid: str | None
    branches: tuple[tuple[Label, Condition], ...]
    type: SqlType
    expected: Condition = ALWAYS

    @cached_property
    def name(self) -> str:
        """`asset.column`, `asset.column@month`; a derived key by its columns and a digest of its branches."""
        if self.ref is not None:
            return f"{self.ref}@{self.grid}" if self.grid else str(self.ref)
        said = canonical_hash([[label_to_json(label), meaning(condition)] for label, condition in self.branches])
        return f"{'+'.join(str(ref) for ref in sorted(self.refs))}#{said[:12]}"

    def rows(self, label: Label) -> Condition:
        """The rows that have this label."""
        if self.ref is None:
            return dict(self.branches).get(label, NEVER)
        if self.grid is None:
            return Within(self.ref, Labels(frozenset({label})))
        if not isinstance(label, date):
            return Within(self.ref, Spans((), null=True))
        return Within(self.ref, Spans((((label, 0), (following(label, self.grid), 0)),)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @cached_property
    def refs(self) -> frozenset[Ref]:
        """Every column the label is made of."""
        if self.ref is not None:
            return frozenset({self.ref})
        return frozenset[Ref]().union(*(refs_of(condition) for _, condition in self.branches))


@dataclass(frozen=True)
class LeftOut:
    """Rows that the filter lets through and that are not counted: those for which `where` is true and in which each of the
    optional assets in `met` is matched. Of differences of questions only; nothing anybody writes is read as one."""

    where: Condition
    met: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Question:
    """One partition of the joined rows with its base figures. `assets` are sorted, joined on their join keys; those in
    `optional` may be unmatched, their columns are NULL then. `figures` maps the names of the layout to columns. `period`: the
    one whose rows are counted, of every asset whose rule names a period column."""

    assets: tuple[Asset, ...]
    where: Condition
    keys: tuple[Key, ...]
    figures: Mapping[str, Ref]
    layout: CellLayout
    optional: frozenset[str] = field(default=frozenset())
    period: Period | None = None
    without: LeftOut | None = None

    def column(self, ref: Ref) -> Column:
        asset = next(asset for asset in self.assets if asset.qualified == ref.asset)
        column = asset.schema.get(ref.column)
        assert column is not None  # noqa: S101  a Ref is only made from a resolved column
        return column

    @cached_property
    def refs(self) -> frozenset[Ref]:
        """Every column the question reads, keys and privacy units of the assets aside."""
        without = frozenset() if self.without is None else refs_of(self.without.where)
        return refs_of(self.where).union(without, self.figures.values(), *(key.refs for key in self.keys))

    @property
    def bearer(self) -> Asset:
        """The asset whose rows are the rows of the join."""
        return bearer(self.assets)

    @property
    def is_dated(self) -> bool:
        """Whether each of its rows has a date of its own, so that none is in two periods. The other assets' rows may be: what
        they measure is summed with a step where it can be met more than once."""
        return self.bearer.rule.period_column is not None and self.bearer.qualified not in self.optional

    def is_reduced(self, asset: Asset) -> bool:
        """Whether only its keys that occur once take part, so that nobody's rows are multiplied."""
        return asset != self.bearer and asset.rows_per_key != 1


def bearer(assets: tuple[Asset, ...]) -> Asset:
    """The asset with most rows per key; the first by name of those that are equal. Where nobody has measured, dates and
    measures are what has several rows per person."""

    def rows(asset: Asset) -> tuple[float, bool, int]:
        dated = any(asset.dimension(column) is not None and column.type.kind in DATED for column in asset.schema)
        measured = SEVERAL if asset.rows_per_key is None else asset.rows_per_key
        return measured, dated, len(asset.rule.measures)

    return max(sorted(assets, key=lambda asset: asset.qualified), key=rows)


def period_region(period: Period) -> Spans:
    """The days of a period as a region of its column."""
    start, stop = ((day, 0) if day is not None else None for day in (period.start, period.stop))
    return Spans(((start, stop),))


def canonical_hash(value: Any) -> str:
    """SHA-256 over JSON with sorted keys: what two askings of the same question have in common."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


__all__ = [
    "ALWAYS", "NEVER", "AllOf", "AnyOf", "Condition", "Key", "LeftOut", "Question", "Ref", "Within", "bearer", "both",
    "canonical_hash", "either", "not_true", "period_region", "possible", "refs_of",
]  # fmt: skip
