"""Play a session as a user would, with `cleanroom guard replay`, while a linear reader looks on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from cleanroom_core.cli.main import cli
from tests.replay.linear_reader import Reader
from tests.replay.market import ROUNDED, UNIT, Market

SESSIONS = Path(__file__).parent / "sessions"
Step = Mapping[str, Any]


@dataclass(frozen=True)
class Played:
    steps: tuple[Step, ...]
    answers: tuple[Step, ...]
    reader: Reader


def session(name: str) -> list[Step]:
    lines = (SESSIONS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def session_of(texts: Sequence[str], party: str = "consumer") -> list[Step]:
    return [{"actor": "ana", "party": party, "sql": text} for text in texts]


def answers(room: Market, steps: Sequence[Step], folder: Path) -> tuple[Step, ...]:
    """What the command prints for each step."""
    path = folder / "session.jsonl"
    path.write_text("".join(json.dumps(step) + "\n" for step in steps), encoding="utf-8")
    run = CliRunner().invoke(cli, ["guard", "replay", "--room", str(room.room), "--session", str(path), "--json"])
    assert run.exit_code == 0, run.stderr or run.output
    found = tuple(json.loads(line, parse_float=Decimal) for line in run.stdout.splitlines())
    assert len(found) == len(steps), run.stderr
    return found


def play(room: Market, steps: Sequence[Step], folder: Path) -> Played:
    """Every step's answer, and a reader who has read them all."""
    given = answers(room, steps, folder)
    reader = Reader(room.tables, UNIT, room.minimum, ROUNDED)
    for number, (step, answer) in enumerate(zip(steps, given, strict=True), start=1):
        if "event" in step:
            reader.event(step)
        elif answer["outcome"] == "answered":
            reader.read(number, step["sql"], answer["columns"], answer["rows"])
    return Played(tuple(steps), given, reader)
