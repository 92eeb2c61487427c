"""What a run in the room where it really is has computed, as results in this side's log: reviewed, released and answered from
there as the figures of an engine on this machine are.

A quarantined output counts only if it is of exactly the notebook that follows from the signed plan here, was started from this
log, and plan and tables are as they were then. A run of which that cannot be shown any more is given up: its period then holds
results without a figure, so that nothing waits for it and no row is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cleanroom_core.audit.entry import Ref
from cleanroom_core.backends.asked import NewNotebook
from cleanroom_core.backends.seen import RunStage
from cleanroom_core.engines.computing import CLAIM
from cleanroom_core.errors import ConflictError, IntegrityError, NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.review.contract import OF_CELLS
from cleanroom_core.rooms.state import PlanText, RoomState
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.bracket import Effect, bracket
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.platform_period import Started, Told, recorded, source_hash, starts
from cleanroom_core.stories.platform_plan import Places, figures_of, notebook_source
from cleanroom_core.stories.platform_room import platform_of
from cleanroom_core.stories.platform_run import quarantine_there, quarantined
from cleanroom_core.stories.review import release_compliant
from cleanroom_core.stories.run_entries import Figures, Ground, Judged, append_run, judged_sheets, result_of, snapshot_of
from cleanroom_core.stories.world import world_of


def results_there(side: Collaborator, user: User, run_id: str, tables: Places | None = None) -> tuple[str, ...]:
    """Put the figures of an ended run of this side's release notebook into the quarantine of the room, a result for each of its
    templates; returns their names. What it wrote is read first, if nobody did. Doing so again changes nothing.

    A run that began in its period may be taken after the period has ended. The other side need not be reached for it: without
    its acknowledgement nothing starts and nothing is released. `tables`: as `plan_notebook` was given them.
    Raises NotReadyError before the run has ended, ConflictError (codes PLAN_OTHER, TABLES_CHANGED, NOTEBOOK_DIFFERS,
    PERIOD_COMPUTED) when these figures are not those of the plan as it stands, IntegrityError (code RUN_OUTPUT) for an output
    that is not whole, or not what the plan allows."""
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    side.require_agreement()
    names = recorded(side, side.log.origin, run_id)
    if names is None:
        started = _started(side, run_id)
        _require_same(side.state(), started.told)
        if not _in_quarantine(side, run_id):
            quarantine_there(side, user, run_id)
        ground, sheets, figures, seed = _computed(side, started, tables)
        with _computing(side, user, started) as effect:
            _require_same(side.state(), started.told)
            append_run(side, user, effect, ground, sheets, figures, platform_of(side).owner.name, platform_run=run_id)
            effect.payload = {"seed": seed.hex()}  # which cells were withheld stays in the room
        names = tuple(sheets)
    release_compliant(side, user)
    return names


def give_up_there(side: Collaborator, user: User, run_id: str) -> tuple[str, ...]:
    """Close a run whose figures `results_there` refuses for good, or that nobody can read any more: its templates get results
    without a figure, which a reviewer rejects with a reason. The period's rows are not computed again; the next period begins
    where it ends. Returns the templates. Doing so again changes nothing.

    Raises NotReadyError for a run that goes on, or failed and may be run again."""
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    side.require_agreement()
    if (names := recorded(side, side.log.origin, run_id)) is not None:
        return names
    started = _started(side, run_id)
    if (stage := _stage(side, run_id)) in (RunStage.RUNNING, RunStage.FAILED, RunStage.CANCELLED):
        raise NotReadyError(
            f"The run {run_id} is {stage}.", hint="Wait for its end; one that failed is run again.", code="RUN_STAGE"
        )
    plan, ref = _plan(side, started.told.plan)
    world = world_of(side.state(), started.told.period)
    snapshot = {asset: {"digest": digest} for asset, digest in started.told.snapshot.items()}
    sheets: Judged = dict.fromkeys(_own(side, plan), ())
    nothing = Figures({}, {"claim": CLAIM, "certified": False, "blocked": [f"the run {run_id} was given up"]}, {})
    with _computing(side, user, started) as effect:
        ground = Ground(plan, ref, world, snapshot)
        append_run(side, user, effect, ground, sheets, nothing, platform_of(side).owner.name, platform_run=run_id)
    return tuple(sheets)


@contextmanager
def _computing(side: Collaborator, user: User, started: Started) -> Iterator[Effect]:
    """The bracket of a run. Raises ConflictError while another one is open, or when somebody was quicker."""
    about = {"snapshot": dict(started.told.snapshot), "platform_run": started.run}
    with bracket(side, user, Permission.PLAN_COMPUTE, "run", f"plan:{started.told.plan}", about) as effect:
        busy = any(intent.action == "run" and intent.ref != effect.ref for intent in side.state().open_intents())
        if busy or recorded(side, side.log.origin, started.run) is not None:
            raise ConflictError("Results are being written just now.", hint="Look again when that has ended.", code="BUSY")
        yield effect


def _computed(side: Collaborator, started: Started, tables: Places | None) -> tuple[Ground, Judged, Figures, bytes]:
    """The figures in quarantine, held against what this side itself makes of the plan."""
    source = notebook_source(side, side.alias, tables, started.told.period)
    if source_hash(source) != started.told.cells:
        raise ConflictError(
            f"The run {started.run} was of another notebook than the plan gives here.",
            hint="Its figures are not used. Give the run up; look who uploaded and approved that version.",
            code="NOTEBOOK_DIFFERS",
        )
    notebook = NewNotebook(started.notebook, source, (side.alias,))
    output = figures_of(notebook, quarantined(side, started.run).tables)
    state = side.state()
    assert state.plan_in_force is not None  # noqa: S101  there is a notebook of it
    plan, world = state.plan_in_force, world_of(state, started.told.period)
    sheets = judged_sheets(plan.text, _own(side, plan.text), world)
    ground = Ground(plan.text, plan.by.ref, world, snapshot_of(state, sheets))
    figures = Figures(
        {each.canonical: each.cells for each in output.sheets},
        output.certificate,
        {each.canonical: each.withheld for each in output.sheets},
    )
    for name in sheets:
        checks = result_of(ground, name, sheets[name], figures)[0]["checks"]
        if broken := [check for check in OF_CELLS if not checks[check]]:
            raise IntegrityError(
                f"What the run wrote for {name} is not what the plan allows: {', '.join(broken)}.",
                hint="Do not use it. Somebody changed the output; give the run up.",
                code="RUN_OUTPUT",
            )
    return ground, sheets, figures, output.seed


def _own(side: Collaborator, plan: PlanText) -> list[str]:
    return [name for name in sorted(plan.templates) if plan.templates[name].custodian == side.alias]


def _started(side: Collaborator, run_id: str) -> Started:
    for found in starts(side):
        if (found.alias, found.run) == (side.alias, run_id):
            return found
    raise NotReadyError(
        f"This side's log knows no run {run_id} of a release notebook.",
        hint="Only what was started from here is taken. If a start had no answer, look what became of it first.",
        code="NO_RUN",
    )


def _require_same(state: RoomState, told: Told) -> None:
    """Raise ConflictError when the ground has moved since the run was started."""
    hint = "Its figures are not used. Give the run up; a reviewer closes it, and the next period has a run of its own."
    plan = state.plan_in_force
    if plan is None or plan.text_hash != told.plan or not state.plan_is_current():
        raise ConflictError("The plan has changed since this run was started.", hint=hint, code="PLAN_OTHER")
    moved = [name for name, digest in told.snapshot.items() if name not in state.assets or state.assets[name].digest != digest]
    if moved:
        raise ConflictError(
            f"{', '.join(sorted(moved))} was registered anew since this run was started.", hint=hint, code="TABLES_CHANGED"
        )


def _in_quarantine(side: Collaborator, run_id: str) -> bool:
    try:
        quarantined(side, run_id)
    except NotReadyError:
        return False
    return True


def _stage(side: Collaborator, run_id: str) -> RunStage:
    """UNKNOWN where the platform has forgotten the run."""
    try:
        return platform_of(side).runner.run(run_id).stage
    except NotReadyError:
        return RunStage.UNKNOWN


def _plan(side: Collaborator, digest: str) -> tuple[PlanText, Ref]:
    """The text of a plan that was in force once, and the entry that proposed it."""
    for origin in side.origins:
        for record in side.log.records(origin):
            public = record.entry.public
            if (record.entry.kind, public.get("action"), public.get("hash")) != ("plan", "propose", digest):
                continue
            text = PlanText.from_json(record.payload["plan"])
            if text_hash(text.as_json()) == digest:
                return text, record.ref
    raise NotReadyError("The plan of this run is not on record.", hint="Look at the log of both sides.", code="NO_PLAN")
