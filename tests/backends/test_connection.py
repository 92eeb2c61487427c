"""How a side signs in, and what it is told about its connection. Nothing secret is shown anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cleanroom_core.backends.databricks.connection import Connection, open_client
from cleanroom_core.backends.databricks.report import connection_report
from cleanroom_core.errors import CleanRoomError, InputError, NotPermittedError, UnansweredError
from tests.simulator.conftest import Both


def signed_in(connection: Connection) -> str:
    return connection_report(open_client(connection)).user


def test_by_environment_profile_oauth_token_and_app(both: Both, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The SDK's unified authentication; in an app a person's token wins over the app's own identity."""
    facts = both.provider.facts
    admin, service = "admin@provider.example", facts["client_id"]
    assert signed_in(Connection(host=facts["host"], token=facts["token"])) == admin
    oauth = Connection(host=facts["host"], client_id=service, client_secret=facts["client_secret"])
    assert signed_in(oauth) == service
    profiles = tmp_path / "databrickscfg"
    profiles.write_text(f"[partner]\nhost = {facts['host']}\ntoken = {facts['token']}\n", encoding="utf-8")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(profiles))
    assert signed_in(Connection(profile="partner")) == admin
    monkeypatch.setenv("DATABRICKS_HOST", facts["host"])
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", service)
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", facts["client_secret"])
    assert signed_in(Connection()) == service
    asked = {"X-Forwarded-Access-Token": facts["token"], "X-Forwarded-Email": admin}
    assert signed_in(Connection.of_app_user(asked, facts["host"])) == admin
    assert signed_in(Connection(host=facts["host"], token=facts["token"])) == admin
    with pytest.raises(InputError) as raised:
        Connection.of_app_user({}, facts["host"])
    assert raised.value.code == "APP_HEADERS"


@pytest.mark.parametrize(
    "wrong", [{"token": "dapi0123456789abcdef"}, {"client_id": "7002", "client_secret": "dose-wrong-dose"}, {}]
)
def test_a_credential_that_does_not_work_says_what_to_do(both: Both, wrong: dict[str, str]) -> None:
    with pytest.raises(NotPermittedError) as raised:
        signed_in(Connection(host=both.provider.facts["host"], retry_seconds=1, **wrong))  # type: ignore[arg-type]
    assert raised.value.code == "PLATFORM_SIGN_IN"
    assert "credential" in raised.value.message
    assert not any(value in raised.value.diagnostics() for name, value in wrong.items() if name != "client_id")


def test_no_secret_in_a_repr(both: Both) -> None:
    from tests.backends.workspaces import backend

    facts = both.provider.facts
    shown = [
        repr(Connection(host=facts["host"], token=facts["token"])),
        repr(Connection(host=facts["host"], client_id=facts["client_id"], client_secret=facts["client_secret"])),
        repr(backend(both.provider)),
        repr(backend(both.provider, service=True)),
        repr(connection_report(backend(both.provider).client)),
    ]
    assert not any(facts[name] in text for name in ("token", "client_secret") for text in shown)


def test_half_a_connection_is_none() -> None:
    for half in ({"client_id": "a"}, {"client_secret": "b"}, {"client_id": "a", "client_secret": "b", "token": "c"}):
        with pytest.raises(InputError):
            Connection(**half)
    with pytest.raises(InputError):
        Connection(retry_seconds=0)  # the SDK would take five minutes instead


def test_the_report_says_who_where_and_what_may_be_done(both: Both) -> None:
    facts = both.provider.facts
    admin = connection_report(both.provider.admin)
    assert (admin.user, admin.is_service, admin.groups) == ("admin@provider.example", False, ("admins",))
    assert (admin.host, admin.account, admin.workspace) == (facts["host"], facts["account_id"], str(facts["workspace_id"]))
    assert admin.sharing_identifier == f"{facts['global_metastore_id']}:{facts['workspace_id']}:admin@provider.example"
    assert (admin.is_metastore_admin, admin.may_create_rooms, admin.rooms, admin.notes) == (True, True, 0, ())
    service = connection_report(both.provider.service)
    assert (service.is_service, service.is_metastore_admin, service.may_create_rooms) == (True, False, True)
    assert service.sharing_scope == "INTERNAL_AND_EXTERNAL"


def test_what_cannot_be_told_is_none_and_said(both: Both) -> None:
    """Three answers, never two: refused is not the same as no."""
    both.provider.fault(kind="error", path="*/metastore_summary", status=403)
    report = connection_report(both.provider.service)
    assert (report.metastore, report.is_metastore_admin, report.may_create_rooms, report.sharing_identifier) == (None,) * 4
    assert any("PLATFORM_DENIED" in note for note in report.notes)
    both.provider.control("DELETE", "faults")
    both.provider.fault(kind="error", path="/api/2.0/clean-rooms", status=400)
    assert connection_report(both.provider.service).rooms is None
    both.provider.control("DELETE", "faults")
    principal = both.provider.facts["client_id"]
    metastore = both.provider.admin.metastores.summary().metastore_id
    both.provider.control("PATCH", f"records/grant/metastore:{metastore}", {principal: ["CREATE_CATALOG"]})
    assert connection_report(both.provider.service).may_create_rooms is None  # its groups' privileges are not told to it
    both.provider.fault(kind="error", path="*/Me", status=500)
    with pytest.raises(UnansweredError) as raised:
        connection_report(both.provider.service)
    assert isinstance(raised.value, CleanRoomError)


def test_a_secret_that_has_expired_is_said_to_be_renewed(both: Both) -> None:
    facts, record = both.consumer.facts, "records/service_secret/7002/first"
    both.consumer.control("PATCH", record, {"expire_time": 1})
    with pytest.raises(NotPermittedError) as raised:
        signed_in(Connection(host=facts["host"], client_id=facts["client_id"], client_secret=facts["client_secret"]))
    assert "expired" in raised.value.hint


def test_nothing_of_the_sdk_is_imported_before_a_workspace_is_used() -> None:
    code = "import cleanroom_core.stories.reconcile, cleanroom_core.backends.waiting, cleanroom_core.context, sys"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print('databricks' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
