"""Each check on what two simulated workspaces answer over HTTP, forced by their records, mended by the check's own command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import pytest
from databricks.sdk import AccountClient
from databricks.sdk.config import Config
from databricks.sdk.service import catalog, cleanrooms, jobs, sharing

from cleanroom_core.backends.databricks.facts import gatherers
from cleanroom_core.prechecks.check import Result, Status, run
from cleanroom_core.prechecks.databricks import OWN, tier
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.prechecks.databricks.region import Place
from cleanroom_core.prechecks.fact import Known
from tests.prechecks.databricks.conftest import NOW, Checks, opened
from tests.simulator import room as rooms
from tests.simulator.conftest import Both

PASS, FAIL, CANNOT_TELL = Status.PASS, Status.FAIL, Status.CANNOT_TELL
DAY = 86_400_000


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def expect(result: Result, status: Status, said: str) -> None:
    assert result.status is status, result
    assert said in " | ".join(result.as_json().values()), result


def copied(both: Both, command: str) -> None:
    """Do what a fix says, as the admin: SQL on the warehouse, `databricks api` as the call it is."""
    for line in command.splitlines():
        if line.startswith("GRANT"):
            both.provider.sql(line.rstrip(";"))
            continue
        words = shlex.split(line)
        assert words[:2] == ["databricks", "api"]
        body = json.loads(words[5]) if len(words) > 4 else None
        both.provider.admin.api_client.do(words[2].upper(), words[3], body=body)


def test_an_admin_of_a_workspace_in_order_sees_everything_pass(checks: Checks) -> None:
    both = checks.both
    table = rooms.local_table(both.provider, "tidy")
    checks.record("cluster", "0101-000000-analysis", autotermination_minutes=30)
    checks.record("system_schema", "access", state="ENABLE_COMPLETED")
    checks.record("grant", f"table:{table}", **{"admin@provider.example": ["SELECT"]})
    found = checks(tables=(table,), place=Place("aws", "us-west-2"), room="new_room")
    plan_and_agreement = {name for name, result in found.items() if result.status is not PASS}
    assert plan_and_agreement == {"tier", "agreement"}, "no workspace tells its plan, no home was named"
    assert both.provider.facts["global_metastore_id"] in found["sharing-identifiers"].found
    assert both.consumer.facts["global_metastore_id"] in found["sharing-identifiers"].found


def test_a_plain_service_principal_is_told_what_it_cannot_see(checks: Checks) -> None:
    found = checks(admin=False, place=Place("aws", "us-west-2"))
    statuses = {name: result.status for name, result in found.items()}
    assert {name for name, status in statuses.items() if status is FAIL} == {"idle-compute"}
    assert {name for name, status in statuses.items() if status is CANNOT_TELL} == {
        "tier", "assets", "recipient-tokens", "system-tables", "room-limits", "room", "agreement",
    }  # fmt: skip
    assert "403" in found["system-tables"].found
    assert "service principal" in found["identity"].found
    assert "until" in found["oauth-secrets"].found


# check, records that force it (kind, key, values; None: the record goes), outcome, a part of what is said
WORLDS: list[tuple[str, list[tuple[str, str, Mapping[str, Any] | None]], Status, str]] = [
    ("unity-catalog", [("assignment", "", None)], FAIL, "No metastore assigned"),
    ("serverless", [("warehouse_config", "", {"enable_serverless_compute": False})], FAIL, "off"),
    ("serverless", [("warehouse_config", "", {"enable_serverless_compute": None})], CANNOT_TELL, "could be read"),
    ("runtime", [("cluster", "0101-000000-analysis", {"spark_version": "10.4.x-scala2.12"})], CANNOT_TELL, "10.4"),
    ("runtime", [("cluster", "0101-000000-analysis", {"spark_version": "custom:x"})], CANNOT_TELL, "custom:x"),
    ("runtime", [("cluster", "0101-000000-analysis", {"cluster_source": "JOB"})], PASS, "No cluster"),
    ("idle-compute", [("cluster", "0101-000000-analysis", {"autotermination_minutes": 0})], FAIL, "never stops"),
    ("idle-compute", [("cluster", "0101-000000-analysis", {"cluster_source": "PIPELINE"})], PASS, "1 warehouses"),
    ("oauth-secrets", [], PASS, "No service principal"),
    ("compliance", [], PASS, "No standard"),
    ("recipient-tokens", [], PASS, "No recipient"),
    ("room-limits", [], PASS, "0 rooms"),
    ("tier", [], CANNOT_TELL, "points to Premium"),
]


@pytest.mark.parametrize(("name", "records", "status", "said"), WORLDS)
def test_a_workspace_forces_the_outcome(
    checks: Checks, name: str, records: list[tuple[str, str, Mapping[str, Any] | None]], status: Status, said: str
) -> None:
    for kind, key, values in records:
        checks.gone(kind, key) if values is None else checks.record(kind, key, **values)
    expect(checks.one(name), status, said)


def metastore(checks: Checks) -> str:
    return str(checks.both.provider.facts["global_metastore_id"]).split(":")[2]


def test_sharing_is_switched_on_by_the_command_that_is_shown(checks: Checks) -> None:
    checks.record("metastore", metastore(checks), delta_sharing_scope="INTERNAL")
    found = checks.one("sharing")
    expect(found, FAIL, "databricks api patch")
    copied(checks.both, found.command)
    expect(checks.one("sharing"), PASS, "both sides")


def test_a_scope_this_sdk_does_not_know_is_not_guessed(checks: Checks) -> None:
    checks.both.provider.fault(kind="unknown_enum", field="delta_sharing_scope", path="*metastore_summary")
    expect(checks.one("sharing"), CANNOT_TELL, "a word this SDK does not know")


def test_rooms_that_are_not_listed_are_no_empty_list(checks: Checks) -> None:
    for status in (400, 403):
        checks.both.provider.fault(kind="error", status=status, path="/api/2.0/clean-rooms", times=1)
        found = checks("sharing", "room-limits")
        expect(found["sharing"], CANNOT_TELL, "refuses to list rooms")
        expect(found["room-limits"], CANNOT_TELL, str(status))


def test_idle_compute_and_system_tables_are_mended_by_their_commands(checks: Checks) -> None:
    checks.record("cluster", "0101-000000-analysis", autotermination_minutes=120)
    checks.record("system_schema", "access", state="AVAILABLE")
    found = checks("idle-compute", "system-tables")
    for name in ("idle-compute", "system-tables"):
        assert found[name].status is FAIL
        copied(checks.both, found[name].command)
    assert {result.status for result in checks("idle-compute", "system-tables").values()} == {PASS}


def test_the_plan_is_read_from_the_account(checks: Checks) -> None:
    both = checks.both
    config = {"host": both.provider.facts["host"], "account_id": both.provider.facts["account_id"]}
    account = AccountClient(config=Config(token=both.provider.facts["token"], **config))
    for plan, status in (("PREMIUM", PASS), ("STANDARD", FAIL), ("UNKNOWN", CANNOT_TELL)):
        checks.record("account", "", pricing_tier=plan)
        workspace = opened(both.provider, admin=True)
        workspace._account = account
        [checked] = run([tier.CHECK], gatherers(workspace, Asked(), checks.partner, NOW))
        expect(checked.result, status, plan)
    expect(checks.one("tier", warehouse="none"), CANNOT_TELL, "could not be read")


def test_the_plan_is_read_from_what_was_billed_for_a_run(checks: Checks) -> None:
    """The consumer runs a notebook of the provider's in a room; its billing table names the plan from then on."""
    both = checks.both
    consumer = both.consumer.admin

    def judged() -> Result:
        asked = Asked(warehouse=both.consumer.warehouse)
        return run([tier.CHECK], gatherers(opened(both.consumer, admin=True), asked, checks.partner, NOW))[0].result

    both.consumer.control("PATCH", "records/system_schema/billing", {"state": "ENABLE_COMPLETED"})
    expect(judged(), CANNOT_TELL, "points to Premium")
    room = rooms.active(both, "billed")
    book = both.provider.admin.clean_room_assets.create(room, rooms.notebook("one", "SELECT 1 AS one")).notebook
    assert book
    kind = cleanrooms.CleanRoomAssetAssetType.NOTEBOOK_FILE
    review = cleanrooms.NotebookVersionReview(book.etag or "", cleanrooms.CleanRoomNotebookReviewNotebookReviewState.APPROVED)
    consumer.clean_room_assets.create_clean_room_asset_review(room, kind, "one", notebook_review=review)
    consumer.jobs.submit(tasks=[jobs.SubmitTask("one", clean_rooms_notebook_task=jobs.CleanRoomsNotebookTask(room, "one"))])
    expect(judged(), PASS, "billed as PREMIUM_CLEAN_ROOMS_EU_WEST_1")
    both.provider.admin.clean_rooms.delete(room)
    consumer.clean_rooms.delete(room)


