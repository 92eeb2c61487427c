"""The values of one column as classes: values that no part of a plan tells apart are one class, which is all that a
certification has to know of them.

A *use* of a column is a region of a condition, the labels of a key, or the question whether there is a value at all. The line
of a date or a measure is cut at every edge some use has; labels are taken one by one; NULL, NaN and labels nobody agreed on
stand beside them. What all uses treat alike is merged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.calendar import following, truncate
from cleanroom_core.guard.day_table import by_day
from cleanroom_core.guard.regions import Edge, Labels, Point, Region, Spans, as_start, as_stop
from cleanroom_core.guard.world import DATED, Asset
from cleanroom_core.sql.cells import Label
from cleanroom_core.sql.classes import OUTSIDE
from cleanroom_core.sql.types import Column, Kind, SqlType


class Special(Enum):
    NULL = "null"
    NAN = "nan"  # counted as a value, never summed
    OTHER = "other"  # a label nobody agreed on


@dataclass(frozen=True)
class Stretch:
    """A piece of a line between two neighbouring cuts."""

    start: Edge
    stop: Edge


@dataclass(frozen=True)
class One:
    label: Label


Atom = Special | Stretch | One


@dataclass(frozen=True)
class KeyUse:
    """Group by the column: `labels` as the layout has them."""

    grid: str | None
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class PresentUse:
    """Whether a row has a value of it; NaN is none where it is summed."""

    summed: bool


@dataclass(frozen=True)
class SideUse:
    """Whether a row of a measure from 0 to 1 is more than zero (`ones`), or less than one."""

    ones: bool


Use = Region | KeyUse | PresentUse | SideUse
_MORE, _LESS = Spans((((Decimal(0), 1), None),)), Spans(((None, (Decimal(1), 0)),))


@dataclass
class Uses:
    """What the parts of a plan do with one column. `known`: labels or first days of periods somebody has agreed on or
    published; empty where there are none."""

    column: Column
    uses: dict[Use, None] = field(default_factory=dict)
    known: dict[tuple[Label, str | None], None] = field(default_factory=dict)

    def know(self, asset: Asset) -> None:
        """Take in what the owner has published of the column."""
        for label in asset.domain(self.column) or () if self.column.type.kind not in DATED else ():
            self.known[label, None] = None
        dimension = asset.dimension(self.column)
        for grid in dimension.dates if dimension is not None else ():
            for start in asset.periods(self.column.name, grid) or ():
                self.known[start, grid] = None

    def classified(self) -> Classified:
        """What all uses treat alike as one class."""
        atoms = self._atoms()
        true: dict[Atom, list[tuple[int, int]]] = {atom: [] for atom in atoms}
        for number, use in enumerate(self.uses):
            for atom, found in _told(use, self.column.type, atoms):
                true[atom].append((number, found))
        signatures: dict[Hashable, int] = {}
        classes = {atom: signatures.setdefault(tuple(true[atom]), len(signatures)) for atom in atoms}
        hull = self._published()
        phantoms = sorted({number for atom, number in classes.items() if self._could_be(atom, hull)})
        return Classified(self.column, classes, len(signatures), tuple(phantoms))

    def _atoms(self) -> list[Atom]:
        special: list[Atom] = [Special.NULL]
        if not self._is_line:
            found = {label for label, _ in self.known}
            for use in self.uses:
                found |= use.among if isinstance(use, Labels) else set(use.labels) if isinstance(use, KeyUse) else set()
            labels = sorted((label for label in found if label is not None), key=lambda label: (str(type(label)), label))
            return [*(One(label) for label in labels), *special, Special.OTHER]
        edges = {edge for use in self.uses for edge in _edges(use, self.column.type)}
        cuts: list[Edge] = [None, *sorted(edges), None]
        if self.column.type.kind is Kind.DOUBLE:
            special.append(Special.NAN)
        return [*(Stretch(start, stop) for start, stop in pairwise(cuts)), *special]

    @property
    def _is_line(self) -> bool:
        return not any(isinstance(use, Labels) or (isinstance(use, KeyUse) and use.grid is None) for use in self.uses)

    def _could_be(self, atom: Atom, hull: Spans) -> bool:
        """Whether somebody who is in no table could have this value, as far as everybody may know."""
        if isinstance(atom, Special):
            return atom is Special.NULL and any(label is None for label, _ in self.known)
        if isinstance(atom, One):
            return not self.known or (atom.label, None) in self.known
        return _within(atom, hull)

    def _published(self) -> Spans:
        """The days that lie between the first and the last published period of every grid; the whole line where none is
        published. A week that begins in December says nothing about December where the months begin with January."""
        hull = Spans(((None, None),))
        for grid in {grid for _, grid in self.known}:
            starts = [start for start, of in self.known if of == grid and isinstance(start, date)]
            if grid is not None and starts:
                hull &= Spans((((min(starts), 0), (following(max(starts), grid), 0)),))
        return hull


@dataclass(frozen=True)
class Classified:
    """`classes`: of each atom. `phantoms`: classes a person who is in no table could have."""

    column: Column
    classes: dict[Atom, int]
    count: int
    phantoms: tuple[int, ...]

    @property
    def _line(self) -> list[tuple[Stretch, int]]:
        return [(atom, number) for atom, number in self.classes.items() if isinstance(atom, Stretch)]

    @cached_property
    def _atoms(self) -> list[Atom]:
        return list(self.classes)

    @property
    def absent(self) -> int:
        return self.classes[Special.NULL]

    @property
    def default(self) -> tuple[int, ...]:
        """The classes of phantoms, one that is a value first; any class at all where nothing is known."""
        valued = [number for number in self.phantoms if number != self.absent]
        return tuple(dict.fromkeys([*valued, *self.phantoms])) or (0,)

    def where(self, use: Use) -> frozenset[int]:
        """The classes for which a condition or a test for a value is true."""
        return frozenset(self.classes[atom] for atom, true in _told(use, self.column.type, self._atoms) if true is True)

    def labels(self, use: KeyUse) -> tuple[int, ...]:
        """Class -> number of the key's label, or OUTSIDE."""
        read = _reader(use, self.column.type)
        numbers = {number: read(atom) for atom, number in self.classes.items()}
        return tuple(numbers[number] for number in range(self.count))

    def code(self, value: exp.Expr) -> exp.Expr:
        """SQL for the class of a value; a total function."""
        branches = [(trees.is_null(value.copy()), trees.integer(self.absent))]
        if Special.NAN in self.classes:
            branches.append((exp.IsNan(this=value.copy()), trees.integer(self.classes[Special.NAN])))
        if Special.OTHER not in self.classes:
            line = [
                next(alike) for _, alike in groupby(self._line, key=lambda piece: piece[1])
            ]  # a cut between two alike is none
            nulls, nothing = trees.integer(self.absent), exp.Null()
            pieces = [(atom.start, atom.stop, trees.integer(number)) for atom, number in self._line]
            if (table := by_day(value, pieces, nulls, nothing, self.column.type)) is not None:
                return table
            return trees.case(*branches, default=_sought(value, line, self.column.type))
        default = self.classes[Special.OTHER]
        listed: dict[int, list[exp.Expr]] = {}
        for atom, number in self.classes.items():
            if isinstance(atom, One) and number != default:
                listed.setdefault(number, []).append(trees.literal(atom.label))
        for number, values in listed.items():
            branches.append((exp.In(this=value.copy(), expressions=values), trees.integer(number)))
        return trees.case(*branches, default=trees.integer(default))


