"""What a room needs of its platform, said once for all; `tests/backends/conformance.py` holds each adapter to it.

A backend is one identity of one party at one platform. Every effect may be asked for again: what is there already and is what
was wanted counts as done, what is there and is something else is a ConflictError. An adapter that got no answer looks before
it says so; when looking tells nothing either it raises UnansweredError, and whoever asked leaves the intent open.

Every call may raise NotPermittedError (sign-in or privilege), NotReadyError (what it is about is not there), InputError (the
platform refuses the request), ConflictError, PlatformError, UnansweredError; each says what to do next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRoom, NewRule, NewRun, NewTable
from cleanroom_core.backends.seen import (
    AssetKind,
    Identity,
    OutputPlace,
    OutputTable,
    SeenAsset,
    SeenRoom,
    SeenRule,
    SeenRun,
    SeenTaskRun,
)


class Backend(Protocol):
    @property
    def name(self) -> str:
        """The platform: databricks or local."""
        ...

    def identity(self) -> Identity: ...

    # Looking: changes nothing.

    def rooms(self) -> tuple[SeenRoom, ...]:
        """Rooms this identity may see. `parties` may be missing in a list."""
        ...

    def room(self, name: str) -> SeenRoom | None: ...

    def assets(self, room: str) -> tuple[SeenAsset, ...]: ...

    def asset(self, room: str, kind: AssetKind, name: str) -> SeenAsset | None: ...

    def notebook_cells(self, room: str, name: str, etag: str) -> tuple[str, ...]:
        """What exactly this version of a notebook says (`cells`). Raises NotReadyError when there is no such version."""
        ...

    def rules(self, room: str) -> tuple[SeenRule, ...]:
        """This side's own auto-approval rules."""
        ...

    def run(self, run_id: str) -> SeenRun: ...

    def find_run(self, token: str, since: int = 0) -> SeenRun | None:
        """The run that was started with this token, not before `since` (milliseconds); None when there is none."""
        ...

    def task_runs(self, room: str) -> tuple[SeenTaskRun, ...]: ...

    def read_output(self, place: OutputPlace) -> tuple[OutputTable, ...]:
        """Everything a run wrote, whole or an error. Only the identity the run ran as may read it."""
        ...

    def copied(self, place: OutputPlace, table: str, target: str) -> bool:
        """Whether `target` holds exactly the rows of the output table. Raises ConflictError when it holds others."""
        ...

    # Effects.

    def create_room(self, room: NewRoom) -> SeenRoom:
        """Usually returns PROVISIONING; `waiting.wait_active` waits."""
        ...

    def create_output_catalog(self, room: str, catalog: str) -> SeenRoom: ...

    def add_table(self, room: str, table: NewTable) -> SeenAsset: ...

    def put_notebook(self, room: str, notebook: NewNotebook) -> SeenAsset:
        """Add the notebook, or put a new version in place of another one of ours; the same bytes change nothing."""
        ...

    def review(self, room: str, judgement: Judgement) -> SeenAsset: ...

    def add_rule(self, room: str, rule: NewRule) -> SeenRule: ...

    def remove_rule(self, room: str, rule_id: str) -> None: ...

    def start_run(self, room: str, run: NewRun) -> SeenRun: ...

    def copy_output(self, place: OutputPlace, table: str, target: str, readers: tuple[str, ...] = ()) -> None:
        """Copy one output table to `target` (catalog.schema.table), which outlives the run, and let `readers` read it."""
        ...

    def remove_asset(self, room: str, kind: AssetKind, name: str) -> None: ...

    def close_room(self, name: str) -> None:
        """Delete the room for this side; the others keep a room in state DELETED. It cannot be opened again."""
        ...


@dataclass(frozen=True)
class Platform:
    """One party's two identities: `owner` belongs to the group that owns the room, `runner` is the service principal that runs
    notebooks and alone may read what they wrote. `room`: the room's name there."""

    owner: Backend
    runner: Backend
    room: str
