"""Runs of notebooks in a room: what is executed, who may read what came out, and every reason not to run."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.service import catalog, jobs
from databricks.sdk.service import cleanrooms as cr
from databricks.sdk.service.sql import StatementState

from tests.simulator import room as rooms
from tests.simulator.conftest import Both

NOTEBOOK = cr.CleanRoomAssetAssetType.NOTEBOOK_FILE
APPROVED = cr.CleanRoomNotebookReviewNotebookReviewState.APPROVED
SUCCESS, FAILED = jobs.RunResultState.SUCCESS, jobs.RunResultState.FAILED
SEGMENTS = """
CREATE OR REPLACE TEMPORARY VIEW joined AS
SELECT s.region, s.token, o.chargeback FROM creator.signals.payments s
JOIN collaborator.outcomes.labels o ON o.token = s.token;
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.segments') AS
SELECT region, count(DISTINCT token) AS people, sum(CAST(chargeback AS INT)) AS hits, :note AS note
FROM joined GROUP BY region HAVING count(DISTINCT token) >= 2
"""


@pytest.fixture(scope="module")
def name(both: Both) -> str:
    """A room with a table of each side, an output catalog on the consumer's and a service principal that may run notebooks."""
    provider, consumer = both.provider, both.consumer
    provider.sql(
        "CREATE TABLE provider_data.default.share AS SELECT * FROM VALUES"
        " ('a', 'EU'), ('b', 'EU'), ('c', 'US') AS t(token, region)"
    )
    consumer.sql(
        "CREATE TABLE consumer_data.default.labels AS SELECT * FROM VALUES"
        " ('a', true), ('b', false), ('c', true) AS t(token, chargeback)"
    )
    room = rooms.active(both, "runs")
    provider.admin.clean_room_assets.create(room, rooms.table("creator.signals.payments", "provider_data.default.share"))
    consumer.admin.clean_room_assets.create(room, rooms.table("collaborator.outcomes.labels", "consumer_data.default.labels"))
    consumer.admin.clean_rooms.create_output_catalog(room, cr.CleanRoomOutputCatalog(catalog_name="results"))
    change = catalog.PermissionsChange(
        add=[catalog.Privilege.EXECUTE_CLEAN_ROOM_TASK, catalog.Privilege.BROWSE], principal=consumer.facts["client_id"]
    )
    consumer.admin.grants.update("clean_room", room, changes=[change])
    return room


def approved(both: Both, name: str, book: str, *sql: str) -> str:
    """The etag of a notebook of the provider that the consumer has approved."""
    made = both.provider.admin.clean_room_assets.create(name, rooms.notebook(book, *sql)).notebook
    assert made
    assert made.etag
    review = cr.NotebookVersionReview(made.etag, APPROVED)
    both.consumer.admin.clean_room_assets.create_clean_room_asset_review(name, NOTEBOOK, book, notebook_review=review)
    return made.etag


def submit(client: WorkspaceClient, name: str, book: str, etag: str | None = None, **keywords: Any) -> int:
    task = jobs.CleanRoomsNotebookTask(name, book, etag=etag, notebook_base_parameters={"note": "x'y"})
    return client.jobs.submit(tasks=[jobs.SubmitTask("plan", clean_rooms_notebook_task=task)], **keywords).response.run_id


def ended(client: WorkspaceClient, run_id: int) -> tuple[jobs.RunState, jobs.RunOutput]:
    assert client.jobs.get_run(run_id).state == jobs.RunState(jobs.RunLifeCycleState.RUNNING, state_message="In run")
    run = client.jobs.get_run(run_id)
    assert run.state
    assert run.tasks
    return run.state, client.jobs.get_run_output(run.tasks[0].run_id or 0)


def test_a_run_computes_on_both_sides_tables_and_only_its_runner_reads_the_output(both: Both, name: str) -> None:
    etag = approved(both, name, "segments", SEGMENTS)
    service = both.consumer.service
    state, output = ended(service, submit(service, name, "segments", etag))
    assert state.result_state is SUCCESS, state.state_message
    result = output.clean_rooms_notebook_output
    assert result
    schema = result.output_schema_info
    assert schema
    assert schema.catalog_name == "results"
    assert schema.expiration_time
    table = f"results.{schema.schema_name}.segments"
    assert both.consumer.sql(f"SELECT * FROM {table}", service) == [["EU", "2", "1", "x'y"]]
    with pytest.raises(AssertionError, match="INSUFFICIENT_PERMISSIONS"):
        both.consumer.sql(f"SELECT * FROM {table}")
    for side in (both.provider, both.consumer):
        (newer,) = [
            each for each in side.admin.clean_room_task_runs.list_clean_room_task_runs_handler(name) if each.name == "segments"
        ]
        (older,) = side.admin.clean_room_task_runs.list(name, notebook_name="segments")
        assert newer.analysis_details
        assert newer.output_info
        assert newer.collaborator_job_run_info
        assert (newer.analysis_details.etag, older.notebook_etag) == (etag, etag)
        assert newer.output_info.output_schema_name == older.output_schema_name == schema.schema_name
        assert newer.collaborator_job_run_info.collaborator_alias == "collaborator"


