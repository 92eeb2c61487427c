"""The source table as a policy's expressions see it: which columns they may use, with which types, and how each is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from cleanroom_core.errors import ExpressionError, Problem
from cleanroom_core.policies.columns import Path
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.unity_catalog.catalog import CatalogTable
from cleanroom_core.policies.unity_catalog.spelling import SUBSTITUTED
from cleanroom_core.sql.dialect import parse_scalar
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import STRING, Column, Schema


@dataclass(frozen=True)
class SourceColumns:
    """`schema`: every column under the type expressions give it. `problems`: what the policy uses and cannot have."""

    table: CatalogTable
    schema: Schema
    problems: tuple[Problem, ...]

    def read(self, name: str, value: exp.Expr) -> exp.Expr:
        """`value`, which has the type of the column in Unity Catalog, as one of the type it has in `schema`; never lossy."""
        column, wanted = self.table.get(name), self.schema.get(name)
        if column is None or wanted is None:
            raise KeyError(name)
        found = column.type.read(value)
        return found if column.type.type == wanted.type else cast(found, wanted.type)


def source_columns(policy: Policy, table: CatalogTable) -> SourceColumns:
    """Match a policy with the table as it was found. A column that cannot be read stands in the schema as STRING, so that
    everything else can still be judged; using it is a problem."""
    declared = {name.casefold(): type_ for name, type_ in policy.types.items()}
    columns = [Column(found.name, declared.get(found.name.casefold(), found.type.type or STRING)) for found in table.columns]
    return SourceColumns(
        table, Schema(tuple(columns)), (*_lossy(policy, table), *_unusable(policy, table), *_variables(policy))
    )


def unusable(table: CatalogTable, names: Iterator[str] | tuple[str, ...], path: Path, what: str) -> Iterator[Problem]:
    """A problem for each column among `names` that no expression can read."""
    for name in names:
        found = table.get(name)
        if found is not None and found.type.type is None:
            yield Problem(
                f"{what}: {found.name} is {found.type.text or 'of no type'} in Unity Catalog; {found.type.why}.",
                "Leave it out, or add a column of a plain type (STRING, BIGINT, DECIMAL, DOUBLE, BOOLEAN, DATE, TIMESTAMP).",
                path,
                code="TYPE",
            )


def mentioned(text: str) -> tuple[str, ...]:
    """The columns a text mentions; none when it cannot be read, which the compiler reports."""
    try:
        return tuple(dict.fromkeys(node.name for node in parse_scalar(text).find_all(exp.Column)))
    except ExpressionError:
        return ()


def _lossy(policy: Policy, table: CatalogTable) -> Iterator[Problem]:
    """A declared type that some value would not fit into: it would be NULL, which a filter with IS NULL lets through."""
    for name, wanted in policy.types.items():
        found = table.get(name)
        if found is not None and found.type.type is not None and not found.type.holds(wanted):
            yield Problem(
                f"types: {found.name} is {found.type.text} in Unity Catalog; read as {wanted}, some of its values would be "
                "NULL without an error, and a filter can let such rows through.",
                f"Take {name} out of types, or change the column's type in the table.",
                ("types", name),
                code="TYPE",
            )


def _variables(policy: Policy) -> Iterator[Problem]:
    """Texts that would be changed on their way: `spelling.spell` refuses them without a place."""
    texts: list[tuple[Path, str | None]] = [(("row_filter",), policy.row_filter)]
    texts += [(("columns", name, "expression"), column.expression) for name, column in policy.columns.items()]
    texts += [(("columns", name), f"{name} {column.source}") for name, column in policy.columns.items()]
    for path, text in texts:
        if text is not None and SUBSTITUTED in text:
            message = f"{SUBSTITUTED} stands here, which Databricks replaces by the value of a variable before it reads SQL."
            yield Problem(
                message, "Write it another way, for instance with LIKE, or rename the column.", path, code="SUBSTITUTION"
            )


def _unusable(policy: Policy, table: CatalogTable) -> Iterator[Problem]:
    if policy.row_filter is not None:
        yield from unusable(table, mentioned(policy.row_filter), ("row_filter",), "The row filter")
    for name, column in policy.columns.items():
        if column.expression is not None:
            yield from unusable(table, mentioned(column.expression), ("columns", name, "expression"), f"Column {name}")
        else:
            path: Path = ("columns", name) if column.source is None else ("columns", name, "from")
            yield from unusable(table, (column.source or name,), path, f"Column {name}")
