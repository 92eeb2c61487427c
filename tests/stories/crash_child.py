"""Run stories in processes that kill themselves (SIGKILL) at a chosen append; a line of standard input for each of them:
FOLDER, STORY, NUMBER and before or after, with tabs between.

`before`: the entry is not written; `after`: it is durable and nothing later happened. NUMBER 0 is no crash: the answer says how
many appends the story makes. `engine` as NUMBER kills in the middle of the engine's work. Each is forked from this process,
which has loaded everything and opened nothing, and answered with its exit code and that number.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
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


def play(folder: Path, story: str, number: str, when: str) -> int:
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
    room.context.close()
    return count


def main() -> None:
    for line in sys.stdin:
        folder, story, number, when = line.rstrip("\n").split("\t")
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.write(writing, str(play(Path(folder), story, number, when)).encode())
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            said = answer.read()
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), said, flush=True)


if __name__ == "__main__":
    main()
