"""Blocks: what a query in the text comes to once it is flattened, and what its columns mean to the query around it.

Every occurrence of an asset gets a name of its own, so that no name of an inner query can mean something outside, and every
column is written with it. A column that a block passes on is an expression over those; using it means copying it in.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.reading.scope import registered
from cleanroom_core.guard.world import Asset, World

Aliases = Mapping[str, exp.Expr]  # what output names stand for, by folded name
MOST_NODES = 20_000  # copied into one text; tables in the text that double one another grow without end

_STRICT = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Paren, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Var),
    *(exp.TimestampTrunc, exp.DateTrunc, exp.TsOrDsToDate, exp.Upper, exp.Lower, exp.Trim, exp.Concat, exp.DPipe),
    *(exp.Year, exp.Quarter, exp.Month, exp.Week, exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeek, exp.DayOfYear),
    *(exp.LastDay, exp.TimeToStr, exp.Left, exp.Right, exp.Substring, exp.Replace, exp.Length, exp.Like, exp.ILike),
    *(exp.Extract, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE),
)
"""What is NULL where a column in it is NULL: the same before an outer join as after it."""


@dataclass(frozen=True)
class Passed:
    """A column a block passes on. `name`: as the text spells it; None when it has none. `given`: by AS or by a column list.
    `barred`: why it cannot be used where it stands."""

    name: str | None
    value: exp.Expr
    given: bool = False
    barred: Refusal | None = None


@dataclass(frozen=True)
class People:
    """Aggregates in a block's columns are figures of one person each. `person`: the column that says whose, where `where` holds
    all through; `everyone`: the column whose values are the rows of the query, other people's too after an outer join."""

    person: exp.Column
    everyone: exp.Column
    where: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class Block:
    """One flat query. `where` and `having` are ANDed; `group` is None for plain rows and () for one figure over all of them."""

    source: exp.Table
    passed: tuple[Passed, ...]
    joins: tuple[exp.Join, ...] = ()
    where: tuple[exp.Expr, ...] = ()
    group: tuple[exp.Expr, ...] | None = None
    having: tuple[exp.Expr, ...] = ()
    people: People | None = None

    @property
    def tables(self) -> list[exp.Table]:
        return [self.source, *(join.this for join in self.joins)]

    @cached_property
    def named(self) -> Mapping[str, list[Passed]]:
        """The columns by their folded names."""
        found: dict[str, list[Passed]] = {}
        for one in self.passed:
            if one.name is not None:
                found.setdefault(folded(one.name), []).append(one)
        return found


@dataclass(frozen=True)
class Source:
    """A block in FROM or JOIN. `name` and `owner`: what may stand before a column of it, folded. `optional`: an outer join may
    leave it without a row, and does so where `gate` is not true. `at`: where the text names it."""

    block: Block
    name: str | None
    owner: str | None
    optional: bool
    at: exp.Expr
    gate: tuple[exp.Expr, ...] = ()

    def shown(self, value: exp.Expr, tables: Tables) -> exp.Expr:
        """A copy of what one of its columns stands for: NULL where the gate is shut."""
        if not self.gate:
            return tables.copy(value)
        return trees.case((trees.all_of([tables.copy(part) for part in self.gate]), tables.copy(value)))


@dataclass
class Tables:
    """Assets of one text by the fresh name of each occurrence; `optional`: those that an outer join may leave out."""

    world: World
    assets: dict[str, Asset] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    copied: int = 0

    def block(self, table: exp.Expr) -> Block:
        """An asset as a block that passes all its columns on; raises Refusal when it is not registered."""
        asset = registered(table, self.world)
        assert isinstance(table, exp.Table)  # noqa: S101  so it is registered
        alias = f"_{len(self.assets) + 1}"
        self.assets[alias] = asset
        fresh = table.copy()
        fresh.set("alias", exp.TableAlias(this=exp.Identifier(this=alias, quoted=False)))
        return Block(fresh, tuple(Passed(column.name, _column(column.name, alias)) for column in asset.schema.columns))

    def is_key(self, value: exp.Expr, *, unit: bool = False) -> bool:
        """Whether this is a join key as it is; with `unit`, also a privacy unit."""
        if not isinstance(value, exp.Column):
            return False
        asset = self.assets[value.table]
        column = asset.schema.get(value.name)
        return column is not None and (asset.is_key(column) or (unit and asset.is_unit(column)))

    def copy(self, node: exp.Expr) -> exp.Expr:
        self.spend(sum(1 for _ in node.walk()), node)
        return node.copy()

    def spend(self, nodes: int, at: exp.Expr) -> None:
        """Raises Refusal when the text grows too long."""
        self.copied += nodes
        if self.copied > MOST_NODES:
            raise Refusal("TOO_COMPLEX", "Written out, this text is too long.", "Write it with fewer parts.",
                          clause="grammar.statement", at=at)  # fmt: skip


