"""Which rows a question is about: which asset bears them, and what the others are reduced to so that no join fans out."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.question import Question
from cleanroom_core.guard.world import Asset, Period
from cleanroom_core.sql.types import Kind


def bearer(question: Question) -> Asset:
    """The asset with the most rows per key, the first by name among equals; one nobody has measured counts as the largest."""
    return max(question.assets, key=_rows_per_key)  # max keeps the first, and assets are sorted


def is_reduced(asset: Asset, bears: Asset) -> bool:
    """Whether only keys that occur once count of this asset."""
    return asset.qualified != bears.qualified and asset.rows_per_key != 1


def _rows_per_key(asset: Asset) -> float:
    return float("inf") if asset.rows_per_key is None else asset.rows_per_key


def in_period(asset: Asset, period: Period | None, table: str) -> list[exp.Expr]:
    """Which rows are of the period: all, where the rule names no period column."""
    if period is None or asset.rule.period_column is None:
        return []
    column = asset.schema.get(asset.rule.period_column)
    assert column is not None  # noqa: S101  the rule was checked against the schema
    found = trees.column(column.name, table)
    type_ = "DATE" if column.type.kind is Kind.DATE else "TIMESTAMP"
    bounds: list[exp.Expr] = [trees.not_null(found)]
    for kind, day in ((exp.GTE, period.start), (exp.LT, period.stop)):
        if day is not None:
            bounds.append(kind(this=found.copy(), expression=trees.cast(trees.text(day.isoformat()), type_)))
    return bounds


def counted(asset: Asset, period: Period | None, table: str) -> list[exp.Expr]:
    """Which rows are somebody's, and of the period."""
    unit = asset.schema.get(asset.rule.privacy_unit)
    assert unit is not None  # noqa: S101  the rule was checked against the schema
    return [trees.not_null(trees.column(unit.name, table)), *in_period(asset, period, table)]


def once(asset: Asset, table: exp.Table, columns: Sequence[str], period: Period | None) -> exp.Select:
    """One row for each key that occurs once among the rows that count; `table` has the alias t."""
    found = asset.schema.get(asset.rule.join_key)
    assert found is not None  # noqa: S101  the rule was checked against the schema
    key = found.name
    chosen = [trees.aliased(exp.AnyValue(this=trees.column(name, "t")), name) for name in columns if name != key]
    return trees.select(
        [trees.aliased(trees.column(key, "t"), key), *chosen],
        table,
        where=trees.all_of(counted(asset, period, "t")),
        group=[trees.column(key, "t")],
        having=exp.EQ(this=exp.Count(this=exp.Star()), expression=trees.integer(1)),
    )
