"""A notebook with Python cells runs in a Spark process of its own; what statements there may not do, and how it ends early. The
very notebook of a release plan runs in tests/stories/test_platform_on_spark.py."""

from __future__ import annotations

import base64
import time

import pytest
from databricks.sdk.service import cleanrooms as cr
from databricks.sdk.service import jobs

from cleanroom_core.simulator.notebook import Cell, to_html
from cleanroom_core.simulator.spark_child import Names
from cleanroom_core.simulator.sql.failure import SqlFailure
from tests.simulator import room as rooms
from tests.simulator.conftest import Both
from tests.spark import need_java

WARDS = "creator.care.visits"


@pytest.fixture(scope="module")
def name(both: Both) -> str:
    both.provider.sql(
        "CREATE TABLE provider_data.default.visits AS SELECT concat('p', i) AS person,"
        " CASE WHEN i % 10 = 0 THEN 'west' WHEN i % 2 = 0 THEN 'south' ELSE 'north' END AS ward, i % 7 AS days"
        " FROM (SELECT explode(sequence(1, 80)) AS i)"
    )
    room = rooms.active(both, "on_spark")
    both.provider.admin.clean_room_assets.create(room, rooms.table(WARDS, "provider_data.default.visits"))
    both.consumer.admin.clean_rooms.create_output_catalog(room, cr.CleanRoomOutputCatalog(catalog_name="results"))
    return room


def submitted(both: Both, name: str, book: str, content: str) -> int:
    """A run of a notebook of the provider's that the consumer has approved."""
    about = cr.CleanRoomAssetNotebook(notebook_content=content, runner_collaborator_aliases=["collaborator"])
    kind = cr.CleanRoomAssetAssetType.NOTEBOOK_FILE
    made = both.provider.admin.clean_room_assets.create(name, cr.CleanRoomAsset(book, kind, notebook=about)).notebook
    assert made
    review = cr.NotebookVersionReview(made.etag or "", cr.CleanRoomNotebookReviewNotebookReviewState.APPROVED)
    both.consumer.admin.clean_room_assets.create_clean_room_asset_review(name, kind, book, notebook_review=review)
    task = jobs.SubmitTask("plan", clean_rooms_notebook_task=jobs.CleanRoomsNotebookTask(name, book))
    return int(both.consumer.admin.jobs.submit(tasks=[task]).response.run_id)


def ended(both: Both, run_id: int) -> tuple[jobs.RunState, jobs.RunOutput]:
    client = both.consumer.admin.jobs
    for _ in range(1500):
        run = client.get_run(run_id)
        assert run.state
        assert run.tasks
        if run.state.life_cycle_state is not jobs.RunLifeCycleState.RUNNING:
            return run.state, client.get_run_output(run.tasks[0].run_id or 0)
        time.sleep(0.2)
    raise AssertionError("the run did not end")


def test_names_of_a_room_are_put_in_the_place_of_databases() -> None:
    names = Names({"creator.care": "database_0", "results.run_1": "database_1"}, "results.run_1")
    given = {"cr_output_catalog": "results", "cr_output_schema": "run_1"}
    made = "CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.wards') AS SELECT ward FROM {}"
    assert names.statement(made.format("Creator.`care`.visits v"), given) == (
        "CREATE TABLE `database_1`.`wards` AS SELECT ward FROM `database_0`.`visits` v"
    )
    assert names.statement("SELECT 'creator.care.visits' AS t FROM seen", {}) == "SELECT 'creator.care.visits' AS t FROM seen"
    assert names.local("results.run_1.wards", write=True) == "`database_1`.`wards`"


@pytest.mark.parametrize(
    ("sql", "condition"),
    [
        ("SELECT * FROM provider_data.default.visits", "TABLE_OR_VIEW_NOT_FOUND"),
        ("CREATE TABLE creator.care.copy AS SELECT 1 AS x", "INSUFFICIENT_PERMISSIONS"),
        ("CREATE TABLE mine AS SELECT 1 AS x", "INSUFFICIENT_PERMISSIONS"),
        ("CREATE VIEW results.run_1.v AS SELECT 1 AS x", "SIMULATOR_NOT_PLAYED"),
        ("DELETE FROM creator.care.visits", "SIMULATOR_NOT_PLAYED"),
        ("GRANT SELECT ON TABLE creator.care.visits TO everybody", "SIMULATOR_NOT_PLAYED"),
    ],
)
def test_what_a_statement_on_spark_may_not_do(sql: str, condition: str) -> None:
    names = Names({"creator.care": "database_0", "results.run_1": "database_1"}, "results.run_1")
    with pytest.raises(SqlFailure, match=condition):
        names.statement(sql, {})


def test_without_java_a_python_cell_ends_the_run(both: Both, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    state, _ = ended(both, submitted(both, name, "prints", html("print(1)")))
    assert state.result_state is jobs.RunResultState.FAILED
    assert state.state_message == "Cell 1 is python, which is run on Spark; there is no Java on this machine."
    schemas = [each.name for each in both.consumer.admin.schemas.list("results")]
    assert "default" in schemas


def test_a_cancelled_run_leaves_nothing(both: Both, name: str) -> None:
    try:
        need_java()
    except (OSError, ValueError) as error:
        pytest.skip(f"no Java for Spark: {error}")
    run_id = submitted(both, name, "endless", html("while True: pass"))
    assert both.consumer.admin.jobs.get_run(run_id).state == jobs.RunState(
        jobs.RunLifeCycleState.RUNNING, state_message="In run"
    )
    both.consumer.admin.jobs.cancel_run(run_id)
    state, _ = ended(both, run_id)
    assert state.result_state is jobs.RunResultState.CANCELED


def html(*python: str) -> str:
    return base64.b64encode(to_html("plan", [Cell("python", each) for each in python], "PYTHON").encode()).decode()
