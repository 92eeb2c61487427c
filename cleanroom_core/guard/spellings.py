"""Other spellings of what the closed grammar has, written as it writes them: `nvl2`, `decode`, `mean`, `date_part`, `strftime`.

One entry per spelling; each is exactly what it is replaced by, on every engine. What has no such equal stays as it is, and the
grammar refuses it by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

from sqlglot import exp
from sqlglot.dialects.databricks import Databricks

_POSTGRES = {"YYYY": "yyyy", "DD": "dd", "Month": "MMMM", "Mon": "MMM"}  # of to_char; Databricks spells the others alike


def respelled(select: exp.Select) -> exp.Select:
    """The tree with every other spelling replaced, in place."""
    for node in list(select.walk()):
        if isinstance(node, exp.Select) and _says_group_by(node):
            node.set("distinct", None)
        work = _CALLS.get(node.name.lower()) if isinstance(node, exp.Anonymous) else _NODES.get(type(node))
        if work is not None and (found := work(node)) is not None:
            found.meta.update(node.meta)
            node.replace(found)
    return select


def _says_group_by(select: exp.Select) -> bool:
    """Whether SELECT DISTINCT repeats what GROUP BY says: all keys are shown, so that no two rows are alike."""
    distinct, group = select.args.get("distinct"), select.args.get("group")
    if not isinstance(distinct, exp.Distinct) or distinct.args.get("on") or group is None:
        return False
    shown = [item.unalias() for item in select.expressions]
    names = {item.alias for item in select.expressions if item.alias}
    return bool(group.args.get("all")) or all(
        key in shown
        or (isinstance(key, exp.Column) and key.name in names)
        or (isinstance(key, exp.Literal) and not key.is_string)
        for key in group.expressions
    )


def _arguments(node: exp.Expr, count: int) -> list[exp.Expr] | None:
    return node.expressions if len(node.expressions) == count else None


def _of_one(work: Callable[[exp.Expr], exp.Expr]) -> Callable[[exp.Expr], exp.Expr | None]:
    return lambda node: work(found[0]) if (found := _arguments(node, 1)) else None


def _date_part(node: exp.Expr) -> exp.Expr | None:
    found = _arguments(node, 2)
    if found is None or not (isinstance(found[0], exp.Literal) and found[0].is_string):
        return None
    return exp.Extract(this=exp.Var(this=found[0].name), expression=found[1])


def _make_date(node: exp.Expr) -> exp.Expr | None:
    found = _arguments(node, 3)
    if found is None or not all(isinstance(one, exp.Literal) and one.name.isdigit() for one in found):
        return None
    try:
        day = date(*(int(one.name) for one in found))
    except ValueError:
        return None
    return exp.Cast(this=exp.Literal.string(day.isoformat()), to=exp.DataType(this=exp.DType.DATE, nested=False))


def _strftime(node: exp.Expr) -> exp.Expr | None:
    found = _arguments(node, 2)
    return exp.TimeToStr(this=found[0], format=found[1]) if found else None


def _to_char(node: exp.Expr) -> exp.Expr | None:
    written = node.args.get("format")
    if not isinstance(written, exp.Literal) or not written.is_string:
        return None
    text = re.sub("|".join(_POSTGRES), lambda found: _POSTGRES[found.group()], written.name)
    return _pattern(exp.TimeToStr(this=node.this, format=Databricks.format_time(exp.Literal.string(text))))


def _pattern(node: exp.Expr) -> exp.Expr | None:
    """A date as text; the parser marks parts of fixed width, which these always are, and turns the date into a time first."""
    written = node.args.get("format")
    if not isinstance(written, exp.Literal) or (not isinstance(node.this, exp.TimeStrToTime) and "strict" not in written.name):
        return None
    inner = node.this.this if isinstance(node.this, exp.TimeStrToTime) else node.this
    return exp.TimeToStr(this=inner, format=exp.Literal.string(re.sub("(%[a-zA-Z])strict", r"\1", written.name)))


def _decode(node: exp.Expr) -> exp.Expr | None:
    """decode(x, a, b, c, d, e): CASE x WHEN a THEN b WHEN c THEN d ELSE e END, in which NULL equals NULL."""
    subject, *rest = node.expressions
    if len(rest) < 2:
        return None
    default = rest.pop() if len(rest) % 2 else None
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return exp.Case(ifs=[exp.If(this=_same(subject.copy(), value), true=then) for value, then in pairs], default=default)


def _same(subject: exp.Expr, value: exp.Expr) -> exp.Expr:
    return (exp.Is if isinstance(value, exp.Null) else exp.EQ)(this=subject, expression=value)


def _nvl2(node: exp.Expr) -> exp.Expr:
    missing = exp.Is(this=node.this, expression=exp.Null())
    return exp.Case(ifs=[exp.If(this=missing, true=node.args.get("false") or exp.Null())], default=node.args["true"])


def _is_null(value: exp.Expr) -> exp.Expr:
    return exp.Is(this=value, expression=exp.Null())


_CALLS: Mapping[str, Callable[[exp.Expr], exp.Expr | None]] = {
    "mean": _of_one(lambda value: exp.Avg(this=value)),
    "std": _of_one(lambda value: exp.Stddev(this=value)),
    "isnull": _of_one(_is_null),
    "isnotnull": _of_one(lambda value: exp.Not(this=_is_null(value))),
    "zeroifnull": _of_one(lambda value: exp.Coalesce(this=value, expressions=[exp.Literal.number(0)])),
    "date_part": _date_part,
    "datepart": _date_part,
    "make_date": _make_date,
    "strftime": _strftime,
}
_NODES: Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr | None]] = {
    exp.TimeToStr: _pattern,
    exp.ToChar: _to_char,
    exp.DecodeCase: _decode,
    exp.Nvl2: _nvl2,
    exp.SafeDivide: lambda node: exp.Div(this=node.this, expression=node.expression, typed=False, safe=False),
}
