"""What a room shows that was made by somebody else: nothing goes in unless it is known to be closed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from databricks.sdk.service import settings

from cleanroom_core.backends.asked import NewRoom, NewRun, Party, securable
from cleanroom_core.backends.seen import CLOSED, RoomStatus, SeenRoom, dangers
from cleanroom_core.errors import ConflictError, InputError
from tests.backends.workspaces import backend, room_of
from tests.simulator import room as raw
from tests.simulator.conftest import Both

INTERNET = settings.EgressNetworkPolicyInternetAccessPolicy
MODE = settings.EgressNetworkPolicyInternetAccessPolicyRestrictionMode
PLACE = settings.EgressNetworkPolicyInternetAccessPolicyInternetDestination(destination="collect.example")
LOGGED = settings.EgressNetworkPolicyInternetAccessPolicyLogOnlyMode(
    log_only_mode_type=settings.EgressNetworkPolicyInternetAccessPolicyLogOnlyModeLogOnlyModeType.ALL_SERVICES
)


@pytest.mark.parametrize(
    ("name", "changed", "danger"),
    [
        ("closed", {}, ""),
        ("wide", {"internet_access": INTERNET(restriction_mode=MODE.FULL_ACCESS)}, "FULL_ACCESS"),
        (
            "listed",
            {"internet_access": INTERNET(restriction_mode=MODE.RESTRICTED_ACCESS, allowed_internet_destinations=[PLACE])},
            "open to 1 places",
        ),
        ("logged", {"internet_access": INTERNET(restriction_mode=MODE.RESTRICTED_ACCESS, log_only_mode=LOGGED)}, "logged"),
        ("untold", None, "not told"),
        ("shared", {"enable_shared_output": True}, "shared output"),
        ("packaged", {"package_provider_collaborator_alias": "creator"}, "nobody reviews"),
    ],
)
def test_a_room_that_is_open_somewhere_is_seen_to_be(
    both: Both, name: str, changed: dict[str, object] | None, danger: str
) -> None:
    given: dict[str, object] = {"egress_network_policy": None} if changed is None else dict(changed)
    if "internet_access" in given:
        given = {"egress_network_policy": settings.EgressNetworkPolicy(internet_access=given["internet_access"])}  # type: ignore[arg-type]
    raw.active(both, name, **given)
    for side in (both.provider, both.consumer):
        seen = backend(side).room(name)
        assert seen is not None
        assert (danger in " ".join(dangers(seen))) if danger else not dangers(seen)
    if danger and changed is not None:  # nor is it taken for the one we would make; what is not told is asked again once ACTIVE
        with pytest.raises(ConflictError):
            backend(both.provider).create_room(room_of(both, name))


def test_what_is_not_told_yet_is_no_difference_and_what_is_told_must_fit(both: Both) -> None:
    asked = room_of(both, "asked")
    assert asked.differs(SeenRoom("asked", RoomStatus.PROVISIONING)) == ()
    fits = SeenRoom(
        "asked", RoomStatus.ACTIVE, parties={each.alias: each.metastore for each in asked.parties}, cloud="aws",
        region="us-west-2", egress=CLOSED,
    )  # fmt: skip
    assert asked.differs(fits) == ()
    assert asked.differs(replace(fits, region="eu-west-1")) == ("region",)
    assert asked.differs(replace(fits, egress="FULL_ACCESS")) == ("way to the internet",)
    assert NewRoom.from_json(asked.as_json()) == asked


PARTIES = (Party("creator", "aws:r:11111111-0000-0000-0000-000000000000"),)
GUEST = Party("guest", "aws:r:22222222-0000-0000-0000-000000000000", "them@example.org", "12")


@pytest.mark.parametrize(
    "parties",
    [
        PARTIES,
        (*PARTIES, *PARTIES),
        (*PARTIES, replace(PARTIES[0], alias="second")),  # two creators
        (GUEST, replace(GUEST, alias="other")),  # none
        (*PARTIES, *(replace(GUEST, alias=f"guest{number}") for number in range(10))),  # eleven
    ],
)
def test_a_room_that_no_platform_would_make_cannot_be_asked_for(parties: tuple[Party, ...]) -> None:
    assert NewRoom("r", "aws", "us", (*PARTIES, GUEST)).creator == PARTIES[0]
    with pytest.raises(InputError):
        NewRoom("r", "aws", "us", parties)


def test_names_and_runs_that_no_platform_takes_cannot_be_asked_for() -> None:
    assert securable("Fraud_Signals", "The room") == "fraud_signals"
    for name in ("", "a.b", "a b", "a/b", "a\x00", "x" * 256):
        with pytest.raises(InputError):
            securable(name, "The room")
    with pytest.raises(InputError):
        Party("guest", "aws:r:22222222-0000-0000-0000-000000000000:12:them@example.org")  # the longer identifier
    with pytest.raises(InputError):
        Party("guest", GUEST.metastore, invite_user="them@example.org")
    for wrong in ({"etag": ""}, {"token": "x" * 65}, {"timeout_seconds": 0}):
        with pytest.raises(InputError):
            NewRun(**{"notebook": "n", "etag": "e", "token": "t", **wrong})  # type: ignore[arg-type]
