"""The plan in force as the notebook of a period, made from a side's own copy of everything; and its figures, in quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleanroom_core.backends.asked import NewNotebook
from cleanroom_core.backends.seen import OutputTable
from cleanroom_core.engines.run_output import RunOutput, output_columns, read_output
from cleanroom_core.errors import ConflictError, IntegrityError, NotReadyError
from cleanroom_core.guard import World
from cleanroom_core.guard.world import Period
from cleanroom_core.notebooks.release.verify import verified
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.periods import period_of
from cleanroom_core.rooms.state import RoomState, Verdict
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.compute import require_alignment
from cleanroom_core.stories.earlier import earlier_parts
from cleanroom_core.stories.platform_tables import room_tables
from cleanroom_core.stories.release_notebook import release_notebook
from cleanroom_core.stories.run_entries import judged_sheets
from cleanroom_core.stories.world import world_of

Places = Mapping[str, ObjectName]  # qualified asset -> alias.schema.table in the room


def plan_notebook(side: Collaborator, custodian: str, tables: Places | None, name: str, runners: Sequence[str]) -> NewNotebook:
    """The notebook with every sheet `custodian` keeps. `tables`: None for what the registered entries say; `runners`: aliases.
    Both sides make the same one, which is what `platform_run.approve_agreed` compares.

    Raises NotReadyError without a plan in force that is current, ConflictError when figures of its rows are out already: the
    notebook certifies its own figures alone."""
    return NewNotebook(name, notebook_source(side, custodian, tables, period_of(side.state())), tuple(runners))


def notebook_source(side: Collaborator, custodian: str, tables: Places | None, period: Period | None) -> str:
    """The text of `plan_notebook` for the rows of `period`, which may have ended since the notebook was run."""
    side.require_agreement()
    state = side.state()
    if state.plan_in_force is None or not state.plan_is_current():
        raise NotReadyError("No plan is in force as things stand.", hint="Propose it and have it signed.", code="NO_PLAN")
    require_alignment(state)
    world = world_of(state, period)
    require_first(side, state, world, custodian)
    places = room_tables(state) if tables is None else tables
    return release_notebook(side.room, state.plan_in_force.text, world, places, custodian)


def require_first(side: Collaborator, state: RoomState, world: World, custodian: str) -> None:
    """Raise ConflictError when figures are out that a notebook of `custodian` does not know of. It takes all sheets of the
    other custodians of this plan to be out, whole, so these may be."""
    before = earlier_parts(side, state, world)
    if not (before.released or before.assumed or before.blocked):
        return
    own, others = set[str](), set[str]()
    if state.plan_in_force is not None and not before.blocked:
        text = state.plan_in_force.text
        for name, sheets in judged_sheets(text, sorted(text.templates), world).items():
            kept = own if text.templates[name].custodian == custodian else others
            kept |= {part.canonical for sheet in sheets for part in sheet.parts}
    out = {each.part.canonical for each in before.released} | {part.canonical for part in before.assumed}
    if not before.blocked and out <= others - own:
        return
    counted = [each for each in state.results if each.verdict in (Verdict.QUARANTINED, Verdict.RELEASED)]
    start = None if world.period is None else world.period.start
    if world.period is None or any(
        not each.dated and each.period is not None and start is not None and each.period[1] <= start for each in counted
    ):
        raise ConflictError(
            "Rows without a date are counted once, and figures of them are out already.",
            hint="Ask what else is to be known of them in a new room, and leave undated rows out of what is computed again.",
            code="RUNS_ONCE",
        )
    raise ConflictError(
        "Figures of this period are out already, and a notebook certifies none but its own.",
        hint="Wait for the next period.",
        code="PERIOD_COMPUTED",
    )


def figures_of(notebook: NewNotebook, tables: Sequence[OutputTable]) -> RunOutput:
    """What a run of exactly this notebook wrote, as it lies in quarantine. Raises IntegrityError for anything else."""
    columns, found = output_columns(), {each.name: each for each in tables}
    if found.keys() != columns.keys():
        raise IntegrityError("The run wrote other tables.", hint="Run the approved notebook again.", code="RUN_OUTPUT")
    rows = {}
    for name, wanted in columns.items():
        given = [column for column, _ in found[name].columns]
        if sorted(given) != sorted(wanted):
            raise IntegrityError("The run wrote other columns.", hint="Run the approved notebook again.", code="RUN_OUTPUT")
        rows[name] = [[row[given.index(column)] for column in wanted] for row in found[name].rows]
    return read_output(verified(notebook.source), rows)
