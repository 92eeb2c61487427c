"""WHERE, and what outer joins filter by, compares dimensions, dates on their grid and measures at their bands with constants,
for every parameter choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.reading.conditions import condition, conjuncts
from cleanroom_core.guard.reading.scope import Reading
from cleanroom_core.guard.template import choices_of


def conditions(reading: Reading) -> Iterator[Finding]:
    found = False
    for choice in choices_of(reading.parameters):
        chosen = replace(reading, choice=choice)
        for part in [*conjuncts(reading.select.args.get("where")), *_gates(reading)]:
            try:
                condition(part, chosen)
            except Refusal as refusal:
                found = True
                yield refusal.finding(reading.text)
        if found:
            return  # the other choices fail at the same places


def _gates(reading: Reading) -> list[exp.Expr]:
    """The filters in ON of outer joins, where inlining has put them."""
    return [part for join in reading.select.args.get("joins") or [] for part in join.meta.get("gate", [])]
