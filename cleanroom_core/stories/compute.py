"""Compute the signed plan once: share-safe tables in, protected cells in quarantine out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cleanroom_core.engines.computing import CLAIM
from cleanroom_core.engines.protocol import Limits, Progress, ShareTable
from cleanroom_core.errors import ConflictError, NotReadyError
from cleanroom_core.guard.world import Period
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.periods import period_of
from cleanroom_core.rooms.state import EffectStage, Intent, PlanState, RoomState
from cleanroom_core.rooms.tasks import uncomputed
from cleanroom_core.sql.cells import CellLayout, Cells, Thresholds, label_to_json
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.certified import compute_parts
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.earlier import Earlier, earlier_parts, kept_of
from cleanroom_core.stories.review import release_compliant
from cleanroom_core.stories.run_entries import Figures, Ground, append_run, judged_sheets, snapshot_of
from cleanroom_core.stories.world import world_of

if TYPE_CHECKING:
    from cleanroom_core.guard.sheet import Part


def compute_plan(
    side: Collaborator,
    user: User,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    limits: Limits | None = None,
) -> tuple[str, ...]:
    """Compute the templates of the plan in force that wait in this side's custody; returns their names.

    The figures go into quarantine: payloads of private entries of this side, released only by review.
    Raises NotReadyError when agreement, signatures, alignment or the other side's acknowledgement are missing.
    """
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    side.require_agreement()
    state = side.state()
    plan = state.plan_in_force
    if plan is None:
        raise NotReadyError("No plan is signed by both sides.", hint="Propose one and have it signed.", code="NO_PLAN")
    if not state.plan_is_current():
        raise NotReadyError(
            "The terms or a policy have changed since the plan was signed.", hint="Propose the plan anew.", code="PLAN_STALE"
        )
    for planned in plan.text.templates.values():
        side.require_agreement(planned.template.purpose)
    require_alignment(state)
    names = tuple(uncomputed(state).get(side.alias, ()))
    if not names:
        raise ConflictError("Nothing of the plan waits to be computed by this side.", hint="See the results page.")
    period = period_of(state)
    world = world_of(state, period)
    sheets = judged_sheets(plan.text, names, world)
    ground = Ground(plan.text, plan.by.ref, world, snapshot_of(state, sheets))
    about = {"snapshot": ground.snapshot}
    side.require_acknowledged()
    with bracket(side, user, Permission.PLAN_COMPUTE, "run", f"plan:{plan.text_hash}", about) as effect:
        side.require_acknowledged()  # the other side holds the intent before any row is read
        state = _unchanged(side, plan, ground.snapshot, period)
        parts = {part.canonical: part for found in sheets.values() for sheet in found for part in sheet.parts}
        before = earlier_parts(side, state, world)
        figures, kept = _certified_run(side, state, parts, before, world.thresholds, _Watch(limits, progress, cancelled))
        append_run(side, user, effect, ground, sheets, figures, side.room_engine.name)
        effect.payload = kept
    release_compliant(side, user)
    return names


@dataclass(frozen=True)
class _Watch:
    limits: Limits | None
    progress: Progress | None
    cancelled: Callable[[], bool] | None


def _unchanged(
    side: Collaborator, plan: PlanState, snapshot: Mapping[str, Mapping[str, Any]], period: Period | None
) -> RoomState:
    """The state once the other side holds the intent. Raises ConflictError when it computes too, or the ground has moved: each
    would certify without knowing of the other."""
    state = side.state()
    if any(intent.action == "run" and intent.by.alias != side.alias for intent in state.open_intents()):
        raise ConflictError("The other side is computing just now.", hint="Try again when its run has ended.", code="BUSY")
    same = state.plan_in_force is not None and state.plan_in_force.text_hash == plan.text_hash and state.plan_is_current()
    if (
        not same
        or period_of(state) != period
        or any(state.assets[asset].digest != found["digest"] for asset, found in snapshot.items())
    ):
        raise ConflictError("The plan or a table has changed meanwhile.", hint="Look at the plan page again.")
    return state


def _certified_run(
    side: Collaborator, state: RoomState, parts: Mapping[str, Part], before: Earlier, thresholds: Thresholds, watch: _Watch
) -> tuple[Figures, dict[str, Any]]:
    """Compute what is new, certified with all that is out; take what is out already as it is; leave out what cannot be said.
    Beside it what is for the custodian alone, so that the certification can be repeated."""
    reused = {
        each.part.canonical: each.cells
        for each in before.released
        if each.part.canonical in parts and _same_rules(each.cells, thresholds)
    }
    blocked = {}
    for name, part in parts.items():
        for asset in part.query.assets:
            if asset in before.blocked and name not in reused:
                blocked[name] = f"{asset}: {before.blocked[asset]}"
    fresh = [name for name in parts if name not in reused and name not in blocked]
    cells = {**reused, **{name: _nothing(parts[name].layout, thresholds) for name in blocked}}
    concealed = {each.part.canonical: each.concealed for each in before.released if each.part.canonical in reused}
    if not fresh:
        return Figures(cells, {"claim": CLAIM, "certified": True}, {}, frozenset(reused), blocked), kept_of(concealed)
    computed, seed = compute_parts(
        side.room_engine, [parts[name] for name in fresh], before.released, thresholds,
        {asset: _table(side, state, asset) for asset in state.assets}, watch.limits, watch.progress, watch.cancelled,
        before.assumed,
    )  # fmt: skip
    withheld = {
        name: [[label_to_json(label) for label in labels] for labels in found]
        for name, found in zip(fresh, computed.withheld, strict=True)
    }
    concealed |= dict(zip(fresh, computed.concealed, strict=True))
    counted = {"released": len(before.released), "assumed": len(before.assumed)}
    kept = {"seed": seed.hex(), "withheld": withheld, **counted, **kept_of(concealed)}
    figures = Figures(
        {**cells, **dict(zip(fresh, computed.cells, strict=True))}, computed.certificate,
        {name: len(found) for name, found in withheld.items()}, frozenset(reused), blocked,
    )  # fmt: skip
    return figures, kept


def _same_rules(cells: Cells, thresholds: Thresholds) -> bool:
    minimums = tuple(thresholds.minimum(unit.assets) for unit in cells.layout.units)
    return cells.minimum_cohort == minimums and cells.numerator_minimum == thresholds.numerator_minimum


def _nothing(layout: CellLayout, thresholds: Thresholds) -> Cells:
    return Cells(layout, thresholds.numerator_minimum, tuple(thresholds.minimum(unit.assets) for unit in layout.units))


def require_alignment(state: RoomState) -> None:
    """Both sides ran the vectors of every token in use and got the same; otherwise a join would silently find nobody."""
    for name in state.token_names():
        if not state.aligned(name):
            raise NotReadyError(
                f"The token {name} is not aligned: both sides run its vectors first, and get the same.",
                hint="Open the tokens page.",
                code="NOT_ALIGNED",
            )


def _table(side: Collaborator, state: RoomState, asset: str) -> ShareTable:
    registered = state.assets[asset]
    return ShareTable(
        path=side.share_files(registered),
        version=registered.version,
        digest=registered.digest,
        rows=0,
        schema=registered.schema,
        intent="",
    )


def reconcile_run(
    side: Collaborator, intent: Intent, payload: Mapping[str, Any]
) -> tuple[EffectStage, dict[str, Any], dict[str, Any]]:
    """A run cut short is *interrupted*: whatever it wrote does not count, and it is run again as a new run."""
    return EffectStage.INTERRUPTED, {}, {}