def test_grants_of_a_service_principal_are_read_direct_inherited_and_through_a_group(checks: Checks) -> None:
    both, service = checks.both, checks.both.provider.facts["client_id"]
    on_metastore, on_catalog = f"metastore:{metastore(checks)}", f"catalog:{both.provider.catalog}"
    table = rooms.local_table(both.provider, "readable")
    expect(checks.one("privileges", admin=False, tables=(table,)), PASS, "4 privileges held")
    checks.record("grant", on_metastore, **{service: None, "makers": ["CREATE_CLEAN_ROOM"]})
    checks.record("grant", on_catalog, **{service: None})
    missing = checks.one("privileges", admin=False, tables=(table,))
    expect(missing, CANNOT_TELL, "403")
    seen_by_admin = checks.one("privileges", tables=(table,), principals=(service,))
    expect(seen_by_admin, FAIL, f"GRANT SELECT ON TABLE `{both.provider.catalog}`.`default`.`readable` TO `{service}`;")
    assert f"GRANT CREATE CLEAN ROOM ON METASTORE TO `{service}`;" in seen_by_admin.command
    checks.record("group", "makers", id="6100")
    checks.record("principal", service, groups=["makers"])
    assert "CREATE CLEAN ROOM" not in checks.one("privileges", tables=(table,), principals=(service,)).command, (
        "through its group"
    )
    copied(both, seen_by_admin.command)
    expect(checks.one("privileges", tables=(table,), principals=(service,)), PASS, "4 privileges held")


