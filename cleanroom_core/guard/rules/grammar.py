"""Closed grammar: every node of the text is of a listed class and sets listed arguments only."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.grammar import CLAUSES, FUNCTIONS, KNOWN, SUBQUERY, unlisted_arguments
from cleanroom_core.guard.reading.scope import Reading


def grammar(reading: Reading) -> Iterator[Finding]:
    # What lies under a refused node is not looked at: the analyst has to rewrite that part anyway.
    for node in reading.select.walk(prune=lambda node: unlisted_arguments(node) == [""]):
        for argument in unlisted_arguments(node):
            yield _refusal(node, argument).finding(reading.text)


def _refusal(node: exp.Expr, argument: str) -> Refusal:
    known = KNOWN.get(type(node)) if not argument else CLAUSES.get(argument)
    if known is None and argument == "query" and isinstance(node, exp.In):
        known = SUBQUERY
    if known is None and not argument and isinstance(node, exp.Select | exp.Subquery):
        known = SUBQUERY
    if known is None and isinstance(node, exp.Join) and argument:
        known = ("JOIN", "Assets are joined by INNER, LEFT or RIGHT JOIN on keys only.", "Write JOIN ... ON a.key = b.key.")
    if known is None and not argument and isinstance(node, exp.AggFunc):
        known = ("AGGREGATE", "This aggregate is not on the list.", "Use count, sum and avg.")
    if known is None and not argument and isinstance(node, exp.Func):
        known = ("UNKNOWN_FUNCTION", f"{_name(node)}() is not on the list of a template's functions.", FUNCTIONS)
    if known is None:
        known = ("GRAMMAR", "This is not in the closed grammar.", "Write one SELECT with WHERE, GROUP BY and aggregates.")
    code, message, hint = known
    value = node.args.get(argument)
    if isinstance(value, list):
        value = value[0] if value else None
    at = value if argument and isinstance(value, exp.Expr) else node
    return Refusal(code, message, hint, clause="grammar", at=at)


def _name(node: exp.Func) -> str:
    """The function as it is commonly written: `upper`; of one the parser does not know, its name in the text."""
    return node.name if isinstance(node, exp.Anonymous) else node.sql_name().lower()
