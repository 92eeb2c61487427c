"""A sheet: one template with one parameter choice, judged; what is computed, and how its answer looks.

It has one *part* for its own WHERE and one more for every distinct condition inside an aggregate (FILTER, CASE): each part is a
partition of its own, with the same keys, computed, protected, certified and stored by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.guard.figures import Expression
from cleanroom_core.guard.question import Condition, Key
from cleanroom_core.guard.safe_query import SafeQuery
from cleanroom_core.guard.template import ParameterValue
from cleanroom_core.sql.cells import CellLayout
from cleanroom_core.sql.types import SqlType


@dataclass(frozen=True)
class Output:
    """One column of the answer, computed from protected figures."""

    name: str
    expression: Expression

    @property
    def type(self) -> SqlType:
        return self.expression.type


@dataclass(frozen=True)
class Sorting:
    expression: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Part:
    """One partition of a sheet. `canonical`: equal for the same question in other words (same assets, filter, keys and base
    figures). Whether stored cells answer it: `cells.layout.covers(part.layout)`."""

    query: SafeQuery
    layout: CellLayout
    canonical: str


@dataclass(frozen=True)
class Sheet:
    """`parts`: the sheet's own first. `where` (of the first part) and `keys` say which label combinations there can be."""

    template: str
    parameters: Mapping[str, ParameterValue]
    receiver: str
    purpose: str | None
    parts: tuple[Part, ...]
    outputs: tuple[Output, ...]
    where: Condition
    keys: tuple[Key, ...]
    having: Expression | None = None
    order: tuple[Sorting, ...] = ()
    limit: int | None = None

    @property
    def query(self) -> SafeQuery:
        return self.parts[0].query

    @property
    def layout(self) -> CellLayout:
        return self.parts[0].layout

    @property
    def canonical(self) -> str:
        return self.parts[0].canonical
