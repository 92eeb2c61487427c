"""kill -9 at every write of publish, sign, run and release, then a restart: nothing acknowledged is lost, nothing happens
twice, nothing half-written counts, and the story can be finished."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cleanroom_core.context import Context
from cleanroom_core.errors import ConflictError
from cleanroom_core.rehearsal import reconcile_all
from cleanroom_core.rooms.state import EffectStage, RoomState, Verdict
from tests.stories.crash_child import STORIES
from tests.stories.tiny_room import TinyRoom

REPOSITORY = Path(__file__).resolve().parents[2]


Play = Callable[..., tuple[int, int]]  # folder, story, number, when -> exit code, and how many appends there were


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    script = [sys.executable, "-m", "tests.stories.crash_child"]
    with subprocess.Popen(script, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as children:
        assert children.stdin is not None
        assert children.stdout is not None

        def played(folder: Path, story: str, number: str, when: str = "after") -> tuple[int, int]:
            print(folder, story, number, when, sep="\t", file=children.stdin, flush=True)
            code, _, appends = children.stdout.readline().partition(" ")
            return int(code), int(appends.strip() or 0)

        yield played
        children.stdin.close()


def summary(state: RoomState) -> dict[str, object]:
    """What must be the same whether or not there was a crash on the way."""
    offer, plan = state.agreement, state.plan
    return {
        "agreement": None if offer is None else (offer.text_hash, sorted(offer.signatures), offer.stage),
        "policies": {name: (policy.policy_hash, policy.published is not None) for name, policy in state.policies.items()},
        "plan": None if plan is None else (plan.text_hash, sorted(plan.approvals), plan.stage),
        "results": Counter(result.verdict for result in state.results if result.verdict is not Verdict.SUPERSEDED),
    }


def entries(room: TinyRoom, alias: str) -> list[bytes]:
    log = room.side(alias).log
    return [record.leaf_hash for record in log.records()]


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_a_crash_at_any_write_loses_nothing_and_repeats_nothing(
    story: str, at: Callable[[str], TinyRoom], play: Play, tmp_path: Path
) -> None:
    stage, tell = STORIES[story]
    prepared = at(stage)
    start = entries(prepared, "north")
    prepared.context.close()
    folder = prepared.home.parent
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(folder, undisturbed)
    code, appends = play(undisturbed, story, "0")
    assert code == 0
    finished = TinyRoom.open(undisturbed)
    wanted = summary(finished.side("south").state())
    finished.context.close()
    # After one write is the same as before the next, but for what is done between them, which `engine` interrupts.
    moments = [*((str(number), "before") for number in range(1, appends + 1)), (str(appends), "after")]
    if story in ("publish", "run"):
        moments.append(("engine", "after"))
    for number, when in moments:
        crashed = tmp_path / f"{story}-{number}-{when}"
        shutil.copytree(folder, crashed)
        assert play(crashed, story, number, when)[0] == -9, (number, when)
        room = TinyRoom.open(crashed)
        survived = entries(room, "north")
        assert survived[: len(start)] == start
        assert len(survived) >= len(start) + (0 if number == "engine" else int(number) - (when == "before"))
        reconcile_all(room.context)
        state = room.side("north").state()
        assert state.open_intents() == ()
        assert sum(result.verdict is Verdict.QUARANTINED for result in state.results) <= 1
        with suppress(ConflictError):  # it had been done already
            tell(room)
        room.side("north").hand_over()
        assert summary(room.side("south").state()) == wanted, (number, when)
        assert entries(room, "north")[: len(survived)] == survived
        commits = len(list((crashed / "home/rooms/shops/north/share").glob("*/_delta_log/*.json")))
        ended = [intent for intent in state.intents.values() if intent.action == "publish" and intent.stage is EffectStage.DONE]
        assert commits <= max(len(ended), 1) + 2
        room.context.close()


def test_an_intent_of_a_living_process_is_left_alone(at: Callable[[str], TinyRoom]) -> None:
    from cleanroom_core.identity.permissions import Permission, Role
    from cleanroom_core.stories.bracket import bracket
    from cleanroom_core.stories.reconcile import reconcile

    room = at("signed")
    north, engineer = room.side("north"), room.user("north", Role.ENGINEER)
    with bracket(north, engineer, Permission.PLAN_COMPUTE, "run", "plan:x"):
        other = Context.open(room.home)
        assert reconcile(other.side("shops", "north")) == ()
        assert len(other.side("shops", "north").state().open_intents("north")) == 1
        other.close()
    assert north.state().open_intents("north") == ()
