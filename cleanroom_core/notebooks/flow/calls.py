"""Calls in Python: to a DataFrame, a column, a text, the platform, or a function of the notebook's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.cell import Place
from cleanroom_core.notebooks.facts import Called, Facts, Named
from cleanroom_core.notebooks.flow import columns, literals
from cleanroom_core.notebooks.flow.frames import TELLTALE, FrameReader
from cleanroom_core.notebooks.flow.platform import PlatformReader
from cleanroom_core.notebooks.flow.text import SqlText, unknown
from cleanroom_core.notebooks.flow.values import (
    Bound,
    Class,
    Frame,
    Function,
    Groups,
    Instance,
    Many,
    Method,
    Module,
    Pairs,
    Within,
    Writer,
    flat,
    from_data,
    tree,
)  # fmt: skip
from cleanroom_core.notebooks.relation import Relation, one_of

CallFunction = Callable[[Function, list[Any], dict[str, Any]], Any]
_FUNCTIONS = (columns.FUNCTIONS, "pyspark.sql.connect.functions.")
_KEPT_TEXT = frozenset({"strip", "lstrip", "rstrip", "dedent", "lower", "upper", "replace"})
_PANDAS_WRITES = frozenset({"to_csv", "to_parquet", "to_json", "to_excel", "to_pickle", "to_sql", "to_feather", "to_html"})


@dataclass(frozen=True)
class CallReader:
    """`call_function` reads the body of a function of the notebook's own."""

    facts: Facts
    frames: FrameReader
    platform: PlatformReader
    call_function: CallFunction

    def apply(self, called: Any, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        """The value of a call."""
        if isinstance(called, Function):
            return self.call_function(called, arguments, named)
        if isinstance(called, Method):
            return self.call_function(called.function, [called.owner, *arguments], named)
        if isinstance(called, Class):
            made = Instance(called)
            if "__init__" in called.methods:
                self.call_function(called.methods["__init__"], [made, *arguments], named)
            return made
        if isinstance(called, Module):
            return self._module(called.name, arguments, named, place)
        if isinstance(called, Bound):
            return self._method(called.owner, called.name, arguments, named, place)
        return unknown(*map(tree, (called, *arguments, *named.values())))

    def _method(self, owner: Any, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        if isinstance(owner, Frame):
            if name == "transform" and arguments and isinstance(arguments[0], Function):
                return self.call_function(arguments[0], [owner, *arguments[1:]], named)
            return self.frames.call(owner, name, arguments, named, place)
        if isinstance(owner, Groups):
            return self.frames.grouped(owner, name, arguments, place)
        if isinstance(owner, Writer):
            return self._written(owner, name, arguments, named, place)
        if isinstance(owner, SqlText):
            return self._text(owner, name, arguments, named)
        if isinstance(owner, Within):
            return Within((*owner.keys, *columns.partition(arguments).keys)) if name == "partitionBy" else owner
        if isinstance(owner, Pairs):
            return self._pairs(owner, name, arguments)
        return self._unknown(owner, name, arguments, named, place)

    def _unknown(self, owner: Any, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        """A method of a column, or of a value nobody knows; some methods only a DataFrame has."""
        nobody = Relation.table("?")
        if name in ("saveAsTable", "insertInto"):
            return self.frames.write(Writer(nobody), name, arguments, named, place)
        if name in _PANDAS_WRITES and from_data(owner):
            return self.frames.write(Writer(nobody), "save", arguments, named, place)
        if name in TELLTALE:
            return self.frames.call(Frame(nobody), name, arguments, named, place)
        return columns.method(tree(owner), name, arguments)

    def _written(self, writer: Writer, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        if name == "option" and len(arguments) > 1 and isinstance(arguments[0], SqlText):
            if isinstance(arguments[1], SqlText):
                self.facts.add(Named(place, arguments[0].text, arguments[1].text))
            if arguments[0].text == "path":
                self.frames.write(writer, "save", arguments[1:], named, place)
                return writer
        return self.frames.write(writer, name, arguments, named, place)

    @staticmethod
    def _text(owner: SqlText, name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
        if name == "format":
            return literals.filled(owner, arguments, named)
        if name == "join" and arguments:
            return columns.function("concat_ws", [owner, *map(tree, flat(arguments))])
        if name in _KEPT_TEXT or not arguments:
            return SqlText(owner.text, owner.at, owner.stands)
        return unknown(tree(owner), *map(tree, arguments))

    @staticmethod
    def _pairs(owner: Pairs, name: str, arguments: list[Any]) -> Any:
        whole = bool(owner.items)
        names = [exp.Literal.string(key) for key in owner.items]
        if name == "items":
            pairs = zip(names, owner.items.values(), strict=True)
            return Many(tuple(Many(pair) for pair in pairs), whole)
        if name in ("values", "keys"):
            return Many(tuple(owner.items.values() if name == "values" else names), whole)
        if name in ("get", "pop") and arguments and isinstance(arguments[0], SqlText):
            return owner.items.get(arguments[0].text, unknown())
        return unknown(tree(owner))

    @staticmethod
    def _many(name: str, arguments: list[Any]) -> Any:
        """`list`, `enumerate`, `zip` and their like over what is known; None for anything else."""
        if not arguments or not all(isinstance(value, Many) for value in arguments):
            return None
        if name == "enumerate":
            pairs = enumerate(arguments[0].items)
            return Many(tuple(Many((exp.Literal.number(number), value)) for number, value in pairs), arguments[0].whole)
        if name == "zip":
            rows = zip(*(value.items for value in arguments), strict=False)
            return Many(tuple(Many(row) for row in rows), all(value.whole for value in arguments))
        return arguments[0] if name in ("list", "tuple", "set", "sorted", "reversed") else None

    def _module(self, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        first = arguments[0] if arguments else None
        short = name.rpartition(".")[2]
        known = self._many(name, arguments)
        if known is not None:
            return known
        if name.startswith(_FUNCTIONS) and short not in ("udf", "pandas_udf", "udtf"):
            return first if short == "broadcast" and isinstance(first, Frame) else columns.function(short, arguments)
        if ".Window." in name or name.startswith("Window."):
            return columns.partition(arguments) if short == "partitionBy" else Within(())
        if short == "reduce" and len(arguments) > 1 and isinstance(arguments[1], Many):
            frames = [value for value in arguments[1].items if isinstance(value, Frame)]
            if frames:
                return Frame(one_of(frame.relation for frame in frames))
        if name == "getattr" and len(arguments) > 1 and isinstance(arguments[1], SqlText) and not isinstance(first, Module):
            return Bound(first, arguments[1].text)
        text = first.text if isinstance(first, SqlText) and not first.stands else ""
        self.facts.add(Called(place, name, text))
        return self.platform.call(name, arguments, named, place)
