"""Sharing identifiers: what is built is read back, the two kinds are told apart, and nothing else is taken."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_core.errors import InputError
from cleanroom_core.rooms.sharing_identifier import CLOUDS, MetastoreIdentifier, RoomIdentifier

UUID = "1b2c3d4e-0000-4000-8000-123456789abc"
SHORT = f"aws:us-west-2:{UUID}"
LONG = f"{SHORT}:7405612345678901:ana@bank.example"

metastores = st.builds(
    MetastoreIdentifier,
    st.sampled_from(CLOUDS),
    st.sampled_from(["us-west-2", "westeurope", "europe-west3", "ap-southeast-1", "eastus2", "us"]),
    st.uuids().map(str),
)
users = st.one_of(st.emails(), st.uuids().map(str)).filter(lambda text: ":" not in text and len(text) < 256)
rooms = st.builds(RoomIdentifier, metastores, st.integers(1, 2**63 - 1), users)


@settings(deadline=None, max_examples=60)
@given(metastores)
def test_what_is_built_is_read_back(built: MetastoreIdentifier) -> None:
    assert MetastoreIdentifier.parse(str(built)) == built
    assert MetastoreIdentifier.parse(f"  {str(built).upper()}\n") == built


@settings(deadline=None, max_examples=60)
@given(rooms)
def test_a_rooms_identifier_is_read_back_and_is_not_the_other_kind(built: RoomIdentifier) -> None:
    assert RoomIdentifier.parse(str(built)) == built
    with pytest.raises(InputError, match="clean room's") as caught:
        MetastoreIdentifier.parse(str(built))
    assert str(built.metastore) in caught.value.hint, "the part that was wanted can be copied"
    with pytest.raises(InputError, match="metastore's sharing identifier"):
        RoomIdentifier.parse(str(built.metastore))


@settings(deadline=None, max_examples=60)
@given(rooms, rooms)
def test_equal_texts_and_equal_identifiers_are_one(one: RoomIdentifier, other: RoomIdentifier) -> None:
    assert (one == other) == (str(one) == str(other))


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80) | st.lists(st.text(max_size=12), max_size=7).map(":".join))
def test_anything_else_is_refused_in_words(text: str) -> None:
    for kind in (MetastoreIdentifier, RoomIdentifier):
        refused = None
        try:
            found = kind.parse(text)
        except InputError as error:
            refused = error
        assert (
            (refused.code, bool(refused.hint)) == ("SHARING_IDENTIFIER", True) if refused else kind.parse(str(found)) == found
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SHORT, "a clean room needs workspace and user besides"),
        (f"{SHORT}:1", "has five parts, this has 4"),
        (f"{SHORT}:0:ana", "no workspace id"),
        (f"{SHORT}:٣:ana", "no workspace id"),
        (f"{SHORT}:1:", "no user name"),
        (f"{SHORT}:1:ana maria", "no user name"),
        (f"ibm:us:{UUID}:1:ana", "no cloud"),
        (f"aws:us west:{UUID}:1:ana", "no region"),
        (f"aws:us-west-2:{{{UUID}}}:1:ana", "no metastore id"),
        (f"aws:us-west-2:{uuid.UUID(UUID).hex}:1:ana", "no metastore id"),
        (f"{SHORT}:1:{'a' * 600}", "at most 512"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        RoomIdentifier.parse(text)


def test_users_are_compared_without_case() -> None:
    one, other = RoomIdentifier.parse(LONG), RoomIdentifier.parse(LONG.replace("ana", "Ana"))
    assert one.same_user(other)
    assert not one.same_user(RoomIdentifier.parse(LONG.replace("ana", "bo")))
