"""What a text asks for, collected while it is read: the parts of its sheet, and the base figures of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.logic import ALWAYS, Condition, Ref, both
from cleanroom_core.guard.meaning import meaning
from cleanroom_core.guard.reading.scope import Found
from cleanroom_core.sql.cells import FigureLayout

MOST_PARTS = 50  # distinct conditions inside the aggregates of one text


@dataclass
class PartFigures:
    """Base figures asked of the rows of one part; one per column, however many aggregates use it."""

    where: Condition
    figures: dict[str, tuple[Ref, FigureLayout]] = field(default_factory=dict)

    def add(self, found: Found, layout: FigureLayout) -> None:
        known = self.figures.get(layout.name)
        if known is None or (layout.summed and not known[1].summed):
            self.figures[layout.name] = (found.ref, layout)


@dataclass
class Aggregates:
    """What a text asks for, collected while it is read: its parts, that of its own WHERE first. `optional`: assets that may be
    unmatched."""

    units: tuple[tuple[str, ...], ...]
    parts: list[PartFigures]
    optional: frozenset[str]
    _numbers: dict[str, int] = field(default_factory=dict)

    def part(self, rows: Condition, at: exp.Expr) -> int:
        """The number of the part with these of the first part's rows."""
        if rows == ALWAYS:
            return 0
        where = both([self.parts[0].where, rows])
        if not self._numbers:
            self._numbers[str(meaning(self.parts[0].where))] = 0
        number = self._numbers.setdefault(str(meaning(where)), len(self.parts))
        if number == len(self.parts):
            if number > MOST_PARTS:
                raise Refusal("TOO_MANY_PARTS", f"There are more than {MOST_PARTS} conditions inside aggregates.",
                              "Group by what they tell apart.", clause="grammar.aggregates", at=at)  # fmt: skip
            self.parts.append(PartFigures(where))
        return number
