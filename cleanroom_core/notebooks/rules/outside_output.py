"""OUTSIDE_OUTPUT: a write that does not go to the schema the room made for this run."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Written
from cleanroom_core.notebooks.finding import Judged, Rule, Story
from cleanroom_core.notebooks.flow.target import is_output


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if isinstance(fact, Written) and not is_output(fact.target):
            told = fact.target and "?" not in fact.target
            known = _without_credentials(fact.target) if told else "a place that cannot be told from the text"
            yield fact.place, f"This writes to {known}."


def _without_credentials(target: str) -> str:
    """An address may hold a password, and findings go into logs."""
    scheme, sign, _ = target.partition("://")
    return f"{scheme}{sign}..." if sign else target


RULE = Rule(
    code="OUTSIDE_OUTPUT",
    title="A write outside the output schema",
    why="Every run gets a schema of its own, which only its runner reads and which expires; results belong there.",
    fix="Write to IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.name').",
    judge=_judge,
)
