"""Operators, literals and conditionals of the closed grammar: one handler per kind of node. Functions stand in `functions/`."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.sql import arithmetic
from cleanroom_core.sql.casts import convert, type_of
from cleanroom_core.sql.compiler import Compiler, Handler, NodeRule, Refusal
from cleanroom_core.sql.functions.registry import call_function
from cleanroom_core.sql.functions.texts import join_texts, trim_characters
from cleanroom_core.sql.typed import Typed, check_moment, coerce, number, operand, string
from cleanroom_core.sql.types import BOOLEAN, DATE, TIMESTAMP, Kind


def _literal(compiler: Compiler, node: exp.Expr) -> Typed:
    if isinstance(node, exp.Literal) and node.is_string:
        if "\x00" in node.name:
            compiler.fail(node, "A text cannot hold the character NUL.", "Leave it out.", "LITERAL")
        return string(node.name)
    found = number(node.name)
    if found is None:
        compiler.fail(node, "This number is too large.", "Numbers have at most 38 digits.", "LITERAL")
    return found


def _paren(compiler: Compiler, node: exp.Expr) -> Typed:
    return compiler.compile(node.this)  # parentheses are written anew wherever an operator needs them


def _connector(compiler: Compiler, node: exp.Expr) -> Typed:
    parts = [_beside_connector(compiler.boolean(part)) for part in node.flatten(unnest=False)]
    found = parts[0]
    for part in parts[1:]:
        found = type(node)(this=found, expression=part)
    return Typed(found, BOOLEAN)


def _not(compiler: Compiler, node: exp.Expr) -> Typed:
    return Typed(exp.Not(this=operand(compiler.boolean(node.this))), BOOLEAN)


def _comparison(compiler: Compiler, node: exp.Expr) -> Typed:
    left, right = compiler.compile(node.this), compiler.compile(node.expression)
    if left.type == BOOLEAN and not isinstance(node, (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)):
        compiler.fail(node, "BOOLEAN values have no order.", "Compare them with = or <>.", "TYPE")
    one, other = compiler.comparable(node, [left, right])
    return Typed(type(node)(this=operand(one), expression=operand(other)), BOOLEAN)


def _in(compiler: Compiler, node: exp.Expr) -> Typed:
    if not node.expressions:
        compiler.fail(
            node, "IN has no values.", "List them: IN ('EU', 'UK'); a name with a space stands in back ticks.", "ARGUMENT"
        )
    parts = [compiler.compile(part) for part in (node.this, *node.expressions)]
    subject, *values = compiler.comparable(node, parts)
    return Typed(exp.In(this=operand(subject), expressions=values), BOOLEAN)


def _between(compiler: Compiler, node: exp.Expr) -> Typed:
    parts = [compiler.compile(part) for part in (node.this, node.args["low"], node.args["high"])]
    if parts[0].type == BOOLEAN:
        compiler.fail(node, "BOOLEAN values have no order.", "Compare them with = or <>.", "TYPE")
    subject, low, high = compiler.comparable(node, parts)
    return Typed(exp.Between(this=operand(subject), low=operand(low), high=operand(high)), BOOLEAN)


def _is(compiler: Compiler, node: exp.Expr) -> Typed:
    right = node.expression
    if isinstance(right, exp.Null):
        return Typed(exp.Is(this=operand(compiler.compile(node.this).tree), expression=exp.Null()), BOOLEAN)
    if isinstance(right, exp.Boolean):
        return Typed(exp.Is(this=operand(compiler.boolean(node.this)), expression=exp.Boolean(this=right.this)), BOOLEAN)
    return compiler.fail(node, "IS is followed by NULL, TRUE or FALSE.", "Compare other values with =.", "NOT_ALLOWED")


def _like(compiler: Compiler, node: exp.Expr) -> Typed:
    subject = compiler.of_kind(node.this, "LIKE", Kind.STRING)
    pattern = compiler.compile(node.expression) if isinstance(node.expression, exp.Literal) else None
    if pattern is None or pattern.text is None:
        compiler.fail(
            node.expression, "The pattern of LIKE is not a fixed text.", "Write it in quotes: LIKE 'DE%'.", "ARGUMENT"
        )
    if "\\" in pattern.text:
        compiler.fail(
            node.expression, "The pattern of LIKE holds a backslash, which engines read differently.",
            "Use contains(), startswith() or endswith() to look for a literal % or _.", "ARGUMENT",
        )  # fmt: skip
    found: exp.Expr = exp.Like(this=operand(subject.tree), expression=pattern.tree)
    return Typed(exp.Not(this=found) if node.args.get("negate") else found, BOOLEAN)


def _case(compiler: Compiler, node: exp.Expr) -> Typed:
    branches, default = node.args["ifs"], node.args.get("default")
    subject = None
    if node.this is None:
        tests = [compiler.boolean(branch.this) for branch in branches]
    else:
        parts = [compiler.compile(part) for part in (node.this, *(branch.this for branch in branches))]
        subject, *tests = compiler.comparable(node, parts)
    values = [compiler.compile(branch.args["true"]) for branch in branches]
    values += [compiler.compile(default)] if default is not None else []
    return case(compiler, node, tests, values, subject)


def case(
    compiler: Compiler, node: exp.Expr, tests: list[exp.Expr], values: list[Typed], subject: exp.Expr | None = None
) -> Typed:
    """CASE over compiled tests; one value more than tests is the ELSE. All values come to one type."""
    type_ = compiler.unify(node, values)
    trees = [value.tree if type_ is None else coerce(value, type_) for value in values]
    ifs = [exp.If(this=test, true=tree) for test, tree in zip(tests, trees, strict=False)]
    default = trees[-1] if len(trees) > len(tests) else None
    return Typed(exp.Case(this=subject, ifs=ifs, default=default), type_)


def _if(compiler: Compiler, node: exp.Expr) -> Typed:
    if node.args.get("false") is None:
        compiler.fail(node, "if() takes a condition and two values.", "Write if(amount < 50, 'small', 'large').", "ARGUMENT")
    values = [compiler.compile(node.args["true"]), compiler.compile(node.args["false"])]
    return case(compiler, node, [compiler.boolean(node.this)], values)


def _cast(compiler: Compiler, node: exp.Expr) -> Typed:
    found = compiler.compile(node.this)
    target = type_of(compiler, node)
    if found.text is not None and target in (DATE, TIMESTAMP):
        check_moment(found, target)
    return convert(compiler, node, found, target)


def _extract(compiler: Compiler, node: exp.Expr) -> Typed:
    return call_function(compiler, node, node.this.name, [node.expression])


def _trim(compiler: Compiler, node: exp.Expr) -> Typed:
    subject = compiler.of_kind(node.this, "TRIM", Kind.STRING)
    characters = None if node.expression is None else compiler.compile(node.expression)
    return trim_characters(compiler, node, subject, characters, str(node.args.get("position") or "BOTH"))


def _pipe(compiler: Compiler, node: exp.Expr) -> Typed:
    return join_texts(compiler, node, list(node.flatten(unnest=False)))


def _call(compiler: Compiler, node: exp.Expr) -> Typed:
    return call_function(compiler, node, str(node.this), node.expressions)


def _column(compiler: Compiler, node: exp.Expr) -> Typed:
    assert isinstance(node, exp.Column)  # noqa: S101 - the table below says so
    if isinstance(node.this, exp.Star):
        compiler.fail(node, "A star stands for no single value.", "Name the column.", "NOT_ALLOWED")
    return compiler.column(node)


def _beside_connector(tree: exp.Expr) -> exp.Expr:
    return exp.Paren(this=tree) if isinstance(tree, exp.Connector) else tree


def _rule(compile_: Handler, *arguments: str) -> NodeRule:
    return NodeRule(frozenset(arguments), compile_)


_BINARY = ("this", "expression")
RULES: dict[type[exp.Expr], NodeRule] = {
    exp.Literal: _rule(_literal, "this", "is_string"),
    exp.Boolean: _rule(lambda _, node: Typed(exp.Boolean(this=node.this), BOOLEAN), "this"),
    exp.Null: _rule(lambda _, node: Typed(exp.Null(), None)),
    exp.Column: _rule(_column, "this", "table", "db", "catalog"),
    exp.Paren: _rule(_paren, "this"),
    exp.And: _rule(_connector, *_BINARY),
    exp.Or: _rule(_connector, *_BINARY),
    exp.Not: _rule(_not, "this"),
    exp.EQ: _rule(_comparison, *_BINARY),
    exp.NEQ: _rule(_comparison, *_BINARY),
    exp.LT: _rule(_comparison, *_BINARY),
    exp.LTE: _rule(_comparison, *_BINARY),
    exp.GT: _rule(_comparison, *_BINARY),
    exp.GTE: _rule(_comparison, *_BINARY),
    exp.NullSafeEQ: _rule(_comparison, *_BINARY),
    exp.NullSafeNEQ: _rule(_comparison, *_BINARY),
    exp.In: _rule(_in, "this", "expressions"),
    exp.Between: _rule(_between, "this", "low", "high"),
    exp.Is: _rule(_is, *_BINARY),
    exp.Like: _rule(_like, "this", "expression", "negate"),
    exp.Case: _rule(_case, "this", "ifs", "default"),
    exp.If: _rule(_if, "this", "true", "false"),
    exp.Cast: _rule(_cast, "this", "to"),
    exp.TryCast: _rule(_cast, "this", "to", "safe"),
    exp.Extract: _rule(_extract, *_BINARY),
    exp.Trim: _rule(_trim, "this", "expression", "position"),
    exp.DPipe: _rule(_pipe, "this", "expression", "safe"),
    exp.Anonymous: _rule(_call, *("this", "expressions")),
    exp.Neg: _rule(arithmetic.negate, "this"),
    exp.Add: _rule(arithmetic.add, *_BINARY),
    exp.Sub: _rule(arithmetic.add, *_BINARY),
    exp.Mul: _rule(arithmetic.multiply, *_BINARY),
    exp.Div: _rule(arithmetic.divide, *_BINARY, "typed", "safe"),
    exp.Mod: _rule(arithmetic.whole_division, *_BINARY),
    exp.IntDiv: _rule(arithmetic.whole_division, *_BINARY),
}

_ONE_ROW = Refusal("An expression sees one row of one table.", "Queries, windows and aggregates belong into a template.")
_FIXED = Refusal("A parameter has no value here.", "Write the value itself.")
_NESTED = Refusal("Arrays, maps, structs and JSON are not part of the grammar.", "Prepare a plain column in the source table.")
REFUSALS: dict[type[exp.Expr], Refusal] = {
    exp.Query: _ONE_ROW,
    exp.Exists: _ONE_ROW,
    exp.Window: _ONE_ROW,
    exp.Filter: _ONE_ROW,
    exp.Distinct: _ONE_ROW,
    exp.Star: Refusal("A star stands for no single value.", "Name the column."),
    exp.Placeholder: _FIXED,
    exp.Parameter: _FIXED,
    exp.Bracket: _NESTED,
    exp.JSONExtract: _NESTED,
    exp.Dot: _NESTED,
    exp.Tuple: Refusal("A list of values stands only after IN.", "Write a IN (1, 2); join several tests with AND."),
    exp.Lambda: _NESTED,
    exp.Concat: Refusal(
        "Two texts stand side by side; Databricks would join them and drop the quote between.",
        "For a quote inside a text write \\'; to join texts use ||.",
    ),
    exp.Interval: Refusal("Intervals are not part of the grammar.", "Count days: datediff(a, b) <= 30."),
    exp.AtTimeZone: Refusal("Time zones are not part of the grammar.", "Store the timestamps in UTC."),
    exp.RegexpLike: Refusal(
        "Regular expressions differ between engines.", "Use LIKE, contains(), startswith() or translate()."
    ),
    exp.ILike: Refusal("ILIKE differs between engines.", "Write lower(name) LIKE 'abc%'."),
    exp.Escape: Refusal("LIKE with ESCAPE differs between engines.", "Use contains(), startswith() or endswith()."),
    exp.RawString: Refusal("Raw texts are not part of the grammar.", "Write the text in single quotes."),
    exp.Collate: Refusal("Collations differ between engines.", "Use lower() to compare without case."),
    exp.Alias: Refusal("An expression has no alias.", "Its name is the name of the column in the policy."),
}
