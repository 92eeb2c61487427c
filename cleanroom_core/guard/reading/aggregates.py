"""Aggregates: counts of rows, people and values, sums, averages and deviations of measures, each under a condition or without.

A condition inside an aggregate (FILTER, CASE, IF) asks about other rows than WHERE leaves: it becomes a *part* of the sheet,
whose cells are computed, protected and certified by themselves. Values a text makes up, other than 0 and 1, could pack several
figures into one number; they are refused.
"""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from cleanroom_core.guard.figures import (
    BIGINT,
    RATIO,
    Apply,
    Constant,
    Counted,
    Expression,
    People,
    Rows,
    Squares,
    Total,
    arithmetic_type,
)
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.logic import ALWAYS, NEVER, Condition, both, either
from cleanroom_core.guard.reading.conditions import condition
from cleanroom_core.guard.reading.constants import constant, is_constant
from cleanroom_core.guard.reading.flags import Flag, flag_of, rows_in, supposing
from cleanroom_core.guard.reading.measures import measure_of, squared_of, summed
from cleanroom_core.guard.reading.parts import Aggregates
from cleanroom_core.guard.reading.scope import Reading, Role
from cleanroom_core.guard.reading.values import DERIVED, PATTERNS, branches_of, values
from cleanroom_core.sql.cells import FigureLayout
from cleanroom_core.sql.types import Kind, SqlType

Asked = tuple[Condition, exp.Expr]  # an argument and the rows for which it is that
DEVIATIONS: dict[type[exp.Expr], tuple[str, bool]] = {
    exp.Stddev: ("var_samp", True), exp.StddevSamp: ("var_samp", True), exp.StddevPop: ("var_pop", True),
    exp.Variance: ("var_samp", False), exp.VariancePop: ("var_pop", False),
}  # fmt: skip


def aggregate(node: exp.Expr, reading: Reading, into: Aggregates) -> Expression:
    """Read one aggregate with its condition; raises Refusal for other arguments than the rules allow."""
    if (product := _times(node)) is not None:
        value, factor = aggregate(product[0], reading, into), Constant(Decimal(product[1]), BIGINT)
        return value if product[1] == 1 else Apply("mul", (value, factor), arithmetic_type("mul", [value.type, BIGINT]))
    if (flag := flag_of(node, reading)) is not None:
        return _flagged(node, flag, reading, into)
    rows: Condition = ALWAYS
    if isinstance(node, exp.Filter):
        rows, node = condition(node.expression.this, reading), node.this
    if isinstance(node, exp.CountIf):
        return Rows(part=into.part(both([rows, condition(node.this, reading)]), node))
    if isinstance(node, exp.Count):
        return _count(node, rows, reading, into)
    argument = node.this.unnest() if node.this is not None else None
    if isinstance(argument, exp.Distinct):
        raise Refusal("DISTINCT", "DISTINCT is for counting people only.", "Write count(DISTINCT privacy unit).",
                      clause="grammar.aggregates", at=node, suggestion=_people_of(reading))  # fmt: skip
    if argument is None or type(node) not in (exp.Sum, exp.Avg, *DEVIATIONS):
        raise Refusal("AGGREGATE", "This aggregate is not on the list.", "Use count, sum, avg, stddev and variance.",
                      clause="grammar.aggregates", at=node)  # fmt: skip
    return _measured(node, _asked(argument, rows, reading), reading, into)


