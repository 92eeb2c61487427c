"""The next version of a share-safe table, as a SELECT over the one before (`source`): people left out, rows added or changed.

Conditions are the table owner's own, in the closed expression grammar; one that grammar does not know is taken when it is a
plain condition over the table's columns all the same, because nothing but the owner's own locked process will read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import sqlglot.errors
from sqlglot import exp, parse_one

from cleanroom_core.errors import ExpressionError, InputError
from cleanroom_core.policies.compile import SOURCE
from cleanroom_core.sql.expressions import parse_expression
from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column, identifier, table
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import Column, Kind, Schema, SqlType

Condition = exp.Expr
_MARKS = ("\x1f", "\x1e", "\x1d", "\ue000\ue001\ue002")  # one of them stands in no list of people
Value = None | str | bool | int | float | Decimal | date | datetime
_NEVER_IN_A_CONDITION = (
    exp.Query,
    exp.Subquery,
    exp.Window,
    exp.AggFunc,
    exp.Star,
    exp.Placeholder,
    exp.Parameter,
    exp.Command,
)


def condition(text: str, schema: Schema) -> tuple[Condition, bool]:
    """A condition over the table's columns, and whether no row can make it fail. Raises ExpressionError."""
    try:
        found = parse_expression(text, schema)
        if found.type.kind is Kind.BOOLEAN:
            return found.tree, True
        error = ExpressionError(f"This is a {found.type}, not a condition.", hint="Compare it, as in x = 1.", code="TYPE")
    except ExpressionError as refused:
        error = refused
    plain = _plain_condition(text, schema)
    if plain is None:
        raise error
    return plain, False


def _plain_condition(text: str, schema: Schema) -> exp.Expr | None:
    for dialect in ("databricks", "duckdb"):
        try:
            found = parse_one(text, into=exp.Condition, dialect=dialect)
        except (sqlglot.errors.SqlglotError, RecursionError, ValueError):
            continue
        if any(found.find_all(*_NEVER_IN_A_CONDITION)):
            continue
        columns = {node: schema.get(node.name) for node in found.find_all(exp.Column)}
        if not columns or None in columns.values():
            continue
        return found.transform(lambda node: column(known.name) if (known := _of(node, schema)) else node)
    return None


def _of(node: exp.Expr, schema: Schema) -> Column | None:
    return schema.get(node.name) if isinstance(node, exp.Column) else None


def rows_where(where: Condition, relation: str, dialect: str) -> str:
    """How many rows meet the condition: whether it can be computed at all."""
    count = exp.Alias(this=exp.Count(this=exp.Star()), alias=identifier("rows"))
    return render(exp.Select(expressions=[count]).from_(table(relation)).where(exp.Paren(this=where.copy())), dialect)


def people_of(unit: str, relation: str, dialect: str, where: Condition | None = None) -> str:
    """The people of the table, each once; of the rows that meet the condition, where there is one."""
    select = exp.Select(expressions=[exp.Alias(this=column(unit), alias=identifier("person"))], distinct=exp.Distinct())
    known = exp.Not(this=exp.Is(this=column(unit), expression=exp.Null()))
    met = [] if where is None else [exp.Paren(this=where.copy())]
    return render(select.from_(table(relation)).where(known, *met), dialect)


def without_people(schema: Schema, unit: str, people: Sequence[Value], dialect: str) -> str:
    """Every row but theirs; a row of nobody stays."""
    known = schema.get(unit)
    assert known is not None  # noqa: S101  the rule was checked against this schema
    kept = _columns(schema).from_(table(SOURCE))
    if people:
        nobody = exp.Is(this=column(known.name), expression=exp.Null())
        theirs = exp.In(this=column(known.name), query=_listed(people, known.type).subquery())
        kept = kept.where(exp.Or(this=nobody, expression=exp.Not(this=theirs)))
    return render(kept, dialect)


def with_rows(schema: Schema, rows: Sequence[Sequence[Value]], dialect: str, *, alone: bool = False) -> str:
    """The rows of the source (none of them, when `alone`) and these, in the order of the schema's columns."""
    kept = _columns(schema).from_(table(SOURCE))
    if not rows:
        return render(kept.where(exp.false()) if alone else kept, dialect)
    literals = [
        exp.Tuple(expressions=[_literal(value, known.type) for value, known in zip(row, schema, strict=True)]) for row in rows
    ]
    places = [identifier(f"c{number}") for number in range(len(schema.columns))]
    values = exp.Values(expressions=literals, alias=exp.TableAlias(this=identifier("added"), columns=places))
    selected: list[exp.Expr] = [
        exp.Alias(this=cast(column(place.name), known.type), alias=identifier(known.name))
        for place, known in zip(places, schema, strict=True)
    ]
    added = exp.Select(expressions=selected).from_(values)
    return render(added if alone else exp.union(kept, added, distinct=False, copy=False), dialect)


