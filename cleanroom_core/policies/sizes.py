"""What is measured on a share-safe table besides its labels: how many rows stand behind one join key, and its last day."""

from __future__ import annotations

from sqlglot import exp

from cleanroom_core.policies.labels import SHARED
from cleanroom_core.policies.rule import AnalysisRule
from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column, identifier, table
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import DATE


def keys_query(rule: AnalysisRule, dialect: str) -> str:
    """The number of distinct join keys; rows without one have none."""
    return _one(exp.Count(this=exp.Distinct(expressions=[column(rule.join_key)])), dialect)


def keyed_rows_query(rule: AnalysisRule, dialect: str) -> str:
    """The number of rows with a join key."""
    return _one(exp.Count(this=column(rule.join_key)), dialect)


def last_day_query(rule: AnalysisRule, dialect: str) -> str | None:
    """The last day of the period column; None where the rule names none."""
    if rule.period_column is None:
        return None
    return _one(cast(exp.Max(this=column(rule.period_column)), DATE), dialect)


def _one(value: exp.Expr, dialect: str) -> str:
    return render(exp.Select(expressions=[exp.Alias(this=value, alias=identifier("value"))]).from_(table(SHARED)), dialect)
