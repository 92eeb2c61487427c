"""UDF: a function of the notebook's own runs on single rows."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Defined
from cleanroom_core.notebooks.finding import Judged, Rule, Story


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if isinstance(fact, Defined):
            yield fact.place, f"{fact.what} runs code of the notebook on single rows."


RULE = Rule(
    code="UDF",
    title="A user-defined function runs on rows",
    why="It can encode people in harmless-looking values or fail on chosen rows, and nobody sees it in the plan.",
    fix="Use built-in functions and expressions.",
    judge=_judge,
)
