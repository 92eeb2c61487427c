"""Python expressions: what each stands for."""

from __future__ import annotations

import ast
import builtins
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.cell import Cell, Place
from cleanroom_core.notebooks.facts import Called, Facts, Named
from cleanroom_core.notebooks.flow import columns, literals
from cleanroom_core.notebooks.flow.calls import CallFunction, CallReader
from cleanroom_core.notebooks.flow.frames import FrameReader
from cleanroom_core.notebooks.flow.platform import PlatformReader
from cleanroom_core.notebooks.flow.state import Environment, either
from cleanroom_core.notebooks.flow.text import SqlText, unknown
from cleanroom_core.notebooks.flow.values import (
    Bound,
    Frame,
    Function,
    Instance,
    Many,
    Method,
    Module,
    Pairs,
    Writer,
    data,
    flat,
    from_data,
    tree,
)
from cleanroom_core.notebooks.relation import Relation
from cleanroom_core.notebooks.settings import Settings

_FRAME_WORDS = frozenset({"columns", "schema", "dtypes", "sparkSession"})
_NAMES = frozenset({"spark", "dbutils", "display", "displayHTML", "sc", "sqlContext", "getArgument", "table", "sql"})


class ExpressionReader:
    """`cell` is the cell being read; `call_function` reads the body of a function of the notebook's own."""

    def __init__(self, environment: Environment, facts: Facts, settings: Settings, call_function: CallFunction) -> None:
        self.facts = facts
        self.frames = FrameReader(facts, settings, environment)
        self.platform = PlatformReader(facts, settings, environment)
        self.calls = CallReader(facts, self.frames, self.platform, call_function)
        self.environment = environment
        self.cell: Cell

    @property
    def environment(self) -> Environment:
        return self._environment

    @environment.setter
    def environment(self, environment: Environment) -> None:
        self._environment = self.frames.environment = self.platform.environment = environment

    def note(self, name: str, place: Place) -> None:
        self.facts.add(Called(place, name))

    def place(self, node: ast.expr) -> Place:
        return self.cell.place(literals.start_of(self.cell, node))

    def value(self, node: ast.expr) -> Any:
        """What the expression stands for; something unknown where nobody can tell."""
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is not None:
            return handler(node)
        return unknown(*(tree(self.value(child)) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)))

    # names and literals

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str):
            return literals.plain_text(self.cell, node)
        if isinstance(node.value, bool):
            return exp.Boolean(this=node.value)
        if isinstance(node.value, (int, float)):
            return exp.Literal.number(node.value)
        if isinstance(node.value, bytes):
            return exp.Literal.string(node.value.decode("latin-1"))
        return None if node.value is None else unknown()

    def _joinedstr(self, node: ast.JoinedStr) -> SqlText:
        return literals.f_string(self.cell, node, self.value)

    def _name(self, node: ast.Name) -> Any:
        if node.id in self.environment:
            return self.environment[node.id]
        wild = self.environment.get("import *")
        if node.id in _NAMES or (not wild and hasattr(builtins, node.id)) or node.id == "print":
            return Module(node.id)
        return Module(f"{wild}.{node.id}") if wild else data()  # a name from elsewhere: %run, or the result of a SQL cell

    def _attribute(self, node: ast.Attribute) -> Any:
        if isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in self.environment:
            return self.environment[f"{node.value.id}.{node.attr}"]
        owner = self.plain(self.value(node.value))
        if isinstance(owner, Instance):
            return self._member(owner, node.attr)
        if isinstance(owner, Module):
            return Module(f"{owner.name}.{node.attr}")
        if isinstance(owner, Frame):
            if node.attr in ("write", "writeStream"):
                return Writer(owner.relation)
            if node.attr == "rdd":
                self.frames.call(owner, "rdd", [], {}, self.place(node))
                return data()
            if node.attr in ("na", "stat"):
                return owner
            if node.attr in _FRAME_WORDS:
                return unknown()
            return Bound(owner, node.attr)
        if isinstance(owner, exp.Expr) and node.attr in ("write", "writeStream"):
            return Writer(Relation.table("?"))
        return Bound(owner, node.attr)

    def _member(self, owner: Instance, name: str) -> Any:
        if owner.field(name) in self.environment:
            return self.environment[owner.field(name)]
        method = owner.made_from.methods.get(name)
        return Method(method, owner) if method is not None else owner.made_from.fields.get(name, data())

    def _column_of(self, frame: Frame, name: str) -> exp.Expr:
        return exp.column(
            exp.to_identifier(name, quoted=True), table=exp.to_identifier(self.frames.side(frame.relation), quoted=True)
        )

    def plain(self, value: Any) -> Any:
        """A method nobody called is a column (`df.merchant`) or unknown."""
        if isinstance(value, Bound) and isinstance(value.owner, Frame):
            return self._column_of(value.owner, value.name)
        return unknown(value.owner) if isinstance(value, Bound) and isinstance(value.owner, exp.Expr) else value

    def _operand(self, node: ast.expr) -> Any:
        return self.plain(self.value(node))

    # operators

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self._operand(node.left), self._operand(node.right)
        if isinstance(left, SqlText) and isinstance(node.op, ast.Mod):
            return literals.interpolated(left, list(right.items) if isinstance(right, Many) else [right])
        if isinstance(node.op, ast.Add) and (isinstance(left, SqlText) or isinstance(right, SqlText)):
            word = f"_value_{node.lineno}_{node.col_offset}_"
            parts = [
                part if isinstance(part, SqlText) else literals.with_value(f"{word}{side}", tree(part), self.place(node))
                for side, part in enumerate((left, right))
            ]
            return parts[0] + parts[1]
        if isinstance(left, Many) and isinstance(right, Many):
            return Many((*left.items, *right.items), left.whole or right.whole)
        return columns.operation(node.op, tree(left), tree(right))

    def _unaryop(self, node: ast.UnaryOp) -> exp.Expr:
        inner = tree(self._operand(node.operand)).copy()
        if isinstance(node.op, (ast.Invert, ast.Not)):
            return exp.Not(this=exp.Paren(this=inner))
        return exp.Neg(this=inner) if isinstance(node.op, ast.USub) else inner

    def _compare(self, node: ast.Compare) -> exp.Expr:
        values = [tree(self._operand(part)) for part in (node.left, *node.comparators)]
        pairs = [columns.operation(op, values[i], values[i + 1]) for i, op in enumerate(node.ops)]
        result = pairs[0]
        for other in pairs[1:]:
            result = exp.And(this=result, expression=other)
        return result

    def _boolop(self, node: ast.BoolOp) -> Any:
        values = [self._operand(part) for part in node.values]
        result = tree(values[0])
        for other in values[1:]:
            result = columns.operation(node.op, result, tree(other))
        return result

    def _ifexp(self, node: ast.IfExp) -> Any:
        self.value(node.test)
        return either(self._operand(node.body), self._operand(node.orelse))

    def _namedexpr(self, node: ast.NamedExpr) -> Any:
        self.environment[node.target.id] = self._operand(node.value)
        return self.environment[node.target.id]

    # collections

    def _list(self, node: ast.List | ast.Tuple | ast.Set) -> Many:
        items = flat([self._operand(part.value if isinstance(part, ast.Starred) else part) for part in node.elts])
        return Many(tuple(items), bool(items))

    _tuple = _set = _list

    def _dict(self, node: ast.Dict) -> Pairs:
        pairs: dict[str, Any] = {}
        for key, part in zip(node.keys, node.values, strict=True):
            value = self._operand(part)
            name = key.value if isinstance(key, ast.Constant) else None
            if isinstance(name, str):
                pairs[name] = value
                self._named(name, value, self.place(part))
            else:
                pairs[f"key {len(pairs)}"] = value
        return Pairs(pairs)

    def _listcomp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Many:
        source = self._operand(node.generators[0].iter)
        whole = isinstance(source, Many) and source.whole and len(node.generators) == 1 and not node.generators[0].ifs
        found = []
        for item in source.items if isinstance(source, Many) and source.items else (tree(source),):
            before = self.environment
            self.environment = dict(before)
            for generator in node.generators:
                for name in ast.walk(generator.target):
                    if isinstance(name, ast.Name):
                        self.environment[name.id] = item
            found.append(self._operand(node.elt))
            self.environment = before
        return Many(tuple(found), whole)

    _setcomp = _generatorexp = _listcomp

    def _lambda(self, node: ast.Lambda) -> Function:
        return Function(node)

    def _starred(self, node: ast.Starred) -> Any:
        return self._operand(node.value)

    def _subscript(self, node: ast.Subscript) -> Any:
        owner, key = self._operand(node.value), self._operand(node.slice) if not isinstance(node.slice, ast.Slice) else None
        if isinstance(owner, Frame):
            if isinstance(key, SqlText):
                return self._column_of(owner, key.text)
            name = "select" if isinstance(key, Many) else "filter"
            return self.frames.call(owner, name, [key], {}, self.place(node))
        if isinstance(owner, Pairs) and isinstance(key, SqlText) and key.text in owner.items:
            return owner.items[key.text]
        if isinstance(owner, Many) and isinstance(key, exp.Literal) and owner.whole and int(float(key.name)) < len(owner.items):
            return owner.items[int(float(key.name))]
        if isinstance(owner, Module) and owner.name == "dbutils.widgets.getAll()" and isinstance(key, SqlText):
            return exp.Placeholder(this=key.text)
        if isinstance(owner, exp.Expr) and not from_data(owner):
            return owner
        return data() if from_data(owner) else unknown()

    # calls

    def _named(self, name: str, value: Any, place: Place) -> None:
        if isinstance(value, SqlText) and not value.stands:
            self.facts.add(Named(place, name, value.text))

    def _call(self, node: ast.Call) -> Any:
        called = self.value(node.func)
        arguments = [self._operand(part) for part in node.args]
        if any(isinstance(part, ast.Starred) for part in node.args):
            arguments = flat(arguments)
        named = {part.arg or "**": self._operand(part.value) for part in node.keywords}
        for part in node.keywords:
            self._named(part.arg or "", named[part.arg or "**"], self.place(part.value))
        result = self.calls.apply(called, arguments, named, self._call_place(node))
        return result if isinstance(called, Module) else self.plain(result)

    def _call_place(self, node: ast.Call) -> Place:
        """Where the call starts; a chain over several lines is told by the line of its own method, not by its first."""
        method = node.func
        if not isinstance(method, ast.Attribute) or method.end_lineno == node.lineno == method.value.end_lineno:
            return self.place(node)
        number = method.end_lineno or node.lineno
        line = self.cell.lines[number - 1].text
        end = len(line.encode()[: method.end_col_offset].decode(errors="ignore"))
        return self.cell.place(self.cell.offset(number, end - len(method.attr)))