def _measured(node: exp.Expr, asked: list[Asked], reading: Reading, into: Aggregates) -> Expression:
    """A sum, an average or a deviation of what is asked."""
    zero, one = (either([met for met, value in asked if _is_number(value, number, reading)]) for number in (0, 1))
    columns = [(met, value) for met, value in asked if not is_constant(value)]
    if (made_up := next((value for _, value in asked if is_constant(value) and not _is_number(value, 0, reading)
                         and (columns or not _is_number(value, 1, reading))), None)) is not None:  # fmt: skip
        raise _encoding(made_up)
    if type(node) in DEVIATIONS:
        return _deviation(node, columns, zero, one, reading, into)
    if not columns:
        if one == NEVER:
            raise _encoding(node.this)
        ones = Rows(part=into.part(one, node))
        if isinstance(node, exp.Sum):
            return ones
        return Apply("div", (ones, Rows(part=into.part(either([one, zero]), node))), RATIO)
    filled = [_or_zero(value) is not value for _, value in columns]
    if len(set(filled)) > 1:
        raise Refusal("AGGREGATE", "Missing values stand for zero in one branch and not in another.",
                      "Write coalesce(column, 0) in each, or in none.", clause="grammar.aggregates", at=node)  # fmt: skip
    part, total, counted = _totals([(met, _or_zero(value)) for met, value in columns], node, reading, into)
    summed_ = Apply("coalesce", (total, Constant(Decimal(0), BIGINT)), total.type) if filled[0] else total
    if isinstance(node, exp.Sum):
        return summed_
    if zero == NEVER and not filled[0]:
        return Apply("div", (total, counted), RATIO)
    measured = either([met for met, _ in columns])
    valued: Expression = Rows(part=into.part(either([measured, zero]), node))  # rows with a zero, and with a value of their own
    if filled[0]:
        return Apply("div", (summed_, valued), RATIO)
    missing = Apply("sub", (Rows(part=part), counted), BIGINT)
    return Apply("div", (total, Apply("sub", (valued, missing), BIGINT)), RATIO)


def _times(node: exp.Expr) -> tuple[exp.Expr, int] | None:
    """The sum or average in sum(100.0 * x), and by how much it is multiplied: 1, or 100 for per cent. Others are refused."""
    figure = node.this if isinstance(node, exp.Filter) else node
    product = figure.this.unnest() if isinstance(figure, exp.Sum | exp.Avg) and figure.this is not None else None
    if isinstance(product, exp.Case | exp.If):
        return _times_case(node)
    if not isinstance(product, exp.Mul):
        return None
    for factor, other in ((product.this, product.expression), (product.expression, product.this)):
        if isinstance(factor, exp.Literal) and not factor.is_string and factor.name in ("1", "1.0", "100", "100.0"):
            holder = exp.Paren(this=node.copy())
            copied: exp.Expr = holder.this
            (copied.this if isinstance(copied, exp.Filter) else copied).set("this", other.copy())
            return copied, int(Decimal(factor.name))
    return None


def _times_case(node: exp.Expr) -> tuple[exp.Expr, int] | None:
    """The same of avg(CASE WHEN ... THEN 100 ELSE 0 END), in which nothing else than 100 and 0 stands."""
    holder = exp.Paren(this=node.copy())
    figure = holder.this.this if isinstance(holder.this, exp.Filter) else holder.this
    case = figure.this.unnest()
    branches = case.args["ifs"] if isinstance(case, exp.Case) else [case]
    default = case.args.get("default" if isinstance(case, exp.Case) else "false")
    values = [branch.args["true"].unnest() for branch in branches] + ([default.unnest()] if default is not None else [])
    hundreds = [value for value in values if isinstance(value, exp.Literal) and value.name in ("100", "100.0")]
    others = [value for value in values if value not in hundreds and not isinstance(value, exp.Null)]
    if not hundreds or any(not isinstance(value, exp.Literal) or value.name not in ("0", "0.0") for value in others):
        return None
    for value in hundreds:
        value.replace(exp.Literal.number(1))
    copied: exp.Expr = holder.this
    return copied, 100


def _filled(then: exp.Expr | None) -> exp.Expr:
    """A branch of the CASE in coalesce(CASE ..., 0)."""
    if then is None or is_constant(then):
        return then or exp.Literal.number(0)
    return exp.Coalesce(this=then.copy(), expressions=[exp.Literal.number(0)])


