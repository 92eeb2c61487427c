"""Internal governance of a source table: in-house readers see the rows a policy shares and no raw identifier.

None of it travels: a table with a row filter or a mask cannot be shared into a room (Databricks, "Row filters and column
masks"). What goes into a room is made by `share`, by somebody who is exempt here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cleanroom_core.errors import ExpressionError, PolicyError, Problem
from cleanroom_core.policies.columns import Path, nearest
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.unity_catalog.catalog import CatalogTable
from cleanroom_core.policies.unity_catalog.functions import SqlFunction, filter_function, mask_function
from cleanroom_core.policies.unity_catalog.grants import Grant
from cleanroom_core.policies.unity_catalog.names import SchemaName, principal
from cleanroom_core.policies.unity_catalog.protection import set_filter, set_mask
from cleanroom_core.policies.unity_catalog.source import SourceColumns, mentioned, source_columns, unusable
from cleanroom_core.policies.unity_catalog.spelling import Statement
from cleanroom_core.sql.expressions import Expression, parse_expression
from cleanroom_core.sql.types import Kind


@dataclass(frozen=True)
class Access:
    """Who sees what of a source table. `functions`: the schema the functions lie in. `exempt`: the account group that sees
    everything, with the service principal that publishes in it. `readers`: who may read what is left. `masks`: columns to mask
    besides the raw identifiers, each with the expression that is shown instead, None for nothing."""

    functions: SchemaName
    exempt: str
    readers: tuple[str, ...] = ()
    masks: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.exempt, *self.readers):
            principal(name)


@dataclass(frozen=True)
class Governance:
    """What a source table should have. With `problems` every use of it raises PolicyError.

    `masks`: the column as the table spells it -> its function.
    """

    asset: str
    table: CatalogTable
    access: Access
    problems: tuple[Problem, ...]
    row_filter: SqlFunction | None
    masks: Mapping[str, SqlFunction]

    def enforce(self) -> None:
        if self.problems:
            raise PolicyError(self.problems)

    @property
    def functions(self) -> tuple[SqlFunction, ...]:
        return (*(() if self.row_filter is None else (self.row_filter,)), *self.masks.values())

    @property
    def grants(self) -> tuple[Grant, ...]:
        return tuple(grant for reader in self.access.readers for grant in Grant.to_read(reader, self.table.name))

    def statements(self) -> tuple[Statement, ...]:
        """Everything from nothing, in an order in which nobody is let in before the table is protected. Raises PolicyError."""
        self.enforce()
        found = [function.create() for function in self.functions]
        if self.row_filter is not None:
            found.append(set_filter(self.table.name, self.row_filter.use(mask=False)))
        found += [set_mask(self.table.name, name, function.use(mask=True)) for name, function in self.masks.items()]
        return (*found, *(grant.give() for grant in self.grants))


def govern(policy: Policy, table: CatalogTable, access: Access) -> Governance:
    """Judge and compile. Problems come all at once, each with its place in the policy or under `masks`."""
    source = source_columns(policy, table)
    problems = [found for found in source.problems if found.path[:1] != ("columns",)]
    judge = _Judge(source, problems)
    keep = None if policy.row_filter is None else judge.row_filter(policy.row_filter)
    masks = {name: judge.mask(name, text) for name, text in _masked(policy, access).items()}
    if judge.problems:
        return Governance(policy.asset, table, access, tuple(judge.problems), None, {})
    home, asset, exempt = access.functions, policy.asset, access.exempt
    return Governance(
        asset,
        table,
        access,
        (),
        None if keep is None else filter_function(home, asset, keep, source, exempt),
        {
            found.name: mask_function(home, asset, found.name, shown, source, exempt)
            for name, shown in masks.items()
            if (found := table.get(name)) is not None
        },
    )


def _masked(policy: Policy, access: Access) -> dict[str, str | None]:
    """The raw identifiers, and what else is asked for."""
    raw: dict[str, str | None] = {column.source: None for column in policy.columns.values() if column.source is not None}
    asked = {name.casefold() for name in access.masks}
    return {name: text for name, text in raw.items() if name.casefold() not in asked} | dict(access.masks)


class _Judge:
    def __init__(self, source: SourceColumns, problems: list[Problem]) -> None:
        self.problems = problems
        self._source = source

    def row_filter(self, text: str) -> Expression | None:
        found = self._expression(("row_filter",), "The row filter", text)
        if found is not None and found.type.kind is not Kind.BOOLEAN:
            self._add(
                ("row_filter",), f"The row filter is a {found.type}, not a condition.", "Compare it, for instance with = 1."
            )
        return found

    def mask(self, name: str, text: str | None) -> Expression | None:
        path: Path = ("masks", name)
        column = self._source.table.get(name)
        if column is None:
            self._add(path, f"{name} is not in the source table.", nearest(name, self._source.schema.names), "UNKNOWN_COLUMN")
            return None
        others = () if text is None else mentioned(text)
        used = (name, *(other for other in others if other.casefold() != name.casefold()))
        self.problems += unusable(self._source.table, used, path, f"The mask of {name}")
        if text is None:
            return None
        found = self._expression(path, f"The mask of {name}", text)
        if found is not None and column.type.type is not None:
            self._fits(path, name, found)
        return found

    def _fits(self, path: Path, name: str, found: Expression) -> None:
        """A mask has the type of its column; another one Unity Catalog would cast, to NULL or to something unforeseen."""
        column = self._source.table.get(name)
        wanted = None if column is None else column.type
        if wanted is None or wanted.type is None:
            return
        if found.type.kind is not wanted.type.kind:
            self._add(
                path, f"The mask of {name} is {found.type}, the column is {wanted.text}.", "CAST it to the column's type."
            )
        elif wanted.text == "timestamp":
            self._add(
                path, f"{name} is a timestamp with a time zone; only nothing can be shown of it.", "Leave its mask empty."
            )

    def _expression(self, path: Path, what: str, text: str) -> Expression | None:
        if any(problem.path == path for problem in self.problems):
            return None  # said already, and more to the point
        try:
            return parse_expression(text, self._source.schema)
        except ExpressionError as error:
            self.problems.append(Problem(f"{what}: {error.message}", error.hint, path, error.line, error.column, error.code))
            return None

    def _add(self, path: Path, message: str, hint: str, code: str = "TYPE") -> None:
        self.problems.append(Problem(message, hint, path, code=code))
