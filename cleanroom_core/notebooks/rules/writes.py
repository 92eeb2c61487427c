"""What of people is written in a notebook; the cohort rules share this."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Guarded, Written
from cleanroom_core.notebooks.finding import Story
from cleanroom_core.notebooks.relation import Guard, Relation


def unguarded(story: Story) -> Iterator[tuple[Written, Guard]]:
    """Writes of what was made from tables and has not passed a guard on enough distinct people, with what it has passed."""
    for fact in story.facts:
        if isinstance(fact, Written) and fact.relation.tables:
            passed = fact.relation.guard if fact.relation.aggregated else Guard.NONE
            if passed is not Guard.PEOPLE:
                yield fact, passed


def guard_elsewhere(story: Story, relation: Relation) -> Guarded | None:
    """A guard on distinct people that stands in the notebook, on the same tables, but not before this relation."""
    found = (fact for fact in story.facts if isinstance(fact, Guarded) and fact.relation.tables & relation.tables)
    return next(found, None)
