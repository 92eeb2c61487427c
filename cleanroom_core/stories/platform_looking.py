"""What became of an effect at the platform whose outcome was never written: look, and say what is there.

Not to be seen means *interrupted*. Should a request that was lost on the way still arrive, then asking again finds what it
made and takes it for its own: every effect of a backend may be asked for twice. A run has the intent's id as its token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cleanroom_core.audit.entry import parse_time
from cleanroom_core.backends.asked import NewRoom, NewTable
from cleanroom_core.backends.seen import AssetKind, OutputPlace, ReviewState, RoomStatus
from cleanroom_core.errors import ConflictError
from cleanroom_core.rooms.state import EffectStage, Intent
from cleanroom_core.stories.bracket import Reconciler
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.platform_room import platform_of

Payload = Mapping[str, Any]
Ended = tuple[EffectStage, dict[str, Any], dict[str, Any]]
_NOT_DONE: Ended = (EffectStage.INTERRUPTED, {}, {})
_OTHER: Ended = (EffectStage.FAILED, {"code": "PLATFORM_OTHER"}, {})
_SKEW = timedelta(minutes=10)  # between this machine's clock and the platform's


def _done(**public: Any) -> Ended:
    return EffectStage.DONE, public, {}


def _room(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    seen, asked = platform_of(side).owner.room(intent.object), NewRoom.from_json(payload["asked"])
    if seen is None:
        return _NOT_DONE
    if asked.differs(seen):
        return _OTHER
    if seen.status is RoomStatus.FAILED:
        return EffectStage.FAILED, {"code": "ROOM_FAILED"}, {}
    return _done()


def _catalog(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    seen = platform_of(side).owner.room(intent.object)
    if seen is None or not seen.output_catalog:
        return _NOT_DONE
    return _done() if seen.output_catalog == payload["catalog"].lower() else _OTHER


def _table(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    platform, table = platform_of(side), NewTable(**payload["asked"])
    seen = platform.owner.asset(platform.room, AssetKind.VIEW if table.is_view else AssetKind.TABLE, table.name)
    if seen is None:
        return _NOT_DONE
    return _done() if seen.local == table.local else _OTHER


def _removal(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    platform = platform_of(side)
    seen = platform.owner.asset(platform.room, AssetKind(payload["kind"]), intent.object)
    return _done() if seen is None else _NOT_DONE


def _upload(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    platform = platform_of(side)
    seen = platform.owner.asset(platform.room, AssetKind.NOTEBOOK, intent.object)
    if seen is None or (seen.digest, sorted(seen.runners)) != (payload["digest"], payload["runners"]):
        return _NOT_DONE  # what is there is an earlier version
    return _done(etag=seen.etag, digest=payload["digest"])


def _review(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    platform = platform_of(side)
    seen = platform.owner.asset(platform.room, AssetKind.NOTEBOOK, intent.object)
    wanted = ReviewState.APPROVED if payload["approve"] else ReviewState.REJECTED
    own = [] if seen is None else [review.state for review in seen.reviews if review.alias == side.alias]
    if seen is None or seen.etag != payload["etag"] or own[-1:] != [wanted]:
        return _NOT_DONE
    return _done(etag=payload["etag"], approved=payload["approve"])


def _rule(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    platform = platform_of(side)
    wanted = (payload["runner"], payload["author"])
    there = any((rule.runner, rule.author) == wanted for rule in platform.owner.rules(platform.room))
    return _done() if there else _NOT_DONE


def _run(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    since = int((parse_time(intent.by.time) - _SKEW).timestamp() * 1000)
    seen = platform_of(side).runner.find_run(intent.ref.leaf, since)
    told = {name: payload[name] for name in ("etag", "release") if name in payload}  # as `run_there` would have told it
    return _NOT_DONE if seen is None else _done(run=seen.id, **told)


def _read(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    """What was read was not kept; it is read again."""
    return _NOT_DONE


def _release(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    """The rows are there or they are not. Without its readers a copy is no release: it is released again, which adds them."""
    runner, place = platform_of(side).runner, OutputPlace(payload["catalog"], payload["schema"])
    try:
        there = runner.copied(place, payload["table"], payload["target"])
    except ConflictError:
        return _OTHER
    if not there:
        return _NOT_DONE
    runner.copy_output(place, payload["table"], payload["target"], tuple(payload["readers"]))
    return _done()


def _close(side: Collaborator, intent: Intent, payload: Payload) -> Ended:
    seen = platform_of(side).owner.room(intent.object)
    return _done() if seen is None or seen.status is RoomStatus.DELETED else _NOT_DONE


LOOKING: dict[str, Reconciler] = {
    "platform_room": _room,
    "platform_catalog": _catalog,
    "platform_table": _table,
    "platform_removal": _removal,
    "platform_upload": _upload,
    "platform_review": _review,
    "platform_rule": _rule,
    "platform_run": _run,
    "platform_read": _read,
    "platform_release": _release,
    "platform_close": _close,
}
