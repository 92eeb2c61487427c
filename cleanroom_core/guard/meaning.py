"""What a condition means, whatever it says: two conditions that are true of the same rows get the same JSON.

A conjunction of regions is its own meaning. Of everything else a truth table is made: each column is cut into classes of values
that no part of the condition tells apart, the condition is tried on every combination, and classes that never make a difference
are merged. Beyond `TABLE` combinations the normal form stands for itself: then two texts may count as two partitions, which
costs work and gives nothing away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise, product
from math import prod
from typing import Any

from cleanroom_core.guard.logic import AllOf, AnyOf, Condition, Ref, Within, conjuncts_of, refs_of
from cleanroom_core.guard.regions import Edge, Labels, Region, Spans

TABLE = 4096


@dataclass(frozen=True)
class _Class:
    """Values of one column that are in the same regions. `values` is None for those that no region names."""

    values: Region | None
    regions: frozenset[Region]


def meaning(condition: Condition) -> Any:
    """JSON that is equal for conditions of the same meaning."""
    if condition == AnyOf() or all(isinstance(part, Within) for part in conjuncts_of(condition)):
        return condition.as_json()
    refs = sorted(refs_of(condition))
    classes = {ref: _classes(frozenset(_regions(ref, condition))) for ref in refs}
    if prod(len(found) for found in classes.values()) > TABLE:
        return condition.as_json()
    rows = list(product(*(classes[ref] for ref in refs)))
    truth = [_holds(condition, dict(zip(refs, row, strict=True))) for row in rows]
    names = [_names(classes[ref], number, rows, truth) for number, ref in enumerate(refs)]
    telling = [number for number, named in enumerate(names) if len(set(named.values())) > 1]
    shown = {tuple(names[number][row[number]] for number in telling) for row, true in zip(rows, truth, strict=True) if true}
    return {"columns": [str(refs[number]) for number in telling], "true": sorted(shown)}


def _regions(ref: Ref, condition: Condition) -> Iterator[Region]:
    if isinstance(condition, Within):
        if condition.ref == ref:
            yield condition.region
        return
    for part in condition.parts:
        yield from _regions(ref, part)


def _classes(regions: frozenset[Region]) -> list[_Class]:
    if any(isinstance(region, Labels) for region in regions):
        labels = frozenset(label for region in regions if isinstance(region, Labels) for label in region.among)
        atoms: list[Region] = [Labels(frozenset({label})) for label in labels]
        rest = [_Class(None, frozenset())]
    else:
        spans = [region for region in regions if isinstance(region, Spans)]
        edges = {edge for region in spans for part in region.parts for edge in part if edge is not None}
        cuts: list[Edge] = [None, *sorted(edges), None]
        atoms = [*(Spans(((start, stop),)) for start, stop in pairwise(cuts)), Spans((), null=True)]
        rest = []
    found: dict[frozenset[Region], Region] = {}
    for atom in atoms:
        within = frozenset(region for region in regions if not _common(atom, region).is_empty)
        found[within] = _union(found[within], atom) if within in found else atom
    return [_Class(values, within) for within, values in found.items() if within or not rest] + rest


def _holds(condition: Condition, row: Mapping[Ref, _Class]) -> bool:
    if isinstance(condition, Within):
        return condition.region in row[condition.ref].regions
    test = all if isinstance(condition, AllOf) else any
    return test(_holds(part, row) for part in condition.parts)


def _names(classes: list[_Class], number: int, rows: list[tuple[_Class, ...]], truth: list[bool]) -> dict[_Class, str]:
    """Each class by the values of all those that make the same difference as it."""
    alike: dict[tuple[bool, ...], list[_Class]] = {}
    for one in classes:
        difference = tuple(true for row, true in zip(rows, truth, strict=True) if row[number] == one)
        alike.setdefault(difference, []).append(one)
    names: dict[_Class, str] = {}
    for group in alike.values():
        values = [one.values for one in group if one.values is not None]
        name = json.dumps(reduce(_union, values).as_json()) if len(values) == len(group) else "rest"
        names |= dict.fromkeys(group, name)
    return names


def _union(one: Region, two: Region) -> Region:
    if isinstance(one, Labels) and isinstance(two, Labels):
        return one | two
    assert isinstance(one, Spans) and isinstance(two, Spans)  # noqa: S101, PT018  one column, one kind of region
    return one | two


def _common(one: Region, two: Region) -> Region:
    if isinstance(one, Labels) and isinstance(two, Labels):
        return one & two
    assert isinstance(one, Spans) and isinstance(two, Spans)  # noqa: S101, PT018
    return one & two
