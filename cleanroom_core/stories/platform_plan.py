"""The plan in force as the notebook of a period, made from a side's own copy of everything; and its figures, in quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleanroom_core.backends.asked import NewNotebook
from cleanroom_core.backends.seen import OutputTable
from cleanroom_core.engines.run_output import RunOutput, output_columns, read_output
from cleanroom_core.errors import ConflictError, IntegrityError, NotReadyError
from cleanroom_core.notebooks.release.verify import verified
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.periods import period_of
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.compute import require_alignment
from cleanroom_core.stories.earlier import earlier_parts
from cleanroom_core.stories.release_notebook import release_notebook
from cleanroom_core.stories.world import world_of


def plan_notebook(
    side: Collaborator, custodian: str, tables: Mapping[str, ObjectName], name: str, runners: Sequence[str]
) -> NewNotebook:
    """The notebook with every sheet `custodian` keeps. `tables`: qualified asset -> alias.schema.table in the room; `runners`:
    aliases. Both sides make the same one, which is what `platform_run.approve_agreed` compares.

    Raises NotReadyError without a plan in force that is current, ConflictError when figures of this period are out already: the
    notebook certifies its own figures alone."""
    side.require_agreement()
    state = side.state()
    if state.plan_in_force is None or not state.plan_is_current():
        raise NotReadyError("No plan is in force as things stand.", hint="Propose it and have it signed.", code="NO_PLAN")
    require_alignment(state)
    world = world_of(state, period_of(state))
    before = earlier_parts(side, state, world)
    if before.released or before.assumed or before.blocked:
        raise ConflictError(
            "Figures of this period are out already, and a notebook certifies none but its own.",
            hint="Wait for the next period.",
            code="PERIOD_COMPUTED",
        )
    text = release_notebook(side.room, state.plan_in_force.text, world, tables, custodian)
    return NewNotebook(name, text, tuple(runners))


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
