"""Jupyter notebooks: JSON, so a reader that remembers where in the file each character of a cell stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

from cleanroom_core.notebooks.cell import Cell, Line
from cleanroom_core.notebooks.reading.magic import cells_of

_STEP = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.")  # one character


class _Placed(str):
    """A text of the JSON file; `start`: the offset of its first character behind the quote."""

    start: int


class _Decoder(json.JSONDecoder):
    def __init__(self) -> None:
        super().__init__()
        self.parse_string = self._placed
        self.scan_once = py_make_scanner(self)

    @staticmethod
    def _placed(text: str, start: int, strict: bool = True) -> tuple[str, int]:
        value, end = scanstring(text, start, strict)
        placed = _Placed(value)
        placed.start = start
        return placed, end


def read_jupyter(text: str) -> tuple[Cell, ...]:
    """Raises ValueError (also for broken JSON) saying what is missing."""
    try:
        notebook = _Decoder().decode(text.removeprefix("\ufeff"))
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("it has no list of cells, so it is no Jupyter notebook of version 4")
    language = _language(notebook.get("metadata"))
    cells: list[Cell] = []
    for cell in notebook["cells"]:
        if not isinstance(cell, dict):
            raise ValueError("a cell is not an object")
        if cell.get("cell_type") == "code":
            cells += cells_of(list(_lines(cell.get("source"), text)), language)
        elif cell.get("cell_type") == "markdown":
            cells.append(Cell("markdown", tuple(_lines(cell.get("source"), text))))
    return tuple(cells)


def _language(metadata: Any) -> str:
    """The notebook's own language, as Databricks or Jupyter writes it down."""
    here = metadata if isinstance(metadata, dict) else {}
    for outer, inner in (("application/vnd.databricks.v1+notebook", "language"), ("language_info", "name")):
        named = here.get(outer)
        if isinstance(named, dict) and isinstance(named.get(inner), str):
            return str(named[inner]).lower()
    return "python"


def _lines(source: Any, text: str) -> Iterator[Line]:
    """A cell's lines. Raises ValueError where `source` is neither a text nor a list of texts."""
    parts = source if isinstance(source, list) else [source]
    if not all(isinstance(part, _Placed) for part in parts):
        raise ValueError("a cell's source is not text")
    characters: list[str] = []
    columns: list[int] = []
    number = end = 1
    for part in parts:
        number, end = text.count("\n", 0, part.start) + 1, part.start - text.rfind("\n", 0, part.start)
        for character, width in _walk(text, part):
            if character == "\n":
                yield Line("".join(characters), number, (*columns, end))
                characters, columns = [], []
            else:
                characters.append(character)
                columns.append(end)
            end += width
    if characters:
        yield Line("".join(characters), number, (*columns, end))


def _walk(text: str, part: _Placed) -> Iterator[tuple[str, int]]:
    """Each character of the value, and how many characters it takes in the file."""
    position = part.start
    for character in part:
        step = _STEP.match(text, position)
        width = len(step.group()) if step else 1
        yield character, width
        position += width