def test_a_view_is_shared_and_read_with_the_rights_of_the_rooms_owner(both: Both, name: str) -> None:
    both.provider.sql(
        "CREATE VIEW provider_data.default.eu AS SELECT token, region FROM provider_data.default.share WHERE region = 'EU'"
    )
    details = cr.CleanRoomAssetViewLocalDetails("provider_data.default.eu")
    view = cr.CleanRoomAsset("creator.signals.eu", cr.CleanRoomAssetAssetType.VIEW, view_local_details=details)
    shown = both.provider.admin.clean_room_assets.create(name, view)
    assert shown.view
    assert [column.name for column in shown.view.columns or []] == ["token", "region"]
    made = "CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.eu') AS "
    approved(both, name, "of_a_view", made + "SELECT count(*) AS n FROM creator.signals.eu")
    state, output = ended(both.consumer.service, submit(both.consumer.service, name, "of_a_view"))
    assert state.result_state is SUCCESS, state.state_message
    assert output.clean_rooms_notebook_output
    assert output.clean_rooms_notebook_output.output_schema_info
    schema = output.clean_rooms_notebook_output.output_schema_info.schema_name
    assert both.consumer.sql(f"SELECT n FROM results.{schema}.eu", both.consumer.service) == [["2"]]


def test_an_eleventh_task_at_once_and_a_hundred_and_first_table_end_the_run(both: Both, name: str) -> None:
    room = rooms.active(both, "crowded")
    both.provider.admin.clean_room_assets.create(room, rooms.notebook("crowd", "SELECT 1", runners=("creator", "collaborator")))
    book = both.provider.admin.clean_room_assets.get(room, NOTEBOOK, "crowd").notebook
    assert book
    review = cr.NotebookVersionReview(book.etag or "", APPROVED)
    both.consumer.admin.clean_room_assets.create_clean_room_asset_review(room, NOTEBOOK, "crowd", notebook_review=review)
    running = [submit(both.consumer.admin, room, "crowd") for _ in range(10)]
    state, _ = ended(both.consumer.admin, submit(both.consumer.admin, room, "crowd"))
    assert state.result_state is jobs.RunResultState.MAXIMUM_CONCURRENT_RUNS_REACHED
    both.consumer.admin.jobs.cancel_run(running[0])
    state, _ = ended(both.consumer.admin, submit(both.consumer.admin, room, "crowd"))
    assert state.result_state is SUCCESS
    made = "CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.t{}') AS SELECT 1 AS x;"
    approved(both, name, "many", "".join(made.format(number) for number in range(101)))
    assert "at most 100" in why_not(both.consumer.service, name, "many")


def test_an_output_schema_ends(both: Both, name: str) -> None:
    approved(both, name, "brief", SEGMENTS)
    both.consumer.control("PATCH", "records/limits/", {"output_milliseconds": 0})
    state, output = ended(both.consumer.service, submit(both.consumer.service, name, "brief"))
    both.consumer.control("PATCH", "records/limits/", {"output_milliseconds": None})
    assert state.result_state is SUCCESS
    assert output.clean_rooms_notebook_output
    assert output.clean_rooms_notebook_output.output_schema_info
    schema = output.clean_rooms_notebook_output.output_schema_info.schema_name
    with pytest.raises(errors.NotFound):
        both.consumer.service.schemas.get(f"results.{schema}")
    with pytest.raises(AssertionError, match="TABLE_OR_VIEW_NOT_FOUND"):
        both.consumer.sql(f"SELECT * FROM results.{schema}.segments", both.consumer.service)


