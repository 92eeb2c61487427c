"""Python cells by statements: branches meet with the lesser of what they know, functions are read where they are called."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.cell import Cell, Place
from cleanroom_core.notebooks.facts import Defined, Facts, Named, Shown, Unread
from cleanroom_core.notebooks.flow.expressions import ExpressionReader
from cleanroom_core.notebooks.flow.literals import start_of
from cleanroom_core.notebooks.flow.state import Environment, either, merged
from cleanroom_core.notebooks.flow.text import SqlText, unknown
from cleanroom_core.notebooks.flow.values import Bound, Class, Function, Instance, Many, Module, Pairs, data, from_data
from cleanroom_core.notebooks.settings import Settings
from cleanroom_core.notebooks.syntax import NotPython, parse_python

_STEPS = 20_000  # statements followed in one notebook, each as often as it is called
_DEPTH = 8  # calls within calls; deeper ones are recursion
_ROUNDS = 20  # of a loop over a list that stands in the code
_ROW_FUNCTIONS = ("udf", "pandas_udf", "udtf", "arrow_udtf", "arrow_udf")


class TooLong(Exception):  # noqa: N818  a way out of the reader, never seen outside of `flow`
    """The notebook calls itself more often than anybody follows."""


class PythonReader:
    """Reads Python into facts and into the environment it shares with the SQL reader."""

    def __init__(self, environment: Environment, facts: Facts, settings: Settings) -> None:
        self.facts = facts
        self.expressions = ExpressionReader(environment, facts, settings, self._called)
        self._returned: list[list[tuple[Any, Environment]]] = []  # of each call that is being read: value, what is known then
        self._pending: dict[int, tuple[Function, Cell]] = {}  # by the id of the node: functions not called yet
        self._cells: dict[int, Cell] = {}
        self._selves: dict[int, Instance] = {}
        self._steps = 0
        self.cell: Cell

    @property
    def environment(self) -> Environment:
        return self.expressions.environment

    @environment.setter
    def environment(self, environment: Environment) -> None:
        self.expressions.environment = environment

    def run(self, cell: Cell) -> None:
        """One cell; what it assigns is known in the next."""
        self._enter(cell)
        try:
            body = parse_python(cell.text).body
        except NotPython as error:
            line = min(error.line, len(cell.lines))
            self.facts.add(Unread(cell.place(cell.offset(line, 0)), "cannot be read as Python"))
            return
        self._body(body)

    def finish(self) -> None:
        """Read the functions that nobody called, with arguments nobody knows."""
        for function, cell in list(self._pending.values()):
            self._enter(cell)
            owner = self._selves.get(id(function.node))
            self._called(function, [] if owner is None else [owner], {})

    def _enter(self, cell: Cell) -> None:
        self.cell = cell
        self.expressions.cell = cell

    def _place(self, node: ast.expr | ast.stmt) -> Place:
        return self.cell.place(start_of(self.cell, node))

    def _body(self, body: Sequence[ast.stmt]) -> bool:
        """Whether the end of it is reached."""
        return all(self._statement(statement) for statement in body)

    def _statement(self, node: ast.stmt) -> bool:
        self._steps += 1
        if self._steps > _STEPS:
            raise TooLong
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is not None:
            return handler(node) is not False
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._value(child)
        return True

    def _value(self, node: ast.expr | None) -> Any:
        return None if node is None else self.expressions.value(node)

    # naming things

    def _assign(self, node: ast.Assign) -> None:
        value = self._value(node.value)
        for target in node.targets:
            self._bind(target, value)

    def _annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._bind(node.target, self._value(node.value))

    def _augassign(self, node: ast.AugAssign) -> None:
        load = ast.copy_location(ast.BinOp(_loaded(node.target), node.op, node.value), node)
        self._bind(node.target, self._value(load))

    def _bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Starred):
            target = target.value
        if isinstance(target, (ast.Tuple, ast.List)):
            items = value.items if isinstance(value, Many) and len(value.items) == len(target.elts) else None
            for number, part in enumerate(target.elts):
                self._bind(part, items[number] if items else value if isinstance(value, exp.Expr) else unknown())
            return
        if isinstance(target, ast.Name):
            self.environment[target.id] = value
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = self.environment.get(target.value.id)
            name = owner.field(target.attr) if isinstance(owner, Instance) else f"{target.value.id}.{target.attr}"
            self.environment[name] = value
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            self._put(target.value.id, target.slice, value)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            self._value(target.value)
        name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            name = str(target.slice.value)
        if name and isinstance(value, SqlText):
            self.facts.add(Named(self._place(target), name, value.text if not value.stands else ""))

    def _put(self, name: str, key: ast.expr, value: Any) -> None:
        """`name[key] = value`, for a dict with texts as keys; any other container is unknown from here on."""
        before = self.environment.get(name)
        if isinstance(before, Pairs) and isinstance(key, ast.Constant) and isinstance(key.value, str):
            self.environment[name] = Pairs({**before.items, key.value: value})
        elif before is not None:
            self.environment[name] = data() if from_data(value) or from_data(before) else unknown()

    def _import(self, node: ast.Import) -> None:
        for name in node.names:
            self.expressions.note(f"import {name.name}", self._place(node))
            self.environment[name.asname or name.name.split(".")[0]] = Module(
                name.name if name.asname else name.name.split(".")[0]
            )

    def _importfrom(self, node: ast.ImportFrom) -> None:
        self.expressions.note(f"import {node.module or ''}", self._place(node))
        for name in node.names:
            self.expressions.note(f"import {node.module}.{name.name}", self._place(node))
            if name.name == "*":
                self.environment["import *"] = str(node.module)
            else:
                self.environment[name.asname or name.name] = Module(f"{node.module}.{name.name}")

    def _functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        function = Function(node)
        self.environment[node.name] = function
        self._pending[id(node)] = (function, self.cell)
        self._cells[id(node)] = self.cell
        for decorator in node.decorator_list:
            bare = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = ast.unparse(bare).rpartition(".")[2]
            if name in _ROW_FUNCTIONS:
                self.facts.add(Defined(self._place(decorator), f"@{name}"))
                self.environment[node.name] = Module("pyspark.sql.functions.a_function_of_the_notebook")

    _asyncfunctiondef = _functiondef

    def _classdef(self, node: ast.ClassDef) -> None:
        before = self.environment
        self.environment = dict(before)
        self._body(node.body)
        inside = {name: value for name, value in self.environment.items() if before.get(name) is not value}
        self.environment = before
        methods = {name: value for name, value in inside.items() if isinstance(value, Function)}
        made = Class(methods, {name: value for name, value in inside.items() if name not in methods})
        self.environment[node.name] = made
        for function in methods.values():
            self._selves[id(function.node)] = Instance(made)

    # branches and loops

    def _if(self, node: ast.If) -> bool:
        self._value(node.test)
        return self._branches([node.body, node.orelse])

    def _branches(self, bodies: Sequence[Sequence[ast.stmt]]) -> bool:
        """Run each from here; go on with what the ones that reach their end leave."""
        before = self.environment
        ends: list[Environment] = []
        for body in bodies:
            self.environment = dict(before)
            if self._body(body):
                ends.append(self.environment)
        self.environment = ends[0] if ends else dict(before)
        for other in ends[1:]:
            self.environment = merged(self.environment, other)
        return bool(ends)

    def _match(self, node: ast.Match) -> bool:
        self._value(node.subject)
        return self._branches([*(case.body for case in node.cases), []])

    def _for(self, node: ast.For | ast.AsyncFor) -> bool:
        values = self._value(node.iter)
        if isinstance(values, Pairs):
            values = Many(tuple(exp.Literal.string(key) for key in values.items), bool(values.items))
        if isinstance(values, Many) and values.whole:
            for value in values.items[:_ROUNDS]:
                self._bind(node.target, value)
                self._body(node.body)
        else:
            self._bind(node.target, values.items[0] if isinstance(values, Many) and values.items else _item(values))
            self._branches([node.body, []])
        return self._body(node.orelse)

    _asyncfor = _for

    def _while(self, node: ast.While) -> bool:
        self._value(node.test)
        self._branches([node.body, []])
        return self._body(node.orelse)

    def _try(self, node: ast.Try) -> bool:
        before = dict(self.environment)
        reached = self._body([*node.body, *node.orelse])
        after = self.environment
        ends = [after] if reached else []
        for handler in node.handlers:
            self.environment = merged(before, after)
            if self._body(handler.body):
                ends.append(self.environment)
        self.environment = ends[0] if ends else after
        for other in ends[1:]:
            self.environment = merged(self.environment, other)
        return self._body(node.finalbody) and bool(ends)

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            value = self._value(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, value)
        return self._body(node.body)

    _asyncwith = _with
    _trystar = _try

    def _return(self, node: ast.Return) -> bool:
        value = self._value(node.value)
        if self._returned:
            self._returned[-1].append((value, self.environment))
        return False

    def _raise(self, node: ast.Raise) -> bool:
        if isinstance(node.exc, ast.Call) and any(from_data(self._value(argument)) for argument in node.exc.args):
            self.facts.add(Shown(self._place(node), "The text of this error"))
        return False

    def _assert(self, node: ast.Assert) -> None:
        self._value(node.test)
        if node.msg is not None and from_data(self._value(node.msg)):
            self.facts.add(Shown(self._place(node), "The text of this error"))

    def _expr(self, node: ast.Expr) -> None:
        self._value(node.value)

    # calls of the notebook's own functions

    def _called(self, function: Function, arguments: list[Any], named: dict[str, Any]) -> Any:
        """Read the function's body with these arguments. Temp views it makes stay."""
        node = function.node
        if len(self._returned) >= _DEPTH:
            return data()
        outer, cell = self.environment, self.cell
        inner = dict(outer)
        names = [*node.args.posonlyargs, *node.args.args]
        defaults = dict(zip(reversed([name.arg for name in names]), reversed(node.args.defaults), strict=False))
        for number, name in enumerate([*names, *node.args.kwonlyargs]):
            given = arguments[number] if number < min(len(arguments), len(names)) else named.get(name.arg)
            inner[name.arg] = (
                given if given is not None else self._value(defaults[name.arg]) if name.arg in defaults else data()
            )
        if node.args.vararg:
            inner[node.args.vararg.arg] = Many(tuple(arguments[len(names) :]), len(arguments) > len(names))
        self.environment = inner
        self._enter(self._cells.get(id(node), cell))
        self._returned.append([])
        try:
            if isinstance(node, ast.Lambda):
                self._returned[-1].append((self._value(node.body), inner))
            else:
                self._pending.pop(id(node), None)
                if self._body(node.body):
                    self._returned[-1].append((None, self.environment))
        finally:
            returned = self._returned.pop()
            self._enter(cell)
            self.environment = outer
        if not returned:  # it ends in an error
            return None
        result, changed = returned[0]
        for other, environment in returned[1:]:
            result, changed = either(result, other), merged(changed, environment)
        outer.update({key: value for key, value in changed.items() if key.startswith(("view ", "use ")) or "." in key})
        return result


def _item(values: Any) -> Any:
    """One item of something that is looped over."""
    if isinstance(values, exp.Expr):
        return values
    return data() if from_data(values) or isinstance(values, Bound) else unknown()


def _loaded(target: ast.expr) -> ast.expr:
    """The target of `x += 1`, to be read."""
    return ast.copy_location(ast.Name(target.id, ast.Load()), target) if isinstance(target, ast.Name) else target
