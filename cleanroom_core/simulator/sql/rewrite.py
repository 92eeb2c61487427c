"""A query on Unity Catalog's names becomes one on DuckDB's: tables resolved, functions inlined, parameters bound.

Row filters and masks are applied where a table is read, views are read with their owner's rights, and SQL functions become
their bodies; so what a caller sees is what the recorded objects say, not what DuckDB happens to hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from cleanroom_core.simulator.sql.failure import SqlFailure, not_played
from cleanroom_core.simulator.sql.identifier import parameter

_DEPTH = 20


@dataclass(frozen=True)
class Function:
    """A SQL function: its parameters' names and its body."""

    parameters: tuple[str, ...]
    body: str
    owner: str = ""


class Resolver(Protocol):
    """What names mean where a statement runs. Each raises SqlFailure for a name that means nothing, or not to this caller."""

    def table(self, parts: tuple[str, ...]) -> exp.Expr:
        """A physical table, or a query to read instead."""

    def function(self, parts: tuple[str, ...]) -> Function | None:
        """A SQL function of that name, None when it must be one of the engine's."""

    def inside(self, owner: str) -> Resolver:
        """What names mean in the body of a function or view of that owner."""

    def target(self, parts: tuple[str, ...]) -> str:
        """The full name under which a table, view or function may be made or changed here."""

    def context(self, name: str, arguments: list[str]) -> exp.Expr | None:
        """The value of current_user(), is_account_group_member(...), secret(...), None for other functions."""


