"""A question in the guard's own words: which assets, which rows, which cells, which base figures. Aliases, order and spelling
are gone, so that the same question in other words has the same canonical form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cleanroom_core.guard.regions import Labels, Region, Spans
from cleanroom_core.guard.world import Asset, Period
from cleanroom_core.sql.cells import CellLayout, Label, label_to_json
from cleanroom_core.sql.types import Column, SqlType


@dataclass(frozen=True, order=True)
class Ref:
    """A column of a registered asset, by names as the share table spells them."""

    asset: str
    column: str

    def __str__(self) -> str:
        return f"{self.asset}.{self.column.casefold()}"


@dataclass(frozen=True)
class Within:
    ref: Ref
    region: Region

    def as_json(self) -> Any:
        return {"column": str(self.ref), "in": self.region.as_json()}


@dataclass(frozen=True)
class AllOf:
    """True when every part is; no parts: always."""

    parts: tuple[Condition, ...] = ()

    def as_json(self) -> Any:
        return {"all": [part.as_json() for part in self.parts]}


@dataclass(frozen=True)
class AnyOf:
    """True when some part is; no parts: never."""

    parts: tuple[Condition, ...] = ()

    def as_json(self) -> Any:
        return {"any": [part.as_json() for part in self.parts]}


Condition = Within | AllOf | AnyOf
ALWAYS, NEVER = AllOf(), AnyOf()


@dataclass(frozen=True)
class Key:
    """A label column of the cells: a dimension, a date truncated to a calendar grid, or derived from such.

    A plain key has a `ref`, a date also its `grid`. A derived one has `branches` instead: label and condition, disjoint and in
    the order of the labels; a row that meets none of them is in no cell. `type` is that of the labels."""

    ref: Ref | None
    grid: str | None
    branches: tuple[tuple[Label, Condition], ...]
    type: SqlType

    @cached_property
    def name(self) -> str:
        """`asset.column`, `asset.column@month`; a derived key by its columns and a digest of its branches."""
        if self.ref is not None:
            return f"{self.ref}@{self.grid}" if self.grid else str(self.ref)
        said = canonical_hash([[label_to_json(label), condition.as_json()] for label, condition in self.branches])
        return f"{'+'.join(str(ref) for ref in sorted(self.refs))}#{said[:12]}"

    @cached_property
    def refs(self) -> frozenset[Ref]:
        """Every column the label is made of."""
        if self.ref is not None:
            return frozenset({self.ref})
        return frozenset[Ref]().union(*(refs_of(condition) for _, condition in self.branches))


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

    def column(self, ref: Ref) -> Column:
        asset = next(asset for asset in self.assets if asset.qualified == ref.asset)
        column = asset.schema.get(ref.column)
        assert column is not None  # noqa: S101  a Ref is only made from a resolved column
        return column


def refs_of(condition: Condition) -> frozenset[Ref]:
    """Every column a condition speaks of."""
    if isinstance(condition, Within):
        return frozenset({condition.ref})
    return frozenset[Ref]().union(*(refs_of(part) for part in condition.parts))


def canonical_hash(value: Any) -> str:
    """SHA-256 over JSON with sorted keys: what two askings of the same question have in common."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def both(parts: list[Condition]) -> Condition:
    """AND in normal form: flat, one region per column, sorted, without what is always true."""
    return _combined(parts, AllOf, AnyOf)


def either(parts: list[Condition]) -> Condition:
    """OR in normal form."""
    return _combined(parts, AnyOf, AllOf)


def _combined(parts: list[Condition], same: type[AllOf] | type[AnyOf], other: type[AllOf] | type[AnyOf]) -> Condition:
    flat: list[Condition] = []
    for part in parts:
        flat += part.parts if isinstance(part, same) else [part]
    if other() in flat:  # FALSE within AND, TRUE within OR
        return other()
    regions: dict[Ref, Region] = {}
    rest: dict[str, Condition] = {}
    for part in flat:
        if isinstance(part, Within):
            regions[part.ref] = _merged(regions[part.ref], part.region, same) if part.ref in regions else part.region
        else:
            rest[json.dumps(part.as_json(), sort_keys=True)] = part
    if same is AllOf and any(region.is_empty for region in regions.values()):
        return NEVER
    withins = [Within(ref, region) for ref, region in sorted(regions.items()) if not region.is_empty]
    kept: list[Condition] = [*withins, *(rest[text] for text in sorted(rest))]
    kept = [part for part in kept if not (isinstance(part, other) and any(atom in kept for atom in part.parts))]  # absorption
    return kept[0] if len(kept) == 1 else same(tuple(kept))


def _merged(one: Region, two: Region, same: type[AllOf] | type[AnyOf]) -> Region:
    if isinstance(one, Labels) and isinstance(two, Labels):
        return one & two if same is AllOf else one | two
    assert isinstance(one, Spans) and isinstance(two, Spans)  # noqa: S101, PT018  one column, one kind of region
    return one & two if same is AllOf else one | two


def possible(where: Condition, labels: Mapping[Ref, Label]) -> bool:
    """Whether a row with these labels can pass the filter, whatever its other columns hold."""
    if isinstance(where, Within):
        return where.ref not in labels or labels[where.ref] in where.region
    if isinstance(where, AllOf):
        return all(possible(part, labels) for part in where.parts)
    return any(possible(part, labels) for part in where.parts)