def _or_zero(node: exp.Expr) -> exp.Expr:
    """The value in coalesce(value, 0); itself otherwise."""
    inner = node.unnest()
    if isinstance(inner, exp.Coalesce) and len(inner.expressions) == 1 and not is_constant(inner.this):
        other = inner.expressions[0].unnest()
        if isinstance(other, exp.Literal) and not other.is_string and Decimal(other.name) == 0:
            value: exp.Expr = inner.this.unnest()
            return value
    return node


def _flagged(node: exp.Expr, flag: Flag, reading: Reading, into: Aggregates) -> Expression:
    """A count, or a share of rows, under a condition on a flag."""
    found = {value: _rows_asked(supposing(node, flag, value, reading), flag, reading) for value in flag.values}
    layout = FigureLayout(str(flag.found.ref), False) if flag.is_key else summed(flag.found, node, reading)
    ones = rows_in({value: one for value, (one, _) in found.items()}, flag, layout, into, node)
    if not isinstance(node.this if isinstance(node, exp.Filter) else node, exp.Avg):
        return ones
    every = {value: either([one, zero]) for value, (one, zero) in found.items()}
    return Apply("div", (ones, rows_in(every, flag, layout, into, node)), RATIO)


def _rows_asked(node: exp.Expr, flag: Flag, reading: Reading) -> tuple[Condition, Condition]:
    """Where rows count as one, and where as zero; raises Refusal when not rows are counted."""
    rows: Condition = ALWAYS
    if isinstance(node, exp.Filter):
        rows, node = condition(node.expression.this, reading), node.this
    argument = node.this.unnest() if node.this is not None else None
    if isinstance(node, exp.CountIf):
        return both([rows, condition(node.this, reading)]), NEVER
    if isinstance(node, exp.Count) and isinstance(argument, exp.Star):
        return rows, NEVER
    if isinstance(node, exp.Count | exp.Sum | exp.Avg) and argument is not None and not isinstance(argument, exp.Distinct):
        asked = _asked(argument, rows, reading)
        if isinstance(node, exp.Count) and all(is_constant(value) or _is_person(value, reading) for _, value in asked):
            return either([met for met, _ in asked]), NEVER
        one, zero = (either([met for met, value in asked if _is_number(value, number, reading)]) for number in (1, 0))
        if all(any(_is_number(value, number, reading) for number in (0, 1)) for _, value in asked):
            return one, zero
    what = "who is matched" if flag.is_key else f"a one in {flag.found}"
    raise Refusal("AGGREGATE", f"Beside {what}, only rows are counted: people or other figures of these rows are not agreed.",
                  "Write count(*) FILTER (WHERE ...); ask the owner for a dimension to group or filter by.",
                  clause=flag.found.asset.clause("measures"), owner=flag.found.asset.owner, at=node)  # fmt: skip


def _is_person(node: exp.Expr, reading: Reading) -> bool:
    """A column of which every row has a value."""
    if not isinstance(node, exp.Column):
        return False
    found = reading.scope.resolve(node)
    return found.role is Role.UNIT and found.asset.qualified not in reading.scope.optional


def _asked(argument: exp.Expr, rows: Condition, reading: Reading) -> list[Asked]:
    """What is aggregated, branch by branch; where it is NULL it is not."""
    argument = argument.unnest()
    if (inner := _or_zero(argument)) is not argument and isinstance(inner, exp.Case | exp.If):
        found = [(both([rows, met]), then) for met, then in branches_of(inner, reading, condition)]
        return [(met, _filled(then)) for met, then in found if met != NEVER]
    if isinstance(argument, exp.Case | exp.If):
        branches = [(both([rows, met]), then) for met, then in branches_of(argument, reading, condition)]
        return [(met, then) for met, then in branches if then is not None and met != NEVER]
    if isinstance(argument, exp.Cast | exp.TryCast) and isinstance(argument.this.unnest(), exp.Case | exp.If):
        return _asked(argument.this, rows, reading)  # a cast of 0, 1 and measures changes none of them
    if isinstance(argument, exp.Cast | exp.TryCast) and _is_boolean(argument.this.unnest(), reading):
        true, false = (both([rows, condition(argument.this, reading, negated)]) for negated in (False, True))
        numbers = ((true, exp.Literal.number(1)), (false, exp.Literal.number(0)))
        return [(met, number) for met, number in numbers if met != NEVER]
    return [] if isinstance(argument, exp.Null) else [(rows, argument)]


