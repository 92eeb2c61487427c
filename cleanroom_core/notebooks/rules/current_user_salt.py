"""CURRENT_USER_SALT: the name of whoever runs the notebook is mixed into a hash."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Hashed
from cleanroom_core.notebooks.finding import Judged, Rule, Story


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if isinstance(fact, Hashed) and fact.key == "user":
            yield fact.place, f"{fact.what}() is salted with the current user."


RULE = Rule(
    code="CURRENT_USER_SALT",
    title="current_user() as a salt",
    why="Each side and each runner gets other tokens, so nothing ever matches; and a user name is no secret.",
    fix="Share tokens made beforehand with one agreed key: hmac(key, cleaned identifier).",
    judge=_judge,
)
