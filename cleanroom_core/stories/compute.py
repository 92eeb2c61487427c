"""Compute the signed plan once: share-safe tables in, protected cells in quarantine out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cleanroom_core.engines.computing import CLAIM
from cleanroom_core.engines.protocol import Limits, Progress, ShareTable
from cleanroom_core.errors import ConflictError, NotReadyError
from cleanroom_core.guard import World, judge
from cleanroom_core.guard.world import Period
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.review import contract
from cleanroom_core.review.contract import check_contract
from cleanroom_core.rooms.periods import period_of
from cleanroom_core.rooms.state import EffectStage, Intent, PlanState, PlanText, RoomState
from cleanroom_core.rooms.tasks import uncomputed
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.sql.cells import CellLayout, Cells, Thresholds, label_to_json
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.certified import compute_parts
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.earlier import Earlier, earlier_parts, kept_of
from cleanroom_core.stories.review import release_compliant
from cleanroom_core.stories.world import thresholds_of, world_of

if TYPE_CHECKING:
    from cleanroom_core.guard.sheet import Part, Sheet


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
    agreement = side.require_agreement()
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
    thresholds = thresholds_of(state)
    period = period_of(state)
    world = world_of(state, period)
    sheets = _judged(plan.text, names, world)
    snapshot = _snapshot(state, sheets)
    side.require_acknowledged()
    with bracket(side, user, Permission.PLAN_COMPUTE, "run", f"plan:{plan.text_hash}", {"snapshot": snapshot}) as effect:
        side.require_acknowledged()  # the other side holds the intent before any row is read
        state = _unchanged(side, plan, snapshot, period)
        parts = {part.canonical: part for found in sheets.values() for sheet in found for part in sheet.parts}
        before = earlier_parts(side, state, world)
        run = _certified_run(side, state, parts, before, thresholds, _Watch(limits, progress, cancelled))
        public = {"action": "run", "plan": plan.text_hash, "engine": side.room_engine.name, "templates": list(names)}
        side.append(user, Permission.PLAN_COMPUTE, "run", public, {"snapshot": snapshot}, refs=(effect.ref, plan.by.ref))
        for name in names:
            told, payload = _result(plan.text, name, sheets[name], run, thresholds)
            told |= {"agreement": agreement.text_hash, "snapshot": _digests(snapshot, plan.text, name)}
            if period is not None and any(world.assets[asset].rule.period_column for asset in plan.text.templates[name].assets):
                told["period"] = {day: None if at is None else at.isoformat() for day, at in asdict(period).items()}
            side.append(user, Permission.PLAN_COMPUTE, "result", told, payload, refs=(effect.ref,))
        effect.public = {"plan": plan.text_hash, "templates": list(names)}
        effect.payload = run.kept
    release_compliant(side, user)
    return names


@dataclass(frozen=True)
class _Watch:
    limits: Limits | None
    progress: Progress | None
    cancelled: Callable[[], bool] | None


@dataclass(frozen=True)
class _Run:
    """What came out, by the canonical form of a part. `certificate` of what was computed now; `withheld` cells of each part;
    `reused`: parts that were out already, whose figures are the same; `blocked`: why a part has no cell at all. `kept`: for
    the custodian alone, so that the certification can be repeated."""

    cells: Mapping[str, Cells]
    certificate: Mapping[str, Any]
    withheld: Mapping[str, int]
    reused: frozenset[str]
    blocked: Mapping[str, str]
    kept: dict[str, Any]


def _judged(plan: PlanText, names: Sequence[str], world: World) -> dict[str, tuple[Sheet, ...]]:
    found = {}
    for name in names:
        verdict = judge(plan.templates[name].template, world)
        if not verdict.ok:
            raise NotReadyError(f"The guard refuses {name} as things stand.", hint="Propose the plan anew.", code="GUARD")
        found[name] = verdict.sheets
    return found


def _snapshot(state: RoomState, sheets: Mapping[str, Sequence[Sheet]]) -> dict[str, dict[str, Any]]:
    assets = sorted({asset for found in sheets.values() for sheet in found for asset in sheet.query.assets})
    return {asset: {"version": state.assets[asset].version, "digest": state.assets[asset].digest} for asset in assets}


def _digests(snapshot: Mapping[str, Mapping[str, Any]], plan: PlanText, name: str) -> dict[str, str]:
    return {asset: snapshot[asset]["digest"] for asset in plan.templates[name].assets}


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
) -> _Run:
    """Compute what is new, certified with all that is out; take what is out already as it is; leave out what cannot be said."""
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
        return _Run(cells, {"claim": CLAIM, "certified": True}, {}, frozenset(reused), blocked, kept_of(concealed))
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
    return _Run(
        {**cells, **dict(zip(fresh, computed.cells, strict=True))}, computed.certificate,
        {name: len(found) for name, found in withheld.items()}, frozenset(reused), blocked, kept,
    )  # fmt: skip


def _same_rules(cells: Cells, thresholds: Thresholds) -> bool:
    minimums = tuple(thresholds.minimum(unit.assets) for unit in cells.layout.units)
    return cells.minimum_cohort == minimums and cells.numerator_minimum == thresholds.numerator_minimum


def _nothing(layout: CellLayout, thresholds: Thresholds) -> Cells:
    return Cells(layout, thresholds.numerator_minimum, tuple(thresholds.minimum(unit.assets) for unit in layout.units))


def _result(
    plan: PlanText, name: str, sheets: Sequence[Sheet], run: _Run, thresholds: Thresholds
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The public and the private part of a template's result entry. The private one goes to the receiver when it is released:
    which cells are withheld, and the seed, stand elsewhere."""
    template, basis = plan.templates[name].template, plan.basis(name)
    parts = [(sheet, number, part) for sheet in sheets for number, part in enumerate(sheet.parts)]
    shown = [contract.Sheet(part.layout, run.cells[part.canonical]) for _, _, part in parts]
    certificate = {
        **run.certificate,
        "withheld": [run.withheld.get(part.canonical, 0) for _, _, part in parts],
        "reused": sum(part.canonical in run.reused for _, _, part in parts),
        "blocked": sorted({run.blocked[part.canonical] for _, _, part in parts if part.canonical in run.blocked}),
    }
    public = {
        "template": name,
        "template_hash": text_hash(template.as_json()),
        "basis": text_hash(basis),
        "receiver": template.receiver,
        "checks": check_contract(shown, thresholds, certified=certificate["certified"] is True),
        "certificate": certificate,
    }
    items = [
        {
            "parameters": dict(sheet.parameters),
            "part": number,
            "canonical": part.canonical,
            "cells": run.cells[part.canonical].as_json(),
        }
        for sheet, number, part in parts
    ]
    return public, {"basis": basis, "sheets": items}


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
        path=side.share_folder(asset),
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
