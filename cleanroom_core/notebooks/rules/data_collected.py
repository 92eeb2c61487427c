"""DATA_COLLECTED: rows are fetched from Spark into the Python process."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Collected
from cleanroom_core.notebooks.finding import Judged, Rule, Story


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if isinstance(fact, Collected):
            yield fact.place, f"{fact.what} takes rows out of Spark into Python."


RULE = Rule(
    code="DATA_COLLECTED",
    title="Rows are collected into Python",
    why="What Python does with rows cannot be followed by a reviewer or by this command, and errors quote them.",
    fix="Keep the computation in SQL or DataFrame expressions up to the write.",
    judge=_judge,
)
