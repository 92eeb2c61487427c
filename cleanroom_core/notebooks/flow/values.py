"""What a Python name can stand for in a notebook. Columns, numbers and secrets are sqlglot trees; texts are `SqlText`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.facts import function_name
from cleanroom_core.notebooks.flow.text import SqlText, unknown
from cleanroom_core.notebooks.relation import Relation

_LARGEST = 2_000  # nodes of one expression; larger ones were built in a loop


@dataclass(frozen=True)
class Frame:
    """A DataFrame. `value`: what its first value is, where it was not read from any table (`SELECT current_user()`)."""

    relation: Relation
    value: exp.Expr | None = None

    def either(self, other: Any) -> Any:
        return Frame(self.relation.either(other.relation)) if isinstance(other, Frame) else self


@dataclass(frozen=True)
class Groups:
    """`df.groupBy(...)`, before anything is computed."""

    relation: Relation
    keys: tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Writer:
    """`df.write` or `df.writeTo(target)`, with its format once it is known."""

    relation: Relation
    target: str | None = None
    format: str = ""

    def of_format(self, name: str) -> Writer:
        return replace(self, format=name)


@dataclass(frozen=True)
class Module:
    """A module, or something in one, by its full dotted name; also names nobody has assigned (`spark`, `dbutils`, `print`)."""

    name: str


@dataclass(frozen=True)
class Bound:
    """A method of a value, not called yet."""

    owner: Any
    name: str


@dataclass(frozen=True)
class Many:
    """A list, tuple or set. `whole`: these are all its items, and there is at least one."""

    items: tuple[Any, ...]
    whole: bool = True


@dataclass(frozen=True)
class Pairs:
    """A dict with texts as keys."""

    items: Mapping[str, Any]


@dataclass(frozen=True)
class Within:
    """A window: the columns it is partitioned by."""

    keys: tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Function:
    """A function of the notebook's own."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Class:
    """A class of the notebook's own: its methods, and what its body assigns."""

    methods: Mapping[str, Function]
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """An object of such a class. What its methods assign is known for all objects of the class alike."""

    made_from: Class

    def field(self, name: str) -> str:
        """Under which name the environment knows what was assigned to it."""
        return f"{id(self.made_from)}.{name}"


@dataclass(frozen=True)
class Method:
    """A method of such an object, not called yet."""

    function: Function
    owner: Instance


def data(*parts: exp.Expr) -> exp.Expr:
    """A value read from somebody's rows."""
    return exp.Anonymous(this="data_value", expressions=[part.copy() for part in parts])


def tree(value: Any) -> exp.Expr:
    """The value as a tree: a text is a literal, what has no tree is unknown."""
    if isinstance(value, exp.Expr):
        return value if sum(1 for _ in islice(value.walk(), _LARGEST + 1)) <= _LARGEST else data()
    if isinstance(value, SqlText):
        return value.expression()
    if isinstance(value, Many):
        return unknown(*map(tree, value.items))
    if isinstance(value, Pairs):
        return unknown(*map(tree, value.items.values()))
    return unknown()


def column(value: Any) -> exp.Expr:
    """The value where Spark takes a text for a column's name."""
    if isinstance(value, SqlText) and not value.stands:
        if value.text.endswith("*"):
            return exp.Star()
        qualifier, _, name = value.text.replace("`", "").rpartition(".")
        return exp.column(exp.to_identifier(name), table=exp.to_identifier(qualifier) if qualifier else None)
    return tree(value)


def flat(values: list[Any]) -> list[Any]:
    """Arguments with lists among them, as Spark's methods take them."""
    return [item for value in values for item in (flat(list(value.items)) if isinstance(value, Many) else [value])]


def from_data(value: Any) -> bool:
    """Whether somebody's rows are in the value."""
    if isinstance(value, Frame):
        return bool(value.relation.tables)
    return any(function_name(node) == "data_value" for node in tree(value).walk())
