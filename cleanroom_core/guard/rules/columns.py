"""Every column named exists in one asset of the query and has a role in that asset's rule."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.reading.scope import Reading, Role


def columns(reading: Reading) -> Iterator[Finding]:
    for node in named_columns(reading):
        try:
            found = reading.scope.resolve(node)
            if found.role is Role.NONE:
                raise Refusal("NO_ROLE", f"{found} is shared and has no role in the rule.",
                              "Ask its owner to make it a dimension, a measure or counted.", clause=found.asset.clause(),
                              owner=found.asset.owner, at=node)  # fmt: skip
        except Refusal as refusal:
            yield refusal.finding(reading.text)
    for item in reading.select.expressions:
        if isinstance(item, exp.Star):
            yield Refusal("STAR", "A star lists every column.", "Name the dimensions and aggregates.",
                          clause="grammar.select", at=item).finding(reading.text)  # fmt: skip


def named_columns(reading: Reading) -> Iterator[exp.Column]:
    """Columns outside ON, without the names that GROUP BY, HAVING and ORDER BY take from the select list."""
    aliases = {item.alias.casefold() for item in reading.select.expressions if item.alias}
    for node in reading.select.find_all(exp.Column):
        clause = node.find_ancestor(exp.Join, exp.Group, exp.Having, exp.Order)
        if isinstance(clause, exp.Join):
            continue
        if clause is not None and not node.table and node.name.casefold() in aliases:
            continue
        yield node
