"""`cleanroom guard`: ask the guard for its verdict on a question, or attack a whole room, before anything is signed or run."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cleanroom_core.errors import InputError

if TYPE_CHECKING:
    from cleanroom_core.engines.protocol import RoomEngine
    from cleanroom_core.stories.replay import Prepared


@click.group()
def command() -> None:
    """The guard's verdicts, and sessions that try to break a room."""


@command.command()
@click.option("--room", "room_file", required=True, type=click.Path(path_type=Path), help="The room file with rules and data.")
@click.option("--by", required=True, help="Alias of the collaborator who asks.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.argument("sql")
def explain(room_file: Path, by: str, as_json: bool, sql: str) -> int:
    """Judge SQL against the rules of a room file: which clause stands in the way, where, and what would pass.

    Exits 0 when the guard would let it through, 1 when not. Nothing is computed.
    """
    from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
    from cleanroom_core.stories.check_room import judge_in_room_file

    with tempfile.TemporaryDirectory(prefix="cleanroom-guard-") as work:
        findings = judge_in_room_file(room_file, DuckDBOwnerEngine(Path(work)), by, sql)
    if as_json:
        click.echo(
            json.dumps({"ok": not findings, "findings": [finding.as_json() for finding in findings]}, ensure_ascii=False)
        )
    else:
        for finding in findings:
            click.echo(str(finding))
        if not findings:
            click.echo("The guard would let this through; propose it as a template.")
    return 1 if findings else 0


@command.command()
@click.option("--room", "room_file", required=True, type=click.Path(path_type=Path), help="The room file to attack.")
@click.option(
    "--session", "session_file", required=True, type=click.Path(path_type=Path), help="JSON Lines: what is asked, in order."
)
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), help="Instead of the room file's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per step.")
def replay(room_file: Path, session_file: Path, engine: str | None, as_json: bool) -> int:
    """Try to break a room: play a session against a fresh copy of it in memory, and see what each step gives away.

    Every statement is taken as a template that both sides have signed. Exits 0 whatever the outcomes, 2 when the room file or
    the session cannot be used.
    """
    from cleanroom_core.cli.main import keep
    from cleanroom_core.cli.replayed import json_line, words
    from cleanroom_core.stories.replay import outcomes

    def say(text: str) -> None:
        click.echo(text, err=True)

    def failed(number: int, step: Prepared, error: Exception) -> None:
        say(f"Step {number} (line {step.step.line}): {keep(error)}")

    with tempfile.TemporaryDirectory(prefix="cleanroom-replay-") as work, ExitStack() as open_until_the_end:
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder goes, too
        open_until_the_end.callback(signal.signal, signal.SIGTERM, before)
        steps = _prepared(room_file, session_file, engine, Path(work), say, open_until_the_end)
        for number, played in enumerate(outcomes(steps, failed), start=1):
            try:
                click.echo(json_line(number, played) if as_json else words(number, played))
            except BrokenPipeError:  # nobody reads any more
                sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  what is flushed at exit goes there
                return 0
    return 0


def _prepared(
    room_file: Path, session_file: Path, engine: str | None, work: Path, say: Callable[[str], None], opened: ExitStack
) -> tuple[Prepared, ...]:
    """Everything read and understood, tables published; nothing has been asked yet. Raises InputError."""
    from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
    from cleanroom_core.rooms.replay_session import read_session
    from cleanroom_core.rooms.roomfile import read_replay_room, room_text
    from cleanroom_core.stories.replay import Replay

    definition = read_replay_room(room_file)
    if definition.agreement.ends_on < datetime.now(UTC).date():
        say("agreement.ends_on is in the past. A replay minds it not; nothing else would run.")
    assets = {policy.qualified: name for name, policy in definition.policies.items()}
    steps = read_session(_content(session_file), tuple(definition.collaborators), assets)
    room = _room_engine(engine or definition.engine, work, opened)
    replay = Replay.open(definition, room_text(room_file), DuckDBOwnerEngine(work / "owner"), room, work, say)
    return replay.prepared(steps)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        raise InputError(
            f"The session {path.name!r} cannot be read.", hint="Name a file of JSON lines that is there.", code="SESSION"
        ) from None


def _room_engine(name: str, work: Path, opened: ExitStack) -> RoomEngine:
    if name == "spark":
        from cleanroom_core.context import spark_sessions
        from cleanroom_core.engines.spark.room import SparkRoomEngine

        sessions = spark_sessions(work / "spark")
        opened.callback(sessions.close)
        sessions.session()  # without Java nothing can be played, which is said now and not at every step
        return SparkRoomEngine(sessions)
    from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine

    return DuckDBRoomEngine(work / "room")
