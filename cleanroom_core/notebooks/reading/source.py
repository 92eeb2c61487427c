"""Databricks source notebooks: one text file, cells parted by a comment, other languages behind `MAGIC` comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from cleanroom_core.notebooks.cell import Cell, Line
from cleanroom_core.notebooks.reading.magic import cells_of


def read_python_source(text: str) -> tuple[Cell, ...]:
    return _read(text, "python", "#")


def read_sql_source(text: str) -> tuple[Cell, ...]:
    return _read(text, "sql", "--")


def _read(text: str, language: str, comment: str) -> tuple[Cell, ...]:
    magic = re.compile(rf"{comment} MAGIC ?")
    cells: list[Cell] = []
    for lines in _parted(text.removeprefix("\ufeff"), re.compile(rf"{comment} COMMAND -{{5,}}\s*$")):
        for behind_magic, run in groupby(lines, key=lambda line: magic.match(line.text) is not None):
            if behind_magic:
                bare = [line.after(len(found.group())) for line in run if (found := magic.match(line.text))]
                cells += cells_of(bare, language)
            else:
                cells += cells_of(list(run), language)
    return tuple(cells)


def _parted(text: str, border: re.Pattern[str]) -> Iterator[list[Line]]:
    lines: list[Line] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if border.match(line):
            yield lines
            lines = []
        else:
            lines.append(Line.of(line.rstrip("\r"), number))
    yield lines
