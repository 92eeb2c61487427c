"""The calls that prechecks and operations make, through the real SDK, each with what it refuses."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk import AccountClient, errors
from databricks.sdk.config import Config
from databricks.sdk.service import catalog, compute, provisioning, sharing, workspace

from cleanroom_core.simulator.notebook import from_content
from tests.simulator import room as rooms
from tests.simulator.conftest import Both, Side


@pytest.fixture
def metastore(both: Both) -> Iterator[str]:
    found = both.provider.facts["global_metastore_id"].split(":")[2]
    before = both.provider.control("GET", "records/metastore")["records"][found]
    yield found
    both.provider.control("PATCH", f"records/metastore/{found}", before)


def test_the_metastores_facts(both: Both, metastore: str) -> None:
    assert both.provider.service.metastores.current().metastore_id == metastore
    summary = both.provider.service.metastores.summary()
    assert summary.global_metastore_id == both.provider.facts["global_metastore_id"]
    assert summary.delta_sharing_scope is catalog.DeltaSharingScopeEnum.INTERNAL_AND_EXTERNAL
    assert (summary.cloud, summary.region) == ("aws", "us-west-2")


def test_without_a_metastore_everything_of_unity_catalog_says_so(both: Both) -> None:
    before = both.provider.control("GET", "records/assignment")["records"][""]
    both.provider.control("DELETE", "records/assignment/")
    for call in (both.provider.admin.metastores.current, both.provider.admin.metastores.summary):
        with pytest.raises(errors.NotFound, match="No metastore assigned") as caught:
            call()
        assert caught.value.error_code == "METASTORE_DOES_NOT_EXIST"
    both.provider.control("PATCH", "records/assignment/", before)


def test_sharing_scope_and_token_lifetime_change_together(both: Both, metastore: str) -> None:
    scope = catalog.DeltaSharingScopeEnum.INTERNAL_AND_EXTERNAL
    update = both.provider.admin.metastores.update
    assert update(metastore, delta_sharing_scope=scope, delta_sharing_recipient_token_lifetime_in_seconds=3600).name
    for wrong in (
        {},
        {"delta_sharing_recipient_token_lifetime_in_seconds": 0},
        {"delta_sharing_recipient_token_lifetime_in_seconds": 366 * 86400},
    ):
        with pytest.raises(errors.InvalidParameterValue):
            update(metastore, delta_sharing_scope=scope, **wrong)
    with pytest.raises(errors.PermissionDenied):
        both.provider.service.metastores.update(metastore, new_name="mine")


def test_system_schemas(both: Both, metastore: str) -> None:
    schemas = both.provider.admin.system_schemas
    assert {each.schema: each.state for each in schemas.list(metastore)}["access"] == "AVAILABLE"
    schemas.enable(metastore, "access")
    assert {each.schema: each.state for each in schemas.list(metastore)}["access"] == "ENABLE_COMPLETED"
    with pytest.raises(errors.ResourceConflict):
        schemas.enable(metastore, "access")
    with pytest.raises(errors.NotFound):
        schemas.enable(metastore, "nowhere")
    with pytest.raises(errors.PermissionDenied):
        list(both.provider.service.system_schemas.list(metastore))
    schemas.disable(metastore, "access")


def test_catalogs_and_schemas(both: Both) -> None:
    client = both.provider.admin
    assert client.catalogs.create("Scratch").name == "scratch"
    assert client.schemas.create("part", "scratch").full_name == "scratch.part"
    assert {each.name for each in client.schemas.list("scratch")} == {"default", "part"}
    with pytest.raises(errors.ResourceConflict):
        client.catalogs.create("scratch")
    with pytest.raises(errors.ResourceConflict, match="not empty"):
        client.catalogs.delete("scratch")
    with pytest.raises(errors.InvalidParameterValue):
        client.catalogs.create("two words")
    client.catalogs.delete("scratch", force=True)
    with pytest.raises(errors.NotFound):
        client.catalogs.get("scratch")
    with pytest.raises(errors.NotFound):
        list(client.tables.list(both.provider.catalog, "absent"))


def test_tables_and_who_sees_them(both: Both) -> None:
    full = rooms.local_table(both.provider, "looked_at", row_filter={"function_name": "a.b.c", "input_column_names": ["token"]})
    found = both.provider.admin.tables.get(full.upper())
    assert found.full_name == full
    assert found.row_filter
    assert found.row_filter.function_name == "a.b.c"
    assert both.provider.admin.tables.exists(full).table_exists
    assert full in [each.full_name for each in both.provider.service.tables.list(both.provider.catalog, "default")]
    with pytest.raises(errors.NotFound):
        both.consumer.admin.tables.get(full)


def test_grants_direct_effective_and_refused(both: Both) -> None:
    side, grants = both.consumer, both.consumer.admin.grants
    rooms.active(both, "granted")
    service, admin = side.facts["client_id"], "admin@consumer.example"
    wanted = [catalog.Privilege.MODIFY_CLEAN_ROOM, catalog.Privilege.EXECUTE_CLEAN_ROOM_TASK]
    grants.update("CLEAN_ROOM", "granted", changes=[catalog.PermissionsChange(add=wanted, principal=service)])
    assert side.service.clean_rooms.get("granted").owner == admin
    direct = {each.principal: each.privileges for each in grants.list("clean_room", "granted")}
    assert direct == {service: wanted}
    rooms.local_table(side, "granted_table")
    effective = list(side.service.grants.list_effective("table", f"{side.catalog}.default.granted_table", principal=service))
    assert effective[0].privileges
    inherited = effective[0].privileges[0]
    assert (inherited.privilege, inherited.inherited_from_type) == (
        catalog.Privilege.ALL_PRIVILEGES,
        catalog.SecurableType.CATALOG,
    )
    grants.update("clean_room", "granted", changes=[catalog.PermissionsChange(remove=wanted, principal=service)])
    with pytest.raises(errors.PermissionDenied):
        side.service.clean_rooms.get("granted")


@pytest.mark.parametrize(
    ("kind", "name", "privilege", "principal"),
    [
        (catalog.SecurableType.METASTORE, "x", catalog.Privilege.CREATE_CLEAN_ROOM, "admins"),  # the enum itself in the path
        ("catalog", "provider_data", catalog.Privilege.EXECUTE_CLEAN_ROOM_TASK, "admins"),
        ("catalog", "provider_data", catalog.Privilege.CREATE_CLEAN_ROOM, "admins"),
        ("catalog", "provider_data", catalog.Privilege.SELECT, "nobody@there.example"),
    ],
)
def test_grants_that_make_no_sense(both: Both, kind: Any, name: str, privilege: catalog.Privilege, principal: str) -> None:
    change = catalog.PermissionsChange(add=[privilege], principal=principal)
    with pytest.raises(errors.InvalidParameterValue):
        both.provider.admin.grants.update(kind, name, changes=[change])


def test_only_an_owner_or_admin_grants(both: Both) -> None:
    change = catalog.PermissionsChange(add=[catalog.Privilege.SELECT], principal="admins")
    with pytest.raises(errors.PermissionDenied):
        both.provider.service.grants.update("catalog", both.provider.catalog, changes=[change])


def test_policies_are_listed_with_what_is_inherited_and_keep_tables_out_of_rooms(both: Both) -> None:
    table = rooms.local_table(both.provider, "governed")
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
    client.policies.create_policy(policy)
    assert list(client.policies.list_policies("TABLE", table)) == []
    assert [each.name for each in client.policies.list_policies("TABLE", table, include_inherited=True)] == ["consented"]
    name = rooms.active(both, "governed_room")
    with pytest.raises(errors.InvalidParameterValue, match="not exempt"):
        client.clean_room_assets.create(name, rooms.table("creator.s.governed", table))
    client.policies.delete_policy("SCHEMA", f"{both.provider.catalog}.default", "consented")
    assert client.clean_room_assets.create(name, rooms.table("creator.s.governed", table)).status
    with pytest.raises(errors.ResourceConflict, match="shared in a clean room"):
        client.tables.delete(table)


def test_clusters_and_their_idle_time(both: Both) -> None:
    client = both.provider.admin
    (cluster,) = client.clusters.list()
    assert (cluster.autotermination_minutes, cluster.spark_version) == (120, "16.4.x-scala2.12")
    assert cluster.cluster_id
    wanted = compute.UpdateClusterResource(autotermination_minutes=30)
    client.clusters.update(cluster.cluster_id, "autotermination_minutes", cluster=wanted)
    assert client.clusters.get(cluster.cluster_id).autotermination_minutes == 30
    assert any(each.key and each.key.startswith("19.") for each in client.clusters.spark_versions().versions or [])
    with pytest.raises(errors.ResourceDoesNotExist):
        client.clusters.get("0000-nowhere")
    both.provider.control("PATCH", "records/cluster/job-run", {"cluster_source": "JOB", "state": "TERMINATED"})
    with pytest.raises(errors.InvalidParameterValue):
        client.clusters.update("job-run", "autotermination_minutes", cluster=wanted)


def test_warehouses_and_their_idle_time(both: Both) -> None:
    client = both.provider.admin
    (found,) = client.warehouses.list()
    assert (found.id, found.auto_stop_mins) == (both.provider.warehouse, 10)
    assert client.warehouses.get_workspace_warehouse_config().enable_serverless_compute
    assert found.id
    client.warehouses.edit(found.id, auto_stop_mins=30)
    assert client.warehouses.get(found.id).auto_stop_mins == 30
    with pytest.raises(errors.InvalidParameterValue):
        client.warehouses.edit(found.id, auto_stop_mins=5)


def test_open_sharing_tokens_end_and_are_rotated_once_at_a_time(both: Both) -> None:
    recipients = both.provider.admin.recipients
    made = recipients.create("partner_open", sharing.AuthenticationType.TOKEN)
    assert made.tokens
    assert made.tokens[0].expiration_time
    rotated = recipients.rotate_token("partner_open", 3600)
    assert rotated.tokens
    assert len(rotated.tokens) == 2
    assert (rotated.tokens[0].expiration_time or 0) <= time.time() * 1000 + 3_600_000
    with pytest.raises(errors.InvalidState, match="two live tokens"):
        recipients.rotate_token("partner_open", 0)
    with pytest.raises(errors.InvalidParameterValue):
        recipients.rotate_token("partner_open", -1)
    kind = sharing.AuthenticationType.DATABRICKS
    with pytest.raises(errors.InvalidParameterValue):
        recipients.create("partner", kind)
    partner = both.consumer.facts["global_metastore_id"]
    assert recipients.create("partner", kind, data_recipient_global_metastore_id=partner).tokens in (None, [])
    listed = {each.name: each for each in recipients.list()}
    assert not listed["partner"].tokens
    with pytest.raises(errors.ResourceConflict):
        recipients.create("partner_open", sharing.AuthenticationType.TOKEN)


def test_secrets(both: Both) -> None:
    secrets = both.provider.admin.secrets
    secrets.create_scope("keys")
    secrets.put_secret("keys", "token", string_value="s3cret")
    assert base64.b64decode(secrets.get_secret("keys", "token").value or "") == b"s3cret"
    assert [each.key for each in secrets.list_secrets("keys")] == ["token"]
    with pytest.raises(errors.PermissionDenied):
        both.provider.service.secrets.get_secret("keys", "token")
    secrets.put_acl("keys", both.provider.facts["client_id"], workspace.AclPermission.READ)
    assert both.provider.service.secrets.get_secret("keys", "token").key == "token"
    with pytest.raises(errors.ResourceAlreadyExists):
        secrets.create_scope("keys")
    with pytest.raises(errors.ResourceDoesNotExist):
        secrets.get_secret("keys", "absent")
    secrets.delete_scope("keys")
    assert list(secrets.list_scopes()) == []


SOURCE = """# Databricks notebook source
# MAGIC %sql
# MAGIC CREATE TABLE x AS SELECT 1

