"""Statements sqlglot has no tree for, put together of fixed words and of trees; nothing that anybody typed is a word here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from cleanroom_core.errors import InputError
from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import identifier

DIALECT = "databricks"
SUBSTITUTED = "${"
_QUOTED = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.)*'", re.DOTALL)
_WORDS = re.compile(r"[A-Z]+( [A-Z]+)*")


@dataclass(frozen=True)
class Statement:
    """One statement to be run as it stands; `purpose` says in words what it does. No key or credential stands in either."""

    purpose: str
    sql: str


def spell(*parts: str | exp.Expr, pretty: bool = False) -> str:
    """The parts with blanks between them: words in capitals as they are, trees rendered; with `pretty` a query begins a line
    of its own. ValueError for any other text.

    Raises InputError where the text would be changed before it is read: `${...}` stands for a variable, in names and texts.
    """
    found = "".join(f"{_gap(part, pretty)}{_spelled(part, pretty)}" for part in parts).strip()
    if SUBSTITUTED in found:
        raise InputError(
            f"A name or a text contains {SUBSTITUTED}, which Databricks replaces by a variable's value before it reads SQL.",
            hint="Rename the column; compare with a pattern instead of the text.",
            code="SUBSTITUTION",
        )
    return found


def listed(names: Iterable[str]) -> exp.Expr:
    """Columns in parentheses."""
    return exp.Tuple(expressions=[identifier(name) for name in names])


def text(value: str) -> exp.Expr:
    return exp.Literal.string(value)


def _gap(part: str | exp.Expr, pretty: bool) -> str:
    return "\n" if pretty and isinstance(part, exp.Select) else " "


def _spelled(part: str | exp.Expr, pretty: bool) -> str:
    if isinstance(part, exp.Expr):
        return _QUOTED.sub(_visible, render(part, DIALECT, pretty=pretty))
    if _WORDS.fullmatch(part) is None and part != ",":
        raise ValueError("only words in capitals stand in a statement as they are")
    return part


def _visible(quoted: re.Match[str]) -> str:
    """A text with what nobody sees written as escapes, so that no editor or terminal between us and the workspace loses it.
    Names have no escapes and stay as they are."""
    found = quoted[0]
    if found.startswith("`"):
        return found
    return "".join(
        char if char.isprintable() else f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"
        for char in found
    )
