"""OUTSIDE_OUTPUT: a write that does not go to the schema the room made for this run."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Written
from cleanroom_core.notebooks.finding import Judged, Rule, Story
from cleanroom_core.notebooks.flow.target import is_output


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if isinstance(fact, Written) and not is_output(fact.target):
            known = "a place that cannot be told from the text" if "?" in fact.target or not fact.target else fact.target
            yield fact.place, f"This writes to {known}."


RULE = Rule(
    code="OUTSIDE_OUTPUT",
    title="A write outside the output schema",
    why="Every run gets a schema of its own, which only its runner reads and which expires; results belong there.",
    fix="Write to IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.name').",
    judge=_judge,
)
