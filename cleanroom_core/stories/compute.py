"""Compute the signed plan once: share-safe tables in, protected cells in quarantine out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cleanroom_core.engines.protocol import CellQuery, Limits, Progress, ShareTable
from cleanroom_core.errors import ConflictError, NotReadyError
from cleanroom_core.guard import judge
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.privacy.protect import protect
from cleanroom_core.review import contract
from cleanroom_core.review.contract import check_contract
from cleanroom_core.rooms.state import EffectStage, Intent, RoomState
from cleanroom_core.rooms.tasks import uncomputed
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.review import release_compliant
from cleanroom_core.stories.world import thresholds_of, world_of

if TYPE_CHECKING:
    from cleanroom_core.guard.sheet import Sheet


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
    world, thresholds = world_of(state), thresholds_of(state)
    sheets: dict[str, Sheet] = {}
    for name in names:
        verdict = judge(plan.text.templates[name].template, world)
        if not verdict.ok:
            raise NotReadyError(f"The guard refuses {name} as things stand.", hint="Propose the plan anew.", code="GUARD")
        sheets |= {f"{name}/{number}": sheet for number, sheet in enumerate(verdict.sheets)}
    tables = {asset: _table(side, state, asset) for name in names for asset in plan.text.templates[name].assets}
    side.require_acknowledged()
    snapshot = {asset: {"version": table.version, "digest": table.digest} for asset, table in sorted(tables.items())}
    with bracket(side, user, Permission.PLAN_COMPUTE, "run", f"plan:{plan.text_hash}", {"snapshot": snapshot}) as effect:
        side.require_acknowledged()  # the other side holds the intent before any row is read
        dialect = side.room_engine.dialect
        queries = [CellQuery(id_, sheet.query.render(dialect), sheet.query.assets) for id_, sheet in sheets.items()]
        answered = side.room_engine.run(queries, tables, limits or Limits(), progress, cancelled)
        run = {"action": "run", "plan": plan.text_hash, "engine": side.room_engine.name, "templates": list(names)}
        side.append(user, Permission.PLAN_COMPUTE, "run", run, {"snapshot": snapshot}, refs=(effect.ref, plan.by.ref))
        rows = {answer.id: answer.rows for answer in answered}
        for name in names:
            template = plan.text.templates[name].template
            protected = [
                (sheet, protect(rows[id_], sheet.layout, thresholds))
                for id_, sheet in sheets.items()
                if id_.rpartition("/")[0] == name
            ]
            cells = [
                {"parameters": dict(sheet.parameters), "canonical": sheet.canonical, "cells": found.as_json()}
                for sheet, found in protected
            ]
            checks = check_contract([contract.Sheet(sheet.layout, found) for sheet, found in protected], thresholds)
            basis = plan.text.basis(name)
            public = {
                "template": name,
                "template_hash": text_hash(template.as_json()),
                "basis": text_hash(basis),
                "receiver": template.receiver,
                "agreement": agreement.text_hash,
                "checks": checks,
            }
            payload = {"basis": basis, "sheets": cells}
            side.append(user, Permission.PLAN_COMPUTE, "result", public, payload, refs=(effect.ref,))
        effect.public = {"plan": plan.text_hash, "templates": list(names)}
    release_compliant(side, user)
    return names


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
