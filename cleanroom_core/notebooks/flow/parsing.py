"""Statements of a SQL text, each parsed by itself, so that one that cannot be read hides no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlglot.errors
from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from cleanroom_core.notebooks.cell import Place
from cleanroom_core.notebooks.flow.text import SqlText, with_parameters
from cleanroom_core.sql.dialect import ClosedSql


class NotebookSql(ClosedSql):
    """The closed dialect, quiet about statements it does not know: they become findings, not warnings on the screen."""

    class Parser(ClosedSql.Parser):
        def _warn_unsupported(self) -> None:
            pass


@dataclass(frozen=True)
class Statement:
    """`tree` is None where the text cannot be read; `stands` as in SqlText, with the names put together by IDENTIFIER()."""

    tree: exp.Expr | None
    sql: SqlText
    start: int
    words: tuple[str, ...]

    def place(self, node: exp.Expr | None = None) -> Place:
        """Where the node starts: its leftmost token, or that of the nearest enclosing node that has one."""
        current = node
        while current is not None and current is not self.tree:
            starts = [found.meta["start"] for found in current.walk() if "start" in found.meta]
            if starts:
                return self.sql.at(min(starts))
            current = current.parent
        return self.sql.at(self.start)


def statements(given: SqlText) -> Iterator[Statement]:
    sql = with_parameters(given)
    dialect = NotebookSql()
    try:
        tokens = dialect.tokenize(sql.text)
    except sqlglot.errors.TokenError:
        yield Statement(None, sql, len(sql.text) - len(sql.text.lstrip()), ())
        return
    for chunk in _split(tokens):
        stands: dict[str, Any] = dict(sql.stands)
        whole = SqlText(sql.text, sql.at, stands)
        words = tuple(token.text.upper() for token in chunk[:4])
        try:
            trees = dialect.parser().parse(list(_with_names(chunk, stands, sql.text)), sql.text)
            tree = trees[0] if trees else None
        except (sqlglot.errors.ParseError, RecursionError, ValueError, AttributeError, IndexError):
            tree = None
        yield Statement(tree, whole, chunk[0].start, words)


def parse_value(given: SqlText) -> Statement:
    """One expression, as in `df.filter("...")`."""
    sql = with_parameters(given)
    dialect = NotebookSql()
    try:
        tokens = dialect.tokenize(sql.text)
        found = dialect.parser().parse_into(exp.Select, dialect.tokenize("SELECT") + tokens, sql.text) if tokens else []
        projections = found[0].expressions if found and found[0] is not None else []
        tree = projections[0] if len(projections) == 1 else None
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError, AttributeError, IndexError):
        tree = None
    return Statement(tree, sql, 0, ())


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    chunk: list[Token] = []
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            if chunk:
                yield chunk
            chunk = []
        else:
            chunk.append(token)
    if chunk:
        yield chunk


def _with_names(tokens: list[Token], stands: dict[str, Any], text: str) -> Iterator[Token]:
    """IDENTIFIER(...) as one name that stands for the expression in the parentheses; sqlglot would read a part of it only."""
    position = 0
    while position < len(tokens):
        token = tokens[position]
        opens = position + 1 < len(tokens) and tokens[position + 1].token_type is TokenType.L_PAREN
        if token.text.upper() == "IDENTIFIER" and opens:
            end = _closing(tokens, position + 1)
            inner = NotebookSql().parser().parse_into(exp.Condition, tokens[position + 2 : end], text)
            name = f"identifier_at_{token.start}"
            stands[name] = inner[0]
            yield Token(TokenType.VAR, name, token.line, token.col, token.start, tokens[min(end, len(tokens) - 1)].end)
            position = end + 1
        else:
            yield token
            position += 1


def _closing(tokens: list[Token], opening: int) -> int:
    depth = 0
    for position in range(opening, len(tokens)):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(tokens[position].token_type, 0)
        if depth == 0:
            return position
    return len(tokens)