@dataclass
class Rewriter:
    resolver: Resolver
    parameters: Mapping[str, exp.Expr] = field(default_factory=dict)
    temporary: Mapping[str, exp.Expr] = field(default_factory=dict)
    depth: int = 0

    def rewritten(self, tree: exp.Expr) -> exp.Expr:
        """A copy of the tree for DuckDB. Raises SqlFailure."""
        if self.depth > _DEPTH:
            raise SqlFailure("RECURSIVE_VIEW", "Views or functions refer to themselves.", "42K0H")
        copy = tree.copy()
        for placeholder in list(copy.find_all(exp.Placeholder)):
            copy = _replace(copy, placeholder, parameter(self.parameters, str(placeholder.this)).copy())
        copy = self._functions(copy)
        self._tables(copy)
        return copy

    def _tables(self, tree: exp.Expr) -> None:
        own = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
        for column in tree.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)
        for table in list(tree.find_all(exp.Table)):
            if table.meta.get("physical"):
                continue
            if not isinstance(table.this, exp.Identifier):
                raise not_played("table functions")
            parts = tuple(part.name.lower() for part in table.parts)
            if len(parts) == 1 and parts[0] in own:
                continue
            alias = table.alias_or_name
            kept = self.temporary.get(parts[0]) if len(parts) == 1 else None
            source = kept.copy() if kept is not None else self.resolver.table(parts)
            if isinstance(source, exp.Query):
                source = source.subquery()
            source.set("alias", table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
            source.set("joins", table.args.get("joins"))
            source.set("sample", table.args.get("sample"))
            table.replace(source)

    def _functions(self, tree: exp.Expr) -> exp.Expr:
        """Innermost calls first, so that an argument is rewritten before the body it goes into."""
        for call in reversed(list(tree.find_all(exp.Anonymous, exp.CurrentUser, exp.SessionUser, exp.Secret, exp.Cast))):
            if isinstance(call, exp.Cast):
                if call.to.is_type("binary") and not _is_binary(call.this):
                    tree = _replace(tree, call, _binary(call.this))
                continue
            tree = self._call(tree, call)
        return tree

    def _call(self, tree: exp.Expr, call: exp.Expr) -> exp.Expr:
        name, arguments = _called(call)
        constants = [each.name for each in arguments if isinstance(each, exp.Literal)]
        if len(constants) == len(arguments):
            value = self.resolver.context(name, constants)
            if value is not None:
                return _replace(tree, call, value)
        if name == "hmac":
            algorithm = arguments[2].copy() if len(arguments) > 2 else exp.Literal.string("SHA-256")
            return _replace(tree, call, exp.Anonymous(this="hmac", expressions=[*map(_binary, arguments[:2]), algorithm]))
        if name == "make_dt_interval":
            return _replace(tree, call, _interval(arguments))
        whole, parts = _dotted(call, name)
        found = self.resolver.function(parts)
        if found is None:
            if len(parts) > 1:
                raise SqlFailure("UNRESOLVED_ROUTINE", f"Cannot resolve routine `{'.'.join(parts)}`.", "42883")
            return tree
        return _replace(tree, whole, self._inlined(found, arguments))

    def _inlined(self, function: Function, arguments: list[exp.Expr]) -> exp.Expr:
        if len(arguments) != len(function.parameters):
            raise SqlFailure("WRONG_NUM_ARGS", f"The function takes {len(function.parameters)} arguments.", "42605")
        return exp.paren(inline(self.resolver, function, arguments, self.depth + 1))


def inline(resolver: Resolver, function: Function, arguments: list[exp.Expr], depth: int = 0) -> exp.Expr:
    """A function's body, rewritten, with the arguments in place of its parameters."""
    given = dict(zip(function.parameters, arguments, strict=True))
    body = Rewriter(resolver.inside(function.owner), depth=depth).rewritten(parsed(function.body, expression=True))
    for column in list(body.find_all(exp.Column)):
        if column.name.lower() in given and not column.args.get("table"):
            body = _replace(body, column, exp.paren(given[column.name.lower()].copy()))
    return body


def parsed(text: str, expression: bool = False) -> exp.Expr:
    """One statement, or one expression, of Databricks SQL. Raises SqlFailure."""
    try:
        found = sqlglot.parse(f"SELECT {text}" if expression else text, dialect="databricks")
    except SqlglotError as error:
        raise SqlFailure("PARSE_SYNTAX_ERROR", str(error).splitlines()[0], "42601") from error
    statements = [each for each in found if each is not None]
    if len(statements) != 1:
        raise SqlFailure("PARSE_SYNTAX_ERROR", "Exactly one statement is executed at a time.", "42601")
    tree = statements[0]
    return tree.expressions[0] if expression else tree


def _replace(tree: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    if old is tree:
        return new
    old.replace(new)
    return tree


def _called(call: exp.Expr) -> tuple[str, list[exp.Expr]]:
    if isinstance(call, exp.Anonymous):
        return str(call.this).lower(), list(call.expressions)
    if isinstance(call, exp.Secret):
        return "secret", [call.this, call.expression]
    return "current_user", []


def _dotted(call: exp.Expr, name: str) -> tuple[exp.Expr, tuple[str, ...]]:
    """The whole `a.b.f(...)` around a call, and its parts."""
    parent = call.parent
    if isinstance(parent, exp.Dot) and parent.expression is call:
        before = [each.name.lower() for each in parent.this.find_all(exp.Identifier, bfs=False)]
        return parent, (*before, name)
    return call, (name,)


def _binary(tree: exp.Expr) -> exp.Expr:
    """The expression as bytes: text is encoded as UTF-8."""
    return tree.copy() if _is_binary(tree) else exp.Anonymous(this="encode", expressions=[tree.copy()])


def _interval(given: list[exp.Expr]) -> exp.Expr:
    """Days, hours, minutes and seconds with their fraction, as one duration; what is left out is none."""
    units = zip((86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000), given, strict=False)
    wide = exp.DataType.build("DECIMAL(28, 6)")
    parts = [
        exp.Mul(this=exp.Cast(this=each.copy(), to=wide.copy()), expression=exp.Literal.number(micros))
        for micros, each in units
    ]
    total: exp.Expr = exp.Literal.number(0)
    for part in parts:
        total = exp.Add(this=total, expression=part)
    return exp.Anonymous(this="to_microseconds", expressions=[exp.cast(exp.paren(total), "BIGINT")])


def _is_binary(tree: exp.Expr) -> bool:
    """Whether an expression is binary by its form; types are not inferred."""
    if isinstance(tree, (exp.Unhex, exp.FromBase64, exp.Encode)):
        return True
    if isinstance(tree, exp.Anonymous):
        return str(tree.this).lower() in ("hmac", "unhex", "unbase64", "encode")
    if isinstance(tree, exp.Cast):
        return bool(tree.to.is_type("binary"))
    if isinstance(tree, (exp.Concat, exp.DPipe, exp.Paren)):
        return any(_is_binary(each) for each in tree.iter_expressions())
    return False
