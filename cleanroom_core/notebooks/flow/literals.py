"""Texts in Python code, with the place of each of their characters: plain literals, f-strings, format()."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.cell import Cell, Place
from cleanroom_core.notebooks.flow.text import SqlText, stand_in

_OPENING = re.compile(r"[A-Za-z]*('''|\"\"\"|'|\")")
_PERCENT = re.compile(r"%[-+0-9.]*[sdifr]")
_FIELD = re.compile(r"\{\s*([A-Za-z_]\w*|\d*)[^{}]*\}")


def start_of(cell: Cell, node: ast.expr | ast.stmt) -> int:
    """The offset of a node in its cell. Python counts columns in bytes."""
    line = cell.lines[node.lineno - 1].text
    return cell.offset(node.lineno, len(line.encode()[: node.col_offset].decode(errors="ignore")))


def _end_of(cell: Cell, node: ast.expr) -> int:
    number = node.end_lineno or node.lineno
    line = cell.lines[number - 1].text
    return cell.offset(number, len(line.encode()[: node.end_col_offset].decode(errors="ignore")))


def plain_text(cell: Cell, node: ast.Constant) -> SqlText:
    value = str(node.value)
    start, inner = _inner(cell, node)
    if inner == value:
        return SqlText(value, lambda offset: cell.place(start + offset))
    return SqlText(value, _always(cell.place(start_of(cell, node))))


def f_string(cell: Cell, node: ast.JoinedStr, evaluate: Callable[[ast.expr], Any]) -> SqlText:
    """Each `{expression}` becomes an identifier of its length; where the source is more than one literal, of another length."""
    fields = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    constants = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    start, inner = _inner(cell, node)
    pieces = list(_braces(inner))
    exact = "".join(text for text, field in pieces if not field) == constants and sum(field for _, field in pieces) == len(
        fields
    )
    if not exact:
        start = start_of(cell, node)
        pieces = [("", True) if isinstance(part, ast.FormattedValue) else (str(part.value), False) for part in node.values]  # type: ignore[attr-defined]
    remaining = iter(fields)
    result = SqlText("", _always(cell.place(start)))
    offset = start
    for number, (piece, field) in enumerate(pieces):
        if field:
            word = stand_in(piece) if exact else f"_value_{node.lineno}_{node.col_offset}_{number}_"
            result += _put(word, evaluate(next(remaining)), cell.place(offset))
        else:
            result += SqlText(piece, _from(cell, offset) if exact else _always(cell.place(start)))
        offset += len(piece) if exact else 0
    return result


def _put(word: str, value: Any, place: Place) -> SqlText:
    """A value within a text: a text as it is (it may be a piece of SQL), anything else as an identifier that stands for it."""
    if isinstance(value, SqlText):
        return SqlText(value.text, _always(place), value.stands)
    return SqlText(word, _always(place), {word: value})


def _from(cell: Cell, start: int) -> Callable[[int], Place]:
    return lambda offset: cell.place(start + offset)


def filled(text: SqlText, positional: list[Any], named: Mapping[str, Any]) -> SqlText:
    """`{}`, `{0}` and `{name}` in a text, filled as format() and spark.sql(..., name=frame) do."""
    stands = dict(text.stands)
    result, number = text.text, 0
    for found in _FIELD.finditer(text.text):
        key = found[1] or str(number)
        number += 0 if found[1] else 1
        value = named.get(key) if not key.isdigit() else positional[int(key)] if int(key) < len(positional) else None
        if value is not None:
            word = (
                "_" * (found.end() - found.start() - len(key)) + key
                if not key.isdigit()
                else f"_{key}".ljust(len(found[0]), "_")
            )
            stands[word] = value if not isinstance(value, SqlText) else value.expression()
            result = (
                result[: found.start()] + word + result[found.end() :]
                if len(word) == len(found[0])
                else result.replace(found[0], word, 1)
            )
    return SqlText(result, text.at, stands)


def interpolated(text: SqlText, values: list[Any]) -> SqlText:
    """`"... %s ..." % values`."""
    stands = dict(text.stands)
    remaining = iter(values)

    def put(found: re.Match[str]) -> str:
        value = next(remaining, None)
        if value is None:
            return found[0]
        word = f"_percent_{len(stands)}_"
        stands[word] = value.expression() if isinstance(value, SqlText) else value
        return word

    start = text.at(0)
    return SqlText(_PERCENT.sub(put, text.text), _always(start), stands)


def with_value(text: str, value: exp.Expr, place: Place) -> SqlText:
    """A text for a value that is none, to be put between others."""
    return SqlText(text, _always(place), {text: value})


def _always(place: Place) -> Callable[[int], Place]:
    return lambda offset: place


def _inner(cell: Cell, node: ast.expr) -> tuple[int, str]:
    """The offset and the source of what stands between the quotes."""
    start, end = start_of(cell, node), _end_of(cell, node)
    source = cell.text[start:end]
    found = _OPENING.match(source)
    if not found:
        return start, ""
    return start + found.end(), source[found.end() : len(source) - len(found[1])]


def _braces(source: str) -> Iterator[tuple[str, bool]]:
    """The source of an f-string in pieces: text, or a field with its braces."""
    depth, begin = 0, 0
    for position, character in enumerate(source):
        if character == "{":
            if depth == 0:
                yield source[begin:position], False
                begin = position
            depth += 1
        elif character == "}" and depth:
            depth -= 1
            if depth == 0:
                yield source[begin : position + 1], True
                begin = position + 1
    yield source[begin:], False
