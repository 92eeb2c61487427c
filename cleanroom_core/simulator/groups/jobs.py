"""Jobs whose tasks run notebooks of clean rooms, and their runs.

A run is executed when it is submitted; looks at it then show RUNNING before its end, as many as `limits.run_looks` says. One
with Python cells computes in a process of its own, and looks show RUNNING until that has ended.
"""

from __future__ import annotations

from databricks.sdk.service.jobs import JobsAPI

from cleanroom_core.simulator import playing, securables
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.refusal import GUESS, SDK, Refusal, denied, invalid
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_JOBS = "/api/2.2/jobs"


def _tasks(given: Json) -> list[Json]:
    tasks = given.get("tasks") or []
    keys = [task["task_key"] for task in tasks]
    if not tasks or len(set(keys)) < len(keys):
        raise invalid("A run needs tasks, each with its own task_key.", SDK)
    for task in tasks:
        if "clean_rooms_notebook_task" not in task:
            raise invalid("The simulator runs clean_rooms_notebook_task only.", "simulator")
        if task.get("depends_on"):
            raise invalid("The simulator runs tasks in the order given, without depends_on.", "simulator")
    return list(tasks)


def _runner(call: Call, given: Json) -> str:
    """Who the run runs as: the caller, or the principal of `run_as`, which an admin may name."""
    wanted = given.get("run_as") or {}
    if len(wanted) > 1 or "group_name" in wanted:
        raise invalid("run_as names either user_name or service_principal_name.", SDK)
    name = str(next(iter(wanted.values()), call.caller))
    if name != call.caller and "admins" not in call.groups:
        raise denied("Running as another principal needs the role of its user, or an admin.")
    if call.get("principal", name) is None:
        raise invalid(f"Principal '{name}' does not exist.")
    return name


def _submit(call: Call) -> Json:
    return {"run_id": _once(call, call.body, None)}


def _once(call: Call, given: Json, job_id: int | None) -> int:
    """The run's number; a run that was asked for with the same idempotency token is not run again."""
    token = given.get("idempotency_token")
    if token is not None and len(token) > 64:
        raise invalid("idempotency_token has at most 64 characters.", SDK)
    if token is not None and (known := call.get("idempotency", token)):
        return int(known["run_id"])
    number = _run(call, given, job_id)
    if token is not None:
        call.put("idempotency", token, {"run_id": number})
    return number


def _run(call: Call, given: Json, job_id: int | None) -> int:
    tasks, runner = _tasks(given), _runner(call, given)
    run_id, job = call.state.next_number("run"), job_id or call.state.next_number("job")
    looks = (call.get("limits") or {}).get("run_looks", 1)
    done: list[Json] = []
    for task in tasks:
        number = call.state.next_number("run")
        ids = {"job_id": job, "run_id": run_id, "task_run_id": number}
        asked = task["clean_rooms_notebook_task"]
        end = playing.play(playing.as_runner(call, runner), asked, ids)
        done.append({"run_id": number, "task_key": task["task_key"], "task": asked, "end": end})
        call.put("task_run", str(number), {"parent": run_id})
    record = {
        "job_id": job,
        "run_name": given.get("run_name") or given.get("name") or "Untitled",
        "run_type": "SUBMIT_RUN" if job_id is None else "JOB_RUN",
        "creator": call.caller,
        "runner": runner,
        "start_time": now(),
        "looks": looks,
        "tasks": done,
    }
    call.put("run", str(run_id), record)
    _show_room(call, record)
    return run_id


def _show_room(call: Call, record: Json) -> None:
    """What the room's own list of runs says about the state is what a look at the run says."""
    for task in record["tasks"]:
        key = f"{call.place}/{task['run_id']}"
        run = call.state.get("room_run", CENTRAL, key)
        if run is not None:
            call.state.put("room_run", CENTRAL, key, {**run, "looks": record["looks"], "state": _room_state(record, task)})


def _met(call: Call, number: str, record: Json) -> Json:
    """The record, with the ends of tasks that have ended meanwhile."""
    waiting = [task for task in record["tasks"] if "pending" in task["end"]]
    for task in waiting:
        task["end"] = playing.meet(playing.as_runner(call, record["runner"]), str(task["run_id"])) or task["end"]
    if waiting:
        call.put("run", number, record)
        _show_room(call, record)
    return record


def _room_state(record: Json, task: Json) -> Json:
    if record["looks"] or "pending" in task["end"]:
        return {"life_cycle_state": "RUNNING"}
    result = task["end"]["result"]
    return {"life_cycle_state": "TERMINATED" if result == "SUCCESS" else "INTERNAL_ERROR", "result_state": result}


