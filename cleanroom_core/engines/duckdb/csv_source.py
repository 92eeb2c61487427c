"""The structure of a CSV file (RFC 4180, UTF-8): its delimiter, its header, and the line of whatever is wrong with it.

One pass in C over the whole file counts the fields of every record; only a file that fails is looked at again for the line.
Spaces between a delimiter and an opening quote do not belong to the value; a blank line is no record.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cleanroom_core.errors import TableError

DELIMITERS = (",", ";", "\t", "|")
_HEAD = 64 * 1024
_LONGEST_FIELD = 1 << 20
_BREAKS = {"\n": "LF", "\r\n": "CR LF", "\r": "CR"}


@dataclass(frozen=True)
class Structure:
    delimiter: str
    header: tuple[str, ...]
    records: int


def structure(path: Path) -> Structure:
    """Read the whole file once. Raises TableError with the line of the first thing that is wrong."""
    csv.field_size_limit(_LONGEST_FIELD)
    _refuse_nul(path)
    try:
        delimiter = _delimiter(path)
        with _text(path) as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = _checked_header(next(reader, []))
            found = Counter(map(len, reader))
    except UnicodeDecodeError:
        raise _undecodable(path) from None
    except csv.Error:
        raise _malformed(path, delimiter) from None
    blank = found.pop(0, 0)
    if set(found) - {len(header)}:
        raise _ragged(path, delimiter, len(header))
    records = found.total() + (blank if len(header) == 1 else 0)
    if not records:
        raise TableError("The table has a header and no rows.", hint="Export it with its rows.", code="TABLE_EMPTY")
    return Structure(delimiter, header, records)


def line_of(path: Path, found: Structure, record: int) -> int:
    """The line in which record number `record` (the first after the header is 1) begins."""
    return next((line for line, row, number in _records(path, found.delimiter, len(found.header)) if number == record), 0)


def unreadable(path: Path, found: Structure) -> TableError:
    """What to say when the engine refuses a file whose records are well-formed: mixed line breaks, or a value too long."""
    with _text(path) as file:
        lines = _Remembered(file)
        usual = ""
        for _ in csv.reader(lines, delimiter=found.delimiter, strict=True):
            ending = lines.ending()
            usual = usual or ending
            if ending and ending != usual:
                return _error(
                    lines.count,
                    f"the line ends with {_BREAKS[ending]}, those before with {_BREAKS[usual]}.",
                    "Save the file with one kind of line break; put quotes around values that contain one.",
                )
    return TableError("The file is not well-formed CSV.", hint="Export it again, or as Parquet.", code="TABLE_CSV")


class _Remembered:
    """The lines of a file, remembering the last one handed out."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self._last = ""
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self._last = line
            self.count += 1
            yield line

    def ending(self) -> str:
        return self._last[len(self._last.rstrip("\r\n")) :][-2:]


def _text(path: Path) -> io.TextIOWrapper:
    return path.open(encoding="utf-8-sig", newline="")


def _error(line: int, message: str, hint: str) -> TableError:
    return TableError(f"Line {line}: {message}", hint=hint, code="TABLE_CSV")


def _delimiter(path: Path) -> str:
    """The candidate that gives the header more than one field and most records as many as the header."""
    with _text(path) as file:
        head = file.read(_HEAD)
    if len(head) == _HEAD:
        head = head[: max(head.rfind("\n"), head.rfind("\r")) + 1] or head

    def score(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter) if row]
        except csv.Error:
            return (0.0, 0)
        if not widths or widths[0] == 1:
            return (0.0, 0)
        return (widths.count(widths[0]) / len(widths), widths[0])

    return max(DELIMITERS, key=score)


def _checked_header(names: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for position, title in enumerate(names, start=1):
        if not title.strip():
            raise _error(1, f"column {position} has no name.", "Give every column a name in the first line.")
        if "\n" in title or "\r" in title:  # DuckDB takes the first line break of a file for the end of its first row
            raise _error(1, f"the name of column {position} contains a line break.", "Write each name on one line.")
        if (first := seen.setdefault(title.casefold(), position)) != position:
            raise _error(
                1,
                f"columns {first} and {position} have the same name (upper and lower case do not differ).",
                "Give every column a name of its own.",
            )
    if not names:
        raise _error(1, "there are no column names.", "The first line names the columns.")
    return tuple(names)


def _records(path: Path, delimiter: str, width: int) -> Iterator[tuple[int, list[str], int]]:
    """Line where it begins, fields, and number of every record after the header."""
    with _text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        next(reader, None)
        begins, number = reader.line_num + 1, 0
        for row in reader:
            if row or width == 1:
                number += 1
                yield begins, row, number
            begins = reader.line_num + 1


def _ragged(path: Path, delimiter: str, width: int) -> TableError:
    line, row = next((line, row) for line, row, _ in _records(path, delimiter, width) if row and len(row) != width)
    return _error(
        line,
        f"{len(row)} {'field' if len(row) == 1 else 'fields'} found, {width} expected.",
        "Put quotes around values that contain the delimiter, or correct the line.",
    )


def _malformed(path: Path, delimiter: str) -> TableError:
    line = 1
    with _text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error as error:
            if "field larger" in str(error):
                return _error(line, "a value is longer than 1 MB.", "A quote may be missing; correct the line.")
    return _error(line, "a quote is opened and not closed properly.", 'Write a quote inside quotes twice ("").')


def _refuse_nul(path: Path) -> None:
    line = 1
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if (at := chunk.find(b"\0")) >= 0:
                line += chunk.count(b"\n", 0, at)
                raise _error(line, "there is a NUL byte.", "The file is not text in UTF-8; export it again.")
            line += chunk.count(b"\n")


def _undecodable(path: Path) -> TableError:
    with path.open("rb") as file:
        for line, content in enumerate(file, start=1):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError:
                return _error(line, "the bytes are not UTF-8.", "Save the file as CSV in UTF-8.")
    return TableError("The bytes are not UTF-8.", hint="Save the file as CSV in UTF-8.", code="TABLE_CSV")
