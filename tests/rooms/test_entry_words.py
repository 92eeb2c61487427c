"""Entries in words: every kind has its words, and no statement, however odd, raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.audit.entry import KINDS
from cleanroom_core.rooms.entry_words import KIND_WORDS, entry_words, outcome_words

JSON = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2))
FACTS = ("action", "hash", "token", "key_id", "room", "alias", "templates", "verdict", "object", "passed", "asset", "stage")


def test_every_kind_has_words() -> None:
    assert set(KIND_WORDS) == set(KINDS)


@given(kind=st.sampled_from(sorted(KINDS)), public=st.dictionaries(st.sampled_from(FACTS), JSON))
def test_odd_statements_are_named_by_their_kind(kind: str, public: dict[str, Any]) -> None:
    assert entry_words(kind, public)


@pytest.mark.parametrize(
    ("kind", "public", "words"),
    [
        ("agreement", {"action": "sign", "hash": "a" * 64}, "Signed the agreement with the text aaaaaaaaaaaaaaaa."),
        ("room", {"action": "invite", "room": "r", "alias": "x"}, "Invited x to the room r."),
        ("room", {"action": "create", "room": "r"}, "Created the room r."),
        ("approval", {"object": "plan", "hash": "b" * 16, "verdict": "reject"}, f"Rejected the plan with the text {'b' * 16}."),
        ("intent", {"action": "run", "object": f"plan:{'c' * 64}"}, "Began to compute the plan cccccccccccccccc."),
        ("intent", {"action": "publish", "object": "a.b"}, "Began to publish a.b."),
        ("key", {"action": "compared", "sha256": "d" * 64},
         "Compared the fingerprint of the room dddddddddddddddd with the other side's, read aloud."),
        ("approval", {"object": "plan"}, "Signature or rejection (not said in the usual way)."),
    ],
)  # fmt: skip
def test_words(kind: str, public: dict[str, Any], words: str) -> None:
    assert entry_words(kind, public) == words


def test_an_outcome_names_what_it_ended() -> None:
    assert outcome_words("publish", "a.b", "done") == "Publishing a.b ended: done."
