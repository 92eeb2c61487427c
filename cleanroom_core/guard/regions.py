"""The part of a column's values for which a condition is true: a set of labels, or spans of a line. Both know NULL.

Conditions are kept as the set where they are *true* (SQL's third value, unknown, is not true), so that AND is intersection and
OR is union; NOT is pushed down to single comparisons while reading, where its three-valued meaning is exact.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Any

from cleanroom_core.sql.cells import Label, label_order, label_to_json

Point = date | Decimal
Edge = tuple[Point, int] | None  # (value, 0) lies just before the value, (value, 1) just after it; None is no end


@dataclass(frozen=True)
class Labels:
    """Some of the agreed labels; `None` among them is NULL."""

    among: frozenset[Label]

    def __and__(self, other: Labels) -> Labels:
        return Labels(self.among & other.among)

    def __or__(self, other: Labels) -> Labels:
        return Labels(self.among | other.among)

    @property
    def is_empty(self) -> bool:
        return not self.among

    def __contains__(self, label: object) -> bool:
        return label in self.among

    def ordered(self) -> tuple[Label, ...]:
        return tuple(sorted(self.among, key=lambda label: label_order((label,))))

    def as_json(self) -> Any:
        return {"labels": [label_to_json(label) for label in self.ordered()]}


@dataclass(frozen=True)
class Spans:
    """Disjoint stretches (from edge, to edge) of a line, ascending; `null` says whether NULL is in. `known`: where alone it is
    known which values are in, when days of a calendar were computed one by one; None is everywhere. No part of the set."""

    parts: tuple[tuple[Edge, Edge], ...]
    null: bool = False
    known: Spans | None = field(default=None, compare=False)

    def __and__(self, other: Spans) -> Spans:
        few, many = sorted((self.parts, other.parts), key=len)
        found = []
        for start, stop in few:
            first = bisect_right(many, as_start(start), key=lambda part: as_stop(part[1]))  # ends after it has begun
            last = bisect_left(many, as_stop(stop), first, key=lambda part: as_start(part[0]))  # begins before it ends
            found += [(max(start, a, key=as_start), min(stop, b, key=as_stop)) for a, b in many[first:last]]
        return Spans(tuple(found), self.null and other.null, _both_known(self.known, other.known))

    def __or__(self, other: Spans) -> Spans:
        return Spans.union((self, other))

    @staticmethod
    def union(several: Iterable[Spans]) -> Spans:
        """What is in any of them, in one go."""
        found = tuple(several)
        merged: list[tuple[Edge, Edge]] = []
        for start, stop in sorted((part for one in found for part in one.parts), key=lambda part: as_start(part[0])):
            if merged and as_start(start) <= as_stop(merged[-1][1]):
                merged[-1] = (merged[-1][0], max(merged[-1][1], stop, key=as_stop))
            else:
                merged.append((start, stop))
        return Spans(tuple(merged), any(one.null for one in found), reduce(_both_known, (one.known for one in found), None))

    def complement(self) -> Spans:
        """Where the comparison is false. NULL is neither in the one nor in the other."""
        gaps: list[tuple[Edge, Edge]] = []
        reached: Edge = None
        for start, stop in self.parts:
            if start is not None:
                gaps.append((reached, start))
            if stop is None:
                return Spans(tuple(gaps))
            reached = stop
        return Spans((*gaps, (reached, None)))

    def rest(self) -> Spans:
        """Everything else, NULL included."""
        return Spans(self.complement().parts, not self.null)

    def known_rest(self) -> Spans:
        """Everything else of which that is known, NULL included."""
        if self.known is None:
            return self.rest()
        return Spans((self.complement() & self.known).parts, not self.null, self.known)

    @property
    def is_empty(self) -> bool:
        return not self.parts and not self.null

    def __contains__(self, point: object) -> bool:
        if not isinstance(point, date | Decimal):
            return point is None and self.null
        before, after = as_start((point, 0)), as_stop((point, 1))
        return any(as_start(start) <= before and after <= as_stop(stop) for start, stop in self.parts)

    def as_json(self) -> Any:
        return {"spans": [[_edge_json(start), _edge_json(stop)] for start, stop in self.parts], "null": self.null}


Region = Labels | Spans


def as_start(edge: Edge) -> tuple[int, Any, int]:
    """Order of an edge as a start: no end lies before everything."""
    return (0, 0, 0) if edge is None else (1, *edge)


def as_stop(edge: Edge) -> tuple[int, Any, int]:
    """Order of an edge as an end: no end lies after everything."""
    return (2, 0, 0) if edge is None else (1, *edge)


def _both_known(one: Spans | None, two: Spans | None) -> Spans | None:
    if one is None or two is None or one == two:
        return two if one is None else one
    return one & two


def _edge_json(edge: Edge) -> Any:
    if edge is None:
        return None
    point, side = edge
    return [point.isoformat() if isinstance(point, date) else str(point.normalize()), side]
