"""What is known at one point of a notebook: variables, temp views, the current catalog and schema; how two branches meet."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.flow.text import SqlText
from cleanroom_core.notebooks.relation import Relation

Environment = dict[str, Any]
"""Python variables by name; temp views and tables written as `view <name>`; `use catalog` and `use schema` as texts."""


def view(environment: Environment, name: str) -> Relation | None:
    found = environment.get(f"view {name.lower()}")
    return found if isinstance(found, Relation) else None


def keep_view(environment: Environment, name: str, relation: Relation) -> None:
    environment[f"view {name.lower()}"] = relation


def full_name(environment: Environment, name: str) -> str:
    """The name with the current catalog and schema before it, as far as they are known."""
    parts = name.count(".") + 1 if name else 0
    before = [environment.get("use catalog", ""), environment.get("use schema", "")]
    known = [part for part in before[max(parts - 1, 0) :] if part] if parts else []
    return ".".join([*known, name]) if len(known) == max(3 - parts, 0) else name


def use(environment: Environment, kind: str, name: str) -> None:
    """USE CATALOG a, USE SCHEMA b, USE a.b. `kind`: catalog or schema."""
    if kind == "catalog":
        environment["use catalog"], environment["use schema"] = name, ""
    elif "." in name:
        environment["use catalog"], _, environment["use schema"] = name.rpartition(".")
    else:
        environment["use schema"] = name


def merged(one: Environment, other: Environment) -> Environment:
    """After two branches: what both know alike, and the lesser of what they know differently."""
    return {name: either(one.get(name), other.get(name)) for name in one.keys() | other.keys()}


def either(one: Any, other: Any) -> Any:
    """One value or the other, nobody knows which."""
    if one is None or other is None or one is other:
        return one if other is None else other
    if isinstance(one, Relation) and isinstance(other, Relation):
        return one.either(other)
    if isinstance(one, exp.Expr) and isinstance(other, exp.Expr):
        return one if one == other else exp.Anonymous(this="either", expressions=[one.copy(), other.copy()])
    if isinstance(one, str) and isinstance(other, str):
        return one if one == other else ""
    if isinstance(one, SqlText) and isinstance(other, SqlText):
        return one if one.text == other.text else either(one.expression(), other.expression())
    meet = getattr(one, "either", None)
    return meet(other) if meet is not None else one
