"""What has been run in a room, as every collaborator sees it: the older list of notebooks and the newer one of tasks."""

from __future__ import annotations

from databricks.sdk.service.cleanrooms import CleanRoomTaskRunsAPI, CleanRoomTaskType

from cleanroom_core.simulator import central as rooms
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import need
from cleanroom_core.simulator.refusal import DOCUMENTED, invalid
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json


def _runs(call: Call, name: str) -> list[Json]:
    here, there = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "EXECUTE_CLEAN_ROOM_TASK", "MODIFY_CLEAN_ROOM")
    found = [run for _, run in call.state.all("room_run", CENTRAL) if run["central_id"] == there["id"]]
    return [run for run in reversed(found) if not name or run["notebook_name"] == name]


def _old(call: Call) -> Json:
    found = []
    for run in _runs(call, call.query.get("notebook_name", "")):
        shown: Json = {
            key: run[key] for key in ("notebook_name", "notebook_etag", "notebook_updated_at", "start_time") if key in run
        }
        shown |= {"collaborator_job_run_info": run["info"], "notebook_job_run_state": run["state"]}
        if "duration" in run:
            shown["run_duration"] = run["duration"]
        if "output_schema" in run:
            shown |= {"output_schema_name": run["output_schema"], "output_schema_expiration_time": run["expires"]}
        found.append(shown)
    return call.page(found, "runs")


def _new(call: Call) -> Json:
    size = call.query.get("page_size", "")
    if size.isdecimal() and int(size) > 100:
        raise invalid("page_size is at most 100.", DOCUMENTED)
    kind = call.query.get("task_type", "NOTEBOOK")
    if kind not in [each.value for each in CleanRoomTaskType]:
        raise invalid("task_type must be NOTEBOOK or JAR.")
    found = []
    for run in _runs(call, call.query.get("name", "")) if kind == "NOTEBOOK" else ():
        shown: Json = {"name": run["notebook_name"], "task_type": "NOTEBOOK", "start_time": run["start_time"]}
        shown |= {"collaborator_job_run_info": run["info"], "task_run_state": run["state"]}
        if "notebook_etag" in run:
            shown["analysis_details"] = {"etag": run["notebook_etag"], "updated_at": run["notebook_updated_at"]}
        if "duration" in run:
            shown["run_duration"] = run["duration"]
        if "output_schema" in run:
            shown["output_info"] = {"output_schema_name": run["output_schema"], "output_schema_expiration_time": run["expires"]}
        found.append(shown)
    return call.page(found, "runs", size=20)


_PATH = "/api/2.0/clean-rooms/{clean_room_name}"
ROUTES = [
    Route("GET", f"{_PATH}/runs", _old, CleanRoomTaskRunsAPI.list),
    Route("GET", f"{_PATH}/task-runs", _new, CleanRoomTaskRunsAPI.list_clean_room_task_runs_handler),
]
