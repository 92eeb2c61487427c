"""The shared columns of a policy, checked against the source table: as they are, by expression, or as a token."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from cleanroom_core.errors import ExpressionError, Problem
from cleanroom_core.policies.policy import ColumnPolicy, Policy
from cleanroom_core.sql.dialect import parse_scalar
from cleanroom_core.sql.expressions import Expression, located, parse_expression
from cleanroom_core.sql.token_expression import TokenExpression
from cleanroom_core.sql.types import Column, Kind, Schema

HARMLESS = "IS NULL, IS NOT NULL and length()"  # what may be shared of a raw identifier: that it is there, and how long it is
_HARMLESS_CALLS = ("isnull", "isnotnull", "length", "len", "char_length", "character_length")
_IDENTIFIER_KINDS = (Kind.STRING, Kind.BIGINT)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class PlainColumn:
    """A column shared as it is; `source` spelled as the source table spells it."""

    name: str
    source: Column


@dataclass(frozen=True)
class ComputedColumn:
    name: str
    expression: Expression


@dataclass(frozen=True)
class TokenisedColumn:
    name: str
    source: Column
    token: TokenExpression


SharedColumn = PlainColumn | ComputedColumn | TokenisedColumn


class ColumnCheck:
    """Checks the columns and the row filter of one policy; `problems` fills up, nothing is raised."""

    def __init__(self, policy: Policy, source: Schema, tokens: Mapping[str, TokenExpression]) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._tokens = tokens
        # columns a token is made from: they identify people and may not be shared in the raw
        self._raw = {column.source.casefold() for column in policy.columns.values() if column.source is not None}

    def column(self, name: str, column: ColumnPolicy) -> SharedColumn | None:
        path: Path = ("columns", name)
        if column.token is not None and column.source is not None:
            return self._tokenised(path, name, column.token, column.source)
        if column.expression is not None:
            return self._computed(path, name, column.expression)
        if (found := self._of_source(path, name, f"Column {name}")) is None:
            return None
        if name.casefold() in self._raw:
            self._add(
                path, f"Column {name} is the raw identifier a token is made from.", "Share the token only, or length().",
                "RAW_IDENTIFIER",
            )  # fmt: skip
        return PlainColumn(name, found)

    def row_filter(self, text: str) -> Expression | None:
        """The filter, BOOLEAN or refused. It may look at raw identifiers: it shares nothing of them but the rows that stay."""
        found = self.expression(("row_filter",), "The row filter", text)
        if found is not None and found.type.kind is not Kind.BOOLEAN:
            self._add(
                ("row_filter",),
                f"The row filter is a {found.type}, not a condition.",
                "Compare it, for instance with = 1.",
                "TYPE",
            )
            return None
        return found

    def expression(self, path: Path, what: str, text: str) -> Expression | None:
        try:
            return parse_expression(text, self._source)
        except ExpressionError as error:
            self._refused(path, what, error)
            return None

    def _computed(self, path: Path, name: str, text: str) -> ComputedColumn | None:
        at = (*path, "expression")
        found = self.expression(at, f"Column {name}", text)
        if found is None:
            return None
        if name.casefold() in self._raw:
            self._add(
                path, f"Column {name} has the name of a raw identifier.", "Give it another name, or nobody can tell.",
                "RAW_IDENTIFIER",
            )  # fmt: skip
        if (leak := self._leak(text)) is not None:
            self._refused(at, f"Column {name}", leak)
        return ComputedColumn(name, found)

    def _tokenised(self, path: Path, name: str, token: str, source: str) -> TokenisedColumn | None:
        known = self._tokens.get(token)
        if known is None:
            self._add(
                (*path, "token"),
                f"Column {name}: there is no token spec {token!r}.",
                nearest(token, list(self._tokens)),
                "TOKEN",
            )
        found = self._of_source((*path, "from"), source, f"Column {name}: {source}")
        if found is not None and found.type.kind not in _IDENTIFIER_KINDS:
            self._add(
                (*path, "from"), f"Column {name}: an identifier is a text, {found.name} is {found.type}.",
                f"Add {found.name}: string under types.", "TYPE",
            )  # fmt: skip
            return None
        return None if known is None or found is None else TokenisedColumn(name, found, known)

    def _of_source(self, path: Path, name: str, what: str) -> Column | None:
        found = self._source.get(name)
        if found is None:
            self._add(path, f"{what} is not in the source table.", nearest(name, self._source.names), "UNKNOWN_COLUMN")
        return found

    def _leak(self, text: str) -> ExpressionError | None:
        """The first mention of a raw identifier that could show some of it."""
        for node in parse_scalar(text).find_all(exp.Column):
            if node.name.casefold() in self._raw and not _is_harmless(node):
                return located(
                    node, text, f"it shows some of {node.name}, the raw identifier a token is made from.",
                    f"Of a raw identifier only {HARMLESS} may be shared.", "RAW_IDENTIFIER",
                )  # fmt: skip
        return None

    def _refused(self, path: Path, what: str, error: ExpressionError) -> None:
        self.problems.append(Problem(f"{what}: {error.message}", error.hint, path, error.line, error.column, error.code))

    def _add(self, path: Path, message: str, hint: str, code: str) -> None:
        self.problems.append(Problem(message, hint, path, code=code))


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint for a name that does not exist."""
    by_fold = {item.casefold(): item for item in known}
    close = difflib.get_close_matches(name.casefold(), by_fold, n=1)
    if close:
        return f"Did you mean {by_fold[close[0]]}?"
    return f"Known are {', '.join(known)}." if known else "There are none yet."


def repeated(names: Sequence[str]) -> Iterator[str]:
    """Names that differ from an earlier one by case only."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            yield name
        seen.add(name.casefold())


def _is_harmless(node: exp.Column) -> bool:
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if isinstance(parent, exp.Is):
        return isinstance(parent.expression, exp.Null)
    return isinstance(parent, exp.Anonymous) and parent.name.lower() in _HARMLESS_CALLS
