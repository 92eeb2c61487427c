"""An analysis rule against the columns that are shared: it may name only those, each in a part its type can play."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial

from cleanroom_core.errors import Problem
from cleanroom_core.policies.columns import Path, SharedColumn, TokenisedColumn, nearest
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.rule import Dimension, Label, Measure
from cleanroom_core.sql.types import Column, Kind, Schema

Judge = Callable[[Path, Column], Iterator[Problem]]
_DATED = (Kind.DATE, Kind.TIMESTAMP)


def problems_of_rule(
    policy: Policy, shared: Schema, columns: Mapping[str, SharedColumn], *, tokens: bool = True
) -> Iterator[Problem]:
    """`shared`: the columns that compile, `columns` the same by case-folded name. A column that does not compile has been
    reported and is passed over. `tokens`: privacy unit and join key must be tokens, as they are unless the data is share-safe
    already."""
    rule, check = policy.rule, _RuleCheck(policy, shared, columns)
    for key, name in (("privacy_unit", rule.privacy_unit), ("join_key", rule.join_key)):
        yield from check.person(("rule", key), name) if tokens else check.named(("rule", key), name, lambda *_: iter(()))
    for name, dimension in rule.dimensions.items():
        yield from check.dimension(("rule", "dimensions", name), name, dimension)
    for name, measure in rule.measures.items():
        yield from check.named(("rule", "measures", name), name, partial(_measure, measure=measure))
    for position, name in enumerate(rule.counted):
        yield from check.named(("rule", "counted", position), name, lambda path, column: iter(()))
    if rule.period_column is not None:
        yield from check.named(("rule", "period_column"), rule.period_column, _period)


class _RuleCheck:
    def __init__(self, policy: Policy, shared: Schema, columns: Mapping[str, SharedColumn]) -> None:
        self._names = list(policy.columns)
        self._shared = shared
        self._columns = columns

    def named(self, path: Path, name: str, judge: Judge) -> Iterator[Problem]:
        """What `judge` says of the shared column of this name, or that there is none."""
        if (found := self._shared.get(name)) is not None:
            yield from judge(path, found)
        elif name.casefold() not in {known.casefold() for known in self._names}:
            yield Problem(f"{_words(path)}: {name} is not a shared column.", nearest(name, self._names), path, code="RULE")

    def person(self, path: Path, name: str) -> Iterator[Problem]:
        def judge(path: Path, _: Column) -> Iterator[Problem]:
            if not self._is_token(name):
                hint = "Make it one: {token: NAME, from: COLUMN}."
                yield Problem(f"{_words(path)}: {name} is not a token.", hint, path, code="RULE")

        return self.named(path, name, judge)

    def dimension(self, path: Path, name: str, dimension: Dimension) -> Iterator[Problem]:
        if self._is_token(name):
            yield Problem(f"{name} stands for people and cannot be a dimension.", "Take it out of the rule.", path, code="RULE")
        else:
            yield from self.named(path, name, partial(_dimension, dimension=dimension))

    def _is_token(self, name: str) -> bool:
        return isinstance(self._columns.get(name.casefold()), TokenisedColumn)


def _period(path: Path, column: Column) -> Iterator[Problem]:
    if column.type.kind not in _DATED:
        yield Problem(
            f"rule.period_column: {column.name} is {column.type}, not a date or timestamp.",
            "Name a dated column, or leave period_column out.", path, code="RULE",
        )  # fmt: skip


def _dimension(path: Path, column: Column, dimension: Dimension) -> Iterator[Problem]:
    if column.type.kind in _DATED:
        if not dimension.dates:
            yield Problem(
                f"Dimension {column.name} is {column.type}: single days and times single people out.",
                "Say on which calendar grid, as in {dates: [month]}.", path, code="RULE",
            )  # fmt: skip
        if dimension.domain is not None:
            yield Problem(f"Dimension {column.name}: dates have a grid, no domain.", "Take the domain out.", path, code="RULE")
        return
    if dimension.dates:
        yield Problem(
            f"Dimension {column.name} has a calendar grid but is {column.type}.",
            f"Say what it is, types: {{{column.name}: timestamp}} beside data, or CAST it to DATE in its expression; or take "
            "dates out.", (*path, "dates"), code="RULE",
        )  # fmt: skip
    if column.type.kind in (Kind.DOUBLE, Kind.DECIMAL):
        yield Problem(
            f"Dimension {column.name} is {column.type}: nearly every row would be a group of its own.",
            "Share a banded copy of it: CASE WHEN x < 50 THEN '0-50' ELSE '50+' END; whole numbers as CAST(x AS INT); codes as "
            f"text, types: {{{column.name}: string}} beside data.",
            path, code="RULE",
        )  # fmt: skip
        return
    for position, label in enumerate(dimension.domain or ()):
        if not _fits(label, column.type.kind):
            yield Problem(
                f"Dimension {column.name} is {column.type}, this label is {_word(label)}.", _label_hint(column.type.kind),
                (*path, "domain", position), code="RULE",
            )  # fmt: skip
    if dimension.domain is not None and len(set(map(str, dimension.domain))) < len(dimension.domain):
        yield Problem(f"Dimension {column.name} lists a label twice.", "Name each label once.", (*path, "domain"), code="RULE")


def _measure(path: Path, column: Column, measure: Measure) -> Iterator[Problem]:
    if column.type.kind is Kind.BOOLEAN:
        yield Problem(
            f"Measure {column.name} is BOOLEAN, which has no sum.",
            f"Share it as {{expression: CAST({column.name} AS INT)}}.", path, code="RULE",
        )  # fmt: skip
    elif not column.type.is_numeric:
        yield Problem(
            f"Measure {column.name} is {column.type}, not a number.",
            f"Say what it is, types: {{{column.name}: \"decimal(12,2)\"}} beside data, or CAST it in its expression; "
            "or name it as a dimension.",
            path, code="RULE",
        )  # fmt: skip
    if any(not Decimal(measure.min) <= Decimal(cut) <= Decimal(measure.max) for cut in measure.bands):
        yield Problem(
            f"Measure {column.name}: a band lies outside min and max.", "Move it inside.", (*path, "bands"), code="RULE"
        )


def _fits(label: Label, kind: Kind) -> bool:
    """Whether the label can be a value of the column. A code such as "5411" may be written as text although a CSV column of
    codes was found to be BIGINT, as long as it is exactly how that number is written."""
    if kind is Kind.BOOLEAN:
        return isinstance(label, bool) or label in (0, 1) or str(label).lower() in ("true", "false")
    if kind is Kind.BIGINT:
        return (isinstance(label, int) and not isinstance(label, bool)) or (isinstance(label, str) and _is_whole(label))
    return kind is not Kind.STRING or isinstance(label, str)


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text, re.ASCII) is not None


def _word(label: Label) -> str:
    return "true or false" if isinstance(label, bool) else "a whole number" if isinstance(label, int) else "a text"


def _label_hint(kind: Kind) -> str:
    return {Kind.STRING: 'Put it in quotes: ["5411", "5812"].', Kind.BOOLEAN: "Write [true, false]."}.get(
        kind, "Write it without quotes: [0, 1]."
    )


def _words(path: Path) -> str:
    return ".".join(str(part) for part in path if not isinstance(part, int))
