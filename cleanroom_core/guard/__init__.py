"""Parse, judge, rewrite: templates and rules in; a Verdict with SafeQueries, or reasons, out. Pure.

    template.py   what both sides sign                world.py    what it is judged against
    dialect.py    text -> one SELECT                  grammar.py  every node that may occur
    rules/        one guard rule per file, in order   reading/    clauses -> the guard's own words
    question.py   those words, in canonical form      regions.py  the part of a column a filter lets through
    generate.py   Question -> SQL                     safe_query.py  the only SQL that reaches joined data
    judging.py    judge, judge_sql                    answer.py   released cells -> an answer

The analyst's text is thrown away: what runs is generated from the Question, and HAVING, ORDER BY, LIMIT, rounding and ratios
are applied by `answer.py` to protected figures only. `privacy.protect` stands between the two.

Its place in the code, not built yet: certifying a release plan as a whole (`privacy/certify.py`, between protect and
quarantine; it needs the sparse vectors of all sheets, so `generate.py` gets a second statement per Question that returns
deduplicated (cells, person) classes). Further grammar: CTEs and derived tables become a reader before `reading/scope.py`;
FILTER and CASE in an aggregate become a Condition beside the figure in `question.py`; LEFT and RIGHT joins a kind beside each
asset there; a period another condition on the rule's `period_column`, from the World.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cleanroom_core.guard.judging import judge, judge_sql
    from cleanroom_core.guard.world import Asset, World

__all__ = ["Asset", "World", "judge", "judge_sql"]

_HOMES = {"judge": "judging", "judge_sql": "judging", "Asset": "world", "World": "world"}


def __getattr__(name: str) -> Any:
    """Loaded on first use: the parser is heavy, and reading a room file needs the templates only."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
