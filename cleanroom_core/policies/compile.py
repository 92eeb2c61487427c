"""A policy and the columns of its source table in; the share-safe SELECT out, or every problem at once with its place.

The SELECT reads one relation called `source` and names, in the policy's order, exactly the columns that are shared. Rows stay
where the row filter is TRUE (NULL drops). Tokens are computed in named steps, so that a person can read the text and no engine
normalises an identifier twice: `kept` (filter, normalise), `checked` (is the identifier valid), and the SELECT itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from cleanroom_core.errors import PolicyError, Problem
from cleanroom_core.policies.columns import ColumnCheck, ComputedColumn, SharedColumn, TokenisedColumn, nearest, repeated
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.rule_check import problems_of_rule
from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column, identifier, table
from cleanroom_core.sql.token_expression import TokenExpression
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import STRING, Column, Kind, Schema, SqlType

SOURCE = "source"  # the one relation a compiled SELECT reads
_FREE_OF_WIDTH = (Kind.STRING, Kind.BOOLEAN, Kind.DATE)


@dataclass(frozen=True)
class CompiledPolicy:
    """The verdict over a policy. Without `problems` it gives SQL; with problems every use of it raises PolicyError.

    `schema`: the shared columns with the types the SELECT gives them. `parameters`: names of the binary parameters (pads of
    token keys) the SELECT binds; the counts bind none.
    """

    policy: Policy
    problems: tuple[Problem, ...]
    schema: Schema
    parameters: tuple[str, ...]
    _trees: Mapping[str, exp.Expr] = field(repr=False, compare=False)

    def sql(self, dialect: str, *, pretty: bool = False) -> str:
        """The share-safe SELECT. Raises PolicyError."""
        return render(self._tree("select"), dialect, pretty=pretty)

    def counts(self, dialect: str) -> dict[str, str]:
        """Counting SELECTs over `source`: `dropped` by the row filter, and `untokened.<column>`, kept rows whose identifier is
        empty or invalid, for every tokenised column. Raises PolicyError."""
        self.enforce()
        return {name: render(tree, dialect) for name, tree in self._trees.items() if name != "select"}

    def enforce(self) -> None:
        if self.problems:
            raise PolicyError(self.problems)

    def _tree(self, name: str) -> exp.Expr:
        self.enforce()
        return self._trees[name]


def compile_policy(policy: Policy, source: Schema, tokens: Mapping[str, TokenExpression]) -> CompiledPolicy:
    """Check and compile. `source`: the source table's columns, the policy's `types` applied. `tokens`: by token name."""
    check = ColumnCheck(policy, source, tokens)
    for name in policy.types:
        if source.get(name) is None:
            check.problems.append(
                Problem(
                    f"types: {name} is not in the source table.",
                    nearest(name, source.names),
                    ("types", name),
                    code="UNKNOWN_COLUMN",
                )
            )
    for name in repeated(list(policy.columns)):
        check.problems.append(
            Problem(
                f"Two shared columns are called {name!r}.", "Names differ by more than case.", ("columns", name), code="NAME"
            )
        )
    keep = None if policy.row_filter is None else check.row_filter(policy.row_filter)
    columns: dict[str, SharedColumn] = {}
    for name, spec in policy.columns.items():
        if (found := check.column(name, spec)) is not None:
            columns.setdefault(name.casefold(), found)
    schema = Schema(tuple(Column(found.name, _type(found)) for found in columns.values()))
    problems = (*check.problems, *problems_of_rule(policy, schema, columns))
    build = _Select(tuple(columns.values()), source, None if keep is None else keep.tree)
    names = dict.fromkeys(name for found in build.tokenised for name in found.token.parameters)
    return CompiledPolicy(policy, problems, schema, tuple(names), {} if problems else build.trees())


def _type(found: SharedColumn) -> SqlType:
    if isinstance(found, TokenisedColumn):
        return STRING
    return found.expression.type if isinstance(found, ComputedColumn) else found.source.type


class _Select:
    """The SELECT as trees. Step columns get names that no column of the source has."""

    def __init__(self, columns: tuple[SharedColumn, ...], source: Schema, keep: exp.Expr | None) -> None:
        self.columns = columns
        self.tokenised = tuple(found for found in columns if isinstance(found, TokenisedColumn))
        self._keep = keep
        taken = {name.casefold() for name in source.names}
        # one identifier column tokenised twice with one spec is normalised once
        pairs = dict.fromkeys((found.token.name, found.source.name) for found in self.tokenised)
        self._steps = {pair: (_free(f"normalised_{n}", taken), _free(f"valid_{n}", taken)) for n, pair in enumerate(pairs, 1)}
        needed = [name for found in columns for name in _read(found)]
        self._carried = list(dict.fromkeys(needed))

    def trees(self) -> dict[str, exp.Expr]:
        found: dict[str, exp.Expr] = {"select": self._select(), "dropped": self._dropped()}
        for shared in self.tokenised:
            valid = column(self._steps[shared.token.name, shared.source.name][1])
            count = exp.Select(expressions=[_count()]).from_(table("checked")).where(exp.Not(this=valid))
            found[f"untokened.{shared.name}"] = self._with_steps(count)
        return found

    def _select(self) -> exp.Expr:
        select = exp.Select(
            expressions=[exp.Alias(this=self._value(found), alias=identifier(found.name)) for found in self.columns]
        )
        if self.tokenised:
            return self._with_steps(select.from_(table("checked")))
        return self._kept(select.from_(table(SOURCE)))

    def _value(self, found: SharedColumn) -> exp.Expr:
        if isinstance(found, ComputedColumn):
            return found.expression.tree.copy()
        if isinstance(found, TokenisedColumn):
            normalised, valid = self._steps[found.token.name, found.source.name]
            return exp.Case(ifs=[exp.If(this=column(valid), true=found.token.digest(column(normalised)))])
        value = column(found.source.name)
        return value if found.source.type.kind in _FREE_OF_WIDTH else cast(value, found.source.type)

    def _with_steps(self, select: exp.Select) -> exp.Expr:
        kept: list[exp.Expr] = [column(name) for name in self._carried]
        checked: list[exp.Expr] = [column(name) for name in self._carried]
        done: set[tuple[str, str]] = set()
        for found in self.tokenised:
            pair = (found.token.name, found.source.name)
            if pair in done:
                continue
            done.add(pair)
            normalised, valid = self._steps[pair]
            text = column(found.source.name) if found.source.type == STRING else cast(column(found.source.name), STRING)
            kept.append(exp.Alias(this=found.token.normalised(text), alias=identifier(normalised)))
            checked.append(column(normalised))
            checked.append(exp.Alias(this=found.token.valid(column(normalised)), alias=identifier(valid)))
        first = self._kept(exp.Select(expressions=kept).from_(table(SOURCE)))
        second = exp.Select(expressions=checked).from_(table("kept"))
        return select.with_("kept", as_=first).with_("checked", as_=second)

    def _kept(self, select: exp.Select) -> exp.Select:
        return select if self._keep is None else select.where(self._keep.copy())

    def _dropped(self) -> exp.Expr:
        select = exp.Select(expressions=[_count()]).from_(table(SOURCE))
        if self._keep is None:
            return select.where(exp.false())
        kept = exp.Is(this=exp.Paren(this=self._keep.copy()), expression=exp.Boolean(this=True))
        return select.where(exp.Not(this=exp.Paren(this=kept)))


def _read(found: SharedColumn) -> tuple[str, ...]:
    """The source columns the last step still reads; of an identifier only its normalised form goes on."""
    if isinstance(found, TokenisedColumn):
        return ()
    return found.expression.columns if isinstance(found, ComputedColumn) else (found.source.name,)


def _count() -> exp.Expr:
    return exp.Alias(this=exp.Count(this=exp.Star()), alias=identifier("rows"))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_"
    taken.add(name)
    return name
