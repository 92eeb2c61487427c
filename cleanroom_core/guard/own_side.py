"""What one asset alone decides of a sheet: its own keys and filters, for planning. The owner can measure that before anybody
signs, and what the other side's columns add can only split the cells further.

A filter that other columns take part in lets everything through here (in AND the own part of it stays); a derived key over
columns of several assets drops out. Only figures of the asset's own columns remain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from math import prod

from cleanroom_core.guard.calendar import following, truncate
from cleanroom_core.guard.logic import ALWAYS, AllOf, Condition, Within, both, either
from cleanroom_core.guard.question import Key, Question, canonical_hash
from cleanroom_core.guard.safe_query import question_of, sealed
from cleanroom_core.guard.sheet import Part
from cleanroom_core.policies.rule import GRIDS
from cleanroom_core.sql.cells import CellLayout, KeyLayout, Label, Thresholds, UnitLayout
from cleanroom_core.sql.types import STRING

TOGETHER = "all others"


@dataclass(frozen=True)
class OwnSide:
    """`part`: what the locked engine computes. `keys`: the sheet's keys over this asset's columns alone."""

    asset: str
    part: Part
    keys: tuple[Key, ...]

    @property
    def cells(self) -> int | None:
        """Label combinations of the own keys; None where the labels of one are not known."""
        counts = [None if key.labels is None else len(key.labels) for key in self.part.layout.keys]
        return None if None in counts else prod(count for count in counts if count is not None)


def own_side(part: Part, asset: str, thresholds: Thresholds) -> OwnSide:
    """The part as far as this asset, one of those it reads, decides it."""
    question = question_of(part.query)
    kept = [
        (key, layout)
        for key, layout in zip(question.keys, question.layout.keys, strict=True)
        if {ref.asset for ref in key.refs} == {asset}
    ]
    figures = {name: ref for name, ref in question.figures.items() if ref.asset == asset}
    own = replace(
        question,
        assets=tuple(found for found in question.assets if found.qualified == asset),
        where=_projected(question.where, asset),
        figures=figures,
        optional=frozenset(),
        layout=replace(
            question.layout,
            figures=tuple(figure for figure in question.layout.figures if figure.name in figures),
            units=(UnitLayout((asset,)),),
        ),
    )
    return _with_keys(own, kept, thresholds)


def whole(own: OwnSide, thresholds: Thresholds) -> OwnSide:
    """The same rows as one cell: what the share of rows is a share of."""
    question = question_of(own.part.query)
    bare = replace(question, figures={}, layout=replace(question.layout, figures=()))
    return _with_keys(bare, [], thresholds)


def without_key(own: OwnSide, index: int, thresholds: Thresholds) -> OwnSide:
    pairs = _pairs(own)
    return _with_keys(question_of(own.part.query), pairs[:index] + pairs[index + 1 :], thresholds)


def coarser_grids(own: OwnSide, index: int) -> tuple[str, ...]:
    """The agreed calendar grids that are coarser than that of this key, the finest first; none for other keys."""
    key = own.keys[index]
    if key.ref is None or key.grid is None:
        return ()
    question = question_of(own.part.query)
    dimension = question.assets[0].dimension(question.column(key.ref))
    agreed = () if dimension is None else dimension.dates
    return tuple(grid for grid in GRIDS[GRIDS.index(key.grid) + 1 :] if grid in agreed)


def on_grid(own: OwnSide, index: int, grid: str, thresholds: Thresholds) -> OwnSide:
    """A date key on a coarser grid."""
    pairs, question = _pairs(own), question_of(own.part.query)
    key, layout = pairs[index]
    assert key.ref is not None  # noqa: S101  only a date has grids
    published = question.assets[0].periods(key.ref.column, grid)
    coarser = replace(key, grid=grid)
    labels = None if published is None or layout.labels is None else _reached(published, layout.labels, key.grid, grid)
    pairs[index] = (coarser, KeyLayout(coarser.name, coarser.type, labels))
    return _with_keys(question, pairs, thresholds)


def merged(own: OwnSide, index: int, labels: Iterable[Label], thresholds: Thresholds) -> OwnSide:
    """These labels of a key as one, as a CASE with an ELSE would make it. The key's labels must be known."""
    pairs = _pairs(own)
    key, layout = pairs[index]
    assert layout.labels is not None  # noqa: S101  the caller chooses among them
    together = frozenset(labels)
    conditions = {label: key.rows(label) for label in layout.labels}
    branches: list[tuple[Label, Condition]] = [
        (str(label), condition) for label, condition in conditions.items() if label not in together
    ]
    if gathered := [condition for label, condition in conditions.items() if label in together]:
        branches.append((TOGETHER, either(gathered)))
    banded = Key(None, None, tuple(branches), STRING)
    pairs[index] = (banded, KeyLayout(banded.name, STRING, tuple(label for label, _ in branches)))
    return _with_keys(question_of(own.part.query), pairs, thresholds)


def may_merge(own: OwnSide, index: int) -> bool:
    """Whether the labels of this key are known, and three at least."""
    labels = own.part.layout.keys[index].labels
    return own.keys[index].grid is None and labels is not None and len(labels) > 2


def words(key: Key) -> str:
    """A key as people call it: its column, a date with its grid, a derived one as what it is made of."""
    names = " and ".join(ref.column for ref in sorted(key.refs))
    if key.ref is None:
        return f"the labels made of {names}"
    return f"{names} by {key.grid}" if key.grid else names


def _pairs(own: OwnSide) -> list[tuple[Key, KeyLayout]]:
    return list(zip(own.keys, own.part.layout.keys, strict=True))


def _with_keys(question: Question, pairs: list[tuple[Key, KeyLayout]], thresholds: Thresholds) -> OwnSide:
    (asset,) = question.assets
    keys = tuple(key for key, _ in pairs)
    partition = canonical_hash(
        {
            "own": [asset.qualified, asset.rule.join_key.casefold(), asset.rule.privacy_unit.casefold()],
            "where": question.where.as_json(),
            "keys": [key.name for key in keys],
        }
    )
    layout = CellLayout(partition, tuple(layout for _, layout in pairs), question.layout.figures, question.layout.units)
    found = replace(question, keys=keys, layout=layout)
    canonical = canonical_hash({"partition": partition, "figures": [figure.name for figure in layout.figures]})
    return OwnSide(asset.qualified, Part(sealed(found, thresholds), layout, canonical), keys)


def _projected(condition: Condition, asset: str) -> Condition:
    """True wherever the condition can be true, whatever the other assets' columns hold."""
    if isinstance(condition, Within):
        return condition if condition.ref.asset == asset else ALWAYS
    parts = [_projected(part, asset) for part in condition.parts]
    return both(parts) if isinstance(condition, AllOf) else either(parts)


def _reached(published: Iterable[Label], labels: Iterable[Label], old: str | None, grid: str) -> tuple[Label, ...]:
    """Published periods of the coarser grid that some label of the finer one falls into."""
    fine = list(labels)
    days = [label for label in fine if label is not None and not isinstance(label, str | int)]
    first = {truncate(day, grid) for day in days}
    last = {truncate(following(day, old) - timedelta(days=1), grid) for day in days if old is not None}
    return tuple(label for label in published if label in (first | last) or (label is None and None in fine))


__all__ = [
    "TOGETHER", "OwnSide", "coarser_grids", "may_merge", "merged", "on_grid", "own_side", "whole", "without_key", "words",
]  # fmt: skip
