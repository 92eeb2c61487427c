"""Which labels of a dimension may be published: those carried by enough people, so that naming a label names nobody."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.policies.rule import AnalysisRule
from cleanroom_core.sql.portable import call, render
from cleanroom_core.sql.quoting import column, identifier, table
from cleanroom_core.sql.types import DATE, Kind, Schema

SHARED = "shared"  # the relation the queries read: the published share-safe table
LABEL_LIMIT = 5_000  # more labels than this are no dimension but an identifier


def label_queries(rule: AnalysisRule, schema: Schema, minimum_cohort: int, dialect: str) -> dict[str, str]:
    """Name -> one-column SELECT over `shared`, for every dimension without a domain of its own.

    A date has one query per agreed grid, named `column@grid`; its labels are the first days of the periods.
    """
    found: dict[str, str] = {}
    for name, dimension in rule.dimensions.items():
        shared = schema.get(name)
        if dimension.domain is not None or shared is None:
            continue
        if shared.type.kind in (Kind.DATE, Kind.TIMESTAMP):
            for grid in dimension.dates:
                day = exp.Cast(this=call("DATE_TRUNC", exp.Literal.string(grid), column(shared.name)), to=_sql_type())
                found[f"{name}@{grid}"] = _query(day, rule, minimum_cohort, dialect)
        else:
            found[name] = _query(column(shared.name), rule, minimum_cohort, dialect)
    return found


def _query(label: exp.Expr, rule: AnalysisRule, minimum_cohort: int, dialect: str) -> str:
    people = exp.Count(this=exp.Distinct(expressions=[column(rule.privacy_unit)]))
    inner = (
        exp.Select(expressions=[exp.Alias(this=label, alias=identifier("label"))])
        .from_(table(SHARED))
        .group_by(exp.Literal.number(1))
        .having(exp.GTE(this=people, expression=exp.Literal.number(minimum_cohort)))
        .order_by(exp.Literal.number(1))
        .limit(LABEL_LIMIT + 1)
    )
    return render(inner, dialect)


def _sql_type() -> exp.DataType:
    return exp.DataType.build(str(DATE))