def test_an_owner_holds_what_nobody_granted(checks: Checks) -> None:
    expect(checks.one("privileges"), PASS, "1 privileges held by admin@provider.example")
    checks.record("metastore", metastore(checks), owner="makers")
    expect(checks.one("privileges"), CANNOT_TELL, "CREATE CLEAN ROOM on metastore")
    checks.record("group", "makers", id="6100")
    checks.record("principal", "admin@provider.example", groups=["admins", "makers"])
    expect(checks.one("privileges"), PASS, "held")


def test_a_table_that_is_filtered_masked_governed_or_absent_is_no_asset(checks: Checks) -> None:
    both = checks.both
    plain = rooms.local_table(both.provider, "plain")
    filtered = rooms.local_table(
        both.provider, "filtered", row_filter={"function_name": "a.b.c", "input_column_names": ["token"]}
    )
    column = {"name": "card_number", "type_name": "STRING", "type_text": "string", "position": 0}
    masked = rooms.local_table(both.provider, "masked", columns=[{**column, "mask": {"function_name": "a.b.m"}}])
    raw = rooms.local_table(both.provider, "raw", columns=[column])
    expect(checks.one("assets", tables=(plain,)), PASS, plain)
    expect(checks.one("assets", tables=(plain, filtered)), FAIL, "row filter a.b.c")
    expect(checks.one("assets", tables=(masked,)), FAIL, "masked column card_number")
    expect(checks.one("assets", tables=(f"{both.provider.catalog}.default.absent",)), FAIL, "does not exist")
    expect(checks.one("assets", tables=(raw,)), CANNOT_TELL, "looks like a raw identifier")
    policy = catalog.PolicyInfo(
        ["account users"],
        catalog.SecurableType.TABLE,
        catalog.PolicyType.POLICY_TYPE_ROW_FILTER,
        name="consented",
        on_securable_type=catalog.SecurableType.SCHEMA,
        on_securable_fullname=f"{both.provider.catalog}.default",
        row_filter=catalog.RowFilterOptions("a.b.c"),
    )
    client = both.provider.admin
    for exempt, status in (
        (None, FAIL),
        (["strangers"], FAIL),
        (["admins"], CANNOT_TELL),
        (["admin@provider.example"], CANNOT_TELL),
    ):
        policy.except_principals = exempt
        client.policies.create_policy(policy)
        expect(checks.one("assets", tables=(plain,)), status, "policy consented")
        client.policies.delete_policy("SCHEMA", f"{both.provider.catalog}.default", "consented")


