"""Join keys and privacy units stand in ON, in USING and inside count(), and nowhere else; whether a key of an outer join is
there may be what a count counts."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.reading.scope import Found, Reading, Role
from cleanroom_core.guard.rules.columns import named_columns


def identity(reading: Reading) -> Iterator[Finding]:
    for node in named_columns(reading):
        try:
            found = reading.scope.resolve(node)
        except Refusal:
            continue  # the rule `columns` says so
        if found.role not in (Role.UNIT, Role.KEY) or _counts_people(node) or _counts_matches(node, found, reading):
            continue
        yield Refusal(
            "IDENTITY",
            f"{found} identifies people; it is a {found.role}.",
            f"It may stand in ON, in USING and in count(DISTINCT {found.column.name})."
            + (" Who is unmatched is counted in SELECT: count(*) - count(key)." if _is_null_test(node) else ""),
            clause=found.asset.clause("privacy_unit" if found.role is Role.UNIT else "join_key"),
            owner=found.asset.owner,
            at=node,
        ).finding(reading.text)


def _counts_matches(node: exp.Expr, found: Found, reading: Reading) -> bool:
    """Whether a count depends on whether this key of an outer join is there: `count_if(b.key IS NULL)`."""
    counted = node.find_ancestor(exp.AggFunc, exp.Filter) is not None and node.find_ancestor(exp.Distinct) is None
    return (
        _is_null_test(node) and counted and found.asset.is_key(found.column) and found.asset.qualified in reading.scope.optional
    )


def _is_null_test(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Is) and isinstance(node.parent.expression, exp.Null)


def _counts_people(node: exp.Expr) -> bool:
    """Whether it is what count() counts, or a THEN of the CASE that says for whom."""
    child, parent = node, node.parent
    while isinstance(parent, exp.Paren) or (isinstance(parent, exp.If | exp.Case) and parent.this is not child):
        child, parent = parent, parent.parent
    return isinstance(parent, exp.Count) or (isinstance(parent, exp.Distinct) and isinstance(parent.parent, exp.Count))
