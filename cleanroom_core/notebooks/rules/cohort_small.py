"""COHORT_SMALL: the guard counts people, but too few suffice, or the runner chooses how many."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.finding import Judged, Rule, Story
from cleanroom_core.notebooks.relation import Guard
from cleanroom_core.notebooks.rules.writes import unguarded


def _judge(story: Story) -> Iterator[Judged]:
    for written, passed in unguarded(story):
        if passed is Guard.SMALL:
            least = story.settings.minimum
            yield written.place, f"Nothing here makes sure that the guard before this write asks for at least {least} people."


RULE = Rule(
    code="COHORT_SMALL",
    title="The cohort guard can be passed by too few people",
    why="A parameter is set by whoever runs the notebook; with 1 as the minimum there is no guard.",
    fix="Write the agreed number into the text, or bound the parameter: >= greatest(:minimum, 100).",
    judge=_judge,
)
