"""The share-safe table: filtered, tokenised, without a comment; the one object that may go into a room, or a view over it.

A table with a row filter, a mask or a policy cannot be shared, so nothing of the kind is put on it. The key of a token stands
in no text: the statement names a secret, which the platform looks up when the statement runs. `secret()` in a view that
somebody else reads is not relied upon: the view reads the finished table.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from cleanroom_core.errors import InputError, PolicyError, Problem
from cleanroom_core.policies.compile import SOURCE, CompiledPolicy, compile_policy
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.unity_catalog.catalog import CatalogTable
from cleanroom_core.policies.unity_catalog.grants import Grant
from cleanroom_core.policies.unity_catalog.names import ObjectName, shared_column_name
from cleanroom_core.policies.unity_catalog.source import SourceColumns, source_columns
from cleanroom_core.policies.unity_catalog.spelling import Statement, spell, text
from cleanroom_core.policies.unity_catalog.types import CatalogType
from cleanroom_core.sql.portable import call
from cleanroom_core.sql.quoting import column, identifier, table
from cleanroom_core.sql.token_expression import TokenExpression
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import Schema, SqlType


@dataclass(frozen=True)
class ShareTarget:
    """Where the share-safe table lies. `view`: what is shared instead of it, so that `withdrawn`, a table of tokens under the
    name of the privacy unit, takes people out at once. `readers`: the owner of the room. `exempt`: the account group whose
    members no filter and no mask of the source table holds back; the publisher must be in it."""

    table: ObjectName
    view: ObjectName | None = None
    withdrawn: ObjectName | None = None
    readers: tuple[str, ...] = ()
    exempt: str | None = None

    def __post_init__(self) -> None:
        names = [name for name in (self.table, self.view, self.withdrawn) if name is not None]
        if len(set(names)) < len(names):
            raise InputError("The table, its view and the withdrawn are three things.", hint="Name them apart.", code="SHARE")
        if self.withdrawn is not None and self.view is None:
            raise InputError(
                "Who has withdrawn is left out by a view.", hint="Name the view that is to be shared.", code="SHARE"
            )

    @property
    def shared(self) -> ObjectName:
        """What goes into the room."""
        return self.view or self.table


@dataclass(frozen=True)
class Share:
    """The share-safe object of a policy. With `problems` every use of it raises PolicyError. `schema`: what is shared."""

    policy: Policy
    target: ShareTarget
    problems: tuple[Problem, ...]
    schema: Schema
    _select: exp.Expr | None = field(repr=False, compare=False)

    def select(self) -> exp.Expr:
        """The SELECT over the source table, whole: one step per thought, `source` first. Raises PolicyError."""
        if self.problems or self._select is None:
            raise PolicyError(self.problems)
        return self._select.copy()

    @property
    def grants(self) -> tuple[Grant, ...]:
        return tuple(grant for reader in self.target.readers for grant in Grant.to_read(reader, self.target.shared))

    def statements(self) -> tuple[Statement, ...]:
        """In the order in which they are to be run, each of them as often as one likes. Raises PolicyError."""
        return (
            *self._exempt(),
            *self._table(),
            *self._view(),
            *(grant.give() for grant in self.grants),
        )

    def undo(self) -> tuple[Statement, ...]:
        """Take the grants, the view and the table away. While a room has it as an asset, the platform refuses the drop."""
        found = [grant.take() for grant in reversed(self.grants) if grant.kind == "TABLE"]
        if self.target.view is not None:
            sql = spell("DROP VIEW IF EXISTS", self.target.view.tree())
            found.append(Statement(f"Drop the view {self.target.view}.", sql))
        sql = spell("DROP TABLE IF EXISTS", self.target.table.tree())
        return (*found, Statement(f"Drop the share-safe table {self.target.table}.", sql))

    def _exempt(self) -> Iterator[Statement]:
        if self.target.exempt is not None:
            member = call("IS_ACCOUNT_GROUP_MEMBER", text(self.target.exempt))
            message = (
                "The publisher is not in the exempt group: the source table would show it filtered rows and masked values."
            )
            check = exp.Select(expressions=[call("ASSERT_TRUE", member, text(message))])
            yield Statement(f"Stop unless the publisher is in {self.target.exempt}.", spell(check))

    def _table(self) -> Iterator[Statement]:
        name = self.target.table
        made = spell("CREATE OR REPLACE TABLE", name.tree(), "AS", self.select(), pretty=True)
        yield Statement(f"Write the share-safe table {name}.", made)
        # the SELECT brings no comment along; a table that is replaced may keep what somebody has given it
        yield _silent_table(name)
        yield from (_silent_column(name, shared.name) for shared in self.schema)

    def _view(self) -> Iterator[Statement]:
        if self.target.view is None:
            return
        rows = exp.Select(expressions=[column(shared.name, "shared") for shared in self.schema])
        rows = rows.from_(exp.alias_(self.target.table.tree(), identifier("shared"), table=True))
        if self.target.withdrawn is not None:
            unit = self.schema.get(self.policy.rule.privacy_unit)
            if unit is None:
                raise KeyError(self.policy.rule.privacy_unit)
            same = exp.EQ(this=column(unit.name, "withdrawn"), expression=column(unit.name, "shared"))
            gone = exp.Select(expressions=[exp.Literal.number(1)])
            gone = gone.from_(exp.alias_(self.target.withdrawn.tree(), identifier("withdrawn"), table=True)).where(same)
            rows = rows.where(exp.Not(this=exp.Exists(this=gone)))
        said = exp.CommentColumnConstraint(this=text(""))
        columns = [exp.ColumnDef(this=identifier(shared.name), constraints=[exp.ColumnConstraint(kind=said.copy())])
                   for shared in self.schema]  # fmt: skip
        words = ("CREATE OR REPLACE VIEW", self.target.view.tree(), exp.Tuple(expressions=columns), "AS", rows)
        yield Statement(f"Show {self.target.table} as {self.target.view}.", spell(*words, pretty=True))


def silence(found: CatalogTable) -> tuple[Statement, ...]:
    """Empty the comments that a table has, and nothing else: the partner reads them."""
    columns = (_silent_column(found.name, each.name) for each in found.columns if each.comment)
    return (*([_silent_table(found.name)] if found.comment else []), *columns)


def _silent_table(name: ObjectName) -> Statement:
    return Statement(f"{name} says nothing about itself.", spell("COMMENT ON TABLE", name.tree(), "IS", text("")))


def _silent_column(name: ObjectName, shared: str) -> Statement:
    words = ("ALTER TABLE", name.tree(), "ALTER COLUMN", identifier(shared), "COMMENT", text(""))
    return Statement(f"Nor does its column {shared}.", spell(*words))


def share(policy: Policy, found: CatalogTable, tokens: Mapping[str, TokenExpression], target: ShareTarget) -> Share:
    """Judge and compile. `tokens`: by name, with secrets in place of parameters (`tokens.secret_expression`)."""
    source = source_columns(policy, found)
    compiled = compile_policy(policy, source.schema, tokens)
    places = [problem.path for problem in source.problems]
    # of a column that cannot be read at all, what the grammar says of its pretended type helps nobody
    rest = [problem for problem in compiled.problems if not any(problem.path[: len(place)] == place for place in places)]
    problems = (*source.problems, *rest, *_names(policy), *_target(found, target), *_unbound(compiled))
    return Share(policy, target, problems, compiled.schema, None if problems else _with_source(compiled, source))


def check_share(wanted: Share, table_found: CatalogTable, *, policies: Sequence[str] = ()) -> tuple[Problem, ...]:
    """The shared object as it was read back: may it go into a room? `policies`: names of ABAC policies that hold for it and
    from which the room's owner is not exempt. Empty when all is well."""
    return tuple(_check_share(wanted, table_found, policies))


