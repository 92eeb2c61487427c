"""UNTRIMMED_KEY: identifiers of two tables are compared as they were typed."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Matched
from cleanroom_core.notebooks.finding import Judged, Rule, Story
from cleanroom_core.notebooks.relation import Meaning
from cleanroom_core.notebooks.settings import Settings


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if not isinstance(fact, Matched):
            continue
        tables = [{origin.table for origin in side.carries} for side in (fact.left, fact.right)]
        keys = [sorted({origin.column for origin in side.carries}) for side in (fact.left, fact.right)]
        if not all(tables) or tables[0] & tables[1] or not all(map(story.settings.is_identifier, keys[0] + keys[1])):
            continue
        typed = [name for side in (fact.left, fact.right) for name in _as_typed(side, story.settings)]
        if typed:
            yield fact.place, f"The join key {typed[0]} is compared without trim()."


def _as_typed(side: Meaning, settings: Settings) -> list[str]:
    if side.trimmed:
        return []
    return sorted({origin.column for origin in side.carries if not settings.is_token(origin.column)})


RULE = Rule(
    code="UNTRIMMED_KEY",
    title="A join on identifiers that are not trimmed",
    why="One trailing space, and a person silently joins nobody: figures are wrong and cohorts look smaller than they are.",
    fix="Clean both sides alike, trim(lower(email)), or join on tokens, which were made from cleaned identifiers.",
    judge=_judge,
)
