"""The file for the partner: what is written is read back, nothing else gets in, and no message of this side goes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_core.errors import InputError
from cleanroom_core.prechecks.check import Status, run
from cleanroom_core.prechecks.databricks import PARTNER
from cleanroom_core.prechecks.databricks.handover import Evidence, nobody, partner_gatherers, read, write
from cleanroom_core.prechecks.databricks.region import Place
from cleanroom_core.prechecks.fact import Absent, Fact, Known, Unknown
from cleanroom_core.rooms.sharing_identifier import RoomIdentifier

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
METASTORE = "gcp:europe-west3:1b2c3d4e-0000-4000-8000-123456789abc"
SAID = "403: This identity may not read it. It says: ana@bank.example lacks SELECT on secret_catalog."


def evidence(**changed: Fact[Any]) -> Evidence:
    given: dict[str, Any] = {
        "account": Known("a"), "metastore": Known(METASTORE), "workspace": Known(7), "user": Known("bo"),
        "scope": Known("INTERNAL"), "admin": Known(True),
        "pricing": Known("PREMIUM"), "serverless": Known(False), "standards": Known(("PCI_DSS",)),
    }  # fmt: skip
    return Evidence(NOW, **{**given, **changed})


words = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=40)
texts = st.one_of(words.map(Known), st.just(Unknown(SAID)), st.just(Absent("404: none")))


@settings(deadline=None, max_examples=60)
@given(texts, texts, st.one_of(st.integers(1, 2**63 - 1).map(Known), st.just(Unknown("late"))), st.lists(words, max_size=4))
def test_what_is_written_is_read_back(account: Fact[str], user: Fact[str], workspace: Fact[int], standards: list[str]) -> None:
    sent = evidence(account=account, user=user, workspace=workspace, standards=Known(tuple(standards)))
    got = read(write(sent), NOW + timedelta(days=1))
    for name in ("account", "user", "workspace", "standards", "admin", "serverless", "metastore"):
        before, after = getattr(sent, name), getattr(got, name)
        assert type(after) is type(before)
        assert not isinstance(before, Known) or after == before


def test_only_the_status_of_what_could_not_be_told_goes_out() -> None:
    text = write(evidence(scope=Unknown(SAID), admin=Unknown("no answer: timed out at https://here.example")))
    assert json.loads(text)["facts"]["scope"] == {"unknown": "403"}
    assert json.loads(text)["facts"]["admin"] == {"unknown": ""}
    assert "ana@" not in text
    assert "here.example" not in text


def test_identifier_and_place_are_those_of_the_metastore() -> None:
    assert evidence().identifier() == Known(RoomIdentifier.parse(f"{METASTORE}:7:bo"))
    assert evidence().place() == Known(Place("gcp", "europe-west3"))
    assert evidence(workspace=Unknown("x")).identifier() == Unknown("x")
    wrong = evidence(metastore=Known("nonsense"))
    assert isinstance(wrong.identifier(), Unknown)
    assert isinstance(wrong.place(), Unknown)


def test_old_facts_cannot_be_told_and_missing_ones_neither() -> None:
    text = write(evidence())
    assert read(text, NOW + timedelta(days=14)).scope == Known("INTERNAL")
    old = read(text, NOW + timedelta(days=15)).scope
    assert isinstance(old, Unknown)
    assert "2026-11-23" in old.reason
    short = json.loads(text)
    del short["facts"]["admin"]
    assert isinstance(read(json.dumps(short), NOW).admin, Unknown)
    assert isinstance(nobody(NOW).metastore, Unknown)


def changed(**facts: Any) -> str:
    found = json.loads(write(evidence()))
    found["facts"].update(facts)
    return json.dumps(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "characters"),
        ("[" * 20_000, "no JSON"),
        ("[]", "another format"),
        ('{"format": 2, "collected_at": "2026-11-23T03:00:00Z", "facts": {}}', "another format"),
        ('{"format": 1, "collected_at": 5, "facts": {}}', "when it was made"),
        ('{"format": 1, "collected_at": "2026-11-24T03:00:00Z", "facts": {}}', "in the future"),
        ('{"format": 1, "collected_at": "2026-11-23T03:00:00Z", "facts": {"token": {"known": "x"}}}', "does not know"),
        (changed(scope="INTERNAL"), "no single state"),
        (changed(scope={"known": "a", "unknown": ""}), "no single state"),
        (changed(scope={"guessed": "a"}), "no known state"),
        (changed(scope={"unknown": "because\u001b[2J"}), "no known state"),
        (changed(scope={"known": "a\nb"}), "a text in it is none"),
        (changed(scope={"known": ""}), "a text in it is none"),
        (changed(scope={"known": "a" * 513}), "a text in it is none"),
        (changed(workspace={"known": True}), "workspace id"),
        (changed(workspace={"known": 1e3}), "workspace id"),
        (changed(admin={"known": 1}), "yes or no"),
        (changed(standards={"known": "PCI_DSS"}), "a list in it is none"),
    ],
)
def test_any_other_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(text, NOW)
    assert caught.value.code == "PARTNER_FACTS"


def test_the_same_questions_are_put_to_the_partners_evidence() -> None:
    found = {checked.check.name: checked.result for checked in run(PARTNER, partner_gatherers(evidence()))}
    assert {name: result.status for name, result in found.items()} == {
        "unity-catalog": Status.PASS, "tier": Status.PASS, "serverless": Status.FAIL,
    }  # fmt: skip
    none = run(PARTNER, partner_gatherers(nobody(NOW)))
    assert {checked.result.status for checked in none} == {Status.CANNOT_TELL}