def with_values(schema: Schema, values: Mapping[str, Value], where: Condition, dialect: str) -> str:
    """The same rows, these columns set where the condition is true."""
    selected = []
    for known in schema:
        tree: exp.Expr = column(known.name)
        if known.name in values:
            set_ = exp.If(this=exp.Paren(this=where.copy()), true=_literal(values[known.name], known.type))
            tree = cast(exp.Case(ifs=[set_], default=tree), known.type)
        selected.append(exp.Alias(this=tree, alias=identifier(known.name)))
    return render(exp.Select(expressions=selected).from_(table(SOURCE)), dialect)


def typed_value(value: str | bool | int | Decimal | None, type_: SqlType) -> Value:
    """A value as JSON says it, in the column's type, when it is exactly one of it. Raises InputError without the value."""
    if value is None:
        return None
    try:
        found = _TYPED[type_.kind](value)
    except (ValueError, ArithmeticError, TypeError):
        found = None
    if found is None or (isinstance(found, Decimal) and not _fits(found, type_)):
        raise InputError(f"a value is no {type_}.", hint="Write it as the column holds it.", code="VALUE")
    return found


def _text(value: str | bool | int | Decimal) -> Value:
    if isinstance(value, str):
        value.encode()  # half a character is none, and ValueError
        return None if "\x00" in value else value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _whole(value: str | bool | int | Decimal) -> Value:
    number = Decimal(value.strip() if isinstance(value, str) else value)
    return int(number) if number == number.to_integral_value() and -(2**63) <= number < 2**63 else None


def _number(value: str | bool | int | Decimal) -> Value:
    number = Decimal(value.strip() if isinstance(value, str) else value)
    return number if number.is_finite() and abs(number.adjusted()) <= 300 else None


def _truth(value: str | bool | int | Decimal) -> Value:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())


def _day(value: str | bool | int | Decimal) -> Value:
    moment = _moment(value)
    return moment.date() if isinstance(moment, datetime) and moment.time() == datetime.min.time() else None


def _moment(value: str | bool | int | Decimal) -> Value:
    moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    if moment is not None and moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment


_TYPED = {
    Kind.STRING: _text, Kind.BIGINT: _whole, Kind.DECIMAL: _number, Kind.DOUBLE: _number, Kind.BOOLEAN: _truth,
    Kind.DATE: _day, Kind.TIMESTAMP: _moment,
}  # fmt: skip


def _fits(number: Decimal, type_: SqlType) -> bool:
    if type_.kind is not Kind.DECIMAL or type_.precision is None or type_.scale is None:
        return True
    digits = -int(number.normalize().as_tuple().exponent)
    return digits <= type_.scale and abs(number) < Decimal(10) ** (type_.precision - type_.scale)


def _listed(people: Sequence[Value], type_: SqlType) -> exp.Select:
    """A relation of these people. One literal, taken apart by the engine: a literal for each of ten thousands takes minutes."""
    texts = [person.isoformat(sep=" ") if isinstance(person, datetime) else str(person) for person in people]
    mark = next(mark for mark in _MARKS if not any(mark in text for text in texts))
    parts = exp.Explode(this=exp.Split(this=exp.Literal.string(mark.join(texts)), expression=exp.Literal.string(mark)))
    return exp.Select(expressions=[cast(parts, type_)])


def _columns(schema: Schema) -> exp.Select:
    return exp.Select(expressions=[column(known.name) for known in schema])


def _literal(value: Value, type_: SqlType) -> exp.Expr:
    """The value as a literal of the column's own type, so that no engine converts anything by itself."""
    if value is None:
        return cast(exp.Null(), type_)
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int | Decimal | float):
        text = f"{value:f}" if isinstance(value, Decimal) else repr(value)
        negative = text.startswith("-")
        number: exp.Expr = exp.Literal.number(text.lstrip("-"))
        return cast(exp.Neg(this=number) if negative else number, type_)
    text = value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
    return exp.Literal.string(text) if type_.kind is Kind.STRING else cast(exp.Literal.string(text), type_)