def test_tokens_end_at_the_cut_off_and_are_rotated_by_the_command_that_is_shown(checks: Checks) -> None:
    both = checks.both
    made = both.provider.admin.recipients.create("open_one", sharing.AuthenticationType.TOKEN)
    both.provider.admin.recipients.create(
        "between_metastores",
        sharing.AuthenticationType.DATABRICKS,
        data_recipient_global_metastore_id=both.consumer.facts["global_metastore_id"],
    )
    expect(checks.one("recipient-tokens"), PASS, "open_one")
    assert made.tokens
    old = {**made.tokens[0].as_dict(), "created_at": milliseconds(datetime(2025, 11, 1, tzinfo=UTC))}
    late = milliseconds(datetime(2027, 6, 1, tzinfo=UTC))
    both.provider.control("PATCH", "records/recipient/open_one", {"tokens": [{**old, "expiration_time": late}]})
    found = checks.one("recipient-tokens")
    expect(found, FAIL, "open_one: ends on 2026-12-08, not on 2027-06-01")
    copied(both, found.command)
    expect(checks.one("recipient-tokens"), PASS, "open_one")
    for name in ("open_one", "between_metastores"):
        both.provider.admin.recipients.delete(name)


def test_an_oauth_secret_that_ends_is_replaced_by_the_command_that_is_shown(checks: Checks) -> None:
    service = checks.both.provider.facts["client_id"]
    checks.record("service_secret", "7002/first", expire_time=milliseconds(NOW) + 2 * DAY)
    found = checks.one("oauth-secrets", principals=(service, "ana@provider.example"))
    expect(found, FAIL, "its last secret ends on")
    copied(checks.both, found.command)
    expect(checks.one("oauth-secrets", principals=(service,)), PASS, "until")
    for number in checks.both.provider.control("GET", "records/service_secret")["records"]:
        if number != "7002/first":
            checks.both.provider.control("DELETE", f"records/service_secret/{number}")


def test_a_room_that_is_there_is_looked_at_with_its_assets(checks: Checks) -> None:
    both = checks.both
    client, table = both.provider.admin, rooms.local_table(both.provider, "shared")
    expect(checks.one("room", room="looked_at"), PASS, "not there yet")
    client.clean_rooms.create(rooms.described(both, "looked_at"))
    both.provider.control("PATCH", "records/limits/", {"provisioning_polls": 2})
    made = checks("room", "region", "compliance", room="looked_at", place=Place("aws", "us-west-2"))
    expect(made["room"], CANNOT_TELL, "PROVISIONING")
    expect(made["region"], CANNOT_TELL, "leaves it out")
    expect(made["compliance"], CANNOT_TELL, "leaves it out")
    while client.clean_rooms.get("looked_at").status is not cleanrooms.CleanRoomStatusEnum.ACTIVE:
        pass
    client.clean_room_assets.create("looked_at", rooms.table("creator.s.shared", table))
    found = checks(
        "room", "room-limits", "region", "privileges", "compliance", room="LOOKED_AT", place=Place("aws", "us-west-2")
    )
    expect(found["room"], PASS, "ACTIVE with 1 assets, this side is creator")
    expect(found["room-limits"], PASS, "there already")
    expect(found["region"], PASS, "The room lies in aws us-west-2")
    expect(found["privileges"], PASS, "2 privileges")
    expect(checks.one("region", room="looked_at", place=Place("aws", "eu-west-1")), FAIL, "agreed is aws eu-west-1")
    service = both.provider.facts["client_id"]
    expect(checks.one("privileges", room="looked_at", principals=(service,)), FAIL, "GRANT MODIFY CLEAN ROOM")
    running = checks.one("privileges", room="looked_at", tables=(table,), runners=(service,))
    expect(running, FAIL, f"GRANT EXECUTE CLEAN ROOM TASK ON CLEAN ROOM `looked_at` TO `{service}`;")
    assert "\n" not in running.command, "whoever runs notebooks needs nothing else"
    copied(both, running.command)
    expect(checks.one("privileges", room="looked_at", tables=(table,), runners=(service,)), PASS, service)
    both.provider.fault(kind="unknown_enum", field="status", path="/api/2.0/clean-rooms/looked_at", times=1)
    expect(checks.one("room", room="looked_at"), CANNOT_TELL, "a state this version does not know")
    checks.record("table", table, owner="somebody@else.example")
    checks.record("catalog", both.provider.catalog, owner="somebody@else.example")
    checks.record("schema", f"{both.provider.catalog}.default", owner="somebody@else.example")
    expect(checks.one("room", room="looked_at"), FAIL, "creator.s.shared")
    both.consumer.admin.clean_rooms.delete("looked_at")
    expect(checks.one("room", room="looked_at"), FAIL, "DELETED")
    client.clean_rooms.delete("looked_at")


