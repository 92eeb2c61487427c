"""What the guard says when something in a text does not pass: a Finding, and the exception that carries one while reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

ROOM = "room"  # owner of clauses that no collaborator can change: the closed grammar


@dataclass(frozen=True)
class Finding:
    """`clause`: the rule clause that stands in the way, e.g. `provider.transaction_signals: rule.dimensions` or
    `grammar.joins`; `owner`: the collaborator's alias who owns it, `both`, or `room` for the grammar. `hint`: what would pass.
    `line` and `column` count from 1 in the analyst's text; None where the text as a whole is meant. `suggestion`: text that
    would pass in place of what stands there, where one can be told."""

    code: str
    message: str
    hint: str
    clause: str
    owner: str
    line: int | None = None
    column: int | None = None
    suggestion: str | None = None

    def as_json(self) -> dict[str, str | int | None]:
        return {
            "code": self.code, "message": self.message, "hint": self.hint, "clause": self.clause, "owner": self.owner,
            "line": self.line, "column": self.column, "suggestion": self.suggestion,
        }  # fmt: skip

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line else ""
        instead = f" Instead: {self.suggestion}" if self.suggestion else ""
        return f"{where}{self.message} {self.hint}{instead} [{self.code}; {self.clause}, owned by {self.owner}]"


class Refusal(Exception):  # noqa: N818  an answer on its way out of a recursive reader, never an error a caller sees
    """Raised inside the guard only; `judge` turns it into its finding."""

    def __init__(
        self,
        code: str,
        message: str,
        hint: str,
        *,
        clause: str,
        owner: str = ROOM,
        at: exp.Expr | None = None,
        where: tuple[int | None, int | None] | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.clause, self.owner, self.at = code, message, hint, clause, owner, at
        self.where, self.suggestion = where, suggestion

    def finding(self, text: str) -> Finding:
        line, column = self.where or place(text, self.at)
        return Finding(self.code, self.message, self.hint, self.clause, self.owner, line, column, self.suggestion)


def place(text: str, node: exp.Expr | None) -> tuple[int | None, int | None]:
    """Line and column of the leftmost token under `node`; of the nearest enclosing one when it has no token of its own."""
    while node is not None:
        starts = [found.meta["start"] for found in node.walk() if "start" in found.meta]
        if starts:
            return place_of(text, min(starts))
        node = node.parent
    return None, None


def place_of(text: str, start: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at this offset."""
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
