"""RAW_IDENTIFIER: a column of what is written lets single identifiers or tokens be read off."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Written
from cleanroom_core.notebooks.finding import Judged, Rule, Story


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if isinstance(fact, Written):
            for name, meaning in fact.relation.columns.items():
                origins = sorted({origin.column for origin in meaning.carries if story.settings.is_identifier(origin.column)})
                if origins:
                    made = "" if origins == [name] else f" (made from {', '.join(origins)})"
                    yield fact.place, f"The column {name}{made} is written, and it tells people apart."


RULE = Rule(
    code="RAW_IDENTIFIER",
    title="An identifier or token is written",
    why="A token or a hash is still one person; with it, tables of different runs are joined and people followed.",
    fix="Leave the column out and write counts instead: count(DISTINCT person_token).",
    judge=_judge,
)
