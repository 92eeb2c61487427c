"""The walk over a parsed expression: one handler per kind of node, and the way errors get their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from sqlglot import exp

from cleanroom_core.errors import ExpressionError
from cleanroom_core.sql.dialect import place_of
from cleanroom_core.sql.typed import Typed, comparable, unify
from cleanroom_core.sql.types import BOOLEAN, Kind, SqlType

MAX_DEPTH = 60
MAX_NODES = 5_000  # of a generated tree; some forms write an argument twice


@dataclass(frozen=True)
class Reference:
    """What a column name stands for: the name as the table spells it, the tree that reads it, its type."""

    name: str
    tree: exp.Expr
    type: SqlType


Resolve = Callable[[exp.Column], Reference]
Handler = Callable[["Compiler", exp.Expr], Typed]


@dataclass(frozen=True)
class NodeRule:
    """A kind of node that is allowed: the arguments it may carry (any other that is set is refused) and what compiles it."""

    arguments: frozenset[str]
    compile: Handler


@dataclass(frozen=True)
class Refusal:
    """Why a kind of node or a function is not in the grammar, and what to write instead."""

    message: str
    hint: str


class Compiler:
    """Compiles one expression. `resolve` gives a column its meaning or raises; `columns` collects the names."""

    def __init__(
        self, text: str, resolve: Resolve, rules: Mapping[type[exp.Expr], NodeRule], refusals: Mapping[type[exp.Expr], Refusal]
    ) -> None:
        self.text = text
        self.columns: dict[str, None] = {}
        self._resolve = resolve
        self._rules = rules
        self._refusals = refusals
        self._depth = 0

    def compile(self, node: exp.Expr) -> Typed:
        rule = self._rules.get(type(node))
        if rule is None:
            self._refuse(node)
        for name, value in node.args.items():
            if name not in rule.arguments and value not in (None, False, []):
                self._refuse(value if isinstance(value, exp.Query) else node)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.fail(node, "The expression is nested too deeply.", "Write it with fewer levels.", "TOO_LARGE")
        try:
            found = rule.compile(self, node)
        except ExpressionError as error:
            self._at(node, error)
        self._depth -= 1
        if sum(1 for _ in found.tree.walk()) > MAX_NODES:
            self.fail(
                node, "The expression becomes too long.", "Split it, or prepare the column in the source table.", "TOO_LARGE"
            )
        return found

    def column(self, node: exp.Column) -> Typed:
        found = self._resolve(node)
        self.columns.setdefault(found.name)
        return Typed(found.tree, found.type)

    def boolean(self, node: exp.Expr) -> exp.Expr:
        """The tree of a condition; refused unless it is BOOLEAN (or NULL)."""
        found = self.compile(node)
        if found.type not in (None, BOOLEAN):
            self.fail(
                node, f"A condition is needed here, this is a {found.word}.", "Compare it, for instance with = 1.", "TYPE"
            )
        return found.tree

    def of_kind(self, node: exp.Expr, what: str, *kinds: Kind) -> Typed:
        """The compiled part, refused unless its type is one of the kinds (NULL is let through). `what` names the place."""
        found = self.compile(node)
        if found.type is not None and found.type.kind not in kinds:
            dated = found.type.kind in (Kind.DATE, Kind.TIMESTAMP) and Kind.BIGINT in kinds
            hint = "Count days: datediff(a, b) <= 30." if dated else "Bring it to that type with CAST."
            self.fail(node, f"{what} takes {' or '.join(kinds)}, this is a {found.word}.", hint, "TYPE")
        return found

    def unify(self, node: exp.Expr, parts: Sequence[Typed]) -> SqlType | None:
        try:
            return unify(parts)
        except ExpressionError as error:
            self._at(node, error)

    def comparable(self, node: exp.Expr, parts: Sequence[Typed]) -> list[exp.Expr]:
        if len([part for part in parts if part.text is not None]) == len(parts) > 1:
            self.fail(
                node, "Two fixed texts are compared with each other.",
                "In Databricks SQL double quotes make a text; a column stands bare or in backticks.", "CONSTANT",
            )  # fmt: skip
        try:
            return comparable(parts)
        except ExpressionError as error:
            self._at(node, error)

    def fail(self, node: exp.Expr, message: str, hint: str, code: str) -> NoReturn:
        line, column = place_of(node, self.text)
        raise ExpressionError(message, hint=hint, code=code, line=line, column=column)

    def _at(self, node: exp.Expr, error: ExpressionError) -> NoReturn:
        """The error with its place: the innermost node that knows one."""
        if error.line is not None:
            raise error
        self.fail(node, error.message, error.hint, error.code)

    def _refuse(self, node: exp.Expr) -> NoReturn:
        for kind in type(node).__mro__:
            if (found := self._refusals.get(kind)) is not None:
                self.fail(node, found.message, found.hint, "NOT_ALLOWED")
        self.fail(
            node, f"{type(node).__name__.upper()} is not part of the expression grammar.",
            "Use comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, CASE, CAST, arithmetic and the listed functions.", "NOT_ALLOWED",
        )  # fmt: skip
