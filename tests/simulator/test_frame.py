"""The frame: identity, strictness, errors, persistence, the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.config import Config

from cleanroom_core.errors import InputError
from cleanroom_core.simulator.serving import serving
from tests.simulator import room as rooms
from tests.simulator.conftest import Both, side


def raw(both: Both, method: str, path: str, **keywords: Any) -> requests.Response:
    facts = both.provider.facts
    headers = {"Authorization": f"Bearer {facts['token']}"}
    return requests.request(method, facts["host"] + path, headers=headers, timeout=20, **keywords)


def test_a_token_and_client_credentials_each_say_who_is_asking(both: Both) -> None:
    assert both.provider.admin.current_user.me().user_name == "admin@provider.example"
    assert both.provider.service.current_user.me().user_name == both.provider.facts["client_id"]
    assert both.consumer.admin.current_user.me().user_name == "admin@consumer.example"


def test_the_sdk_learns_workspace_and_account_from_the_well_known_document(both: Both) -> None:
    config = both.provider.admin.config
    assert config.account_id == both.provider.facts["account_id"]
    assert both.provider.admin.get_workspace_id() == both.provider.facts["workspace_id"]


def test_credentials_of_the_other_workspace_open_nothing(both: Both) -> None:
    stranger = WorkspaceClient(config=Config(host=both.consumer.facts["host"], token=both.provider.facts["token"]))
    with pytest.raises(errors.Unauthenticated):
        stranger.current_user.me()


def test_a_wrong_client_secret_gets_no_token(both: Both) -> None:
    facts = both.provider.facts
    with pytest.raises(ValueError, match="invalid_client"):
        WorkspaceClient(
            config=Config(host=facts["host"], client_id=facts["client_id"], client_secret="wrong")
        ).current_user.me()


def test_an_unknown_path_says_so(both: Both) -> None:
    answer = raw(both, "GET", "/api/2.0/nowhere")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_a_body_that_is_no_json_is_malformed(both: Both) -> None:
    answer = raw(both, "POST", "/simulator/faults", data=b"{")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "MALFORMED_REQUEST")


def test_every_answer_says_where_the_behaviour_is_known_from(both: Both) -> None:
    assert raw(both, "GET", "/api/2.0/preview/scim/v2/Me").headers["X-Simulator-Source"] == "sdk"
    assert raw(both, "GET", "/api/2.0/nowhere").headers["X-Simulator-Source"] == "guess"


def test_five_secrets_and_no_more(both: Both) -> None:
    secrets = both.provider.admin.service_principal_secrets_proxy
    made = [secrets.create("7002", lifetime="3600s") for _ in range(4)]
    with pytest.raises(errors.BadRequest, match="at most 5"):
        secrets.create("7002")
    fresh = Config(host=both.provider.facts["host"], client_id=both.provider.facts["client_id"], client_secret=made[0].secret)
    assert WorkspaceClient(config=fresh).current_user.me().active
    for each in made:
        assert each.id
        secrets.delete("7002", each.id)
    assert [each.id for each in secrets.list("7002")] == ["first"]


def test_an_expired_secret_opens_nothing(both: Both) -> None:
    facts = both.consumer.facts
    both.consumer.control("PATCH", "records/service_secret/7002/first", {"expire_time": 1})
    with pytest.raises(ValueError, match="invalid_client"):
        WorkspaceClient(
            config=Config(host=facts["host"], client_id=facts["client_id"], client_secret=facts["client_secret"])
        ).current_user.me()
    both.consumer.control("PATCH", "records/service_secret/7002/first", {"expire_time": 4 * 10**12})


def test_a_lifetime_the_platform_does_not_take_is_refused(both: Both) -> None:
    with pytest.raises(errors.InvalidParameterValue):
        both.provider.admin.service_principal_secrets_proxy.create("7002", lifetime="forever")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, errors.Unauthenticated),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (409, errors.ResourceConflict),
        (500, errors.InternalError),
    ],
)
def test_a_fault_on_demand_arrives_as_the_sdks_own_class(both: Both, status: int, expected: type[Exception]) -> None:
    both.provider.fault(kind="error", status=status, path="/api/2.0/preview/scim/v2/Me", times=1)
    with pytest.raises(expected):
        both.provider.admin.current_user.me()
    assert both.provider.admin.current_user.me().active


def test_429_with_retry_after_is_retried_by_the_sdk(both: Both) -> None:
    both.provider.fault(kind="error", status=429, retry_after=0, path="/api/2.0/preview/scim/v2/Me", times=1)
    assert both.provider.admin.current_user.me().active


def test_a_late_answer_runs_into_the_clients_timeout(both: Both) -> None:
    both.provider.fault(kind="delay", seconds=0.6, path="/api/2.0/preview/scim/v2/Me", times=1)
    facts = both.provider.facts
    hasty = requests.get
    with pytest.raises(requests.Timeout):
        hasty(facts["host"] + "/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {facts['token']}"}, timeout=0.2)


def test_faults_are_checked_before_they_are_taken(both: Both) -> None:
    with pytest.raises(errors.InvalidParameterValue, match="cannot be used"):
        both.provider.fault(kind="error", status=503, colour="red")


def test_a_restart_finds_everything_again(home: Path) -> None:
    with serving(home) as first:
        before = Both(*(side(facts) for facts in first["workspaces"]))
        before.provider.admin.service_principal_secrets_proxy.create("7002")
        before.provider.sql("CREATE TABLE provider_data.default.kept AS SELECT 7 AS x")
        rooms.active(before, "kept_room")
        before.provider.admin.clean_room_assets.create("kept_room", rooms.table("creator.s.kept", "provider_data.default.kept"))
        before.provider.fault(kind="error", status=403, path="/api/2.0/secrets/*", times=1)
    with serving(home) as second:
        again = Both(*(side(facts) for facts in second["workspaces"]))
        assert len(list(again.provider.admin.service_principal_secrets_proxy.list("7002"))) == 2
        assert second["workspaces"][0]["token"] == first["workspaces"][0]["token"]
        assert again.provider.sql("SELECT x FROM provider_data.default.kept") == [["7"]]
        assert [each.name for each in again.consumer.admin.clean_room_assets.list("kept_room")] == ["creator.s.kept"]
        with pytest.raises(errors.PermissionDenied):
            list(again.provider.admin.secrets.list_scopes())


def test_a_home_is_served_once_and_a_taken_port_is_named(home: Path) -> None:
    with serving(home) as described:
        with pytest.raises(InputError, match="Another simulator"), serving(home):
            pass
        port = int(described["workspaces"][0]["host"].rsplit(":", 1)[1])
        with pytest.raises(InputError, match=f"Port {port} is taken"), serving(home.with_name("other"), (0, port)):
            pass


def test_the_command_prints_one_line_and_ends_on_sigterm(home: Path, tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps([{"kind": "error", "status": 403, "times": 1}]))
    command = [
        sys.executable,
        "-m",
        "cleanroom_core.cli.main",
        "simulate",
        "--home",
        str(home),
        "--json",
        "--fault",
        str(faults),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        printed = json.loads(process.stdout.readline())
        provider = printed["workspaces"][0]
        assert set(provider) == {
            "name", "host", "token", "client_id", "client_secret", "account_id", "workspace_id",
            "global_metastore_id", "warehouse_id", "catalog",
        }  # fmt: skip
        assert [each["name"] for each in printed["workspaces"]] == ["provider", "consumer"]
        url, headers = provider["host"] + "/api/2.0/preview/scim/v2/Me", {"Authorization": f"Bearer {provider['token']}"}
        assert [requests.get(url, headers=headers, timeout=20).status_code for _ in range(2)] == [403, 200]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert process.stdout.read() == ""


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/api/2.0/clean-rooms?page=2", "no query parameter 'page'"),
        ("/api/2.0/clean-rooms?page_size=many", "page_size"),
        ("/api/2.0/clean-rooms?page_token=mine", "page_token"),
        ("/api/2.1/unity-catalog/schemas", "'catalog_name' is required"),
    ],
)
def test_query_parameters_are_those_of_the_sdk(both: Both, path: str, reason: str) -> None:
    answer = raw(both, "GET", path)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert reason in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "must be a JSON object"),
        ({"name": 7}, "must be a text"),
        ({"comment": None, "nmae": "x"}, "no field 'nmae'"),
        ({"remote_detailed_info": {"collaborators": {}}}, "must be a list"),
        ({"remote_detailed_info": {"collaborators": [{}]}}, "missing the required field 'collaborator_alias'"),
        ({"remote_detailed_info": {"collaborators": ["x"]}}, "must be a JSON object"),
        ({"status": "OPEN"}, "must be one of"),
        ({"created_at": True}, "must be a whole number"),
        ({"enable_shared_output": "yes"}, "must be true or false"),
    ],
)
def test_bodies_are_those_of_the_sdks_dataclasses(both: Both, body: object, reason: str) -> None:
    answer = raw(both, "POST", "/api/2.0/clean-rooms", json=body)
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