def _check_share(wanted: Share, found: CatalogTable, policies: Sequence[str]) -> Iterator[Problem]:
    if found.name != wanted.target.shared:
        yield _problem((), f"This is {found.name}, not {wanted.target.shared}.", "Read back what is to be shared.")
    yield from check_columns(wanted.schema, found, policies)


def check_columns(schema: Schema, found: CatalogTable, policies: Sequence[str] = ()) -> Iterator[Problem]:
    """The table as it was read back: exactly these columns, and nothing that a room refuses or the partner would read."""
    if found.row_filter is not None:
        yield _problem(("row_filter",), f"{found.name} has a row filter.", "Drop it: what is shared is filtered already.")
    for name in policies:
        yield _problem(("policies", name), f"The policy {name} holds for {found.name}.", "Exempt the room's owner from it.")
    if found.comment:
        yield _problem(("comment",), f"{found.name} has a comment, which the partner reads.", "Publish again to empty it.")
    for column_found in found.columns:
        path = ("columns", column_found.name)
        shared = schema.get(column_found.name)
        if column_found.mask is not None:
            yield _problem(path, f"{column_found.name} has a mask.", "Drop it: what is shared is tokenised already.")
        if column_found.comment:
            yield _problem(path, f"{column_found.name} has a comment, which the partner reads.", "Publish again to empty it.")
        if shared is None:
            yield _problem(path, f"{column_found.name} is not shared by the policy.", "Publish again as the policy says.")
        elif column_found.type != (wanted_type := CatalogType.of(shared.type)):
            message = f"{column_found.name} is {column_found.type.text}, not {wanted_type.text}."
            yield _problem(path, message, "Publish again as the policy says.")
    for shared in schema:
        if found.get(shared.name) is None:
            yield _problem(("columns", shared.name), f"{shared.name} is missing.", "Publish again as the policy says.")


