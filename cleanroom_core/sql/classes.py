"""Classes of rows: what the certification of a release plan is told about the rows of one asset, and how to read it.

The guard writes a `ClassPlan` beside a class query: per column the classes of its values that no part of the plan tells apart,
and per part how the cell of a row follows from the classes of its columns. The query returns distinct pairs of a person (a
number of no meaning) and packed classes (*words*); `privacy.classes` turns them into cells. Both stand above this module.
Only numbers are in here: no label, no SQL, nothing that tells one room from another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OUTSIDE = -1  # a class that no label of a key stands for: the row is in no cell


@dataclass(frozen=True)
class InClasses:
    """True where the class of column number `column` is one of these."""

    column: int
    classes: frozenset[int]


@dataclass(frozen=True)
class Every:
    tests: tuple[Test, ...] = ()


@dataclass(frozen=True)
class Some:
    tests: tuple[Test, ...] = ()


Test = InClasses | Every | Some


@dataclass(frozen=True)
class CodeColumn:
    """One column as classes 0 .. `classes` - 1. `name`: what it is a column of; equal names are one dimension. `phantoms`: the
    classes a person who is in no table could have; the first of them is where such a person stands by default. `absent`: the
    class the column has when its asset is unmatched, which column `owner` says with class 0; None where it never is."""

    name: str
    classes: int
    phantoms: tuple[int, ...]
    owner: int | None = None
    absent: int = 0


@dataclass(frozen=True)
class ByClass:
    """A key read off one column: class -> number of its label, or OUTSIDE."""

    column: int
    labels: tuple[int, ...]


@dataclass(frozen=True)
class ByBranch:
    """A key whose label is that of the first test that holds; OUTSIDE when none does."""

    branches: tuple[tuple[int, Test], ...]


KeyClasses = ByClass | ByBranch


@dataclass(frozen=True)
class PartClasses:
    """How one part of the plan reads the classes. `view`: whose words it reads. `columns`: the columns it uses. `sizes`: number
    of labels per key. `present`: figure -> where a row has a value of it; `sides`: measure from 0 to 1 -> where it is more than
    0, where less than 1. `rows`: whether the number of rows depends on this asset at all; that of a left join does not, where
    the joined columns are in figures only."""

    view: int
    columns: tuple[int, ...]
    where: Test
    keys: tuple[KeyClasses, ...]
    sizes: tuple[int, ...]
    present: Mapping[str, Test] = field(default_factory=dict)
    sides: Mapping[str, tuple[Test, Test]] = field(default_factory=dict)
    rows: bool = True


@dataclass(frozen=True)
class Word:
    """One integer column of the query: NULL where the row is not in `view`, otherwise the classes of `columns` packed, the
    first in the least significant place."""

    view: int
    columns: tuple[int, ...]


@dataclass(frozen=True)
class ClassPlan:
    """One asset as a universe of the certification. `minimum`: people below which a group of its rows must not show.
    `parts`: by their number in the whole plan; parts that do not read the asset are not in here."""

    asset: str
    minimum: int
    columns: tuple[CodeColumn, ...]
    words: tuple[Word, ...]
    parts: Mapping[int, PartClasses]

    def as_json(self) -> dict[str, Any]:
        return {
            "asset": self.asset,
            "minimum": self.minimum,
            "columns": [[c.name, c.classes, list(c.phantoms), c.owner, c.absent] for c in self.columns],
            "words": [[word.view, list(word.columns)] for word in self.words],
            "parts": {str(number): _part_to_json(part) for number, part in self.parts.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClassPlan:
        return cls(
            data["asset"],
            data["minimum"],
            tuple(CodeColumn(name, count, tuple(phantoms), *rest) for name, count, phantoms, *rest in data["columns"]),
            tuple(Word(view, tuple(columns)) for view, columns in data["words"]),
            {int(number): _part_from_json(part) for number, part in data["parts"].items()},
        )


def _part_to_json(part: PartClasses) -> dict[str, Any]:
    keys = [
        {"column": key.column, "labels": list(key.labels)}
        if isinstance(key, ByClass)
        else {"branches": [[label, _test_to_json(test)] for label, test in key.branches]}
        for key in part.keys
    ]
    return {
        "view": part.view,
        "columns": list(part.columns),
        "where": _test_to_json(part.where),
        "keys": keys,
        "sizes": list(part.sizes),
        "present": {name: _test_to_json(test) for name, test in part.present.items()},
        "sides": {name: [_test_to_json(test) for test in tests] for name, tests in part.sides.items()},
        "rows": part.rows,
    }


def _part_from_json(data: Mapping[str, Any]) -> PartClasses:
    keys: list[KeyClasses] = [
        ByClass(key["column"], tuple(key["labels"]))
        if "column" in key
        else ByBranch(tuple((label, _test_from_json(test)) for label, test in key["branches"]))
        for key in data["keys"]
    ]
    return PartClasses(
        data["view"],
        tuple(data["columns"]),
        _test_from_json(data["where"]),
        tuple(keys),
        tuple(data["sizes"]),
        {name: _test_from_json(test) for name, test in data["present"].items()},
        {name: (_test_from_json(ones), _test_from_json(others)) for name, (ones, others) in data["sides"].items()},
        data["rows"],
    )


def _test_to_json(test: Test) -> dict[str, Any]:
    if isinstance(test, InClasses):
        return {"column": test.column, "in": sorted(test.classes)}
    return {"every" if isinstance(test, Every) else "some": [_test_to_json(part) for part in test.tests]}


def _test_from_json(data: Mapping[str, Any]) -> Test:
    if "column" in data:
        return InClasses(data["column"], frozenset(data["in"]))
    kind = Every if "every" in data else Some
    return kind(tuple(_test_from_json(part) for part in data["every" if kind is Every else "some"]))