def _state(record: Json, ends: list[Json]) -> Json:
    if record["looks"] or any("pending" in end for end in ends):
        return {"life_cycle_state": "RUNNING", "state_message": "In run"}
    bad = [end for end in ends if end["result"] != "SUCCESS"]
    if not bad:
        return {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
    cycle = "TERMINATED" if bad[0]["result"] == "CANCELED" else "INTERNAL_ERROR"
    return {"life_cycle_state": cycle, "result_state": bad[0]["result"], "state_message": bad[0]["reason"]}


def _find(call: Call, number: str) -> tuple[str, Json]:
    found = call.get("run", number)
    if found is None:
        raise Refusal(400, "INVALID_PARAMETER_VALUE", f"Run {number} does not exist.", SDK)
    if call.caller not in (found["creator"], found["runner"]) and "admins" not in call.groups:
        raise denied(f"User has no view permission on run {number}.")
    return number, _met(call, number, found)


def _get_run(call: Call) -> Json:
    number, record = _find(call, call.query["run_id"])
    shown = _shown(number, record)
    if record["looks"]:
        record["looks"] -= 1
        call.put("run", number, record)
        _show_room(call, record)
    return shown


def _shown(number: str, record: Json) -> Json:
    return {
        "run_id": int(number),
        "job_id": record["job_id"],
        "run_name": record["run_name"],
        "run_type": record["run_type"],
        "creator_user_name": record["creator"],
        "start_time": record["start_time"],
        "format": "MULTI_TASK",
        "state": _state(record, [task["end"] for task in record["tasks"]]),
        "tasks": [
            {
                "run_id": task["run_id"],
                "task_key": task["task_key"],
                "clean_rooms_notebook_task": task["task"],
                "start_time": record["start_time"],
                "state": _state(record, [task["end"]]),
            }
            for task in record["tasks"]
        ],
    }


def _output(call: Call) -> Json:
    number = call.query["run_id"]
    parent = call.get("task_run", number)
    if parent is None:
        _find(call, number)
        raise invalid("Retrieving the output of runs with tasks is not supported; ask with the task's run_id.", SDK)
    _, record = _find(call, str(parent["parent"]))
    task = next(each for each in record["tasks"] if str(each["run_id"]) == number)
    reply: Json = {"metadata": {"run_id": int(number), "job_id": record["job_id"], "state": _state(record, [task["end"]])}}
    end, result = task["end"], {"clean_room_job_run_state": _room_state(record, task)}
    if not record["looks"] and "pending" not in end:
        if end["result"] == "SUCCESS":
            result["notebook_output"] = {"truncated": False}
            result |= {"output_schema_info": end["output"]} if "output" in end else {}
        else:
            reply["error"] = end["reason"]
    return {**reply, "clean_rooms_notebook_output": result}


def _cancel(call: Call) -> Json:
    """A run that nobody has seen end yet is ended here, and its output goes."""
    number, record = _find(call, str(call.body["run_id"]))
    if record["looks"] or any("pending" in task["end"] for task in record["tasks"]):
        record["looks"] = 0
        for task in record["tasks"]:
            call.database.spark.forget(str(task["run_id"]))
            output = task["end"].get("output")
            if output and call.get("schema", f"{output['catalog_name']}.{output['schema_name']}"):
                securables.drop(call, "schema", f"{output['catalog_name']}.{output['schema_name']}", cascade=True)
            task["end"] = {"result": "CANCELED", "reason": "Run cancelled."}
        call.put("run", number, record)
        _show_room(call, record)
    return {}


def _list_runs(call: Call) -> Json:
    job = call.query.get("job_id")
    found = [
        _shown(key, _met(call, key, record))
        for key, record in reversed(call.all("run"))
        if job in (None, str(record["job_id"]))
        and (call.caller in (record["creator"], record["runner"]) or "admins" in call.groups)
    ]
    return call.page(found, "runs", size=20, parameter="limit")


def _create(call: Call) -> Json:
    _tasks(call.body)
    _runner(call, call.body)
    number = call.state.next_number("job")
    call.put("job", str(number), {"creator": call.caller, "created_time": now(), "settings": call.body})
    return {"job_id": number}


def _job(call: Call, number: str) -> Json:
    found = call.get("job", number)
    if found is None:
        raise Refusal(400, "INVALID_PARAMETER_VALUE", f"Job {number} does not exist.", SDK)
    if found["creator"] != call.caller and "admins" not in call.groups:
        raise denied(f"User has no permission on job {number}.")
    return found


def _get_job(call: Call) -> Json:
    number = call.query["job_id"]
    record = _job(call, number)
    shown = {"job_id": int(number), "creator_user_name": record["creator"], "created_time": record["created_time"]}
    return {**shown, "settings": record["settings"]}


def _delete_job(call: Call) -> Json:
    _job(call, str(call.body["job_id"]))
    call.state.delete("job", call.place, str(call.body["job_id"]))
    return {}


def _run_now(call: Call) -> Json:
    extra = sorted(set(call.body) - {"job_id", "idempotency_token"})
    if extra:
        raise invalid(f"The simulator runs a job as it was created; '{extra[0]}' is not played.", "simulator")
    number = int(call.body["job_id"])
    settings = _job(call, str(number))["settings"]
    return {"run_id": _once(call, {**settings, **call.body}, number), "number_in_job": 1}


ROUTES = [
    Route("POST", f"{_JOBS}/runs/submit", _submit, JobsAPI.submit, source=GUESS),
    Route("GET", f"{_JOBS}/runs/get", _get_run, JobsAPI.get_run, source=GUESS),
    Route("GET", f"{_JOBS}/runs/get-output", _output, JobsAPI.get_run_output, source=GUESS),
    Route("GET", f"{_JOBS}/runs/list", _list_runs, JobsAPI.list_runs),
    Route("POST", f"{_JOBS}/runs/cancel", _cancel, JobsAPI.cancel_run, source=GUESS),
    Route("POST", f"{_JOBS}/create", _create, JobsAPI.create),
    Route("GET", f"{_JOBS}/get", _get_job, JobsAPI.get),
    Route("POST", f"{_JOBS}/delete", _delete_job, JobsAPI.delete),
    Route("POST", f"{_JOBS}/run-now", _run_now, JobsAPI.run_now, source=GUESS),
]
