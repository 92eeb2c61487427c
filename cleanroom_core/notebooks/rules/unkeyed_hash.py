"""UNKEYED_HASH: an identifier is hashed without a secret key."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Hashed
from cleanroom_core.notebooks.finding import Judged, Rule, Story

_KEYED = ("hmac", "aes_encrypt")


def _judge(story: Story) -> Iterator[Judged]:
    for fact in story.facts:
        if not isinstance(fact, Hashed) or fact.what.startswith(_KEYED) or fact.key in ("secret", "user"):
            continue
        tells_people = any(story.settings.is_identifier(origin.column) for origin in fact.tells.carries)
        if tells_people or fact.what.startswith(("hashlib.", "zlib.")):
            yield fact.place, f"{fact.what}() hashes an identifier without a secret key."


RULE = Rule(
    code="UNKEYED_HASH",
    title="An identifier is hashed without a key",
    why="Card and telephone numbers are few enough to hash them all and look the result up.",
    fix="Use hmac(key, cleaned identifier) with a key from a secret scope, on the side that owns the data, before sharing.",
    judge=_judge,
)
