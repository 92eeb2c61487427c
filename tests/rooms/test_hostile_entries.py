"""Entries written by other software than ours: they stay on record, change nothing, and stop nobody's pages."""

from __future__ import annotations

from typing import Any

import pytest

from cleanroom_core.audit.entry import AUDIENCE
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.rooms.entry_words import entry_words, outcome_words
from cleanroom_core.rooms.fold import fold
from cleanroom_core.rooms.merge import merge
from cleanroom_core.rooms.tasks import inbox, timeline
from cleanroom_core.rooms.texts import text_hash
from tests.rooms.test_state import COLLABORATORS, ORIGINS, PLAN, POLICY, TERMS, Book, Written, agreed, publish, register

OWN = POLICY | {"owner": "harbour"}
RULE = OWN["rule"]


def offered(terms: Any) -> tuple[str, dict[str, Any], Any]:
    return "agreement", {"action": "offer", "hash": text_hash(terms)}, {"terms": terms}


def policy(**changes: Any) -> tuple[str, dict[str, Any], Any]:
    text = OWN | changes
    return "policy", {"asset": "harbour.signals", "hash": text_hash(text)}, {"policy": text}


def plan(**changes: Any) -> tuple[str, dict[str, Any], Any]:
    item = PLAN["templates"][0]
    text = PLAN | {"templates": [item | {"template": item["template"] | changes}]}
    return "plan", {"action": "propose", "hash": text_hash(text)}, {"plan": text}


def result(**changes: Any) -> tuple[str, dict[str, Any], Any]:
    facts = {"template": "t", "template_hash": "0", "basis": "0", "receiver": "north", "checks": {}}
    return "result", facts | changes, None


HOSTILE = {
    "purposes of another kind": offered(TERMS | {"purposes": [{"a": 1}]}),
    "an owner that is a list": offered(TERMS | {"output_owner": []}),
    "contacts of another kind": offered(TERMS | {"contacts": {"north": 5}}),
    "true for a number": offered(TERMS | {"numerator_minimum": True}),
    "a clause left to its default": offered({name: TERMS[name] for name in TERMS if name != "at_end"}),
    "a token that is a list": policy(columns=[["t", {"token": ["card"], "from": "pan"}]]),
    "a token that is true": policy(columns=[["t", {"token": True, "from": "pan"}]]),
    "a column that is a number": policy(columns=[[5, {}]]),
    "an asset that is a number": policy(asset=5),
    "a unit that is a number": policy(rule={"privacy_unit": 5, "join_key": 5, "dimensions": {}, "measures": {}, "counted": []}),
    "a label that is a list": policy(rule=RULE | {"dimensions": {"d": {"domain": [["a"]]}}}),
    "a bound of a million digits": policy(rule=RULE | {"measures": {"m": {"min": "0", "max": "1E+999999"}}}),
    "a clause nobody reads": policy(rule=RULE | {"and_also": "rows"}),
    "SQL that is a number": plan(sql=5),
    "a receiver that is a list": plan(receiver=[]),
    "a parameter of another kind": plan(parameters={"flag": {"type": "choice", "of": [None]}}),
    "a receiver nobody knows": result(receiver="nobody"),
    "a template that is nothing": result(template=None),
    "an action that is a list": ("intent", {"action": [], "object": "x"}, None),
    "an object that is a mapping": ("intent", {"action": "run", "object": {}}, None),
    "endless digits": ("precheck", {"passed": "9" * 5000, "failed": 0, "unknown": 0}, None),
}  # fmt: skip


@pytest.fixture
def book() -> Book:
    found = Book()
    agreed(found)
    publish(found)
    register(found)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_an_entry_of_other_software_changes_nothing_and_stops_no_page(book: Book, name: str) -> None:
    before = book.state()
    kind, public, payload = HOSTILE[name]
    written = book.write("harbour", kind, public, payload)
    book.write("harbour", "outcome", {"stage": "done"}, refs=(written,))
    state = book.state()
    assert state == before
    for alias in (*COLLABORATORS, None):
        assert len(timeline(state, alias)) == len(timeline(before, alias))
    for organisation in COLLABORATORS.values():
        inbox(state, User("somebody", organisation, frozenset(Role)))
    for logged in merge(book.logs):
        assert entry_words(logged.entry.kind, logged.entry.public)
    for intent in state.intents.values():
        assert outcome_words(intent.action, intent.object, "done")


@pytest.mark.parametrize("kind", ["agreement", "policy"])
def test_what_was_kept_from_somebody_says_nothing_to_anybody(book: Book, kind: str) -> None:
    stricter = TERMS | {"minimum_cohort": 200}
    public, payload = offered(stricter)[1:] if kind == "agreement" else policy()[1:]
    before = book.state()
    book.write("harbour", kind, public | {AUDIENCE: []}, payload)
    mine = book.logs
    theirs = {
        origin: [Written(one.entry, one.leaf_hash, None if AUDIENCE in one.entry.public else one.payload) for one in entries]
        for origin, entries in mine.items()
    }
    homes = [fold("signals", COLLABORATORS, ORIGINS, merge(logs)) for logs in (mine, theirs)]
    assert homes == [before, before]
    book.write("harbour", kind, public, payload)
    assert book.state() != before