# COMMAND ----------

total = 1
"""


def _import(side: Side, path: str, **changed: Any) -> None:
    wanted: dict[str, Any] = {"format": workspace.ImportFormat.SOURCE, "language": workspace.Language.PYTHON}
    content = base64.b64encode(SOURCE.encode()).decode()
    side.admin.workspace.import_(path, content=content, **{**wanted, **changed})


def test_notebooks_are_imported_as_source_and_exported_as_the_html_a_room_takes(both: Both) -> None:
    client = both.provider.admin
    with pytest.raises(errors.ResourceDoesNotExist, match="parent folder"):
        _import(both.provider, "/Rooms/plans/one")
    client.workspace.mkdirs("/Rooms/plans")
    _import(both.provider, "/Rooms/plans/one")
    with pytest.raises(errors.ResourceAlreadyExists):
        _import(both.provider, "/Rooms/plans/one")
    _import(both.provider, "/Rooms/plans/one", overwrite=True)
    exported = client.workspace.export("/Rooms/plans/one", format=workspace.ExportFormat.HTML).content
    assert exported
    assert [(cell.language, cell.text) for cell in from_content(exported)] == [
        ("sql", "CREATE TABLE x AS SELECT 1"),
        ("python", "total = 1"),
    ]
    source = client.workspace.export("/Rooms/plans/one", format=workspace.ExportFormat.SOURCE).content
    assert base64.b64decode(source or "").decode() == SOURCE
    assert [each.path for each in client.workspace.list("/Rooms/plans")] == ["/Rooms/plans/one"]
    with pytest.raises(errors.BadRequest):
        client.workspace.delete("/Rooms")
    client.workspace.delete("/Rooms", recursive=True)
    with pytest.raises(errors.ResourceDoesNotExist):
        client.workspace.get_status("/Rooms")


def test_compliance_and_the_accounts_tier(both: Both) -> None:
    found = both.provider.admin.settings.compliance_security_profile.get()
    assert found.compliance_security_profile_workspace.is_enabled is False
    facts = both.provider.facts
    path = f"/api/2.0/accounts/{facts['account_id']}/workspaces/{facts['workspace_id']}"
    reply = both.provider.admin.api_client.do("GET", path)
    assert isinstance(reply, dict)
    assert reply["pricing_tier"] == "PREMIUM"
    with pytest.raises(errors.PermissionDenied):
        both.provider.service.api_client.do("GET", path)


def test_the_accounts_own_client_reads_the_tier_and_secrets(both: Both) -> None:
    facts = both.provider.facts
    account = AccountClient(
        config=Config(host=facts["host"], account_id=facts["account_id"], token=facts["token"], config_file="/nonexistent")
    )
    assert account.workspaces.get(facts["workspace_id"]).pricing_tier is provisioning.PricingTier.PREMIUM
    both.provider.control("PATCH", "records/account/", {"pricing_tier": "STANDARD"})
    assert account.workspaces.get(facts["workspace_id"]).pricing_tier is provisioning.PricingTier.STANDARD
    (secret,) = account.service_principal_secrets.list("7002")
    assert secret.expire_time
    both.provider.control("PATCH", "records/account/", {"pricing_tier": "PREMIUM"})


def test_service_principals_are_found_by_their_application_id(both: Both) -> None:
    wanted = both.provider.facts["client_id"]
    (found,) = both.provider.admin.service_principals_v2.list(filter=f"applicationId eq '{wanted}'")
    assert (found.id, found.application_id) == ("7002", wanted)
    with pytest.raises(errors.ResourceDoesNotExist):
        both.provider.admin.service_principals_v2.get(wanted)