def _is_boolean(node: exp.Expr, reading: Reading) -> bool:
    if isinstance(node, exp.Column):
        found = reading.scope.resolve(node)
        return found.role is Role.DIMENSION and found.column.type.kind is Kind.BOOLEAN
    return isinstance(node, (exp.Predicate, exp.Not, exp.And, exp.Or, *PATTERNS))


def _is_number(node: exp.Expr, number: int, reading: Reading) -> bool:
    if not is_constant(node) or isinstance(node.unnest(), exp.Null):
        return False
    value = constant(node, reading)
    return not isinstance(value, bool | str) and value == number


def _encoding(at: exp.Expr) -> Refusal:
    return Refusal("ENCODING", "A number made up in the text could carry several figures in one.",
                   "Under a condition stand 1, 0, NULL or one measure; weigh the results instead.", clause="grammar.aggregates",
                   at=at)  # fmt: skip


def _totals(columns: list[Asked], at: exp.Expr, reading: Reading, into: Aggregates) -> tuple[int, Total, Counted]:
    """Sum and count of the one measure in these branches."""
    founds = [measure_of(value, reading, at) for _, value in columns]
    if len({found.ref for found in founds}) > 1:
        raise Refusal("AGGREGATE", "One aggregate is about one measure.", "Sum each by itself and add the results.",
                      clause="grammar.aggregates", at=at)  # fmt: skip
    part = into.part(either([met for met, _ in columns]), at)
    layout = summed(founds[0], at, reading)
    into.parts[part].add(founds[0], layout)
    type_ = SqlType(Kind.DECIMAL, 38, layout.scale) if layout.scale else BIGINT
    return part, Total(layout.name, type_, part), Counted(layout.name, part=part)


def _deviation(
    node: exp.Expr, columns: list[Asked], zero: Condition, one: Condition, reading: Reading, into: Aggregates
) -> Expression:
    if not columns or zero != NEVER or one != NEVER:
        raise Refusal("AGGREGATE", "Deviations are of a measure.",
                      "Write stddev(column), or stddev(CASE WHEN ... THEN column END).", clause="grammar.aggregates",
                      at=node)  # fmt: skip
    part, total, counted = _totals(columns, node, reading, into)
    found = measure_of(columns[0][1], reading, node)
    _, layout = into.parts[part].figures[total.figure]
    squares: Expression = total  # the square of 0 and 1 is itself
    if not layout.binary or layout.scale:
        squared = squared_of(layout, found, node)
        into.parts[part].add(found, squared)
        squares = Squares(squared.name, SqlType(Kind.DECIMAL, 38, squared.scale) if squared.scale else BIGINT, part)
    operation, root = DEVIATIONS[type(node)]
    variance = Apply(operation, (squares, total, counted), RATIO)
    return Apply("sqrt", (variance,), RATIO) if root else variance


def _count(node: exp.Count, rows: Condition, reading: Reading, into: Aggregates) -> Expression:
    argument = node.this.unnest() if node.this is not None else None
    if isinstance(argument, exp.Star):
        return Rows(part=into.part(rows, node))
    if isinstance(argument, exp.Distinct):
        return _people(argument, rows, reading, into)
    asked = [] if argument is None else _asked(argument, rows, reading)
    asked = [(_with_label(met, value, reading), value) for met, value in asked]
    made = [value for _, value in asked if is_constant(value) or _or_zero(value) is not value or isinstance(value, DERIVED)]
    columns = [(met, value) for met, value in asked if value not in made]
    ones = [met for met, value in asked if value in made]
    for _, value in asked:
        if is_constant(value):
            constant(value, reading)
    terms: list[Expression] = [Rows(part=into.part(either(ones), node))] if ones or not columns else []
    if columns:
        terms.append(_values_of(columns, node, reading, into))
    return terms[0] if len(terms) == 1 else Apply("add", tuple(terms), BIGINT)


