"""The text of a room file as plain data that remembers where everything stands.

YAML is read as a stream of events and only the part of it a room needs is let through: one document, mappings, lists and
scalars. Aliases, anchors, tags, duplicate keys and deep nesting are problems with a line, so no text of a stranger can grow in
memory or mean two things. Scalars follow the core schema of YAML 1.2 (section 10.3.2): `NO` is text, `5411` a number, "5411"
text. What would silently lose a character as a number (`0742`, `0x1F`) is a problem instead. Numbers with a point are exact
(`Decimal`). Source of the format: https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cleanroom_core.errors import Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 16
MAX_VALUES = 50_000  # keys and items of the whole file
MAX_NUMBER = 30  # characters of a number; longer ones are identifiers and belong in quotes

Path = tuple[str | int, ...]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_LOSSY = re.compile(r"[-+]?0[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
# Control characters, bidirectional overrides, zero-width characters, line separators, surrogates: what an editor shows is then
# not what both sides sign.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_FRIENDLY = (
    (r"'\t'", "A tab stands where only spaces may stand.", "Indent with spaces."),
    ("end of stream", "A quote or a bracket is opened here and never closed.", "Close it."),
    ("stream end", "A bracket is opened and never closed.", "Close it with ] or }."),
    ("mapping values are not allowed", "A colon stands where no value can follow.",
     "Put the text in quotes, and check that keys of one level are indented alike."),
    ("could not find expected ':'", "A key without its colon.", "Write it as key: value."),
    ("cannot start any token", "A text begins with a character that YAML keeps for itself.", "Put the text in quotes."),
    ("expected <block end>", "The indentation does not fit the lines above.", "Indent keys of one level alike, with spaces."),
)  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """Where something stands, counted from 1. `line` and `column` are those of the key, or of the item of a list; `text_line`
    and `text_column` those of the first character of a scalar's text; None where lines inside it cannot be told."""

    line: int
    column: int
    text_line: int | None = None
    text_column: int | None = None


@dataclass
class RoomText:
    """The data of one room file, the place of every key, and the problems of the YAML itself.

    `data` is None when the text could not be read as YAML of the permitted kind; then `problems` says why.
    """

    data: dict[str, Any] | None = None
    problems: list[Problem] = field(default_factory=list)
    marks: dict[Path, Mark] = field(default_factory=dict)

    def mark(self, path: Path) -> Mark:
        """The place of `path`, or of its nearest parent that stands in the file. Names are found without regard to case."""
        for end in range(len(path), 0, -1):
            found = self.marks.get(path[:end]) or self.marks.get(_folded(path[:end]))
            if found is not None:
                return found if end == len(path) else Mark(found.line, found.column)
        return Mark(1, 1)

    def locate(self, path: Path, inner_line: int | None = None) -> int:
        """The line of `path` in the file; with `inner_line`, that line of its text (an SQL block, from 1)."""
        mark = self.mark(path)
        return mark.line if inner_line is None or mark.text_line is None else mark.text_line + inner_line - 1

    def problem(
        self,
        path: Path,
        message: str,
        hint: str,
        *,
        code: str = "ROOM_FILE",
        inner_line: int | None = None,
        inner_column: int | None = None,
    ) -> Problem:
        """A problem at `path`, or at a place inside its text, with line and column of the file filled in."""
        mark = self.mark(path)
        column = mark.column
        if inner_line is not None and inner_column is not None and mark.text_column is not None:
            column = mark.text_column + inner_column - 1
        return Problem(message, hint, path, self.locate(path, inner_line), column, code)


