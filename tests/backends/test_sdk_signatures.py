"""What the adapter uses of the databricks-sdk, written down: an upgrade that changes any of it fails here, and says where.

The pinned version is in requirements.txt, the range in pyproject.toml.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient, clock, errors
from databricks.sdk.config import Config
from databricks.sdk.service import catalog, cleanrooms, iam, jobs, settings, sql, workspace

ROOT = Path(__file__).parents[2]
METHODS = {
    "clean_rooms.create": ("clean_room",),
    "clean_rooms.get": ("name",),
    "clean_rooms.list": (),
    "clean_rooms.delete": ("name",),
    "clean_rooms.create_output_catalog": ("clean_room_name", "output_catalog"),
    "clean_room_assets.create": ("clean_room_name", "asset"),
    "clean_room_assets.get": ("clean_room_name", "asset_type", "name"),
    "clean_room_assets.list": ("clean_room_name",),
    "clean_room_assets.update": ("clean_room_name", "asset_type", "name", "asset"),
    "clean_room_assets.delete": ("clean_room_name", "asset_type", "name"),
    "clean_room_assets.create_clean_room_asset_review": ("clean_room_name", "asset_type", "name", "*notebook_review"),
    "clean_room_asset_revisions.get": ("clean_room_name", "asset_type", "name", "etag"),
    "clean_room_auto_approval_rules.create": ("clean_room_name", "auto_approval_rule"),
    "clean_room_auto_approval_rules.list": ("clean_room_name",),
    "clean_room_auto_approval_rules.delete": ("clean_room_name", "rule_id"),
    "clean_room_task_runs.list_clean_room_task_runs_handler": ("clean_room_name",),
    "jobs.submit": ("*tasks", "*run_name", "*timeout_seconds", "*idempotency_token"),
    "jobs.get_run": ("run_id",),
    "jobs.get_run_output": ("run_id",),
    "jobs.list_runs": ("*run_type", "*start_time_from"),
    "workspace.mkdirs": ("path",),
    "workspace.import_": ("path", "*content", "*format", "*language", "*overwrite"),
    "workspace.export": ("path", "*format"),
    "statement_execution.execute_statement": (
        "statement", "warehouse_id", "*parameters", "*wait_timeout", "*on_wait_timeout", "*disposition", "*format",
    ),
    "statement_execution.get_statement": ("statement_id",),
    "statement_execution.get_statement_result_chunk_n": ("statement_id", "chunk_index"),
    "tables.get": ("full_name",),
    "tables.list": ("catalog_name", "schema_name", "*omit_columns"),
    "grants.update": ("securable_type", "full_name", "*changes"),
    "grants.list_effective": ("securable_type", "full_name", "*principal"),
    "current_user.me": (),
    "metastores.summary": (),
}  # fmt: skip
FIELDS = {
    cleanrooms.CleanRoom: (
        "name owner comment status local_collaborator_alias access_restricted output_catalog remote_detailed_info"
    ),
    cleanrooms.CleanRoomRemoteDetail: "cloud_vendor region collaborators egress_network_policy",
    cleanrooms.CleanRoomCollaborator: (
        "collaborator_alias global_metastore_id invite_recipient_email invite_recipient_workspace_id"
    ),
    cleanrooms.CleanRoomOutputCatalog: "catalog_name",
    cleanrooms.CleanRoomAsset: (
        "name asset_type clean_room_name owner_collaborator_alias status notebook table_local_details view_local_details"
    ),
    cleanrooms.CleanRoomAssetTableLocalDetails: "local_name",
    cleanrooms.CleanRoomAssetViewLocalDetails: "local_name",
    cleanrooms.CleanRoomAssetNotebook: "notebook_content description etag review_state reviews runner_collaborator_aliases",
    cleanrooms.CleanRoomNotebookReview: "review_state review_sub_reason reviewer_collaborator_alias",
    cleanrooms.NotebookVersionReview: "etag review_state comment",
    cleanrooms.CleanRoomAutoApprovalRule: "rule_id author_collaborator_alias author_scope runner_collaborator_alias",
    cleanrooms.CleanRoomTaskRun: "name collaborator_job_run_info analysis_details task_run_state output_info",
    cleanrooms.CollaboratorJobRunInfo: "collaborator_alias",
    cleanrooms.CleanRoomTaskRunOutputInfo: "output_schema_name",
    jobs.CleanRoomsNotebookTask: "clean_room_name notebook_name etag notebook_base_parameters",
    jobs.SubmitTask: "task_key clean_rooms_notebook_task timeout_seconds",
    jobs.Run: "run_id state tasks run_name",
    jobs.RunTask: "run_id",
    jobs.RunState: "life_cycle_state result_state state_message",
    jobs.RunOutput: "error clean_rooms_notebook_output",
    jobs.CleanRoomsNotebookTaskCleanRoomsNotebookTaskOutput: "output_schema_info",
    jobs.OutputSchemaInfo: "catalog_name schema_name expiration_time",
    settings.EgressNetworkPolicyInternetAccessPolicy: "restriction_mode",
    sql.StatementParameterListItem: "name value",
    sql.StatementResponse: "statement_id status manifest result",
    sql.StatementStatus: "state error sql_state",
    sql.ResultManifest: "schema total_chunk_count total_row_count truncated",
    sql.ResultData: "data_array",
    sql.ColumnInfo: "name type_text",
    catalog.PermissionsChange: "add principal",
    catalog.GetMetastoreSummaryResponse: "global_metastore_id metastore_id owner delta_sharing_scope",
    catalog.EffectivePrivilegeAssignment: "principal privileges",
    catalog.EffectivePrivilege: "privilege",
    iam.User: "user_name groups",
    workspace.ExportResponse: "content",
}
ENUMS = {
    cleanrooms.CleanRoomStatusEnum: "PROVISIONING ACTIVE FAILED DELETED",
    cleanrooms.CleanRoomAccessRestricted: "NO_RESTRICTION CSP_MISMATCH",
    cleanrooms.CleanRoomAssetAssetType: "TABLE VIEW NOTEBOOK_FILE",
    cleanrooms.CleanRoomAssetStatusEnum: "ACTIVE PENDING PERMISSION_DENIED",
    cleanrooms.CleanRoomNotebookReviewNotebookReviewState: "APPROVED PENDING REJECTED",
    cleanrooms.CleanRoomAutoApprovalRuleAuthorScope: "ANY_AUTHOR",
    settings.EgressNetworkPolicyInternetAccessPolicyRestrictionMode: "RESTRICTED_ACCESS",
    sql.StatementState: "PENDING RUNNING SUCCEEDED",
    sql.Disposition: "INLINE",
    sql.Format: "JSON_ARRAY",
    sql.ExecuteStatementRequestOnWaitTimeout: "CONTINUE",
    workspace.ImportFormat: "SOURCE",
    workspace.ExportFormat: "HTML",
    workspace.Language: "PYTHON SQL",
    jobs.RunType: "SUBMIT_RUN",
    catalog.Privilege: "SELECT CREATE_CLEAN_ROOM ALL_PRIVILEGES",
}


@pytest.fixture(scope="module")
def client() -> WorkspaceClient:
    """Of nowhere: its services are asked for their signatures only."""
    return WorkspaceClient(config=Config(host="http://127.0.0.1:9", token="none", retry_timeout_seconds=1))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", "databricks.sdk")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_what_we_give_it(client: WorkspaceClient, name: str) -> None:
    """Positional ones in this order, then keywords, marked with a star; whatever else there is has a default."""
    service, method = name.split(".")
    parameters = inspect.signature(getattr(getattr(client, service), method)).parameters
    positional = [each for each in METHODS[name] if not each.startswith("*")]
    keywords = [each[1:] for each in METHODS[name] if each.startswith("*")]
    assert list(parameters)[: len(positional)] == positional
    assert set(keywords) <= set(parameters)
    rest = [each for each in parameters.values() if each.name not in (*positional, *keywords)]
    assert [each.name for each in rest if each.default is inspect.Parameter.empty] == []


@pytest.mark.parametrize("kind", FIELDS, ids=lambda kind: kind.__name__)
def test_a_dataclass_has_the_fields_we_use(kind: type) -> None:
    assert set(FIELDS[kind].split()) <= {each.name for each in dataclasses.fields(kind)}


@pytest.mark.parametrize("kind", ENUMS, ids=lambda kind: kind.__name__)
def test_an_enum_has_the_words_we_know(kind: type[enum.Enum]) -> None:
    assert set(ENUMS[kind].split()) <= {each.value for each in kind}


def test_what_we_give_by_position_comes_first() -> None:
    def first(kind: type, count: int) -> list[str]:
        return [each.name for each in dataclasses.fields(kind)][:count]

    assert first(cleanrooms.CleanRoomAsset, 2) == ["name", "asset_type"]
    assert first(cleanrooms.CleanRoomCollaborator, 1) == ["collaborator_alias"]
    assert first(cleanrooms.NotebookVersionReview, 2) == ["etag", "review_state"]
    assert first(jobs.CleanRoomsNotebookTask, 3) == ["clean_room_name", "notebook_name", "etag"]
    assert first(jobs.SubmitTask, 1) == ["task_key"]


def test_errors_still_descend_as_they_are_translated() -> None:
    assert issubclass(errors.ResourceDoesNotExist, errors.NotFound)
    assert issubclass(errors.ResourceAlreadyExists, errors.ResourceConflict)
    assert issubclass(errors.AlreadyExists, errors.ResourceConflict)
    assert issubclass(errors.InvalidState, errors.BadRequest)
    assert issubclass(errors.RequestLimitExceeded, errors.TooManyRequests)
    assert issubclass(errors.ResourceExhausted, errors.TooManyRequests)


def test_retries_can_be_bounded() -> None:
    """A clock may be handed in, and retries ask it for the time and for sleep."""
    assert {"clock", "product", "product_version"} <= set(inspect.signature(Config.__init__).parameters)
    assert {"http_timeout_seconds", "retry_timeout_seconds", "auth_type"} <= {each.name for each in Config.attributes()}
    assert clock.Clock.__abstractmethods__ == {"time", "sleep"}


def test_the_installed_version_is_the_pinned_one() -> None:
    pinned = [
        line.strip() for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("databricks-sdk")
    ]
    assert pinned == [f"databricks-sdk=={version('databricks-sdk')}"]
    ranges = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [each for each in ranges if each.startswith("databricks-sdk")] == ["databricks-sdk>=0.122,<1"]
