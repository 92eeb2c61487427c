"""What a run leaves in its side's log, wherever it was computed: an entry of the run, and one with the result of each template.

The figures lie in the private payloads of the result entries: that is the quarantine of a room, which only a review opens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cleanroom_core.audit.entry import Ref
from cleanroom_core.errors import NotReadyError
from cleanroom_core.guard import World, judge
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.review import contract
from cleanroom_core.review.contract import check_contract
from cleanroom_core.rooms.state import PlanText, RoomState
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.sql.cells import Cells

if TYPE_CHECKING:
    from cleanroom_core.guard.sheet import Sheet
    from cleanroom_core.guard.world import Period
    from cleanroom_core.stories.bracket import Effect
    from cleanroom_core.stories.collaborator import Collaborator

Judged = Mapping[str, Sequence["Sheet"]]  # template -> its sheets, as the guard judged them


@dataclass(frozen=True)
class Figures:
    """What came out, by the canonical form of a part. `certificate` of what was computed now; `withheld` cells of each part;
    `reused`: parts that were out already, whose figures are the same; `blocked`: why a part has no cell at all."""

    cells: Mapping[str, Cells]
    certificate: Mapping[str, Any]
    withheld: Mapping[str, int]
    reused: frozenset[str] = frozenset()
    blocked: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Ground:
    """What figures stand on: the signed plan and the entry that proposed it, what the guard knew (with whose rows count), and
    of each table that is read its version and digest as registered."""

    plan: PlanText
    proposed: Ref
    world: World
    snapshot: Mapping[str, Mapping[str, Any]]

    @property
    def period(self) -> Period | None:
        return self.world.period


def judged_sheets(plan: PlanText, names: Sequence[str], world: World) -> dict[str, tuple[Sheet, ...]]:
    """Raises NotReadyError where the guard refuses a template as things stand."""
    found = {}
    for name in names:
        verdict = judge(plan.templates[name].template, world)
        if not verdict.ok:
            raise NotReadyError(f"The guard refuses {name} as things stand.", hint="Propose the plan anew.", code="GUARD")
        found[name] = verdict.sheets
    return found


def snapshot_of(state: RoomState, sheets: Judged) -> dict[str, dict[str, Any]]:
    """Version and digest of every table the sheets read, as registered."""
    assets = sorted({asset for found in sheets.values() for sheet in found for asset in sheet.query.assets})
    return {asset: {"version": state.assets[asset].version, "digest": state.assets[asset].digest} for asset in assets}


def append_run(
    side: Collaborator, user: User, effect: Effect, ground: Ground, sheets: Judged, figures: Figures, engine: str, **told: str
) -> None:
    """Write the run and its results; they count once the outcome of `effect` is there. `told`: further facts of the run."""
    names, digest = list(sheets), text_hash(ground.plan.as_json())
    public = {"action": "run", "plan": digest, "engine": engine, "templates": names, **told}
    snapshot = {asset: dict(found) for asset, found in ground.snapshot.items()}
    side.append(user, Permission.PLAN_COMPUTE, "run", public, {"snapshot": snapshot}, refs=(effect.ref, ground.proposed))
    for name in names:
        said, payload = result_of(ground, name, sheets[name], figures)
        side.append(user, Permission.PLAN_COMPUTE, "result", said, payload, refs=(effect.ref,))
    effect.public = {"plan": digest, "templates": names}


def result_of(ground: Ground, name: str, sheets: Sequence[Sheet], figures: Figures) -> tuple[dict[str, Any], dict[str, Any]]:
    """The public and the private part of a template's result entry. The private one goes to the receiver when it is released:
    which cells are withheld, and the seed, stand elsewhere."""
    plan, world, blocked = ground.plan, ground.world, figures.blocked or {}
    template, basis = plan.templates[name].template, plan.basis(name)
    parts = [(sheet, number, part) for sheet in sheets for number, part in enumerate(sheet.parts)]
    shown = [contract.Sheet(part.layout, figures.cells[part.canonical]) for _, _, part in parts]
    certificate = {
        **figures.certificate,
        "withheld": [figures.withheld.get(part.canonical, 0) for _, _, part in parts],
        "reused": sum(part.canonical in figures.reused for _, _, part in parts),
        "blocked": sorted(
            {blocked[part.canonical] for _, _, part in parts if part.canonical in blocked}
            | set(figures.certificate.get("blocked", ()))
        ),
    }
    public: dict[str, Any] = {
        "template": name,
        "template_hash": text_hash(template.as_json()),
        "basis": text_hash(basis),
        "receiver": template.receiver,
        "checks": check_contract(shown, world.thresholds, certified=certificate.get("certified") is True),
        "certificate": certificate,
        "agreement": plan.agreement,
        "snapshot": {asset: ground.snapshot[asset]["digest"] for asset in plan.templates[name].assets},
    }
    if ground.period is not None and any(world.assets[asset].rule.period_column for asset in plan.templates[name].assets):
        public["period"] = period_json(ground.period)
        public["dated"] = all(part.query.is_dated for _, _, part in parts)
    items = [
        {
            "parameters": dict(sheet.parameters),
            "part": number,
            "canonical": part.canonical,
            "cells": figures.cells[part.canonical].as_json(),
        }
        for sheet, number, part in parts
    ]
    return public, {"basis": basis, "sheets": items}


def period_json(period: Period | None) -> dict[str, str | None] | None:
    """`start` and `stop` as ISO dates, as they stand in entries and notebooks."""
    return None if period is None else {at: None if day is None else day.isoformat() for at, day in asdict(period).items()}
