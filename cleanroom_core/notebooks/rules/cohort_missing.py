"""COHORT_MISSING: figures or rows are written, and no guard asks for a number of distinct people."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.finding import Judged, Rule, Story
from cleanroom_core.notebooks.relation import Guard
from cleanroom_core.notebooks.rules.writes import guard_elsewhere, unguarded


def _judge(story: Story) -> Iterator[Judged]:
    for written, passed in unguarded(story):
        if passed is Guard.NONE and guard_elsewhere(story, written.relation) is None:
            what = "Groups are written" if written.relation.aggregated else "Rows are written, not groups of people,"
            yield written.place, f"{what} and nothing asks how many distinct people stand behind each."


RULE = Rule(
    code="COHORT_MISSING",
    title="No cohort guard before a write",
    why="A group of one or two people speaks about them by name to whoever knows the group.",
    fix="Group, count distinct people, and filter before the write: HAVING count(DISTINCT person_token) >= 100.",
    judge=_judge,
)
