"""COHORT_ROWS: the guard counts rows, or something else that is not distinct people."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.finding import Judged, Rule, Story
from cleanroom_core.notebooks.relation import Guard
from cleanroom_core.notebooks.rules.writes import unguarded


def _judge(story: Story) -> Iterator[Judged]:
    for written, passed in unguarded(story):
        if passed is Guard.ROWS:
            yield written.place, "The guard before this write counts rows (or only roughly), not distinct people."


RULE = Rule(
    code="COHORT_ROWS",
    title="The cohort guard does not count distinct people",
    why="One person with a hundred transactions passes it, joins multiply rows, and rough counts let small groups through.",
    fix="Count distinct people: count(DISTINCT person_token) >= 100. Name your own column with --person.",
    judge=_judge,
)