def test_the_invited_side_needs_a_metastore_admin_of_its_own(checks: Checks) -> None:
    expect(checks.one("metastore-admin", creator=True), PASS, "The partner's")
    expect(checks.one("metastore-admin", creator=False), PASS, "This side's")
    checks.record("metastore", metastore(checks), owner="System user")
    expect(checks.one("metastore-admin", creator=False), FAIL, "no admin")


def test_compliance_of_both_sides(checks: Checks) -> None:
    asked = {"standards": frozenset({"PCI_DSS"})}
    expect(checks.one("compliance", **asked), FAIL, "this side lacks PCI_DSS")
    checks.record("compliance", "", is_enabled=True, compliance_standards=["PCI_DSS", "HIPAA"])
    expect(checks.one("compliance", **asked), FAIL, "the partner lacks PCI_DSS")


def test_the_identifier_the_partner_sent_is_compared_with_its_file(checks: Checks) -> None:
    facts = checks.both.consumer.facts
    short = facts["global_metastore_id"]
    right = f"{short}:{facts['workspace_id']}:admin@consumer.example"
    expect(checks.one("sharing-identifiers", partner_identifier=right), PASS, right)
    expect(checks.one("sharing-identifiers", partner_identifier=short), FAIL, "three parts")
    wrong = f"{short}:{facts['workspace_id']}:eve@consumer.example"
    expect(checks.one("sharing-identifiers", partner_identifier=wrong), FAIL, "another user")


READS = {
    "/api/2.0/preview/scim/v2/Me": {
        "identity", "privileges", "sharing-identifiers", "oauth-secrets", "recipient-tokens", "room-limits",
    },
    "/api/2.1/unity-catalog/current-metastore-assignment": {
        "unity-catalog", "privileges", "sharing-identifiers", "system-tables",
    },
    "/api/2.1/unity-catalog/metastore_summary": {
        "sharing", "sharing-identifiers", "region", "recipient-tokens", "room-limits", "privileges",
    },
    "/api/2.0/sql/config/warehouses": {"serverless"},
    "/api/2.1/clusters/list": {"runtime", "idle-compute"},
    "/api/2.0/sql/warehouses": {"idle-compute"},
    "/api/2.0/clean-rooms": {"sharing", "room-limits"},
    "/api/2.0/settings/*": {"compliance"},
    "/api/2.1/unity-catalog/recipients": {"recipient-tokens"},
    "/api/2.1/unity-catalog/metastores/*/systemschemas": {"system-tables"},
    "/api/2.1/unity-catalog/tables/*": {"assets", "privileges"},
    "/api/2.1/unity-catalog/policies/*": {"assets"},
    "/api/2.1/unity-catalog/effective-privilege-assignments/*": {"privileges"},
}  # fmt: skip


@pytest.fixture(scope="module")
def orderly(both: Both) -> dict[str, Any]:
    """What is asked about a workspace in which everything passes; the records stay for the module."""
    control, service = both.provider.control, both.provider.facts["client_id"]
    control("PATCH", "records/cluster/0101-000000-analysis", {"autotermination_minutes": 30})
    control("PATCH", "records/system_schema/access", {"state": "ENABLE_COMPLETED"})
    control("PATCH", "records/compliance/", {"is_enabled": True, "compliance_standards": ["PCI_DSS"]})
    table = rooms.local_table(both.provider, "looked")
    place = Place("aws", "us-west-2")
    return {"tables": (table,), "principals": (service,), "standards": frozenset({"PCI_DSS"}), "place": place, "room": "new"}


