"""The one outer loop: look, say what was seen, pause, until it is over. Clock and sleep are handed in.

An adapter's own retries end inside a call after a bounded time; what outlasts them is looked at again here, until the
deadline. A look that is refused ends the waiting at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from cleanroom_core.backends.protocol import Backend
from cleanroom_core.backends.seen import RoomStatus, RunStage, SeenRoom, SeenRun
from cleanroom_core.errors import NotReadyError, PlatformError, UnansweredError

Seen = TypeVar("Seen")
STILL_WAITING = "STILL_WAITING"


@dataclass(frozen=True)
class Pace:
    """How long to wait in all and between two looks, in seconds; the pause grows by half each time up to `longest`."""

    total: float = 1200.0
    first: float = 2.0
    longest: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def watch(look: Callable[[], Seen], is_over: Callable[[Seen], bool], pace: Pace) -> Iterator[Seen]:
    """Yield each look; the last one yielded is over. Raises NotReadyError (code STILL_WAITING) at the deadline."""
    deadline, pause = pace.clock() + pace.total, pace.first
    missed: UnansweredError | None = None
    while True:
        try:
            seen = look()
        except UnansweredError as error:
            missed = error
        else:
            missed = None
            yield seen
            if is_over(seen):
                return
        if pace.clock() + pause > deadline:
            break
        pace.sleep(pause)
        pause = min(pause * 1.5, pace.longest)
    if missed is not None:
        raise missed
    raise NotReadyError(
        f"It was not over after {pace.total:.0f} seconds; it goes on without us.",
        hint="Look again later: nothing has to be started anew.",
        code=STILL_WAITING,
    )


def wait_active(backend: Backend, name: str, pace: Pace, progress: Callable[[SeenRoom], None] = lambda _seen: None) -> SeenRoom:
    """The room once it is ACTIVE. Raises PlatformError when it ends otherwise, NotReadyError when there is none."""

    def look() -> SeenRoom:
        found = backend.room(name)
        if found is None:
            raise NotReadyError(f"There is no room {name} to wait for.", hint="Create it first.", code="NO_ROOM")
        return found

    ended = (RoomStatus.ACTIVE, RoomStatus.FAILED, RoomStatus.DELETED)
    for seen in watch(look, lambda room: room.status in ended, pace):
        progress(seen)
    if seen.status is not RoomStatus.ACTIVE:
        raise PlatformError(
            f"The room {name} is {seen.status}.",
            hint="It will not become active. Delete it, look at the prechecks, and create one with another name.",
            code=f"ROOM_{seen.status}",
        )
    return seen


def wait_ended(backend: Backend, run_id: str, pace: Pace, progress: Callable[[SeenRun], None] = lambda _seen: None) -> SeenRun:
    """The run once it has ended, however it ended."""
    ended = (RunStage.SUCCEEDED, RunStage.FAILED, RunStage.CANCELLED)
    for seen in watch(lambda: backend.run(run_id), lambda run: run.stage in ended, pace):
        progress(seen)
    return seen