def _with_label(rows: Condition, value: exp.Expr, reading: Reading) -> Condition:
    """The rows of these in which an expression over labels has a value: those that count(nullif(label, 'x')) counts."""
    if is_constant(value) or _or_zero(value) is not value or not isinstance(value, DERIVED):
        return rows
    return both([rows, values(value, reading, condition).where(lambda one: one is not None)])


def _values_of(columns: list[Asked], node: exp.Count, reading: Reading, into: Aggregates) -> Expression:
    argument = columns[0][1].unnest()
    if not isinstance(argument, exp.Column) or any(value.unnest() != argument for _, value in columns):
        raise Refusal("AGGREGATE", "Only columns are counted.", "Write count(*) or count(column).",
                      clause="grammar.aggregates", at=node)  # fmt: skip
    found = reading.scope.resolve(argument)
    joined = len(reading.scope.assets) > 1 and not into.optional  # then every row has its key
    if found.asset.qualified not in into.optional and (found.role is Role.UNIT or (found.role is Role.KEY and joined)):
        return Rows(part=into.part(either([met for met, _ in columns]), node))  # every row is somebody's
    if found.role is Role.NONE:
        raise Refusal("NO_ROLE", f"{found} may not be counted.", "Ask its owner to list it under counted.",
                      clause=found.asset.clause("counted"), owner=found.asset.owner, at=argument)  # fmt: skip
    part = into.part(either([met for met, _ in columns]), node)
    layout = summed(found, node, reading) if found.role is Role.MEASURE else FigureLayout(str(found.ref), summed=False)
    into.parts[part].add(found, layout)
    return Counted(layout.name, part=part)


def _people(distinct: exp.Distinct, rows: Condition, reading: Reading, into: Aggregates) -> Expression:
    asked = _asked(distinct.expressions[0], rows, reading) if len(distinct.expressions) == 1 else []
    units = {_unit_of(value.unnest(), reading, into) for _, value in asked}
    if len(units) == 1 and (unit := units.pop()) is not None:
        return People(unit, part=into.part(either([met for met, _ in asked]), distinct))
    raise Refusal("DISTINCT", "Distinct values of a column other than the privacy unit are not counted.",
                  "Count people: count(DISTINCT privacy unit).", clause="grammar.aggregates", at=distinct,
                  suggestion=_people_of(reading))  # fmt: skip


def _people_of(reading: Reading) -> str:
    """How people are counted here: of the first asset, which has a name if there are several."""
    name, asset = next(iter(reading.scope.assets.items()))
    return f"count(DISTINCT {f'{name}.' if len(reading.scope.assets) > 1 else ''}{asset.rule.privacy_unit})"


def _unit_of(node: exp.Expr, reading: Reading, into: Aggregates) -> int | None:
    if not isinstance(node, exp.Column):
        return None
    found = reading.scope.resolve(node)
    for unit, assets in enumerate(into.units):
        if found.asset.is_unit(found.column) and found.asset.qualified in assets:
            return unit
    if found.role is Role.KEY and found.asset.qualified not in reading.scope.optional:
        for unit, assets in enumerate(into.units):  # the same value after the join as somebody else's privacy unit
            others = [asset for asset in reading.scope.assets.values() if asset.qualified in assets]
            if any(asset.rule.privacy_unit.casefold() == asset.rule.join_key.casefold() for asset in others
                   if asset.qualified not in reading.scope.optional):  # fmt: skip
                return unit
    return None