@dataclass(frozen=True)
class Names:
    """What the columns of one query mean."""

    sources: tuple[Source, ...]
    tables: Tables
    people: People | None = None

    def resolve(self, node: exp.Column) -> exp.Expr:
        """A copy of what a column stands for; raises Refusal when nothing, or more than one thing, is meant."""
        if isinstance(node.this, exp.Star):
            raise Refusal("STAR", "A star lists every column.", "Name the columns.", clause="grammar.select", at=node)
        name = folded(node.name)
        found = [
            (source, passed) for source in self.sources if _named(source, node) for passed in source.block.named.get(name, ())
        ]
        if not found:
            raise Refusal("UNKNOWN_COLUMN", f"No table of this query has a column {node.name!r}.",
                          "Take a column that a share-safe table has, or that the query in FROM or WITH passes on; text "
                          "values stand in single quotes.", clause="grammar.names", at=node)  # fmt: skip
        if len(found) > 1 and not all(self.tables.is_key(passed.value) for _, passed in found):
            raise Refusal("AMBIGUOUS_COLUMN", f"{node.name} is a column of several tables.",
                          f"Write which one is meant: table.{node.name}.", clause="grammar.names", at=node)  # fmt: skip
        # Join keys are one and the same value after the join; where one side may be missing, the other has it.
        certain = [one for one in found if len(found) == 1 or one[1].value.args["table"].name not in self.tables.optional]
        source, passed = (certain or found)[0]
        value = passed.value
        if passed.barred is not None:
            raise passed.barred
        if source.optional and source.block.people is None and not strict(value):
            raise Refusal("OUTER_JOIN", f"{node.name} is not the column itself, and an outer join may leave it out.",
                          "Pass the column on as it is, and write CASE around it in the outer query.",
                          clause="grammar.joins", at=node)  # fmt: skip
        if isinstance(value, exp.Column):
            column = _column(value.name, value.table, _leftmost(node))
            return source.shown(column, self.tables) if source.gate else column
        copied = source.shown(value, self.tables)
        copied.meta["used"] = _leftmost(node).meta.get("start")
        return copied

    def rewritten(self, node: exp.Expr, aliases: Aliases) -> exp.Expr:
        """A copy of an expression with every column replaced by what it stands for."""
        if isinstance(node, exp.Column) and not aliases:
            return self.resolve(node)
        holder = exp.Paren(this=self.tables.copy(node))
        columns, named = split(holder, aliases)
        for column in columns:
            column.replace(self.resolve(column))
        return self.finished(holder, named, aliases)

    def finished(self, holder: exp.Paren, named: list[exp.Column], aliases: Aliases) -> exp.Expr:
        """What the parentheses hold, with output names replaced by what they stand for."""
        for column in named:
            column.replace(self.tables.copy(aliases[folded(column.name)]))
        node: exp.Expr = holder.this
        return node.pop()

    def has(self, name: str) -> bool:
        """Whether one table of FROM has a column of this folded name: in GROUP BY it comes before an output name."""
        return sum(len(source.block.named.get(name, ())) for source in self.sources) == 1

    def star(self, node: exp.Expr) -> tuple[Passed, ...]:
        """What `*` or `x.*` lists."""
        chosen = [source for source in self.sources if isinstance(node, exp.Star) or _named(source, node)]
        if not chosen:
            raise Refusal("UNKNOWN_COLUMN", "No table of this query has this name.", "Write the alias it has in FROM.",
                          clause="grammar.names", at=node)  # fmt: skip
        listed = [(source, one) for source in chosen for one in source.block.passed]
        self.tables.spend(len(listed), node)
        return tuple(
            replace(one, given=False, value=source.shown(one.value, self.tables)) if one.given or source.gate else one
            for source, one in listed
        )


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def split(holder: exp.Expr, aliases: Aliases) -> tuple[list[exp.Column], list[exp.Column]]:
    """The columns under a node, and those of them that are output names instead; within an aggregate there are none."""
    columns: list[exp.Column] = []
    named: list[exp.Column] = []
    for column in holder.find_all(exp.Column):
        outer = not column.table and folded(column.name) in aliases and column.find_ancestor(exp.AggFunc) is None
        (named if outer else columns).append(column)
    return columns, named


def conjuncts(node: exp.Expr | None) -> list[exp.Expr]:
    """The parts of a condition that are ANDed."""
    inner = node.unnest() if node is not None else None
    return list(inner.flatten()) if isinstance(inner, exp.And) else [inner] if inner is not None else []


def _named(source: Source, node: exp.Expr) -> bool:
    """Whether what stands before a column's name, if anything, means this source."""
    assert isinstance(node, exp.Column)  # noqa: S101
    if node.table and source.name != folded(node.table):
        return False
    return not node.db or source.owner == folded(node.db)


def strict(value: exp.Expr) -> bool:
    return value.find(exp.Column) is not None and all(isinstance(node, _STRICT) for node in value.walk())


def _column(name: str, alias: str, at: exp.Expr | None = None) -> exp.Column:
    """A column of an occurrence, found at the place in the text where it is used."""
    table = exp.Identifier(this=alias, quoted=False)
    if at is not None and "start" in at.meta:
        table.meta["start"] = at.meta["start"]
    return exp.Column(this=exp.Identifier(this=name, quoted=True), table=table)


def _leftmost(node: exp.Expr) -> exp.Expr:
    return node.args.get("table") or node.this if isinstance(node, exp.Column) else node
