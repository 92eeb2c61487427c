"""Parse, judge, rewrite: templates and rules in; a Verdict with SafeQueries, or reasons, out. Pure.

    template.py   what both sides sign                world.py    what it is judged against
    dialect.py    text -> one SELECT                  grammar.py  every node that may occur
    inline.py     WITH and queries in FROM -> one flat SELECT (blocks, joined, per_person)
    rules/        one guard rule per file, in order   reading/    clauses -> the guard's own words
    question.py   those words, in canonical form      regions.py  the part of a column a filter lets through
    generate.py   Question -> SQL                     safe_query.py  the only SQL that reaches joined data
    classes.py    parts of a plan -> what the certification asks of the rows (class_columns, class_query)
    judging.py    judge, judge_sql                    answer.py   released cells -> an answer

The analyst's text is thrown away: what runs is generated from the Question, and HAVING, ORDER BY, LIMIT, rounding and ratios
are applied by `answer.py` to protected figures only. `privacy.protect` and `privacy.certify` stand between the two.
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