def test_run_as_a_service_principal_is_for_admins(both: Both, name: str) -> None:
    approved(both, name, "as_other", SEGMENTS)
    other = jobs.JobRunAs(service_principal_name=both.consumer.facts["client_id"])
    state, output = ended(both.consumer.admin, submit(both.consumer.admin, name, "as_other", run_as=other))
    assert state.result_state is SUCCESS
    assert output.clean_rooms_notebook_output
    assert output.clean_rooms_notebook_output.output_schema_info
    schema = output.clean_rooms_notebook_output.output_schema_info.schema_name
    assert both.consumer.sql(f"SELECT region FROM results.{schema}.segments", both.consumer.service) == [["EU"]]
    with pytest.raises(errors.PermissionDenied):
        submit(both.consumer.service, name, "as_other", run_as=jobs.JobRunAs(user_name="admin@consumer.example"))


def why_not(client: WorkspaceClient, name: str, book: str, etag: str | None = None) -> str:
    state, output = ended(client, submit(client, name, book, etag))
    assert state.result_state is FAILED
    assert state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
    assert output.error == state.state_message
    return state.state_message or ""


def test_versions_that_are_not_approved_or_not_the_newest_do_not_run(both: Both, name: str) -> None:
    both.provider.admin.clean_room_assets.create(name, rooms.notebook("unread", SEGMENTS))
    assert "not approved" in why_not(both.consumer.service, name, "unread")
    old = approved(both, name, "edited", SEGMENTS)
    both.provider.admin.clean_room_assets.update(name, NOTEBOOK, "edited", rooms.notebook("edited", SEGMENTS))
    assert "etag" in why_not(both.consumer.service, name, "edited", old)
    assert "not approved" in why_not(both.consumer.service, name, "edited")


def test_who_is_no_runner_or_has_no_privilege_does_not_run(both: Both, name: str) -> None:
    approved(both, name, "theirs", SEGMENTS)
    assert "designated runner" in why_not(both.provider.admin, name, "theirs")
    assert "EXECUTE CLEAN ROOM TASK" in why_not(both.provider.service, name, "theirs")
    assert "does not exist" in why_not(both.consumer.service, name, "absent")
    assert "does not exist" in why_not(both.consumer.service, "no_such_room", "theirs")


@pytest.mark.parametrize(
    ("book", "sql", "reason"),
    [
        ("past_the_assets", "SELECT * FROM provider_data.default.share", "TABLE_OR_VIEW_NOT_FOUND"),
        ("as_the_article", "SELECT * FROM cleanroom_catalog.supplier.payments", "TABLE_OR_VIEW_NOT_FOUND"),
        ("writes_elsewhere", "CREATE TABLE results.default.t AS SELECT 1", "INSUFFICIENT_PERMISSIONS"),
        ("writes_into_data", "DELETE FROM creator.signals.payments", "INSUFFICIENT_PERMISSIONS"),
        ("grants", "GRANT SELECT ON CATALOG consumer_data TO `admins`", "SIMULATOR_NOT_PLAYED"),
        ("secrets", "SELECT secret('a', 'b')", "INVALID_SECRET_LOOKUP"),
        ("unbound", "SELECT :unknown", "UNBOUND_SQL_PARAMETER"),
        ("installs", "%pip install pandas", "is pip"),
    ],
)
def test_what_a_notebook_may_not_do_ends_its_run(both: Both, name: str, book: str, sql: str, reason: str) -> None:
    approved(both, name, book, "SELECT 1", sql)
    assert reason in why_not(both.consumer.service, name, book)
    before = [each.name for each in both.consumer.admin.schemas.list("results")]
    assert all((each or "").startswith(("default", "runs_run_")) for each in before)


def test_a_failed_run_leaves_no_output(both: Both, name: str) -> None:
    approved(both, name, "half", SEGMENTS, "SELECT broken")
    before = {each.name for each in both.consumer.admin.schemas.list("results")}
    why_not(both.consumer.service, name, "half")
    assert {each.name for each in both.consumer.admin.schemas.list("results")} == before


def test_a_run_fails_on_demand_and_is_cancelled_before_its_end(both: Both, name: str) -> None:
    approved(both, name, "faulty", SEGMENTS)
    both.consumer.fault(kind="run_failed", message="Serverless compute was lost.", times=1)
    assert why_not(both.consumer.service, name, "faulty") == "Serverless compute was lost."
    run_id = submit(both.consumer.service, name, "faulty")
    both.consumer.service.jobs.cancel_run(run_id)
    state = both.consumer.service.jobs.get_run(run_id).state
    assert state
    assert state.result_state is jobs.RunResultState.CANCELED


