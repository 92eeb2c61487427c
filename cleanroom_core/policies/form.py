"""A policy as the rows of a form, and the rows as a policy again: what is shared of each column, and what may be asked of it.

Reading a form names every row that cannot be understood; whether what was understood holds together is `compile_policy`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cleanroom_core.errors import InputError, PolicyError, Problem
from cleanroom_core.policies.policy import ColumnPolicy, Policy
from cleanroom_core.policies.rule import AnalysisRule, Dimension, Measure
from cleanroom_core.sql.types import Kind, Schema, SqlType
from cleanroom_core.sql.value_text import read_texts, read_values, write_values

_BARE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TRUE_OR_WHOLE = (Kind.BIGINT, Kind.BOOLEAN, Kind.DECIMAL)


class Share(StrEnum):
    OUT = "leave out"
    AS_IS = "as it is"
    EXPRESSION = "expression"
    TOKEN = "token"


class Use(StrEnum):
    NONE = "not used"
    DIMENSION = "dimension"
    MEASURE = "measure"
    COUNTED = "counted"


@dataclass(frozen=True)
class ColumnRow:
    """`source`: a column of the raw table, empty for one computed from others. `type`: as it is read. `name`: as shared."""

    source: str
    type: str = ""
    share: Share = Share.OUT
    name: str = ""
    expression: str = ""
    token: str = ""


@dataclass(frozen=True)
class RuleRow:
    """One shared column's part in the analysis rule; lists are written with commas."""

    column: str
    use: Use = Use.NONE
    labels: str = ""
    dates: str = ""
    minimum: str = ""
    maximum: str = ""
    bands: str = ""


def column_rows(source: Schema, policy: Policy | None) -> tuple[ColumnRow, ...]:
    """Shared columns in the policy's order, then everything of the table that is left out."""
    rows = [] if policy is None else [_row(source, name, column) for name, column in policy.columns.items()]
    known = {row.source.casefold() for row in rows}
    rest = [ColumnRow(column.name, str(column.type)) for column in source if column.name.casefold() not in known]
    return (*rows, *rest)


def _row(source: Schema, name: str, column: ColumnPolicy) -> ColumnRow:
    found = source.get(column.source or name)
    origin, type_ = ("", "") if found is None else (found.name, str(found.type))
    if column.token is not None:
        return ColumnRow(origin or column.source or "", type_, Share.TOKEN, name, "", column.token)
    if column.expression is not None:
        return ColumnRow(origin, type_, Share.EXPRESSION, name, column.expression)
    return ColumnRow(origin or name, type_, Share.AS_IS, name)


def policy_of(
    asset: str, owner: str, rows: Sequence[ColumnRow], source: Schema, row_filter: str, before: Policy | None
) -> Policy:
    """The policy these rows describe; its rule is the one it had. Raises PolicyError with every row that is no column."""
    problems: list[Problem] = []
    columns: dict[str, ColumnPolicy] = {}
    for row in rows:
        if row.share is Share.OUT:
            continue
        name = row.name.strip() or row.source.strip()
        path = ("columns", name)
        if not name:
            problems.append(Problem("A shared column has no name.", "Say how it is called when shared.", path, code="POLICY"))
        elif name in columns:
            problems.append(Problem(f"Two columns are called {name}.", "Give one another name.", path, code="POLICY"))
        else:
            problems += _missing(row, name)
            columns[name] = _column(row, name)
    types, wrong = _types(rows, source, before)
    problems += wrong
    if not columns and not problems:
        problems.append(Problem("No column is shared.", "Share at least the token column.", ("columns",), code="POLICY"))
    if problems:
        raise PolicyError(problems)
    tokens = [name for name, column in columns.items() if column.token is not None]
    unit = tokens[0] if tokens else next(iter(columns))
    rule = before.rule if before is not None else AnalysisRule(privacy_unit=unit, join_key=unit)
    return Policy(asset, owner, columns, rule, row_filter.strip() or None, types)


