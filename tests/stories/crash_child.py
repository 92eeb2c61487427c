"""Run one story in a process that kills itself (SIGKILL) at a chosen append: `crash_child.py FOLDER STORY NUMBER before|after`.

`before`: the entry is not written; `after`: it is durable and nothing later happened. NUMBER 0 is no crash: the process prints
how many appends the story makes. `engine` as NUMBER kills in the middle of the engine's work.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cleanroom_core.identity.permissions import Role
from cleanroom_core.stores.signed_log import SignedLog
from cleanroom_core.stories.agree import offer_agreement, sign_agreement
from cleanroom_core.stories.compute import compute_plan
from cleanroom_core.stories.plan import sign_plan
from cleanroom_core.stories.publish import publish_policy
from cleanroom_core.stories.review import release_result, result_id, waiting_results
from tests.stories.tiny_room import TinyRoom


def publish(room: TinyRoom) -> None:
    policy = room.definition.policies["baskets"]
    publish_policy(room.side("north"), room.user("north", Role.STEWARD), policy, "baskets.csv")


def sign(room: TinyRoom) -> None:
    plan = room.side("north").state().plan
    assert plan is not None
    sign_plan(room.side("north"), room.user("north", Role.REVIEWER), plan.text_hash)


def agree(room: TinyRoom) -> None:
    side = room.side("north")
    offer = side.state().agreement
    digest = offer.text_hash if offer else offer_agreement(side, room.user("north", Role.OFFICER), room.definition.agreement)
    sign_agreement(side, room.user("north", Role.OFFICER), digest)


def run(room: TinyRoom) -> None:
    compute_plan(room.side("north"), room.user("north", Role.ENGINEER))


def release(room: TinyRoom) -> None:
    reviewer = room.user("north", Role.REVIEWER)
    for waiting in waiting_results(room.side("north"), reviewer):
        release_result(room.side("north"), reviewer, result_id(waiting.result))


STORIES: dict[str, tuple[str, Callable[[TinyRoom], None]]] = {
    "agree": ("imported", agree),
    "publish": ("aligned", publish),
    "sign": ("proposed", sign),
    "run": ("signed", run),
    "release": ("quarantined", release),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    folder, story, number, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
    room = TinyRoom.open(folder)
    north = room.side("north")
    count = 0
    append = SignedLog.append

    def counted(log: SignedLog, *arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if number == str(count) and when == "before":
            die()
        done = append(log, *arguments, **named)
        if number == str(count) and when == "after":
            die()
        return done

    SignedLog.append = counted  # type: ignore[method-assign]
    if number == "engine":  # the engine is at work and its parent dies
        engine = north.owner_engine if story == "publish" else north.room_engine
        name = "publish" if story == "publish" else "compute"
        work = getattr(engine, name)

        def killed(*arguments: Any, **named: Any) -> Any:
            import threading

            threading.Timer(0.15, die).start()
            return work(*arguments, **named)

        setattr(engine, name, killed)
    STORIES[story][1](room)
    print(count, flush=True)
    room.context.close()


if __name__ == "__main__":
    main()