def _sought(value: exp.Expr, line: list[tuple[Stretch, int]], type_: SqlType) -> exp.Expr:
    """Nested comparisons that halve the line, so that a long one costs few of them per row."""
    if len({number for _, number in line}) == 1:
        return trees.integer(line[0][1])
    middle = len(line) // 2
    below = _before(value, line[middle][0].start, type_)
    return trees.case((below, _sought(value, line[:middle], type_)), default=_sought(value, line[middle:], type_))


def _before(value: exp.Expr, edge: Edge, type_: SqlType) -> exp.Expr:
    assert edge is not None  # noqa: S101  the middle of a line has a cut before it
    point, side = edge
    if isinstance(point, date):
        cut = trees.cast(trees.text(point.isoformat()), "DATE" if type_.kind is Kind.DATE else "TIMESTAMP")
    else:
        cut = trees.cast(trees.number(point), "DOUBLE") if type_.kind is Kind.DOUBLE else trees.number(point)
    return (exp.LTE if side else exp.LT)(this=value.copy(), expression=cut)


def _told(use: Use, type_: SqlType, atoms: Sequence[Atom]) -> Iterator[tuple[Atom, int]]:
    """The values of which a use makes something: true, or the number of a label. `atoms`: those of a line first, ascending; a
    calendar has thousands of them, so that only those within the spans are looked at."""
    read = _reader(use, type_)
    if not isinstance(use, Spans):
        yield from ((atom, found) for atom in atoms if (found := read(atom)) is not False)
        return
    count = sum(isinstance(atom, Stretch) for atom in atoms)
    start_of: Callable[[Atom], Any] = lambda atom: as_start(atom.start) if isinstance(atom, Stretch) else None  # noqa: E731
    for start, stop in _on_grid(use, type_).parts:
        first = bisect_left(atoms, as_start(start), 0, count, key=start_of)
        yield from ((atom, True) for atom in atoms[first : bisect_left(atoms, as_stop(stop), first, count, key=start_of)])
    yield from ((atom, True) for atom in atoms[count:] if read(atom))


