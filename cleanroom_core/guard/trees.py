"""Small constructors of sqlglot trees. sqlglot's own builders parse and copy what they get, which costs more than judging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import reduce

from sqlglot import exp

from cleanroom_core.sql.cells import Label


def column(name: str, table: str | None = None) -> exp.Column:
    return exp.Column(this=_quoted(name), table=None if table is None else exp.Identifier(this=table, quoted=False))


def aliased(value: exp.Expr, name: str) -> exp.Expr:
    return exp.Alias(this=value, alias=_quoted(name))


def named(table: str) -> exp.Table:
    """One of the statement's own parts, by name."""
    return exp.Table(this=exp.Identifier(this=table, quoted=False))


def asset(owner: str, name: str, alias: str | None = None) -> exp.Table:
    own = None if alias is None else exp.TableAlias(this=exp.Identifier(this=alias, quoted=False))
    return exp.Table(this=_quoted(name), db=_quoted(owner), alias=own)


def subquery(query: exp.Select, alias: str) -> exp.Subquery:
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.Identifier(this=alias, quoted=False)))


def cast(value: exp.Expr, type_: str) -> exp.Expr:
    """`type_`: BIGINT, DOUBLE, DATE, TIMESTAMP or DECIMAL(p,s)."""
    word, _, digits = type_.partition("(")
    parameters = [exp.DataTypeParam(this=integer(int(text))) for text in digits.rstrip(")").split(",") if text]
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type[word], expressions=parameters, nested=False))


def integer(value: int) -> exp.Expr:
    return number(Decimal(value))


def number(value: Decimal) -> exp.Expr:
    plain = exp.Literal(this=f"{abs(value):f}", is_string=False)
    return exp.Neg(this=plain) if value < 0 else plain


def text(value: str) -> exp.Expr:
    return exp.Literal(this=value, is_string=True)


def literal(label: Label) -> exp.Expr:
    if label is None:
        return exp.Null()
    if isinstance(label, bool):
        return exp.Boolean(this=label)
    if isinstance(label, date):
        return cast(text(label.isoformat()), "DATE")
    return integer(label) if isinstance(label, int) else text(str(label))


def case(*branches: tuple[exp.Expr, exp.Expr], default: exp.Expr | None = None) -> exp.Case:
    return exp.Case(ifs=[exp.If(this=when, true=then) for when, then in branches], default=default)


def is_null(value: exp.Expr) -> exp.Expr:
    return exp.Is(this=value, expression=exp.Null())


def not_null(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=is_null(value))


def all_of(parts: Sequence[exp.Expr]) -> exp.Expr:
    return reduce(lambda left, right: exp.And(this=left, expression=right), parts) if parts else exp.Boolean(this=True)


def any_of(parts: Sequence[exp.Expr]) -> exp.Expr:
    if not parts:
        return exp.Boolean(this=False)
    return exp.Paren(this=reduce(lambda left, right: exp.Or(this=left, expression=right), parts))


def tally(condition: exp.Expr) -> exp.Expr:
    """How many rows of the group meet the condition."""
    return exp.Sum(this=case((condition, integer(1)), default=integer(0)))


def join(table: exp.Expr, on: exp.Expr, *, left: bool = False) -> exp.Join:
    return exp.Join(this=table, on=on, side="LEFT") if left else exp.Join(this=table, on=on, kind="INNER")


def select(
    columns: Sequence[exp.Expr],
    source: exp.Expr,
    *,
    joins: Sequence[exp.Join] = (),
    where: exp.Expr | None = None,
    group: Sequence[exp.Expr] = (),
    having: exp.Expr | None = None,
    parts: Mapping[str, exp.Select] | None = None,
) -> exp.Select:
    """One SELECT; `parts` become its WITH clause."""
    tree = exp.Select(expressions=list(columns), from_=exp.From(this=source))
    if joins:
        tree.set("joins", list(joins))
    if where is not None:
        tree.set("where", exp.Where(this=where))
    if group:
        tree.set("group", exp.Group(expressions=list(group)))
    if having is not None:
        tree.set("having", exp.Having(this=having))
    if parts:
        bodies = [
            exp.CTE(this=body, alias=exp.TableAlias(this=exp.Identifier(this=name, quoted=False)))
            for name, body in parts.items()
        ]
        tree.set("with_", exp.With(expressions=bodies))
    return tree


def _quoted(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=True)
