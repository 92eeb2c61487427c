"""The two SQL functions of a governed table: which rows a reader sees, and what of a masked column.

A function is named after what it does: eight hex digits of the SHA-256 of its text end its name. A table in use is thus never
changed by replacing a function under it, and the functions of earlier policies stay for the way back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from cleanroom_core.policies.unity_catalog.catalog import FunctionUse
from cleanroom_core.policies.unity_catalog.names import ObjectName, SchemaName
from cleanroom_core.policies.unity_catalog.source import SourceColumns
from cleanroom_core.policies.unity_catalog.spelling import DIALECT, Statement, spell
from cleanroom_core.policies.unity_catalog.types import CatalogType
from cleanroom_core.sql.expressions import Expression
from cleanroom_core.sql.portable import call, render
from cleanroom_core.sql.quoting import column

PREFIX = "cleanroom"
BOOLEAN_TYPE = CatalogType.parse("boolean")
_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,60}")


@dataclass(frozen=True)
class Parameter:
    """`name` is made up by us and plain; `column` is the table's column it stands for; the types are the same."""

    name: str
    column: str
    type: CatalogType


@dataclass(frozen=True)
class SqlFunction:
    """`body` reads the parameters only, as quoted columns."""

    name: ObjectName
    parameters: tuple[Parameter, ...]
    returns: CatalogType
    body: exp.Expr = field(compare=False, repr=False)

    def body_sql(self, dialect: str = DIALECT) -> str:
        return spell(self.body) if dialect == DIALECT else render(self.body, dialect)

    def create(self) -> Statement:
        sql = spell("CREATE OR REPLACE FUNCTION", self.name.tree(), *_signature(self.parameters, self.returns, self.body))
        return Statement(f"Make the function {self.name}.", sql)

    def drop(self) -> Statement:
        return drop_function(self.name)

    def use(self, *, mask: bool) -> FunctionUse:
        """How the table has to name it."""
        return FunctionUse(self.name, tuple(parameter.column for parameter in self.parameters[1 if mask else 0 :]))


def filter_function(home: SchemaName, asset: str, keep: Expression, source: SourceColumns, exempt: str) -> SqlFunction:
    """TRUE for the rows a policy shares, FALSE for all others, never NULL; members of the group `exempt` see all rows."""
    parameters, body = _bound(keep, keep.columns, source)
    body = call("COALESCE", body, exp.false())
    body = exp.Or(this=_member(exempt), expression=body)
    return _named(home, asset, "filter", parameters, BOOLEAN_TYPE, body)


def mask_function(
    home: SchemaName, asset: str, masked: str, shown: Expression | None, source: SourceColumns, exempt: str
) -> SqlFunction:
    """What others than `exempt` see of a column: `shown`, or NULL. The column is the first parameter and the result's type."""
    names = (masked, *(name for name in (() if shown is None else shown.columns) if name.casefold() != masked.casefold()))
    parameters, body = _bound(shown, names, source)
    first = parameters[0]
    if shown is None:
        body = exp.Cast(this=exp.Null(), to=first.type.declared())
    elif shown.type != first.type.type or first.type.text not in ("string", str(shown.type).lower()):
        # TRY: what does not fit into the column's type is not shown
        body = exp.TryCast(this=body, to=first.type.declared(), safe=True)
    body = exp.Case(ifs=[exp.If(this=_member(exempt), true=column(first.name))], default=body)
    return _named(home, asset, "mask", parameters, first.type, body)


def drop_function(name: ObjectName) -> Statement:
    return Statement(f"Drop the function {name}.", spell("DROP FUNCTION IF EXISTS", name.tree()))


def is_ours(name: ObjectName, asset: str) -> bool:
    """Whether a function has a name that only this module gives to functions of this asset."""
    return re.fullmatch(f"{PREFIX}_{re.escape(asset.lower())}_(filter|mask)_[0-9a-f]{{8}}", name.name) is not None


def _bound(
    expression: Expression | None, names: tuple[str, ...], source: SourceColumns
) -> tuple[tuple[Parameter, ...], exp.Expr]:
    """The parameters for columns, and the expression over them."""
    parameters: dict[str, Parameter] = {}
    for position, name in enumerate(names, 1):
        found = source.table.get(name)
        if found is None:
            raise KeyError(name)
        word = found.name.lower()
        plain = f"p_{word}" if _PLAIN.fullmatch(word) else f"p_{position}"
        parameters[name.casefold()] = Parameter(plain, found.name, found.type)

    def over_parameters(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        return source.read(node.name, column(parameters[node.name.casefold()].name))

    body = exp.Null() if expression is None else replaced(expression.tree, over_parameters)
    return tuple(parameters.values()), body


def replaced(tree: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """A copy of the tree with nodes changed; what `change` returns is not looked at again."""
    found: exp.Expr = tree.copy().transform(change, copy=False)
    return found


def _member(group: str) -> exp.Expr:
    return call("IS_ACCOUNT_GROUP_MEMBER", exp.Literal.string(group))


def _signature(parameters: tuple[Parameter, ...], returns: CatalogType, body: exp.Expr) -> tuple[str | exp.Expr, ...]:
    # plain names stand unquoted: sqlfluff takes no others for parameters
    given = [exp.ColumnDef(this=exp.Identifier(this=found.name), kind=found.type.declared()) for found in parameters]
    return (exp.Tuple(expressions=given), "RETURNS", returns.declared(), "RETURN", body)


def _named(
    home: SchemaName, asset: str, kind: str, parameters: tuple[Parameter, ...], returns: CatalogType, body: exp.Expr
) -> SqlFunction:
    columns = "\n".join(parameter.column for parameter in parameters)
    digest = hashlib.sha256(f"{spell(*_signature(parameters, returns, body))}\n{columns}".encode()).hexdigest()[:8]
    return SqlFunction(home.named(f"{PREFIX}_{asset}_{kind}_{digest}"), parameters, returns, body)
