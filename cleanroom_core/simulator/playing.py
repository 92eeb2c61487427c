"""A notebook of a room is run: may it, and what comes of it. SQL cells are executed; a notebook with Python cells goes to a
Spark process of its own (`spark_runs`), and its end is met when somebody looks; other cells end the run with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sqlglot.tokenizer_core import TokenType

from cleanroom_core.simulator import central, faults, notebook, securables
from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.groups.reviews import state_of
from cleanroom_core.simulator.privileges import holds
from cleanroom_core.simulator.refusal import Refusal
from cleanroom_core.simulator.spark_runs import missing
from cleanroom_core.simulator.sql import values
from cleanroom_core.simulator.sql.execute import Session
from cleanroom_core.simulator.sql.failure import SqlFailure
from cleanroom_core.simulator.sql.identifier import tokens_of
from cleanroom_core.simulator.sql.room import RoomResolver
from cleanroom_core.simulator.sql.values import bound
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import DAY, now

_TASKS_AT_ONCE, _TABLES_PER_RUN = 10, 100  # both fixed: docs.databricks.com/aws/en/resources/limits
_KEPT = 30 * DAY  # docs.databricks.com, clean-rooms/output-tables


def play(call: Call, task: Json, ids: Json) -> Json:
    """Run one task as `call.caller` and record it in the room. `ids` are job_id, run_id and task_run_id.

    Returns how the run ends: result, reason, and output {catalog_name, schema_name, expiration_time} when one was made; or
    `pending`, while a Spark process computes: then `meet` tells.
    """
    try:
        here, there = central.usable(call, task["clean_room_name"])
    except Refusal as refusal:
        return {"result": "FAILED", "reason": refusal.message}
    number = str(ids["task_run_id"])
    run: Json = {
        "central_id": there["id"],
        "notebook_name": task["notebook_name"],
        "start_time": now(),
        "info": {
            "collaborator_alias": here["alias"],
            "collaborator_job_id": ids["job_id"],
            "collaborator_job_run_id": ids["run_id"],
            "collaborator_task_run_id": ids["task_run_id"],
            "collaborator_workspace_id": call.workspace.workspace_id,
        },
    }
    try:
        version = _allowed(call, here, there, task)
    except _Stop as stop:
        return {"result": stop.result, "reason": stop.reason}
    run |= {"notebook_etag": version["etag"], "notebook_updated_at": version["updated_at"]}
    about = {"notebook_name": task["notebook_name"], "run_id": number}
    started = {"notebook_etag": version["etag"], "notebook_update_time": version["updated_at"]}
    central.event(call, there, here["alias"], "RUN_NOTEBOOK_STARTED", {**about, **started})
    end = _executed(call, here, there, version, task, run, number)
    if "pending" in end:
        call.state.put("room_run", CENTRAL, f"{call.place}/{number}", run)
        return end
    return _completed(call, there, run, number, end)


def meet(call: Call, number: str) -> Json | None:
    """How a run that was pending has ended; None while it has not. `call.caller` is its runner."""
    found = call.database.spark.result(number)
    run = call.state.get("room_run", CENTRAL, f"{call.place}/{number}")
    if found is None or run is None:
        return None
    output = f"{run['output_catalog']}.{run['output_schema']}" if "output_schema" in run else None
    try:
        if found["result"] != "SUCCESS":
            raise _Stop(found["reason"])
        for name, path in sorted(found["tables"].items()):
            _loaded(call, f"{output}.{name}", Path(path))
        end = _succeeded(call, run, output)
    except (_Stop, SqlFailure) as error:
        end = _failed(call, run, output, error if isinstance(error, _Stop) else _Stop(str(error)))
    finally:
        call.database.spark.forget(number)
    there = call.state.get("central_room", CENTRAL, run["central_id"]) or {}
    return _completed(call, there, run, number, end)


def _completed(call: Call, there: Json, run: Json, number: str, end: Json) -> Json:
    run |= {"result": end["result"], "duration": now() - run["start_time"]}
    call.state.put("room_run", CENTRAL, f"{call.place}/{number}", run)
    about = {"notebook_name": run["notebook_name"], "run_id": number}
    done = {"state": end["result"], "duration_in_seconds": run["duration"] // 1000, "output_schema": run.get("output_schema")}
    alias = run["info"]["collaborator_alias"]
    central.event(call, there, alias, "RUN_NOTEBOOK_COMPLETED", {**about, **done})
    return end


class _Stop(Exception):  # noqa: N818  an outcome of a run, not a crash
    def __init__(self, reason: str, result: str = "FAILED") -> None:
        super().__init__(reason)
        self.reason, self.result = reason, result


def _allowed(call: Call, here: Json, there: Json, task: Json) -> Json:
    """The newest version, if this caller may run it now. Raises _Stop with the reason otherwise."""
    if not holds(call, "clean_room", here["name"], "EXECUTE_CLEAN_ROOM_TASK"):
        raise _Stop(f"User does not have EXECUTE CLEAN ROOM TASK on clean room '{here['name']}'.")
    asset = call.state.get("asset", CENTRAL, f"{there['id']}/NOTEBOOK_FILE/{task['notebook_name']}")
    if asset is None:
        raise _Stop(f"Notebook '{task['notebook_name']}' does not exist in the clean room.")
    version: Json = asset["versions"][-1]
    if task.get("etag", version["etag"]) != version["etag"]:
        raise _Stop("The etag is not that of the notebook's latest version.")
    if here["alias"] not in version["runner_collaborator_aliases"]:
        raise _Stop(f"Collaborator '{here['alias']}' is not a designated runner of the notebook.")
    packaged = there["remote"].get("package_provider_collaborator_alias")
    if not packaged and state_of(there, asset["owner_collaborator_alias"], version) != "APPROVED":
        raise _Stop("The notebook's latest version is not approved by every other collaborator.")
    runs = [run for _, run in call.state.all("room_run", CENTRAL) if run["central_id"] == there["id"]]
    running = [run for run in runs if run.get("looks") or run.get("state", {}).get("life_cycle_state") == "RUNNING"]
    if len(running) >= _TASKS_AT_ONCE:
        raise _Stop("The clean room runs 10 notebook tasks already.", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    return version


def _executed(call: Call, here: Json, there: Json, version: Json, task: Json, run: Json, number: str) -> Json:
    held = faults.take(call.state, call.place, "POST", "/api/2.2/jobs/runs/submit", ("run_failed",))
    if held is not None:
        return {"result": "FAILED", "reason": held.get("message", "A fault set on demand.")}
    output = _output_schema(call, here, number)
    given = {**task.get("notebook_base_parameters", {})}
    if output:
        catalog, schema = output.split(".")
        given |= {"cr_output_catalog": catalog, "cr_output_schema": schema}
        run |= {"output_schema": schema, "output_catalog": catalog, "expires": run["start_time"] + _kept(call)}
    parameters = bound([{"name": key, "value": value} for key, value in given.items()])
    resolver = RoomResolver(call, there, output)
    session = Session(call, resolver, parameters, unity=False)
    try:
        cells = notebook.from_content(version["notebook_content"])
        if any(cell.language == "python" for cell in cells):
            _on_spark(call, resolver, number, cells, {name: str(value) for name, value in given.items()})
            return {"result": "RUNNING", "reason": "", "pending": True}
        for place, cell in enumerate(cells, start=1):
            _cell(session, place, cell)
        return _succeeded(call, run, output)
    except _Stop as stop:
        return _failed(call, run, output, stop)


def _succeeded(call: Call, run: Json, output: str | None) -> Json:
    """Raises _Stop for a run that has made too many tables."""
    made = [name for name, _ in call.all("table") if output and name.startswith(f"{output}.")]
    if len(made) > _TABLES_PER_RUN:
        raise _Stop(f"A notebook task makes at most {_TABLES_PER_RUN} output tables.")
    if output is None:
        return {"result": "SUCCESS", "reason": ""}
    shown = {"catalog_name": run["output_catalog"], "schema_name": run["output_schema"], "expiration_time": run["expires"]}
    return {"result": "SUCCESS", "reason": "", "output": shown}


def _failed(call: Call, run: Json, output: str | None, stop: _Stop) -> Json:
    if output:
        securables.drop(call, "schema", output, cascade=True)
        for key in ("output_schema", "output_catalog", "expires"):
            run.pop(key)
    return {"result": stop.result, "reason": stop.reason}


def _on_spark(
    call: Call, resolver: RoomResolver, number: str, cells: Sequence[notebook.Cell], parameters: Mapping[str, str]
) -> None:
    """Hand the room's tables and the cells to a process of their own. Raises _Stop where that cannot be."""
    place = next(number for number, cell in enumerate(cells, start=1) if cell.language == "python")
    if lacking := missing():
        raise _Stop(f"Cell {place} is python, which is run on Spark; {lacking} on this machine.")
    for number_of, cell in enumerate(cells, start=1):
        if cell.language not in ("python", "sql", "md"):
            raise _Stop(f"Cell {number_of} is {cell.language}; the simulator runs SQL and Python cells only.")
    played = [
        {
            "language": cell.language,
            "text": cell.text,
            "statements": _statements(cell.text, at) if cell.language == "sql" else [],
        }
        for at, cell in enumerate(cells, start=1)
    ]
    folder, tables = call.database.spark.folder(number), {}
    try:
        for at, (name, tree) in enumerate(resolver.shared()):
            tables[name] = str(folder / f"shared_{at}.parquet")
            call.database.export(tree, Path(tables[name]))
    except SqlFailure as failure:
        call.database.spark.forget(number)
        raise _Stop(str(failure)) from failure
    call.database.spark.start(number, played, tables, parameters, resolver.output)


