"""What an expression tells about people: which columns can be read off it, what it counts, which cohort a condition asks for.

Everything here is about sqlglot trees of `ClosedSql`, in which every function call is an `exp.Anonymous`; Python's column
expressions are turned into the same trees, so there is one judgement for both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from sqlglot import exp

from cleanroom_core.notebooks.facts import function_name
from cleanroom_core.notebooks.relation import PLAIN, Counts, Guard, Meaning, Relation
from cleanroom_core.notebooks.settings import Settings

Resolve = Callable[[exp.Column], Meaning]
Answer = Callable[[exp.Query], Relation]

# Aggregates whose result is one or more of the values that went in.
REVEALING = frozenset({
    "min", "max", "first", "last", "any_value", "first_value", "last_value", "mode", "max_by", "min_by", "collect_list",
    "collect_set", "array_agg", "listagg", "string_agg", "nth_value", "lag", "lead", "approx_top_k", "histogram_numeric",
    "median", "percentile", "percentile_disc",
})  # fmt: skip
DROPPING = frozenset({
    "count", "count_if", "count_distinct", "countdistinct", "approx_count_distinct", "approxcountdistinct", "sum",
    "sum_distinct", "avg", "mean", "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop", "corr",
    "covar_samp", "covar_pop", "skewness", "kurtosis", "bool_or", "bool_and", "every", "some", "any",
    "percentile_approx", "approx_percentile", "regr_slope", "regr_r2", "bit_xor", "try_sum", "try_avg",
})  # fmt: skip
AGGREGATES = REVEALING - {"lag", "lead"} | DROPPING
_SIZES = frozenset({"size", "array_size", "cardinality", "length", "len", "char_length"})
_TRIMS = frozenset({"trim", "btrim", "regexp_replace", "ltrim", "rtrim", "translate", "regexp_extract"})
_MADE_UP = frozenset(
    ["uuid", "rand", "random", "randn", "monotonically_increasing_id", "row_number", "now", "current_timestamp"]
)
_DEFAULTS = frozenset({"coalesce", "ifnull", "nvl"})
_KEEPS_COUNT = frozenset({"coalesce", "ifnull", "nvl", "cast", "int", "bigint", "long", "float", "double", "floor", "round"})
_NOT: dict[type[exp.Expr], type[exp.Expr]] = {exp.LT: exp.GTE, exp.LTE: exp.GT, exp.GT: exp.LTE, exp.GTE: exp.LT}
_MIRROR: dict[type[exp.Expr], type[exp.Expr]] = {exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE}


class Judgement:
    """Meanings of expressions whose columns `resolve` knows and whose inner queries `answer` reads; `group`: the keys a count
    in this place is made within; `rows`: what a row is."""

    def __init__(
        self,
        resolve: Resolve,
        settings: Settings,
        group: frozenset[str] = frozenset(),
        answer: Answer | None = None,
        rows: Counts = Counts.ROWS,
    ) -> None:
        self._resolve, self._settings, self._group, self._answer = resolve, settings, group, answer
        self._rows = rows

    def of(self, node: exp.Expr) -> Meaning:
        """What the values of this expression tell."""
        if isinstance(node, exp.Column):
            return self._resolve(node)
        if isinstance(node, (exp.Literal, exp.Placeholder, exp.Parameter, exp.Null, exp.Boolean)):
            return PLAIN
        if isinstance(node, (exp.Alias, exp.Paren, exp.Cast)):
            return self.of(node.this)
        if isinstance(node, exp.Query):
            inner = self._answer(node) if self._answer else Relation()
            return _together(list(inner.columns.values()))
        if isinstance(node, exp.Window):
            return self._window(node)
        if isinstance(node, exp.Filter):
            return self.of(node.this)
        if isinstance(node, (exp.Case, exp.If)):
            return self._choice(node)
        if isinstance(node, (exp.Predicate, exp.Connector, exp.Not)):
            guard, per = self.guard(node)
            return Meaning(guard=guard, per=per, trimmed=True)
        name = function_name(node)
        if isinstance(node, exp.Anonymous):
            return self._call(node, name)
        parts = [self.of(child) for child in node.iter_expressions()]
        return _together(parts, trims=name in _TRIMS)

    def _call(self, node: exp.Anonymous, name: str) -> Meaning:
        arguments = list(node.expressions)
        if name in _SIZES and arguments and (inner := _unwrapped(arguments[0])) is not None:
            within = self._within(arguments[0]) if isinstance(arguments[0], exp.Window) else self
            return within._count(inner.expressions)
        if name in ("count_distinct", "countdistinct"):
            return self._count(arguments)
        if name == "count" and len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
            return self._count(arguments[0].expressions)
        if name in ("count", "count_if") or _adds_ones(name, arguments):
            return Meaning(counts=self._rows, per=self._group, trimmed=True)
        if name in ("approx_count_distinct", "approxcountdistinct"):
            return Meaning(counts=Counts.ROWS, per=self._group, trimmed=True)
        if name in DROPPING or name in _SIZES:
            return PLAIN
        parts = [self.of(argument) for argument in arguments]
        if name == "least" and parts and all(part.counts is Counts.PEOPLE for part in parts):
            return reduce(Meaning.either, parts)
        if name in _KEEPS_COUNT and parts and (len(parts) == 1 or name in _DEFAULTS):  # round(n, -2) makes 100 of 50
            return replace(parts[0], carries=_together(parts).carries)
        return _together(parts, trims=name in _TRIMS)

    def _count(self, distinct: list[exp.Expr]) -> Meaning:
        """A count of distinct values: people when it is one column that identifies them, and nothing is pasted to it."""
        carried = self.of(distinct[0]).carries if len(distinct) == 1 else frozenset()
        made_up = any(function_name(inner) in _MADE_UP for part in distinct for inner in part.walk())
        people = bool(carried) and not made_up and all(self._settings.is_person(origin.column) for origin in carried)
        return Meaning(counts=Counts.PEOPLE if people else Counts.ROWS, per=self._group, trimmed=True)

    def _window(self, node: exp.Window) -> Meaning:
        return self._within(node).of(node.this)

    def _within(self, node: exp.Window) -> Judgement:
        """The judgement inside a window: counts are made within its partition."""
        keys = frozenset(key.name.lower() for key in node.args.get("partition_by") or [] if isinstance(key, exp.Column))
        return Judgement(self._resolve, self._settings, keys, self._answer)

    def _choice(self, node: exp.Case | exp.If) -> Meaning:
        results = [branch.args["true"] for branch in node.args.get("ifs") or [node]]
        otherwise = node.args.get("default") or node.args.get("false")
        return _together([self.of(result) for result in (*results, *([otherwise] if otherwise is not None else []))])

    def guard(self, node: exp.Expr, negated: bool = False) -> tuple[Guard, frozenset[str]]:
        """The cohort that is certain where the condition is true (false, when negated), and the keys it was counted within."""
        if isinstance(node, exp.Paren):
            return self.guard(node.this, negated)
        if isinstance(node, exp.Not):
            return self.guard(node.this, not negated)
        if isinstance(node, exp.Connector):
            sides = [self.guard(node.left, negated), self.guard(node.right, negated)]
            both = isinstance(node, exp.And) is not negated
            return max(sides) if both else min(sides)
        if isinstance(node, exp.Between) and not negated:
            return self._compared(exp.GTE, node.this, node.args["low"])
        if type(node) in _NOT:
            kind = _NOT[type(node)] if negated else type(node)
            first = self._compared(kind, node.this, node.expression)
            return max(first, self._compared(_MIRROR[kind], node.expression, node.this))
        if isinstance(node, exp.EQ) and not negated and isinstance(node.expression, exp.Boolean) and node.expression.this:
            return self.guard(node.this)
        if isinstance(node, (exp.Column, exp.Case, exp.If, exp.Anonymous)) and not negated:
            meaning = self.of(node)
            return meaning.guard, meaning.per
        return Guard.NONE, frozenset()

    def _compared(self, kind: type[exp.Expr], counted: exp.Expr, bound: exp.Expr) -> tuple[Guard, frozenset[str]]:
        if kind not in (exp.GT, exp.GTE):
            return Guard.NONE, frozenset()
        meaning = self.of(counted)
        if meaning.counts is Counts.NOTHING:
            return Guard.NONE, frozenset()
        if meaning.counts is Counts.ROWS:
            return Guard.ROWS, meaning.per
        least = at_least(bound)
        enough = least is not None and least + (kind is exp.GT) >= self._settings.minimum
        return (Guard.PEOPLE if enough else Guard.SMALL), meaning.per


def at_least(bound: exp.Expr) -> float | None:
    """A number the bound never goes below, whatever the parameters; None where nobody can tell."""
    if isinstance(bound, exp.Literal) and not bound.is_string:
        return float(bound.this)
    if isinstance(bound, (exp.Paren, exp.Cast)):
        return at_least(bound.this)
    name = function_name(bound)
    if name in ("greatest", "max"):
        known = [value for value in map(at_least, bound.expressions) if value is not None]
        return max(known, default=None)
    if name in ("least", "min", "either") and bound.expressions:
        values = [at_least(argument) for argument in bound.expressions]
        return None if None in values else min(value for value in values if value is not None)
    if name in ("int", "float", "str", "bigint", "lit", "long") and len(bound.expressions) == 1:
        return at_least(bound.expressions[0])
    return None


def has_aggregate(node: exp.Expr) -> bool:
    """Whether a function over a whole group is called in here, outside windows and queries of their own."""
    if isinstance(node, (exp.Window, exp.Query)):
        return False
    return function_name(node) in AGGREGATES or any(has_aggregate(child) for child in node.iter_expressions())


def _unwrapped(node: exp.Expr) -> exp.Expr | None:
    """The collect_set() in an argument of size(), whether over a group, a window or a part of it."""
    inner = node.this if isinstance(node, (exp.Window, exp.Filter)) else node
    if function_name(inner) == "array_distinct" and inner.expressions:
        inner = inner.expressions[0]
        return inner if function_name(inner) in ("collect_list", "collect_set", "array_agg") else None
    return inner if function_name(inner) == "collect_set" else None


def _adds_ones(name: str, arguments: list[exp.Expr]) -> bool:
    return name == "sum" and len(arguments) == 1 and isinstance(arguments[0], exp.Literal)


def _together(parts: list[Meaning], trims: bool = False) -> Meaning:
    """The values of several parts in one; trimmed when every part that carries something is."""
    carries: frozenset[object] = frozenset().union(*(part.carries for part in parts)) if parts else frozenset()
    return Meaning(carries, trimmed=trims or all(part.trimmed for part in parts if part.carries))  # type: ignore[arg-type]