def read_text(text: str) -> RoomText:
    """Read the text of a room file; never raises, see `RoomText.problems`."""
    found = RoomText()
    hidden = _INVISIBLE.search(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        found.problems.append(Problem("The file is larger than a room file ever is.", "Keep it under 1 MB.", line=1))
    elif hidden is not None:
        line = hidden.string.count("\n", 0, hidden.start()) + 1
        where = hidden.start() - hidden.string.rfind("\n", 0, hidden.start())
        found.problems.append(
            Problem("An invisible or control character stands here.", "Delete it and type the line anew.", (), line, where)
        )
    else:
        _Composer(found, with_one_line_end(text)).compose()
    return found


def with_one_line_end(text: str) -> str:
    """The text with one kind of line end, so that lines count as editors count them."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """The rest of the text is not read: it could not be understood or is not allowed to be there."""


class _Composer:
    """Builds data out of YAML events; a class only because depth, marks and problems belong together while it runs."""

    def __init__(self, found: RoomText, text: str) -> None:
        from ruamel.yaml import YAML

        self.found = found
        self.values = 0
        self.lines = text.split("\n")
        self.events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))

    def compose(self) -> None:
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            self.found.data = self._document()
        except _Refused:
            self.found.data = None
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            opened = error.context_mark if "nd of stream" in str(error.problem) or "stream end" in str(error.problem) else None
            place = opened or mark
            message, hint = _explain(str(error.problem))
            self._note(message, hint, place.line + 1 if place else 1, place.column + 1 if place else 1)
        except (YAMLError, ValueError, OverflowError, RecursionError):  # e.g. an escape that is no character
            self._note("This is not readable as YAML.", "Compare it with docs/room-file.md, from the top.", 1, 1)

    def _note(self, message: str, hint: str, line: int, column: int, path: Path = ()) -> None:
        self.found.problems.append(Problem(message, hint, path, line, column))

    def _refuse(self, message: str, hint: str, event: Any) -> _Refused:
        self._note(message, hint, event.start_mark.line + 1, event.start_mark.column + 1)
        return _Refused()

    def _document(self) -> dict[str, Any]:
        next(self.events)  # the stream's start
        event = next(self.events)
        if type(event).__name__ == "StreamEndEvent":
            raise self._refuse(
                "The file is empty.", "Begin with room: and a name; docs/room-file.md shows a whole file.", event
            )
        first = next(self.events)
        value = self._node(first, (), 0)
        next(self.events)  # the document's end
        after = next(self.events)
        if type(after).__name__ != "StreamEndEvent":
            raise self._refuse("A second document begins here.", "One file is one room: remove the --- line.", after)
        if not isinstance(value, dict):
            raise self._refuse("A room file is a mapping of keys to values.", "Begin with room: and a name.", first)
        return value

    def _node(self, event: Any, path: Path, depth: int) -> Any:
        kind = type(event).__name__
        if kind == "AliasEvent" or event.anchor is not None:
            raise self._refuse("YAML anchors (&) and aliases (*) are not used in a room file.", "Write the value out.", event)
        if event.tag is not None:
            raise self._refuse("YAML tags (!) are not used in a room file.", "Write the plain value, without the tag.", event)
        self.values += 1
        if self.values > MAX_VALUES:
            raise self._refuse("The file holds more values than a room file ever does.", "Shorten its lists.", event)
        if depth > MAX_DEPTH:
            raise self._refuse("This is nested deeper than a room file ever is.", "Check the brackets of this line.", event)
        if kind == "MappingStartEvent":
            return self._mapping(path, depth)
        if kind == "SequenceStartEvent":
            return self._sequence(path, depth)
        return self._scalar(event, path)

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            if type(event).__name__ != "ScalarEvent" or event.anchor is not None or event.tag is not None:
                raise self._refuse("A key is plain text.", "Write key: value.", event)
            key, line, column = event.value, event.start_mark.line + 1, event.start_mark.column + 1
            value_event = next(self.events)
            inner = (*path, key)
            if key in found:
                first = self.found.marks[inner].line
                self._note(
                    f"The key {key!r} stands here a second time (first: line {first}).", "Keep one.", line, column, inner
                )
                self._node(value_event, (*path, f"{key} (again)"), depth + 1)
                continue
            self._remember(inner, Mark(line, column, *_text_place(value_event, self.lines)))
            found[key] = self._node(value_event, inner, depth + 1)
        return found

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        found: list[Any] = []
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            inner = (*path, len(found))
            mark = event.start_mark
            self._remember(inner, Mark(mark.line + 1, mark.column + 1, *_text_place(event, self.lines)))
            found.append(self._node(event, inner, depth + 1))
        return found

    def _remember(self, path: Path, mark: Mark) -> None:
        self.found.marks.setdefault(path, mark)
        self.found.marks.setdefault(_folded(path), mark)

    def _scalar(self, event: Any, path: Path) -> bool | int | Decimal | str | None:
        text: str = event.value
        if _INVISIBLE.search(text) is not None:
            raise self._refuse("An escape in this text stands for an invisible character.", "Write the text without it.", event)
        if event.style is not None and event.style != "":
            return text
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _LOSSY.fullmatch(text) or (len(text) > MAX_NUMBER and _FLOAT.fullmatch(text)):
            line, column = event.start_mark.line + 1, event.start_mark.column + 1
            self._note("This number would not keep its digits as they stand.", "Put it in quotes.", line, column, path)
            return text
        if _INT.fullmatch(text):
            return int(text)
        return Decimal(text) if _FLOAT.fullmatch(text) else text


def _text_place(event: Any, lines: list[str]) -> tuple[int | None, int | None]:
    """Line and column of a scalar's first character, where its text stands in the file as it is (a literal block, one line)."""
    if type(event).__name__ != "ScalarEvent":
        return None, None
    start = event.start_mark
    if event.style == "|":
        first = next((line for line in lines[start.line + 1 :] if line.strip()), "")
        return start.line + 2, len(first) - len(first.lstrip(" ")) + 1
    if event.style != ">" and event.end_mark.line == start.line:
        return start.line + 1, start.column + (2 if event.style else 1)
    return None, None


def _folded(path: Path) -> Path:
    return tuple(part.strip().lower() if isinstance(part, str) else part for part in path)


def _explain(problem: str) -> tuple[str, str]:
    for words, message, hint in _FRIENDLY:
        if words in problem:
            return message, hint
    return f"This is not readable as YAML: {problem}.", "Check quotes, colons and indentation of this line."


def pruned(data: Mapping[str, Any], paths: list[Path]) -> dict[str, Any]:
    """A copy of `data` without the values at `paths`; an item of a list becomes None, so that the others keep their place."""
    copy = _copied(data)
    for path in sorted(paths, key=len, reverse=True):
        parent: Any = copy
        for part in path[:-1]:
            parent = parent[part] if has_part(parent, part) else None
        if path and isinstance(parent, dict):
            parent.pop(path[-1], None)
        elif path and isinstance(parent, list) and has_part(parent, path[-1]):
            parent[int(path[-1])] = None
    return copy if isinstance(copy, dict) else {}


def has_part(value: Any, part: str | int) -> bool:
    """Whether `value[part]` is there: a key of a mapping, or an item of a list."""
    return part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int) and part < len(value)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
