"""A notebook as this package sees it: cells with a language, their text, and where every character stands in the file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple


class Place(NamedTuple):
    """A position in the file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Line:
    """One line of a cell. `number`: its line in the file; `columns`: the file's column of every character and of the end."""

    text: str
    number: int
    columns: Sequence[int]

    @staticmethod
    def of(text: str, number: int, skip: int = 0) -> Line:
        """A line of the file, without its first `skip` characters."""
        return Line(text[skip:], number, range(skip + 1, len(text) + 2))

    def after(self, count: int) -> Line:
        return Line(self.text[count:], self.number, self.columns[count:])

    def blank(self) -> Line:
        return Line("", self.number, self.columns[:1])


@dataclass(frozen=True)
class Cell:
    """`language`: python, sql, markdown, or the word of another magic (scala, r, sh, run, pip, fs ...)."""

    language: str
    lines: tuple[Line, ...]

    @cached_property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line.text) + 1 for line in self.lines)]

    def offset(self, line: int, column: int) -> int:
        """Where line `line` (from 1), character `column` (from 0) stands in `text`."""
        return self._starts[line - 1] + column

    def place(self, offset: int) -> Place:
        """Where the character at this offset of `text` stands in the file."""
        number = min(max(bisect_right(self._starts, offset) - 1, 0), len(self.lines) - 1)
        line = self.lines[number]
        return Place(line.number, line.columns[min(max(offset - self._starts[number], 0), len(line.columns) - 1)])


@dataclass(frozen=True)
class Notebook:
    """`name`: as it was named on the command line."""

    name: str
    cells: tuple[Cell, ...]
