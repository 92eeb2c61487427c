"""Names: which asset a table name means, which column a name means, and what part the rule gives that column."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property

from sqlglot import exp

from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.question import Ref
from cleanroom_core.guard.template import Parameter, ParameterValue
from cleanroom_core.guard.world import Asset, World
from cleanroom_core.sql.cells import Label
from cleanroom_core.sql.types import Column


class Role(StrEnum):
    UNIT = "privacy unit"
    KEY = "join key"
    DIMENSION = "dimension"
    MEASURE = "measure"
    COUNTED = "counted column"
    NONE = "column without a role"


@dataclass(frozen=True)
class Found:
    """A resolved column."""

    asset: Asset
    column: Column

    @property
    def ref(self) -> Ref:
        return Ref(self.asset.qualified, self.column.name)

    @property
    def role(self) -> Role:
        if self.asset.is_unit(self.column):
            return Role.UNIT
        if self.asset.is_key(self.column):
            return Role.KEY
        if self.asset.dimension(self.column) is not None:
            return Role.DIMENSION
        if self.asset.measure(self.column) is not None:
            return Role.MEASURE
        return Role.COUNTED if self.asset.is_counted(self.column) else Role.NONE

    def __str__(self) -> str:
        return f"{self.asset.qualified}.{self.column.name}"


@dataclass(frozen=True)
class Reading:
    """A parsed text with what it is judged against. `choice`: the parameter choice being read."""

    text: str
    select: exp.Select
    world: World
    parameters: Mapping[str, Parameter]
    choice: Mapping[str, ParameterValue]
    receiver: str
    purpose: str | None

    @cached_property
    def scope(self) -> Scope:
        return Scope.of(self.select, self.world)

    def labels(self, ref: Ref) -> frozenset[Label]:
        """The agreed labels of a column that some condition of this text speaks of."""
        found = self.scope.found(ref)
        return frozenset(found.asset.domain(found.column) or ())


@dataclass(frozen=True)
class Scope:
    """The assets of FROM and JOIN by the name they go by in the text. `optional`: those that LEFT and RIGHT joins leave
    unmatched where they have no row, by qualified name."""

    assets: Mapping[str, Asset]
    optional: frozenset[str] = frozenset()

    @classmethod
    def of(cls, select: exp.Select, world: World) -> Scope:
        """Raises Refusal for tables that are not registered, that occur twice, or whose alias is taken."""
        found: dict[str, Asset] = {}
        if not select.args.get("from_"):
            raise Refusal("NO_ASSET", "There is no FROM.", "Name a registered asset.", clause="grammar.from", at=select)
        optional: set[str] = set()
        for join in (None, *(select.args.get("joins") or [])):
            table = select.args["from_"].this if join is None else join.this
            asset = registered(table, world)
            if asset in found.values():
                raise Refusal(
                    "SELF_JOIN", f"{asset.qualified} occurs twice.", "Name each asset once.", clause="grammar.joins", at=table
                )
            name = _folded(table.alias_or_name)
            if name in found:
                raise Refusal("ALIAS", f"Two assets are called {name}.", "Give each its own alias.",
                              clause="grammar.joins", at=table)  # fmt: skip
            side = "" if join is None else str(join.args.get("side") or "").upper()
            if side == "RIGHT":  # whatever stands before it
                optional |= {before.qualified for before in found.values()}
            if side == "LEFT":
                optional.add(asset.qualified)
            found[name] = asset
        return cls(found, frozenset(optional))

    def found(self, ref: Ref) -> Found:
        """The column behind a Ref, which was made of one."""
        asset = next(asset for asset in self.assets.values() if asset.qualified == ref.asset)
        column = asset.schema.get(ref.column)
        assert column is not None  # noqa: S101
        return Found(asset, column)

    def holds(self, name: str) -> bool:
        """Whether some asset has a column of this name."""
        return any(asset.schema.get(unicodedata.normalize("NFC", name)) is not None for asset in self.assets.values())

    def resolve(self, node: exp.Column) -> Found:
        """The one column that is meant; raises Refusal when there is none, or more than one."""
        if isinstance(node.this, exp.Star):
            raise Refusal("STAR", "A star lists every column.", "Name the dimensions and aggregates.",
                          clause="grammar.select", at=node)  # fmt: skip
        name, table = node.name, _folded(node.table) if node.table else None
        holders = [
            Found(asset, column)
            for alias, asset in self.assets.items()
            if (table is None or alias == table)
            and (not node.db or (_folded(node.db) == asset.owner.casefold() and alias == asset.name.casefold()))
            and (column := asset.schema.get(unicodedata.normalize("NFC", name))) is not None
        ]
        if len(holders) > 1 and all(found.asset.is_key(found.column) for found in holders):
            return next((found for found in holders if found.asset.qualified not in self.optional), holders[0])  # one value
        if len(holders) == 1:
            return holders[0]
        if holders:
            raise Refusal("AMBIGUOUS_COLUMN", f"{name} is a column of several assets.", f"Write {_aliases(self, name)}.",
                          clause="grammar.names", at=node)  # fmt: skip
        known = [column.name for asset in self.assets.values() for column in asset.schema]
        alike = get_close_matches(name.casefold(), [one.casefold() for one in known], 1)
        raise Refusal(
            "UNKNOWN_COLUMN",
            f"No asset of this query shares a column {name!r}.",
            "Take a column that a share-safe table has; text values stand in single quotes.",
            clause="grammar.names",
            at=node,
            suggestion=alike[0] if alike else None,
        )


def registered(table: exp.Expr, world: World) -> Asset:
    """The asset a table name means: `owner.name`, in any case, quoted or not."""
    names = ", ".join(sorted(world.assets)) or "none yet"
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
        raise Refusal("NOT_AN_ASSET", "FROM and JOIN take registered assets only.", f"Registered: {names}.",
                      clause="grammar.from", at=table)  # fmt: skip
    qualified = f"{table.db}.{table.name}" if table.db else table.name
    asset = world.asset(unicodedata.normalize("NFC", qualified)) if table.db else None
    if asset is None:
        alike = get_close_matches(qualified.casefold(), [name.casefold() for name in world.assets], 1)
        raise Refusal("UNREGISTERED", f"{qualified!r} is not a registered asset.", f"Registered: {names}.",
                      clause="room.assets", owner="both", at=table, suggestion=alike[0] if alike else None)  # fmt: skip
    return asset


def _aliases(scope: Scope, name: str) -> str:
    return " or ".join(f"{alias}.{name}" for alias in scope.assets)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