def _missing(row: ColumnRow, name: str) -> Iterator[Problem]:
    path = ("columns", name)
    if row.share is Share.EXPRESSION and not row.expression.strip():
        yield Problem(f"{name} has no expression.", "Write one in SQL, for instance lower(city).", path, code="POLICY")
    if row.share is Share.TOKEN and not row.token.strip():
        yield Problem(f"{name} names no token.", "Choose the token both sides use.", path, code="POLICY")
    if row.share in (Share.TOKEN, Share.AS_IS) and not row.source.strip():
        yield Problem(f"{name} comes from no column.", "Choose one, or write an expression.", path, code="POLICY")


def _column(row: ColumnRow, name: str) -> ColumnPolicy:
    if row.share is Share.TOKEN:
        return ColumnPolicy(token=row.token.strip(), source=row.source)
    if row.share is Share.EXPRESSION:
        return ColumnPolicy(expression=row.expression.strip())
    if name.casefold() == row.source.casefold():
        return ColumnPolicy()
    quoted = row.source.replace("`", "``")
    return ColumnPolicy(expression=row.source if _BARE.fullmatch(row.source) else f"`{quoted}`")


def _types(rows: Sequence[ColumnRow], source: Schema, before: Policy | None) -> tuple[dict[str, SqlType], list[Problem]]:
    """Types that somebody named: those of before, and those that differ from how the column is read now."""
    types, problems = dict(before.types) if before is not None else {}, []
    for row in rows:
        found = source.get(row.source)
        if found is None or not row.type.strip():
            continue
        try:
            wanted = SqlType.parse(row.type)
        except InputError as error:
            problems.append(Problem(error.message, error.hint, ("types", row.source), code=error.code))
            continue
        if wanted != found.type:
            types[found.name] = wanted
    return types, problems


def rule_rows(policy: Policy, shared: Schema) -> tuple[RuleRow, ...]:
    """A row for every shared column that stands for no person. `shared`: as far as the columns compile."""
    rule, rows = policy.rule, []
    for name, column in policy.columns.items():
        if column.token is not None:
            continue
        if (dimension := rule.dimensions.get(name)) is not None:
            found = shared.get(name)
            texts = found is None or found.type.kind not in _TRUE_OR_WHOLE
            labels = write_values(dimension.domain or (), texts)
            rows.append(RuleRow(name, Use.DIMENSION, labels=labels, dates=", ".join(dimension.dates)))
        elif (measure := rule.measures.get(name)) is not None:
            rows.append(RuleRow(name, Use.MEASURE, minimum=measure.min, maximum=measure.max, bands=", ".join(measure.bands)))
        else:
            rows.append(RuleRow(name, Use.COUNTED if name in rule.counted else Use.NONE))
    return tuple(rows)


def rule_of(
    rows: Sequence[RuleRow], shared: Schema, privacy_unit: str, join_key: str, period_column: str, minimum_cohort: int | None
) -> AnalysisRule:
    """The rule these rows describe. Raises PolicyError with every row that cannot be understood."""
    dimensions: dict[str, Dimension] = {}
    measures: dict[str, Measure] = {}
    problems: list[Problem] = []
    for row in rows:
        kind = "dimensions" if row.use is Use.DIMENSION else "measures"
        try:
            if row.use is Use.DIMENSION:
                dimensions[row.column] = Dimension(_labels(row, shared), tuple(read_texts(row.dates)))
            elif row.use is Use.MEASURE:
                measures[row.column] = Measure(row.minimum.strip(), row.maximum.strip(), tuple(read_texts(row.bands)))
        except InputError as error:
            problems.append(Problem(f"{row.column}: {error.message}", error.hint, ("rule", kind, row.column), code=error.code))
    if problems:
        raise PolicyError(problems)
    counted = tuple(row.column for row in rows if row.use is Use.COUNTED)
    return AnalysisRule(privacy_unit, join_key, dimensions, measures, counted, period_column.strip() or None, minimum_cohort)


def _labels(row: RuleRow, shared: Schema) -> tuple[str | int | bool, ...] | None:
    """No label named is no domain: the published labels count then."""
    if not row.labels.strip():
        return None
    found = shared.get(row.column)
    texts = found is None or found.type.kind not in _TRUE_OR_WHOLE
    return tuple(read_texts(row.labels) if texts else read_values(row.labels))
