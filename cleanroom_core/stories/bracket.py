"""Intent before, outcome after: how an effect outside the log becomes something that happens once or visibly not at all.

While the effect lasts its process holds a file lock whose name stands in the intent; the operating system lets go of it when
the process dies, however it dies. An open intent whose lock is free was therefore cut short, and `reconcile` looks what became
of it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cleanroom_core.audit.entry import Ref
from cleanroom_core.errors import CleanRoomError, UnansweredError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.state import EffectStage, Intent

if TYPE_CHECKING:
    from cleanroom_core.stories.collaborator import Collaborator


@dataclass
class Effect:
    """An effect under way. What is put into `public` and `payload` goes into the outcome."""

    id: str
    ref: Ref
    public: dict[str, Any] = field(default_factory=dict)
    payload: dict[str, Any] = field(default_factory=dict)


@contextmanager
def bracket(
    side: Collaborator,
    user: User,
    permission: Permission,
    action: str,
    what: str,
    payload: Mapping[str, Any] | None = None,
) -> Iterator[Effect]:
    """Write the intent, run the block, write the outcome (done, or failed with a code; none while that is unknown)."""
    user.require(permission, side.organisation)
    name = secrets.token_hex(8)
    with _held(side, name):
        record = side.append(user, permission, "intent", {"action": action, "object": what}, {**(payload or {}), "lock": name})
        ref = record.ref
        effect = Effect(ref.leaf, ref)
        actor = side.actor(user, permission)
        try:
            yield effect
        except UnansweredError:
            raise  # nobody knows yet whether it was done: the intent stays open, and `reconcile` looks
        except CleanRoomError as error:
            end(side, actor, effect.ref, EffectStage.FAILED, {"code": error.code})
            raise
        except Exception:
            end(side, actor, effect.ref, EffectStage.FAILED, {"code": "UNEXPECTED"})
            raise
        end(side, actor, effect.ref, EffectStage.DONE, effect.public, effect.payload)
    side.hand_over()


def end(
    side: Collaborator,
    actor: Mapping[str, str],
    intent: Ref,
    stage: EffectStage,
    public: Mapping[str, Any],
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Write the outcome of an intent; a second one for the same intent has no effect on the state."""
    side.log.append("outcome", dict(actor), {**public, "stage": stage.value}, dict(payload or {}), refs=(intent,))


@contextmanager
def _held(side: Collaborator, name: str) -> Iterator[None]:
    path = side.home / "work" / f"{name}.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def is_alive(side: Collaborator, name: str) -> bool:
    """Whether some process still holds the lock of an intent."""
    path = side.home / "work" / f"{name}.lock"
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    path.unlink(missing_ok=True)
    return False


Reconciler = Callable[["Collaborator", Intent, Mapping[str, Any]], tuple[EffectStage, dict[str, Any], dict[str, Any]]]
"""Looks what became of an open intent (its payload is given) and says how it ended: stage, public and private outcome."""
