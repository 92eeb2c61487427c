"""COHORT_BYPASSED: there is a guard, but what is written does not go through it."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.finding import Judged, Rule, Story
from cleanroom_core.notebooks.relation import Guard
from cleanroom_core.notebooks.rules.writes import guard_elsewhere, unguarded


def _judge(story: Story) -> Iterator[Judged]:
    for written, passed in unguarded(story):
        guard = guard_elsewhere(story, written.relation) if passed is Guard.NONE else None
        if guard is not None:
            line = guard.place.line
            yield written.place, f"What is written here has not passed the guard of line {line} on every way that leads here."


RULE = Rule(
    code="COHORT_BYPASSED",
    title="The cohort guard does not dominate the write",
    why="A guard in one branch, after the write, or on another table protects nobody in the table that leaves.",
    fix="Write the filtered DataFrame itself, without a branch around the filter and without joining unfiltered rows to it.",
    judge=_judge,
)
