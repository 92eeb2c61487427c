"""After a crash: for every effect that began and has no outcome, look at the world and write down what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cleanroom_core.errors import CleanRoomError
from cleanroom_core.rooms.state import EffectStage, Intent
from cleanroom_core.stories.bracket import Reconciler, end, is_alive
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.compute import reconcile_run
from cleanroom_core.stories.platform_looking import LOOKING
from cleanroom_core.stories.publish import reconcile_publish
from cleanroom_core.stories.review import reconcile_release


def _reconcile_sign(
    side: Collaborator, intent: Intent, payload: Mapping[str, Any]
) -> tuple[EffectStage, dict[str, Any], dict[str, Any]]:
    """The signature is one entry that names the intent: it is there or it is not."""
    for record in side.log.records(side.log.origin, start=intent.ref.seq + 1):
        if record.entry.kind in ("agreement", "approval") and intent.ref in record.entry.refs:
            return EffectStage.DONE, {}, {}
    return EffectStage.INTERRUPTED, {}, {}


RECONCILERS: dict[str, Reconciler] = {
    "sign": _reconcile_sign,
    "publish": reconcile_publish,
    "run": reconcile_run,
    "release": reconcile_release,
    **LOOKING,
}


def reconcile(side: Collaborator) -> tuple[Intent, ...]:
    """End every open intent of this side whose process is gone; returns them. Safe to repeat, and beside live processes."""
    ended = []
    for intent in side.state().open_intents(side.alias):
        record = side.log.records(side.log.origin, start=intent.ref.seq)[0]
        payload = record.payload if isinstance(record.payload, Mapping) else {}
        if is_alive(side, str(payload.get("lock", ""))):
            continue
        try:
            stage, public, private = RECONCILERS[intent.action](side, intent, payload)
        except CleanRoomError:
            continue  # cannot be looked at now (a table is locked, a disk is full): it stays open and is looked at again
        end(side, record.entry.actor, intent.ref, stage, public, private)
        ended.append(intent)
    side.hand_over()
    return tuple(ended)
