"""The protocol on a Databricks workspace. Import this module only where a workspace is used: it brings the SDK.

Effects are asked for once each time they are called; the SDK repeats what was throttled or lost, for a bounded time, and
`ensured` looks whenever the answer does not say what became of it.
"""

from __future__ import annotations

import base64
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, TypeVar

from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.service import catalog, cleanrooms, jobs
from databricks.sdk.service import workspace as ws

from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRoom, NewRule, NewRun, NewTable, qualified, securable
from cleanroom_core.backends.cells import cells_in
from cleanroom_core.backends.databricks import asking, seeing
from cleanroom_core.backends.databricks.statements import Rows, execute
from cleanroom_core.backends.databricks.translating import ensured, removed, translated
from cleanroom_core.backends.seen import (
    AssetKind,
    Identity,
    OutputPlace,
    OutputTable,
    ReviewState,
    RunStage,
    SeenAsset,
    SeenRoom,
    SeenRule,
    SeenRun,
    SeenTaskRun,
)
from cleanroom_core.backends.waiting import Pace
from cleanroom_core.errors import ConflictError, NotReadyError

Found = TypeVar("Found")
_RECENT = 24 * 60 * 60.0  # a run whose start was not answered is not older, whatever the platform's clock says
_ENDED = (RunStage.SUCCEEDED, RunStage.FAILED, RunStage.CANCELLED)