def _with_source(compiled: CompiledPolicy, source: SourceColumns) -> exp.Expr:
    """The compiled SELECT with a first step that reads what it uses of the source table, each column as its declared type."""
    tree = compiled._tree("select").copy()
    used = {node.name.casefold() for node in tree.find_all(exp.Column)}
    if not isinstance(tree, exp.Select):
        raise TypeError("a policy compiles to a SELECT")
    tree = tree.with_(table(SOURCE).this, as_=read_columns(source, used), copy=False)
    steps = tree.args["with_"].expressions
    tree.args["with_"].set("expressions", [steps[-1], *steps[:-1]])
    return tree


def read_columns(source: SourceColumns, used: Container[str] | None = None) -> exp.Select:
    """The first step: the source table's columns, each as its declared type. `used`: only these, casefolded; None: all."""
    read: list[exp.Expr] = [
        exp.Alias(this=_uncommented(source.read(known.name, column(known.name)), known.type), alias=identifier(known.name))
        for known in source.schema
        if used is None or known.name.casefold() in used
    ]
    return exp.Select(expressions=read or [exp.Star()]).from_(source.table.name.tree())


def _uncommented(value: exp.Expr, type_: SqlType) -> exp.Expr:
    """A column that is selected as it is brings its comment along (seen on Spark 4.0); a CAST to its own type does not."""
    return cast(value, type_) if isinstance(value, exp.Column) else value


def _names(policy: Policy) -> Iterator[Problem]:
    for name in policy.columns:
        try:
            shared_column_name(name)
        except InputError as error:
            yield Problem(error.message, error.hint, ("columns", name), code=error.code)


def _target(found: CatalogTable, target: ShareTarget) -> Iterator[Problem]:
    if found.name in (target.table, target.view, target.withdrawn):
        yield Problem(f"{found.name} is the source table itself.", "Name another table to write.", (), code="SHARE")


def _unbound(compiled: CompiledPolicy) -> Iterator[Problem]:
    if compiled.parameters:
        yield Problem(
            "The tokens read bound parameters, which a workspace would have to be sent with the statement.",
            "Compile with tokens.secret_expression.", (), code="TOKEN",
        )  # fmt: skip


def _problem(path: tuple[str | int, ...], message: str, hint: str) -> Problem:
    return Problem(message, hint, path, code="READ_BACK")
