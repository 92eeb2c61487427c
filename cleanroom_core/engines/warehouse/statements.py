"""The statements of the engine as texts. Names are checked objects, everything else was compiled by `policies`; no value of a
row and no key is in any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from cleanroom_core.engines.protocol import ShareSelect
from cleanroom_core.engines.warehouse.values import shown
from cleanroom_core.policies.unity_catalog.names import ObjectName, shared_column_name
from cleanroom_core.policies.unity_catalog.share import read_columns
from cleanroom_core.policies.unity_catalog.source import SourceColumns
from cleanroom_core.policies.unity_catalog.spelling import DIALECT, spell, text
from cleanroom_core.sql.portable import call
from cleanroom_core.sql.quoting import column, identifier, table
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import Schema

INTENT, VERSION, ROOM = "cleanroom.intent", "cleanroom.version", "cleanroom.room"  # properties of a table this engine wrote
_POOL = 100  # rows a preview looks at, to find some that are shared and some that the filter drops
_SOURCE, _SHARED, _POOLED, _COMPILED = "source", "shared", "pooled", "compiled"


def publish(source: SourceColumns, select: ShareSelect, target: ObjectName, properties: Mapping[str, str]) -> str:
    """One atomic commit: the rows, sorted by their shared values, and the properties by which it is found again."""
    values = [
        exp.alias_(cast(column(shared_column_name(each.name)), each.type), each.name, quoted=True) for each in select.schema
    ]
    rows = exp.Select(expressions=values).from_(_compiled(select.sql)).order_by(*(column(name) for name in select.schema.names))
    pairs = exp.Tuple(expressions=[exp.EQ(this=text(name), expression=text(value)) for name, value in properties.items()])
    made = ("CREATE OR REPLACE TABLE", target.tree(), "COMMENT", text(""), "TBLPROPERTIES", pairs, "AS")
    return spell(*made, rows.with_(table(_SOURCE).this, as_=read_columns(source)))


def counts(source: SourceColumns, queries: Mapping[str, str]) -> str:
    """Rows of (name, number), in one look at the source; the number of its rows has the name ""."""
    every = exp.Select(expressions=[exp.Count(this=exp.Star())]).from_(table(_SOURCE)).sql(DIALECT)
    counted = [
        exp.Select(expressions=[text(name), column("number")]).from_(_compiled(query, "number"))
        for name, query in {"": every, **queries}.items()
    ]
    found = counted[0] if len(counted) == 1 else exp.union(*counted, distinct=False)
    return spell(found.with_(table(_SOURCE).this, as_=read_columns(source)))


def over_shared(target: ObjectName, schema: Schema, query: str) -> str:
    """`query`, which reads the relation `shared`, over the published table; its order is kept."""
    rows = exp.Select(expressions=[column(name) for name in schema.names]).from_(target.tree())
    return spell("WITH", exp.CTE(this=rows, alias=exp.TableAlias(this=identifier(_SHARED))), exp.Var(this=query))


@dataclass(frozen=True)
class Pairs:
    """The rows of a sample before and after. The pool is the first rows in the order of all their columns, so that the two
    statements, and the two sides of each, mean the same rows; a row's number is handed on through every step of the SELECT."""

    source: SourceColumns
    select: ShareSelect

    def kept(self) -> str:
        """Rows of (number, whether the row is shared); no value leaves."""
        return self._spelled(exp.Select(expressions=[self._number(_POOLED), _is_kept(self._number(_SHARED))]))

    def values(self, numbers: Iterable[int]) -> str:
        """The chosen rows: number, whether it is shared, the columns of the source, the shared columns."""
        before = [shown(column(each.name, _POOLED), each.type) for each in self.source.schema]
        after = [shown(column(each.name, _SHARED), each.type) for each in self.select.schema]
        values = [exp.alias_(value, f"value_{at}", quoted=True) for at, value in enumerate([*before, *after])]
        wanted = exp.In(this=self._number(_POOLED), expressions=[exp.Literal.number(number) for number in numbers])
        chosen = exp.Select(expressions=[self._number(_POOLED), _is_kept(self._number(_SHARED)), *values])
        return self._spelled(chosen.where(wanted))

    def _spelled(self, rows: exp.Select) -> str:
        same = exp.EQ(this=self._number(_POOLED), expression=self._number(_SHARED))
        rows = rows.from_(table(_POOLED)).join(table(_SHARED), on=same, join_type="left").order_by(self._number(_POOLED))
        every = exp.Select(expressions=[exp.Star()]).from_(table(_POOLED))
        rows = rows.with_(table(_POOLED).this, as_=self._pooled())
        rows = rows.with_(table(_SOURCE).this, as_=every)
        return spell(rows.with_(table(_SHARED).this, as_=self._numbered()))

    def _pooled(self) -> exp.Select:
        names = [column(name) for name in self.source.schema.names]
        first = exp.Select(expressions=[exp.Star()]).from_(exp.Subquery(this=read_columns(self.source), alias=_named("raw")))
        pool = exp.Subquery(this=first.order_by(*names).limit(_POOL), alias=_named("pool"))
        order = exp.Order(expressions=[exp.Ordered(this=each) for each in names])
        number = exp.alias_(exp.Window(this=call("ROW_NUMBER"), order=order), self._name, quoted=True)
        return exp.Select(expressions=[*(each.copy() for each in names), number]).from_(pool)

    def _numbered(self) -> exp.Expr:
        tree = sqlglot.parse_one(self.select.sql, read=DIALECT)
        for step in list(tree.find_all(exp.Select)):
            step.select(column(self._name), copy=False)
        return tree

    def _number(self, relation: str) -> exp.Column:
        return column(self._name, relation)

    @property
    def _name(self) -> str:
        """Of the number's column: one that nothing else has."""
        taken, name = {each.casefold() for each in (*self.source.schema.names, *self.select.schema.names)}, "row_of_pool"
        while name in taken:
            name += "_"
        return name


def history(target: ObjectName) -> str:
    return spell("DESCRIBE HISTORY", target.tree())


def properties(target: ObjectName) -> str:
    return spell("SHOW TBLPROPERTIES", target.tree())


def number_of_rows(target: ObjectName) -> str:
    return spell(exp.Select(expressions=[exp.Count(this=exp.Star())]).from_(target.tree()))


def drop(target: ObjectName) -> str:
    return spell("DROP TABLE IF EXISTS", target.tree())


def is_exempt(group: str) -> str:
    return spell(exp.Select(expressions=[call("IS_ACCOUNT_GROUP_MEMBER", text(group))]))


def _compiled(sql: str, *columns: str) -> exp.Expr:
    """A compiled query as a relation, to the letter."""
    return exp.Subquery(this=exp.Var(this=sql), alias=_named(_COMPILED, columns))


def _named(name: str, columns: Sequence[str] = ()) -> exp.TableAlias:
    return exp.TableAlias(this=identifier(name), columns=[identifier(each) for each in columns])


def _is_kept(number: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=number, expression=exp.Null()))