def _loaded(call: Call, name: str, path: Path) -> None:
    """A table of the output schema with the rows Spark has written."""
    call.database.load(call.place, name, path)
    columns = [values.of_column(column, kind, at) for at, (column, kind) in enumerate(call.database.columns(call.place, name))]
    record = {**securables.stamped(call), "table_type": "MANAGED", "data_source_format": "DELTA", "columns": columns}
    call.put("table", name, record)


def _kept(call: Call) -> int:
    """How long a run's output lives, in milliseconds."""
    return int((call.get("limits") or {}).get("output_milliseconds", _KEPT))


def expire(call: Call) -> None:
    """Drop the outputs of this workspace's runs whose time is over."""
    for key, run in call.state.all("room_run", CENTRAL):
        if not key.startswith(f"{call.place}/") or run.get("dropped") or "expires" not in run or run["expires"] > now():
            continue
        name = f"{run['output_catalog']}.{run['output_schema']}"
        if call.get("schema", name) is not None:
            securables.drop(call, "schema", name, cascade=True)
            there = call.state.get("central_room", CENTRAL, run["central_id"]) or {}
            about = {"name": run["output_schema"], "owner_global_metastore_id": call.workspace.global_metastore_id}
            done = {**about, "action": "EXPIRED", "expire_time": run["expires"]}
            central.event(call, there, run["info"]["collaborator_alias"], "OUTPUT_SCHEMA_DELETED", done)
        call.state.put("room_run", CENTRAL, key, {**run, "dropped": True})