@dataclass(frozen=True)
class DatabricksBackend:
    """`warehouse`: id of a SQL warehouse, for outputs. `pace`: of waiting for its statements."""

    client: WorkspaceClient = field(repr=False)
    warehouse: str = ""
    pace: Pace = field(default_factory=lambda: Pace(total=600, first=1, longest=10), repr=False)
    name: str = "databricks"

    def identity(self) -> Identity:
        with translated("tell who is signed in"):
            me = self.client.current_user.me()
        name = me.user_name or ""
        try:
            uuid.UUID(name)  # a service principal signs in under its application id
        except ValueError:
            return Identity(name, False, frozenset(group.display or "" for group in me.groups or ()))
        return Identity(name, True, frozenset(group.display or "" for group in me.groups or ()))

    def rooms(self) -> tuple[SeenRoom, ...]:
        with translated("list clean rooms"):
            return tuple(seeing.seen_room(each) for each in self.client.clean_rooms.list())

    def room(self, name: str) -> SeenRoom | None:
        with translated(f"look at the room {name}"):
            try:
                return seeing.seen_room(self.client.clean_rooms.get(name))
            except errors.NotFound:
                return None

    def assets(self, room: str) -> tuple[SeenAsset, ...]:
        with translated(f"list what is in the room {room}"):
            return tuple(seeing.seen_asset(each) for each in self.client.clean_room_assets.list(room))

    def asset(self, room: str, kind: AssetKind, name: str) -> SeenAsset | None:
        with translated(f"look at {name} in the room {room}"):
            try:
                return seeing.seen_asset(self.client.clean_room_assets.get(room, asking.type_of(kind), name))
            except errors.NotFound:
                return None

    def notebook_cells(self, room: str, name: str, etag: str) -> tuple[str, ...]:
        kind = asking.type_of(AssetKind.NOTEBOOK)
        with translated(f"read the notebook {name} in the room {room}"):
            version = self.client.clean_room_asset_revisions.get(room, kind, name, etag)
        return cells_in(version.notebook.notebook_content if version.notebook else "")

    def rules(self, room: str) -> tuple[SeenRule, ...]:
        with translated(f"list the auto-approval rules of {room}"):
            return tuple(seeing.seen_rule(each) for each in self.client.clean_room_auto_approval_rules.list(room))

    def run(self, run_id: str) -> SeenRun:
        with translated(f"look at the run {run_id}"):
            run = self.client.jobs.get_run(int(run_id))
            task = run.tasks[0] if run.tasks else None
            ended = seeing.stage_of(run.state) in _ENDED and task is not None and task.run_id is not None
            output = self.client.jobs.get_run_output(task.run_id) if ended and task and task.run_id else None
        return seeing.seen_run(run, output)

    def find_run(self, token: str, since: int = 0) -> SeenRun | None:
        with translated("list runs"):
            for run in self.client.jobs.list_runs(run_type=jobs.RunType.SUBMIT_RUN, start_time_from=since or None):
                if run.run_name == _run_name(token) and run.run_id is not None:
                    return self.run(str(run.run_id))
        return None

    def task_runs(self, room: str) -> tuple[SeenTaskRun, ...]:
        with translated(f"list the runs in the room {room}"):
            found = self.client.clean_room_task_runs.list_clean_room_task_runs_handler(room)
            return tuple(seeing.seen_task_run(each) for each in found)

    def read_output(self, place: OutputPlace) -> tuple[OutputTable, ...]:
        with translated("list the output of the run"):
            found = list(self.client.tables.list(place.catalog, place.schema, omit_columns=True))
        names = sorted(each.name or "" for each in found)
        return tuple(self._output(place, name) for name in names)

    def _output(self, place: OutputPlace, table: str) -> OutputTable:
        rows = self._read(_full(place, table), f"read the output table {table}")
        return OutputTable(table, rows.columns, _sorted(rows.rows))

    def copied(self, place: OutputPlace, table: str, target: str) -> bool:
        target = qualified(target, "The released table")
        with translated(f"look at {target}"):
            try:
                self.client.tables.get(target)
            except errors.NotFound:
                return False
        there = self._read(target, f"read {target}")
        if (there.columns, _sorted(there.rows)) != ((want := self._output(place, table)).columns, want.rows):
            raise ConflictError(
                f"{target} is there already and holds something else.",
                hint="Release under another name, or drop that table if nobody needs it.",
                code="PLATFORM_OTHER",
            )
        return True

    def create_room(self, room: NewRoom) -> SeenRoom:
        def act() -> SeenRoom:
            with translated(f"create the room {room.name}"):
                return seeing.seen_room(self.client.clean_rooms.create(asking.room_of(room)).response)

        return ensured(
            f"The room {room.name}",
            act,
            lambda: self.room(room.name),
            lambda seen: not room.differs(seen) and seen.alias in ("", room.creator.alias),
        )

    def create_output_catalog(self, room: str, catalog: str) -> SeenRoom:
        catalog = securable(catalog, "The output catalog")

        def look() -> SeenRoom | None:
            seen = self.room(room)
            return seen if seen is not None and seen.output_catalog else None

        def act() -> SeenRoom:
            with translated(f"create the output catalog {catalog}"):
                self.client.clean_rooms.create_output_catalog(room, cleanrooms.CleanRoomOutputCatalog(catalog_name=catalog))
            return _there(look(), f"the output catalog {catalog}")

        return ensured("An output catalog of this room", act, look, lambda seen: seen.output_catalog == catalog)

    def add_table(self, room: str, table: NewTable) -> SeenAsset:
        kind, asset = (AssetKind.VIEW if table.is_view else AssetKind.TABLE), asking.table_of(room, table)

        def act() -> SeenAsset:
            with translated(f"add {table.name} to the room {room}"):
                return seeing.seen_asset(self.client.clean_room_assets.create(room, asset))

        look = lambda: self.asset(room, kind, table.name)  # noqa: E731
        return ensured(table.name, act, look, lambda seen: seen.local == table.local)

    def put_notebook(self, room: str, notebook: NewNotebook) -> SeenAsset:
        def same(seen: SeenAsset) -> bool:
            return (seen.digest, sorted(seen.runners)) == (notebook.digest, sorted(notebook.runners))

        before = self.asset(room, AssetKind.NOTEBOOK, notebook.name)
        if before is not None and same(before):
            return before
        asset = self._exported(room, notebook)

        def act() -> SeenAsset:
            with translated(f"put the notebook {notebook.name} into the room {room}"):
                if before is None:
                    return seeing.seen_asset(self.client.clean_room_assets.create(room, asset))
                kind = asking.type_of(AssetKind.NOTEBOOK)
                return seeing.seen_asset(self.client.clean_room_assets.update(room, kind, notebook.name, asset))

        look = lambda: self.asset(room, AssetKind.NOTEBOOK, notebook.name)  # noqa: E731
        return ensured(f"The notebook {notebook.name}", act, look, same, changes=before is not None)

    def _exported(self, room: str, notebook: NewNotebook) -> cleanrooms.CleanRoomAsset:
        """The source by way of the workspace: a clean room takes HTML exports only. It lies in this identity's own folder, so
        that nobody else of the workspace changes it in between."""
        folder = f"/Users/{self.identity().name}/cleanroom/{room}"
        path = f"{folder}/{notebook.name}"
        with translated(f"export the notebook {notebook.name} through the workspace"):
            self.client.workspace.mkdirs(folder)
            self.client.workspace.import_(
                path,
                content=base64.b64encode(notebook.source.encode()).decode(),
                format=ws.ImportFormat.SOURCE,
                language=ws.Language[notebook.language],
                overwrite=True,
            )
            html = self.client.workspace.export(path, format=ws.ExportFormat.HTML).content
        return asking.notebook_of(room, notebook, html or "")

    def review(self, room: str, judgement: Judgement) -> SeenAsset:
        state = ReviewState.APPROVED if judgement.approve else ReviewState.REJECTED
        own = _there(self.room(room), f"the room {room}").alias

        def look() -> SeenAsset | None:
            return self.asset(room, AssetKind.NOTEBOOK, judgement.notebook)

        def done(seen: SeenAsset) -> bool:
            said = [each.state for each in seen.reviews if each.alias == own]
            return seen.etag == judgement.etag and said[-1:] == [state]

        def act() -> SeenAsset:
            before = look()
            if before is not None and done(before):
                return before
            with translated(f"review the notebook {judgement.notebook}"):
                self.client.clean_room_assets.create_clean_room_asset_review(
                    room, asking.type_of(AssetKind.NOTEBOOK), judgement.notebook, notebook_review=asking.review_of(judgement)
                )
            return _there(look(), f"the notebook {judgement.notebook}")

        return ensured(f"A review of {judgement.notebook}", act, look, done, changes=True)

    def add_rule(self, room: str, rule: NewRule) -> SeenRule:
        def look() -> SeenRule | None:
            found = self.rules(room)
            return next((each for each in found if (each.runner, each.author) == (rule.runner, rule.author)), None)

        def act() -> SeenRule:
            with translated(f"add an auto-approval rule to {room}"):
                return seeing.seen_rule(self.client.clean_room_auto_approval_rules.create(room, asking.rule_of(rule)))

        return look() or ensured("The rule", act, look, lambda _seen: True)

    def remove_rule(self, room: str, rule_id: str) -> None:
        def act() -> None:
            with translated(f"remove an auto-approval rule of {room}"):
                self.client.clean_room_auto_approval_rules.delete(room, rule_id)

        removed(act, lambda: next((each for each in self.rules(room) if each.id == rule_id), None))

    def start_run(self, room: str, run: NewRun) -> SeenRun:
        task = jobs.CleanRoomsNotebookTask(room, run.notebook, run.etag, notebook_base_parameters=dict(run.parameters) or None)

        def act() -> SeenRun:
            with translated(f"run the notebook {run.notebook}"):
                started: Any = self.client.jobs.submit(
                    tasks=[jobs.SubmitTask("notebook", clean_rooms_notebook_task=task, timeout_seconds=run.timeout_seconds)],
                    run_name=_run_name(run.token),
                    timeout_seconds=run.timeout_seconds,
                    idempotency_token=run.token,
                )
            return SeenRun(str(started.run_id), RunStage.RUNNING)

        since = int((time.time() - _RECENT) * 1000)
        return ensured("The run", act, lambda: self.find_run(run.token, since), lambda _seen: True)

    def copy_output(self, place: OutputPlace, table: str, target: str, readers: tuple[str, ...] = ()) -> None:
        target = qualified(target, "The released table")

        def act() -> bool:
            statement = "CREATE TABLE IDENTIFIER(:target) AS SELECT * FROM IDENTIFIER(:source)"
            names = {"target": target, "source": _full(place, table)}
            execute(self.client, self._warehouse(), statement, f"copy {table} to {target}", self.pace, names=names)
            return True

        if not self.copied(place, table, target):
            ensured(target, act, lambda: self.copied(place, table, target) or None, lambda _copied: True)
        if readers:
            changes = [catalog.PermissionsChange(add=[catalog.Privilege.SELECT], principal=each) for each in readers]
            with translated(f"let others read {target}"):
                self.client.grants.update("table", target, changes=changes)

    def remove_asset(self, room: str, kind: AssetKind, name: str) -> None:
        def act() -> None:
            with translated(f"remove {name} from the room {room}"):
                self.client.clean_room_assets.delete(room, asking.type_of(kind), name)

        removed(act, lambda: self.asset(room, kind, name))

    def close_room(self, name: str) -> None:
        def act() -> None:
            with translated(f"delete the room {name}"):
                self.client.clean_rooms.delete(name)

        removed(act, lambda: self.room(name))

    def _read(self, full: str, doing: str) -> Rows:
        statement, names = "SELECT * FROM IDENTIFIER(:table)", {"table": full}
        return execute(self.client, self._warehouse(), statement, doing, self.pace, names=names)

    def _warehouse(self) -> str:
        if not self.warehouse:
            raise NotReadyError(
                "No SQL warehouse is chosen to read outputs with.",
                hint="Give the id of a warehouse that this service principal may use.",
                code="NO_WAREHOUSE",
            )
        return self.warehouse


def _run_name(token: str) -> str:
    return f"cleanroom-{token}"


def _full(place: OutputPlace, table: str) -> str:
    return qualified(f"{place.catalog}.{place.schema}.{table}", "The output table")


def _sorted(rows: tuple[tuple[str | None, ...], ...]) -> tuple[tuple[str | None, ...], ...]:
    """In an order that does not tell in which they were written."""
    return tuple(sorted(rows, key=lambda row: [(value is not None, value or "") for value in row]))


def _there(found: Found | None, what: str) -> Found:
    if found is None:
        raise NotReadyError(f"There is no sign of {what}.", hint="Look again in a minute.", code="PLATFORM_MISSING")
    return found
