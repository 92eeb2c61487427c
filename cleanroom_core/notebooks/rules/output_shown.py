"""OUTPUT_SHOWN: data reach the output of a cell, which the runner sees at once."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Shown
from cleanroom_core.notebooks.finding import Judged, Rule, Story


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if isinstance(fact, Shown):
            yield fact.place, f"{fact.what} puts data under the cell."


RULE = Rule(
    code="OUTPUT_SHOWN",
    title="Data are printed or displayed",
    why="The output of a cell goes to the runner past the output catalog, past every review and past the cohort guard.",
    fix="Write the guarded table to the output schema, or make a temporary view of the query; print constants only.",
    judge=_judge,
)
