"""The part of a column's values for which a condition is true: a set of labels, or spans of a line. Both know NULL.

Conditions are kept as the set where they are *true* (SQL's third value, unknown, is not true), so that AND is intersection and
OR is union; NOT is pushed down to single comparisons while reading, where its three-valued meaning is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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
    """Disjoint stretches (from edge, to edge) of a line, ascending; `null` says whether NULL is in."""

    parts: tuple[tuple[Edge, Edge], ...]
    null: bool = False

    def __and__(self, other: Spans) -> Spans:
        both = ((max(a, c, key=_from), min(b, d, key=_to)) for a, b in self.parts for c, d in other.parts)
        return Spans(tuple(sorted(filter(_stretches, both), key=lambda part: _from(part[0]))), self.null and other.null)

    def __or__(self, other: Spans) -> Spans:
        merged: list[tuple[Edge, Edge]] = []
        for start, stop in sorted(self.parts + other.parts, key=lambda part: _from(part[0])):
            if merged and _from(start) <= _to(merged[-1][1]):
                merged[-1] = (merged[-1][0], max(merged[-1][1], stop, key=_to))
            else:
                merged.append((start, stop))
        return Spans(tuple(merged), self.null or other.null)

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

    @property
    def is_empty(self) -> bool:
        return not self.parts and not self.null

    def __contains__(self, point: object) -> bool:
        if not isinstance(point, date | Decimal):
            return point is None and self.null
        return any(_from(start) <= _from((point, 0)) and _to((point, 1)) <= _to(stop) for start, stop in self.parts)

    def as_json(self) -> Any:
        return {"spans": [[_edge_json(start), _edge_json(stop)] for start, stop in self.parts], "null": self.null}


Region = Labels | Spans


def _from(edge: Edge) -> tuple[int, Any, int]:
    """Order of an edge as a start: no end lies before everything."""
    return (0, 0, 0) if edge is None else (1, *edge)


def _to(edge: Edge) -> tuple[int, Any, int]:
    return (2, 0, 0) if edge is None else (1, *edge)


def _stretches(part: tuple[Edge, Edge]) -> bool:
    return _from(part[0]) < _to(part[1])


def _edge_json(edge: Edge) -> Any:
    if edge is None:
        return None
    point, side = edge
    return [point.isoformat() if isinstance(point, date) else str(point.normalize()), side]