def _output_schema(call: Call, here: Json, number: str) -> str | None:
    """A new schema in the runner's output catalog that only whoever runs the notebook can read."""
    catalog = here.get("output_catalog")
    if catalog is None or call.get("catalog", catalog) is None:
        return None
    name = f"{catalog}.{here['name']}_run_{number}"
    call.put("schema", name, {**securables.stamped(call), "private": True})
    grants = call.get("grant", f"catalog:{catalog}") or {}
    held = grants.get(call.caller, [])
    if "USE_CATALOG" not in held:
        call.put("grant", f"catalog:{catalog}", {**grants, call.caller: [*held, "USE_CATALOG"]})
    return name


def _cell(session: Session, place: int, cell: notebook.Cell) -> None:
    if cell.language == "md":
        return
    if cell.language != "sql":
        raise _Stop(f"Cell {place} is {cell.language}; the simulator runs SQL and Python cells only.")
    for statement in _statements(cell.text, place):
        try:
            session.run(statement)
        except SqlFailure as failure:
            raise _Stop(f"Cell {place}: {failure}") from failure


def _statements(text: str, place: int) -> list[str]:
    try:
        ends = [token.start for token in tokens_of(text) if token.token_type is TokenType.SEMICOLON]
    except SqlFailure as failure:
        raise _Stop(f"Cell {place}: {failure}") from failure
    parts = [text[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True)]
    return [part.strip() for part in parts if part.strip()]


def as_runner(call: Call, principal: str) -> Call:
    return replace(call, caller=principal)