def _reader(use: Use, type_: SqlType) -> Callable[[Atom], int]:
    """What a use makes of a value: true or not, or the number of a label."""
    if isinstance(use, PresentUse):
        return lambda atom: atom is not Special.NULL and not (use.summed and atom is Special.NAN)
    if isinstance(use, SideUse):
        side = _reader(_MORE if use.ones else _LESS, type_)
        return lambda atom: atom == One(int(use.ones)) if isinstance(atom, One) else side(atom)
    if isinstance(use, Labels):
        return lambda atom: None in use if atom is Special.NULL else isinstance(atom, One) and atom.label in use
    if isinstance(use, KeyUse):
        return _dated(use, use.grid) if use.grid is not None else _labelled(use)
    spans, endless = _on_grid(use, type_), any(stop is None for _, stop in use.parts)

    def within(atom: Atom) -> bool:
        if isinstance(atom, Stretch):
            return _within(atom, spans)
        return spans.null if atom is Special.NULL else atom is Special.NAN and endless  # NaN is above every number

    return within


def _labelled(use: KeyUse) -> Callable[[Atom], int]:
    numbers = {label: number for number, label in enumerate(use.labels)}

    def read(atom: Atom) -> int:
        if atom is Special.NULL:
            return numbers.get(None, OUTSIDE)
        return numbers.get(atom.label, OUTSIDE) if isinstance(atom, One) else OUTSIDE

    return read


def _dated(use: KeyUse, grid: str) -> Callable[[Atom], int]:
    starts = {label: number for number, label in enumerate(use.labels) if isinstance(label, date)}
    missing = next((number for number, label in enumerate(use.labels) if label is None), OUTSIDE)

    def read(atom: Atom) -> int:
        if not isinstance(atom, Stretch):
            return missing if atom is Special.NULL else OUTSIDE
        if atom.start is None or atom.stop is None:
            return OUTSIDE
        start = atom.start[0]
        return starts.get(truncate(start, grid), OUTSIDE) if isinstance(start, date) else OUTSIDE

    return read


def _within(stretch: Stretch, spans: Spans) -> bool:
    """A stretch lies within or outside, because the line is cut at every edge."""
    return bool((Spans(((stretch.start, stretch.stop),)) & spans).parts)


def _edges(use: Use, type_: SqlType) -> Iterable[tuple[Point, int]]:
    if isinstance(use, SideUse):
        return _edges(_MORE if use.ones else _LESS, type_)
    if isinstance(use, Spans):
        return [edge for part in _on_grid(use, type_).parts for edge in part if edge is not None]
    if isinstance(use, KeyUse) and use.grid is not None:
        starts = [label for label in use.labels if isinstance(label, date)]
        return [(day, 0) for start in starts for day in (start, following(start, use.grid))]
    return ()


def _on_grid(spans: Spans, type_: SqlType) -> Spans:
    """The same values with every cut just before one the column can hold, so that no piece of the line is empty of them."""
    cut: Callable[[Edge], Edge] = lambda edge: None if edge is None else _cut(edge, type_)  # noqa: E731
    return Spans(tuple((cut(start), cut(stop)) for start, stop in spans.parts), spans.null)


def _cut(edge: tuple[Point, int], type_: SqlType) -> tuple[Point, int]:
    point, side = edge
    if isinstance(point, date):
        return (point + timedelta(days=1), 0) if side and type_.kind is Kind.DATE else edge
    if type_.kind in (Kind.BIGINT, Kind.DECIMAL):
        step = Decimal(1).scaleb(-(type_.scale or 0))
        if side:
            return point.quantize(step, rounding=ROUND_FLOOR) + step, 0
        return point.quantize(step, rounding=ROUND_CEILING), 0
    return edge
