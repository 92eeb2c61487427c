"""PySpark's column expressions as the SQL trees they mean: `F.countDistinct("p").alias("n") >= 100`."""

from __future__ import annotations

import ast
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.flow.parsing import parse_value
from cleanroom_core.notebooks.flow.text import SqlText, unknown
from cleanroom_core.notebooks.flow.values import Many, Within, column, flat, tree

FUNCTIONS = "pyspark.sql.functions."
# Functions whose later texts are values, not columns; in all others a text names a column.
_TEXT_ARGUMENTS = frozenset({
    "sha2", "date_format", "to_date", "to_timestamp", "date_trunc", "trunc", "regexp_replace", "regexp_extract", "split",
    "lpad", "rpad", "translate", "substring", "substring_index", "from_json", "get_json_object", "round", "bround",
    "percentile_approx", "percentile", "date_add", "date_sub", "add_months", "like", "rlike", "overlay", "repeat",
    "instr", "locate", "shiftleft", "conv", "encode", "decode",
})  # fmt: skip
_BINARY: dict[type[ast.AST], type[exp.Expr]] = {
    ast.GtE: exp.GTE, ast.Gt: exp.GT, ast.LtE: exp.LTE, ast.Lt: exp.LT, ast.Eq: exp.EQ, ast.NotEq: exp.NEQ,
    ast.BitAnd: exp.And, ast.BitOr: exp.Or, ast.And: exp.And, ast.Or: exp.Or,
    ast.Add: exp.Add, ast.Sub: exp.Sub, ast.Mult: exp.Mul, ast.Div: exp.Div, ast.Mod: exp.Mod,
}  # fmt: skip
_ALIASES = frozenset({"alias", "name"})
_PLAIN = frozenset({"asc", "desc", "asc_nulls_first", "asc_nulls_last", "desc_nulls_first", "desc_nulls_last"})


def operation(kind: ast.AST, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    made = _BINARY.get(type(kind))
    return made(this=left.copy(), expression=right.copy()) if made else unknown(left, right)


def function(name: str, arguments: list[Any]) -> exp.Expr:
    """A call of `pyspark.sql.functions.<name>`."""
    given = flat(arguments)
    first = given[0] if given else None
    if name in ("col", "column") and given:
        return column(first)
    if name == "lit":
        return tree(first)
    if name == "expr" and isinstance(first, SqlText):
        return parsed(first) or unknown()
    if name == "broadcast":
        return unknown()
    if name == "when" and len(given) > 1:
        return exp.Case(ifs=[exp.If(this=tree(first).copy(), true=tree(given[1]).copy())])
    if name == "concat_ws":
        return _called(name, [tree(first), *map(column, given[1:])])
    if name in _TEXT_ARGUMENTS:
        return _called(name, [column(first), *map(tree, given[1:])])
    trees = [column(value) for value in given]
    if name == "trim" and len(trees) == 1:
        return exp.Trim(this=trees[0].copy())
    return _called(name, trees)


def method(owner: exp.Expr, name: str, arguments: list[Any]) -> exp.Expr:
    """A method of a Column (or of a value nobody knows)."""
    trees = [tree(argument) for argument in flat(arguments)]
    if name in _ALIASES and arguments:
        label = arguments[0]
        return exp.alias_(owner.copy(), label.text if isinstance(label, SqlText) else "_c", quoted=True)
    if name in _PLAIN:
        return owner
    if name in ("cast", "astype", "try_cast"):
        return exp.Paren(this=owner.copy())
    if name == "over" and arguments and isinstance(arguments[0], Within):
        return exp.Window(this=owner.copy(), partition_by=[key.copy() for key in arguments[0].keys])
    if name == "isin":
        return exp.In(this=owner.copy(), expressions=[value.copy() for value in trees])
    if name == "between" and len(trees) > 1:
        return exp.Between(this=owner.copy(), low=trees[0].copy(), high=trees[1].copy())
    if name in ("isNull", "isNotNull"):
        return exp.Is(this=owner.copy(), expression=exp.Null())
    if name in ("eqNullSafe",) and trees:
        return exp.NullSafeEQ(this=owner.copy(), expression=trees[0].copy())
    if name in ("contains", "startswith", "endswith", "like", "rlike", "ilike"):
        return exp.Like(this=owner.copy(), expression=trees[0].copy() if trees else unknown())
    if name == "when" and isinstance(owner, exp.Case) and len(trees) > 1:
        more = owner.copy()
        more.append("ifs", exp.If(this=trees[0].copy(), true=trees[1].copy()))
        return more
    if name == "otherwise" and isinstance(owner, exp.Case) and trees:
        done = owner.copy()
        done.set("default", trees[0].copy())
        return done
    return _called(name, [owner, *trees])


def parsed(text: SqlText) -> exp.Expr | None:
    """The expression in a SQL text, with the values of Python in it put in their places; None where it cannot be read."""
    statement = parse_value(text)
    if statement.tree is None:
        return None
    stands = statement.sql.stands

    def put(node: exp.Expr) -> exp.Expr:
        value = stands.get(node.name) if isinstance(node, exp.Column) and not node.table else None
        return node if value is None else tree(value).copy()

    return statement.tree.transform(put)


def partition(arguments: list[Any]) -> Within:
    return Within(tuple(column(value) for value in flat(arguments)))


def names_in(value: Any) -> list[str]:
    """Texts in an argument that may be one or a list of them."""
    items = value.items if isinstance(value, Many) else (value,)
    return [item.text.lower() for item in items if isinstance(item, SqlText)]


def _called(name: str, arguments: list[exp.Expr]) -> exp.Expr:
    return exp.Anonymous(this=name.lower(), expressions=[argument.copy() for argument in arguments])
