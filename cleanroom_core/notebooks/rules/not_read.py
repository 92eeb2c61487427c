"""NOT_READ: code that cannot be judged, because it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Unread
from cleanroom_core.notebooks.finding import Judged, Rule, Story


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if isinstance(fact, Unread):
            yield fact.place, f"This {fact.reason}."


RULE = Rule(
    code="NOT_READ",
    title="Code that cannot be judged",
    why="What cannot be read is not known to be safe.",
    fix="Write it as plain Python or Databricks SQL in this notebook, or have a person review it and say so in a comment.",
    judge=_judge,
)