def test_the_same_idempotency_token_runs_once_even_when_the_answer_was_lost(both: Both, name: str) -> None:
    approved(both, name, "once", SEGMENTS)
    path = "/api/2.2/jobs/runs/submit"
    both.consumer.fault(kind="error", status=503, retry_after=0, after_commit=True, path=path, times=1)
    first = submit(both.consumer.service, name, "once", idempotency_token="t1")
    assert submit(both.consumer.service, name, "once", idempotency_token="t1") == first
    runs = both.provider.admin.clean_room_task_runs.list(name, notebook_name="once")
    assert len(list(runs)) == 1


def test_a_job_is_kept_and_run(both: Both, name: str) -> None:
    approved(both, name, "kept", SEGMENTS)
    client = both.consumer.service
    task = jobs.CleanRoomsNotebookTask(name, "kept", notebook_base_parameters={"note": "-"})
    job = client.jobs.create(name="monthly", tasks=[jobs.Task("plan", clean_rooms_notebook_task=task)]).job_id
    assert job
    state, _ = ended(client, client.jobs.run_now(job).response.run_id)
    assert state.result_state is SUCCESS
    assert client.jobs.get(job).settings
    client.jobs.delete(job)
    with pytest.raises(errors.ResourceDoesNotExist):
        client.jobs.get(job)


def test_requests_the_jobs_api_does_not_take(both: Both, name: str) -> None:
    client = both.consumer.service
    plain = jobs.SubmitTask("t", notebook_task=jobs.NotebookTask("/x"))
    twice = jobs.SubmitTask("t", clean_rooms_notebook_task=jobs.CleanRoomsNotebookTask(name, "kept"))
    for tasks in ([], [plain], [twice, twice]):
        with pytest.raises(errors.InvalidParameterValue):
            client.jobs.submit(tasks=tasks)
    body = {"tasks": [{"task_key": "t", "clean_rooms_notebook_task": {"clean_room_name": name}}]}
    with pytest.raises(errors.InvalidParameterValue, match="missing the required field 'notebook_name'"):
        client.api_client.do("POST", "/api/2.2/jobs/runs/submit", body=body)
    with pytest.raises(errors.ResourceDoesNotExist):
        client.jobs.get_run(987654)


def test_the_events_tell_who_ran_which_version(both: Both, name: str) -> None:
    etag = approved(both, name, "told", SEGMENTS)
    ended(both.consumer.service, submit(both.consumer.service, name, "told", etag))
    for side in (both.provider, both.consumer):
        metastore = side.facts["global_metastore_id"].split(":")[2]
        side.admin.system_schemas.enable(metastore, "access")
        side.admin.system_schemas.enable(metastore, "billing")
        rows = side.sql(
            "SELECT initiator_collaborator_alias, run_notebook_started_metadata FROM system.access.clean_room_events"
            " WHERE event_type = 'RUN_NOTEBOOK_STARTED' AND run_notebook_started_metadata LIKE :about",
            about=f"%{etag}%",
        )
        assert [row[0] for row in rows] == ["collaborator"]
        kinds = side.sql("SELECT DISTINCT event_type FROM system.access.clean_room_events")
        assert {row[0] for row in kinds} >= {"CLEAN_ROOM_CREATED", "CLEAN_ROOM_ASSETS_UPDATED", "ASSET_REVIEW_CREATED"}
        billed = "SELECT DISTINCT billing_origin_product, usage_unit FROM system.billing.usage"
        assert side.sql(billed) == [["CLEAN_ROOM", "DBU"]]


def test_current_user_inside_a_room_is_nobody_of_the_workspace(both: Both, name: str) -> None:
    made = "CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.who') AS "
    sql = made + "SELECT current_user() AS u, is_account_group_member('admins') AS g"
    approved(both, name, "who", sql)
    state, output = ended(both.consumer.admin, submit(both.consumer.admin, name, "who"))
    assert state.result_state is SUCCESS
    assert output.clean_rooms_notebook_output
    assert output.clean_rooms_notebook_output.output_schema_info
    schema = output.clean_rooms_notebook_output.output_schema_info.schema_name
    ((user, member),) = both.consumer.sql(f"SELECT u, g FROM results.{schema}.who")
    assert user not in ("admin@consumer.example", both.consumer.facts["client_id"])
    assert member == "false"
    reply = both.consumer.service.statement_execution.execute_statement(
        f"SELECT u FROM results.{schema}.who", both.consumer.warehouse
    )
    assert reply.status
    assert reply.status.state is StatementState.FAILED
