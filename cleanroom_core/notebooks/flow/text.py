"""SQL text on its way to the parser: with the values of another language in it, and every character's place in the file.

A value is stood in for by an identifier of exactly its length (`{catalog}` by `_catalog_`), so that places stay right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.cell import Place

_LONGEST = 1_000_000  # characters
_PIECES = 200
_PARAMETER = re.compile(r"\$\{\s*([\w.]+)\s*\}|\{\{\s*([\w.]+)\s*\}\}")


@dataclass(frozen=True)
class SqlText:
    """`stands`: what an identifier in the text stands for (a value of `flow.values`, or a tree); `at`: offset to place;
    `depth`: of how many pieces it was put together."""

    text: str
    at: Callable[[int], Place]
    stands: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    depth: int = 0

    def __add__(self, other: SqlText) -> SqlText:
        border = len(self.text)
        if border + len(other.text) > _LONGEST:
            return SqlText("", self.at)  # built in a loop; nothing written by hand is as long
        if self.depth >= _PIECES:
            start = self.at(0)
            return SqlText(self.text + other.text, lambda offset: start, {**self.stands, **other.stands})

        def at(offset: int) -> Place:
            return self.at(offset) if offset < border else other.at(offset - border)

        return SqlText(self.text + other.text, at, {**self.stands, **other.stands}, max(self.depth, other.depth) + 1)

    def expression(self) -> exp.Expr:
        """The text as a value: a literal, or a concat() of literals and what stands between them."""
        pieces: list[exp.Expr] = []
        rest = self.text
        pattern = "|".join(map(re.escape, sorted(self.stands, key=len, reverse=True)))
        while pattern and (found := re.search(pattern, rest)):
            pieces += [exp.Literal.string(rest[: found.start()])] if found.start() else []
            value = self.stands[found.group()]
            pieces.append(value.copy() if isinstance(value, exp.Expr) else unknown())
            rest = rest[found.end() :]
        if rest or not pieces:
            pieces.append(exp.Literal.string(rest))
        return pieces[0] if len(pieces) == 1 else exp.Anonymous(this="concat", expressions=pieces)


def unknown(*known: exp.Expr) -> exp.Expr:
    """A value nobody here can tell, made from the `known` ones."""
    return exp.Anonymous(this="unknown_value", expressions=[part.copy() for part in known])


def stand_in(text: str) -> str:
    """An identifier of the same length."""
    return "_" + re.sub(r"\W", "_", text[1:], flags=re.ASCII)


def with_parameters(sql: SqlText) -> SqlText:
    """With identifiers for Databricks' older parameters, `${name}` and `{{name}}`."""
    stands: dict[str, Any] = dict(sql.stands)
    text = sql.text
    for found in _PARAMETER.finditer(text):
        word = stand_in(found.group())
        stands[word] = exp.Placeholder(this=(found[1] or found[2]).split(".")[-1])
        text = text[: found.start()] + word + text[found.end() :]
    return SqlText(text, sql.at, stands)
