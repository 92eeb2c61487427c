"""Every fault at the calls that change something: the work is done once or not at all, and a client can find out which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.config import Config
from databricks.sdk.service import cleanrooms as cr
from databricks.sdk.service import sharing

from tests.simulator import room as rooms
from tests.simulator.conftest import Both, Side

NOTEBOOK = cr.CleanRoomAssetAssetType.NOTEBOOK_FILE


@dataclass(frozen=True)
class Effect:
    """A call that makes something called `name`, and whether it is there."""

    make: Callable[[Both, str], object]
    there: Callable[[Both, str], bool]


def _exists(look: Callable[[Both, str], object]) -> Callable[[Both, str], bool]:
    def found(both: Both, name: str) -> bool:
        try:
            look(both, name)
        except errors.NotFound:
            return False
        return True

    return found


EFFECTS = {
    "room": Effect(
        lambda both, name: both.provider.admin.clean_rooms.create(rooms.described(both, name)),
        _exists(lambda both, name: both.provider.admin.clean_rooms.get(name)),
    ),
    "notebook": Effect(
        lambda both, name: both.provider.admin.clean_room_assets.create("steady", rooms.notebook(name, "SELECT 1")),
        _exists(lambda both, name: both.provider.admin.clean_room_assets.get("steady", NOTEBOOK, name)),
    ),
    "catalog": Effect(
        lambda both, name: both.provider.admin.catalogs.create(name),
        _exists(lambda both, name: both.provider.admin.catalogs.get(name)),
    ),
    "recipient": Effect(
        lambda both, name: both.provider.admin.recipients.create(name, sharing.AuthenticationType.TOKEN),
        _exists(lambda both, name: both.provider.admin.recipients.get(name)),
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _steady(both: Both) -> None:
    rooms.active(both, "steady")


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("status", [401, 403, 404, 409, 500])
def test_an_error_before_the_work_leaves_nothing_and_one_after_it_everything(both: Both, effect: str, status: int) -> None:
    make, there = EFFECTS[effect].make, EFFECTS[effect].there
    for late in (False, True):
        name = f"{effect}_{status}_{late}".lower()
        both.provider.fault(kind="error", method="POST", status=status, after_commit=late, path="/api/*", times=1)
        with pytest.raises(errors.DatabricksError):
            make(both, name)
        assert there(both, name) is late


@pytest.mark.parametrize("effect", EFFECTS)
def test_what_the_sdk_repeats_after_429_is_done_once(both: Both, effect: str) -> None:
    name = f"{effect}_429"
    both.provider.fault(kind="error", method="POST", status=429, retry_after=0, path="/api/*", times=1)
    EFFECTS[effect].make(both, name)
    assert EFFECTS[effect].there(both, name)


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_answer_that_was_lost_after_the_work_is_found_again(both: Both, effect: str) -> None:
    """The client's timeout is shorter than the delay; the SDK repeats the POST by itself and meets what it made."""
    name = f"{effect}_timeout"
    facts = both.provider.facts
    hasty = WorkspaceClient(
        config=Config(host=facts["host"], token=facts["token"], http_timeout_seconds=1, config_file="/nonexistent")
    )
    seen = Both(Side(facts, hasty, hasty), both.consumer)
    both.provider.fault(kind="delay", method="POST", seconds=1.5, after_commit=True, path="/api/*", times=1)
    with pytest.raises(errors.ResourceConflict):
        EFFECTS[effect].make(seen, name)
    assert EFFECTS[effect].there(both, name)


def test_faults_are_for_one_workspace_when_they_say_so(both: Both) -> None:
    both.provider.fault(kind="error", status=403, workspace="consumer")
    assert both.provider.admin.current_user.me().active
    with pytest.raises(errors.PermissionDenied):
        both.consumer.admin.current_user.me()
    both.provider.control("DELETE", "faults")
    assert both.consumer.admin.current_user.me().active
