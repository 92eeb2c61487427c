"""Data that is taken as share-safe already: every column as it is, for a replay in memory.

People write such data with ordinary programs, so three things that no policy would leave like this are put right: a column of
whole numbers that a missing value has turned into decimals (1.0) is whole again where a key or a label stands in it, a
true/false measure counts as 1 and 0, and join keys of two types meet as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from cleanroom_core.errors import Problem
from cleanroom_core.policies.columns import PlainColumn
from cleanroom_core.policies.compile import SOURCE
from cleanroom_core.policies.policy import ColumnPolicy, Policy
from cleanroom_core.policies.rule_check import problems_of_rule
from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column, identifier, table
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import BIGINT, STRING, Column, Kind, Schema

_BROKEN = (Kind.DOUBLE, Kind.DECIMAL)


@dataclass(frozen=True)
class ShareSafe:
    """`policy` names every column; `schema`: what is shared. `doubts`: column taken as whole -> SELECT of the number of its
    values that are not, over `source`; any but 0 means that the column has to stay as it is (`not_whole`)."""

    policy: Policy
    problems: tuple[Problem, ...]
    schema: Schema
    select: exp.Expr
    doubts: Mapping[str, exp.Expr]

    def sql(self, dialect: str) -> str:
        return render(self.select, dialect)

    def counts(self, dialect: str) -> dict[str, str]:
        return {name: render(tree, dialect) for name, tree in self.doubts.items()}


def share_safe(
    policy: Policy, source: Schema, *, keys_as_text: bool = False, not_whole: frozenset[str] = frozenset()
) -> ShareSafe:
    """Every column of the source, with the rule of `policy` checked against them. `not_whole`: columns that hold fractions."""
    rule = policy.rule
    people = {rule.privacy_unit.casefold(), rule.join_key.casefold()}
    labels = {name.casefold() for name in rule.dimensions}
    measures = {name.casefold() for name in rule.measures}
    shared: list[Column] = []
    selected: list[exp.Expr] = []
    doubts: dict[str, exp.Expr] = {}
    for known in source:
        word, type_ = known.name.casefold(), known.type
        if word in people | labels and type_.kind in _BROKEN and known.name not in not_whole:
            type_ = BIGINT
            doubts[known.name] = _not_whole(known)
        elif word in measures and type_.kind is Kind.BOOLEAN:
            type_ = BIGINT
        tree: exp.Expr = column(known.name)
        if type_ != known.type:
            tree = cast(tree, type_, total=known.name in doubts)
        if keys_as_text and word in people and type_ != STRING:
            tree, type_ = cast(tree, STRING), STRING
        shared.append(Column(known.name, type_))
        selected.append(exp.Alias(this=tree, alias=identifier(known.name)))
    schema = Schema(tuple(shared))
    whole = replace(policy, columns={known.name: ColumnPolicy() for known in schema})
    columns = {known.name.casefold(): PlainColumn(known.name, known) for known in schema}
    problems = tuple(problems_of_rule(whole, schema, columns, tokens=False))
    return ShareSafe(whole, problems, schema, exp.Select(expressions=selected).from_(table(SOURCE)), doubts)


def undated(policy: Policy, source: Schema) -> tuple[str, ...]:
    """Columns the rule takes for dates although they were found to be text: worth reading again as timestamps."""
    dated = {name for name, dimension in policy.rule.dimensions.items() if dimension.dates}
    dated |= {policy.rule.period_column} if policy.rule.period_column is not None else set()
    found = (source.get(name) for name in sorted(dated))
    return tuple(known.name for known in found if known is not None and known.type == STRING)


def _not_whole(known: Column) -> exp.Expr:
    """Values that a BIGINT would change; one that does not fit into it at all is none of them, but NULL is its number."""
    kept = exp.TryCast(this=column(known.name), to=exp.DataType(this=exp.DType.BIGINT), safe=True)
    same = exp.NullSafeEQ(this=column(known.name), expression=cast(kept, known.type))
    count = exp.Alias(this=exp.Count(this=exp.Star()), alias=identifier("rows"))
    return exp.Select(expressions=[count]).from_(table(SOURCE)).where(exp.Not(this=exp.Paren(this=same)))