# Too many calls and a broken platform are told by the same lines for every call, so that every other one meets either.
@pytest.mark.parametrize(("path", "troubled"), list(zip(READS, cycle(({"status": 429, "retry_after": 3600}, {"status": 500})))))
def test_one_call_that_fails_hides_no_other_check(
    checks: Checks, orderly: dict[str, Any], path: str, troubled: dict[str, Any]
) -> None:
    """Refused: whoever read it cannot tell, all others pass as before. Too many, or broken: the same for whoever read it."""
    checks = replace(checks, partner=replace(checks.partner, standards=Known(("PCI_DSS",))))
    faults: list[tuple[dict[str, Any], set[str]]] = [
        ({"status": 403}, {check.name for check in OWN} - {"tier", "agreement"}),
        (troubled, READS[path]),
    ]
    for fault, looked_at in faults:
        checks.both.provider.fault(kind="error", path=path, **fault)
        found = checks(*looked_at, **orderly)
        changed = {name: result for name, result in found.items() if result.status is not PASS}
        assert changed
        assert set(changed) <= READS[path], fault
        assert {result.status for result in changed.values()} == {CANNOT_TELL}
        assert any(str(fault["status"]) in result.found or "wait" in result.found for result in changed.values()), fault
        checks.both.provider.control("DELETE", "faults")


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("data_security_mode", "/api/2.1/clusters/list"),
        ("spark_version", "/api/2.1/clusters/list"),
        ("table_type", "/api/2.1/unity-catalog/tables/*"),
        ("privilege", "/api/2.1/unity-catalog/effective-privilege-assignments/*"),
        ("state", "/api/2.1/unity-catalog/metastores/*/systemschemas"),
        ("delta_sharing_scope", "/api/2.1/unity-catalog/metastore_summary"),
        ("pricing_tier", "/api/2.0/accounts/*"),
        ("authentication_type", "/api/2.1/unity-catalog/recipients"),
        ("status", "/api/2.0/accounts/servicePrincipals/*"),
    ],
)
def test_a_word_no_sdk_knows_passes_nothing_and_fails_nothing_but_says_so(
    checks: Checks, orderly: dict[str, Any], field: str, path: str
) -> None:
    checks = replace(checks, partner=replace(checks.partner, standards=Known(("PCI_DSS",))))
    before = {name: result.status for name, result in checks(**orderly).items()}
    checks.both.provider.fault(kind="unknown_enum", field=field, path=path)
    after = {name: result.status for name, result in checks(**orderly).items()}
    assert {after[name] for name in after if after[name] is not before[name]} <= {CANNOT_TELL}
    quiet = {"pricing_tier", "authentication_type"}  # not asked here; not looked at
    assert (after != before) == (field not in quiet)


def test_refused_credentials_fail_one_check_and_leave_the_rest_open(checks: Checks) -> None:
    checks.both.provider.fault(kind="error", status=401, path="/api/*")
    found = checks()
    expect(found["identity"], FAIL, "401")
    still = ("identity", "sdk", "compliance", "metastore-admin")
    assert {result.status for name, result in found.items() if name not in still} == {CANNOT_TELL}


def test_a_late_answer_and_a_busy_platform_cannot_be_told_after_a_while(checks: Checks) -> None:
    checks.both.provider.fault(kind="error", status=503, path="/api/2.1/clusters/list")
    expect(checks.one("runtime"), CANNOT_TELL, "503")
    checks.both.provider.control("DELETE", "faults")
    checks.both.provider.fault(kind="delay", seconds=0.6, path="/api/2.0/sql/config/warehouses", times=40)
    expect(checks("serverless", http_seconds=0.2)["serverless"], CANNOT_TELL, "no answer")


def test_a_workspace_that_is_not_there_is_found_out_once(checks: Checks) -> None:
    from cleanroom_core.backends.databricks.connection import Connection, open_client
    from cleanroom_core.backends.databricks.facts_workspace import Workspace
    from tests.prechecks.databricks.conftest import QuickClock

    clock = QuickClock()
    client = open_client(Connection(host="http://127.0.0.1:9", token="x", retry_seconds=1), clock, clock.sleep)
    started = clock.now
    found = run(OWN, gatherers(Workspace(client), Asked(), checks.partner, NOW))
    waited = clock.now - started
    still = ("sdk", "compliance", "metastore-admin")  # not about this workspace
    assert {checked.result.status for checked in found if checked.check.name not in still} == {CANNOT_TELL}
    assert waited < 4, "one fact waits for the SDK's retries, the others do not"
