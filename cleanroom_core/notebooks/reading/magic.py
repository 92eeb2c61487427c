"""Magics: `%sql` and its like at the top change a cell's language; a `%` or `!` line inside Python is a cell of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cleanroom_core.notebooks.cell import Cell, Line
from cleanroom_core.notebooks.syntax import NotPython, parse_python

_MAGIC = re.compile(r"\s*%{1,2}([A-Za-z][\w-]*)[ \t]*")
_SHELL = re.compile(r"\s*!")
_LANGUAGES = {"md": "markdown", "md-sandbox": "markdown", "python": "python", "py": "python", "sql": "sql"}
_ONE_LINERS = frozenset({"pip", "conda", "run", "fs", "sh", "uv"})  # inside Python these take the rest of their line only


def cells_of(lines: Sequence[Line], language: str) -> Iterator[Cell]:
    """The cells in these lines of one cell of the file; nothing for a cell without text."""
    filled = [number for number, line in enumerate(lines) if line.text.strip()]
    if not filled:
        return
    first = filled[0]
    found = _MAGIC.match(lines[first].text)
    if (found and found[1] in _LANGUAGES) or (found and found[1] not in _ONE_LINERS):
        rest = (lines[first].after(found.end()), *lines[first + 1 :])
        yield from _split(rest, _LANGUAGES.get(found[1], found[1]))
    else:
        yield from _split(lines, language)


def _split(lines: Sequence[Line], language: str) -> Iterator[Cell]:
    """Python without its magic lines, and those lines as cells; other languages, and what is Python as it stands, whole."""
    if language != "python" or _is_python(lines):
        yield Cell(language, tuple(lines))
        return
    kept: list[Line] = []
    for line in lines:
        shell, magic = _SHELL.match(line.text), _MAGIC.match(line.text)
        if shell or (magic and magic[1] in {*_ONE_LINERS, *_LANGUAGES}):
            word = magic[1] if magic else "sh"
            yield Cell(_LANGUAGES.get(word, word), (line.after((magic or shell).end()),))  # type: ignore[union-attr]
            kept.append(line.blank())
        elif magic:  # %time, %matplotlib: nothing that reads data
            kept.append(line.blank())
        else:
            kept.append(line)
    if any(line.text.strip() for line in kept):
        yield Cell("python", tuple(kept))


def _is_python(lines: Sequence[Line]) -> bool:
    """Then a line that looks like a magic stands in a text."""
    try:
        parse_python("\n".join(line.text for line in lines))
    except NotPython:
        return False
    return True
