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
from tests.replay.market import OWN, UNIT, Market

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


def play(room: Market, steps: Sequence[Step], folder: Path) -> Played:
    """Every step's answer, and a reader who has read them all."""
    path = folder / "session.jsonl"
    path.write_text("".join(json.dumps(step) + "\n" for step in steps), encoding="utf-8")
    run = CliRunner().invoke(cli, ["guard", "replay", "--room", str(room.room), "--session", str(path), "--json"])
    assert run.exit_code == 0, run.stderr or run.output
    answers = tuple(json.loads(line, parse_float=Decimal) for line in run.stdout.splitlines())
    assert len(answers) == len(steps), run.stderr
    reader = Reader(room.tables, UNIT, room.minimum, OWN)
    for number, (step, answer) in enumerate(zip(steps, answers, strict=True), start=1):
        if "event" in step:
            reader.event(step)
        elif answer["outcome"] == "answered":
            reader.read(number, step["party"], step["sql"], answer["columns"], answer["rows"])
    return Played(tuple(steps), answers, reader)
