"""`cleanroom demo`: the whole story in a fresh folder, both sides, headless."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from cleanroom_core.cli.home import clone
from cleanroom_core.cli.room import placed
from cleanroom_core.errors import ConflictError, Problem


@click.command()
@click.option("--room", "room_file", type=click.Path(path_type=Path), help="Play this room file instead of the banks example.")
@click.option("--home", type=click.Path(path_type=Path), help="Keep the rehearsal in this new folder.")
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), help="Instead of the room file's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per step; the last holds the released rows.")
def command(room_file: Path | None, home: Path | None, engine: str | None, as_json: bool) -> int:
    """Play both sides of a room from prechecks to the last request, in a fresh folder; never in a live room.

    Exits 0 only if every request of the room file ends as it says under `expect`, 1 if one does not, and 2, before anything is
    played, if the file has mistakes; they are those of `cleanroom room check`.
    """
    from cleanroom_core.context import Context, create_home
    from cleanroom_core.identity.permissions import Role, User
    from cleanroom_core.rehearsal import DEMO_ROLES, demo_users, generate, import_room
    from cleanroom_core.rooms.roomfile import read_room_file
    from cleanroom_core.stories.play import play

    if room_file is None:
        room_file = clone() / "examples" / "banks" / "room.yaml"
        if not as_json:
            click.echo("Demo tables of two banks: made once, about a million rows ...")
        generate(room_file.parent)
    elif mistakes := _mistakes(room_file):
        _tell(room_file, mistakes, as_json)
        return 2
    definition = read_room_file(room_file, today=datetime.now(UTC).date())
    definition = replace(definition, engine=engine or definition.engine)
    if home is not None and home.exists() and any(home.iterdir()):
        raise ConflictError(
            f"{home} is not empty.", hint="A demo is played in a fresh folder; name a new one.", code="HOME_TAKEN"
        )
    folder = Path(tempfile.mkdtemp(prefix="cleanroom-demo-")) if home is None else home
    try:
        create_home(folder)
        context = Context.open(folder)
        if definition.engine == "spark":
            context.spark.session()  # what is missing for it is said before anything is played
        import_room(context, definition)
        users = demo_users(definition.collaborators)
        cast: dict[str, dict[Role, User]] = {
            alias: {role: users[f"{alias}.{role}"] for role in DEMO_ROLES} for alias in definition.collaborators
        }
        sides = {alias: context.side(definition.name, alias) for alias in definition.collaborators}
        ok, released = True, []
        for number, played in enumerate(play(sides, cast, definition), start=1):
            ok = ok and played.ok
            if played.answered is not None and played.answered.outcome.value == "released":
                released.append(played)
            _say(number, played, as_json)
        _finish(ok, released, context.room_home(definition.name), home is not None, as_json)
        context.close()
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if ok else 1


def _mistakes(room_file: Path) -> Sequence[Problem]:
    """What `cleanroom room check` finds: better told at once than one by one, in the middle of the play."""
    from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
    from cleanroom_core.stories.check_room import check_room_file

    with tempfile.TemporaryDirectory(prefix="cleanroom-check-") as work:
        return check_room_file(room_file, DuckDBOwnerEngine(Path(work)), datetime.now(UTC).date())[1]


def _tell(room_file: Path, mistakes: Sequence[Problem], as_json: bool) -> None:
    for problem in mistakes:
        if as_json:
            place = {"line": problem.line, "column": problem.column, "code": problem.code}
            words = f"{problem.message} {problem.hint}"
            step = {"step": "check", "side": "", "outcome": "failed", "words": words, "ok": False}
            click.echo(json.dumps(step | place, ensure_ascii=False))
        else:
            click.echo(placed(room_file, problem), err=True)
    if as_json:
        click.echo(json.dumps(_end(False, []), ensure_ascii=False))


def _say(number: int, played: Any, as_json: bool) -> None:
    if as_json:
        line = {"step": played.step, "side": played.side, "outcome": played.outcome, "words": played.words, "ok": played.ok}
        if played.answered is not None:
            line["codes"] = [finding.code for finding in played.answered.findings]
        click.echo(json.dumps(line | dict(played.facts), ensure_ascii=False))
    else:
        mark = " " if played.ok else "!"
        click.echo(f"{mark}{number:>3}  {played.step:<10} {played.side:<12} {played.outcome:<12} {played.words}")


def _finish(ok: bool, released: Sequence[Any], room_home: Path, kept: bool, as_json: bool) -> None:
    """The released tables and where the logs lie."""
    from cleanroom_core.stories.tables import text_rows

    releases = []
    for played in released:
        columns, rows = text_rows(played.answered.answer)
        if as_json:
            rows = [[_number(value) for value in row] for row in played.answered.answer.rows]
        releases.append({"template": played.answered.template, "asked": played.words, "columns": columns, "rows": rows})
    logs = {path.parent.name: str(path) for path in sorted(room_home.glob("*/log.db"))}
    if as_json:
        click.echo(json.dumps(_end(ok, releases) | ({"logs": logs} if kept else {}), ensure_ascii=False))
        return
    for release in releases:
        click.echo(f"\n{release['asked']}")
        _echo_table([release["columns"], *release["rows"]])
    if kept:
        click.echo("\nThe logs: " + ", ".join(f"{alias} {path}" for alias, path in logs.items()))
    else:
        click.echo("\nThe logs were in a temporary folder; keep them with --home DIR.")
    click.echo("Every step ended as it should." if ok else "A step did not end as it should (marked with !).")


def _number(value: Any) -> Any:
    """A figure as a JSON number where a double holds it exactly, as exact text elsewhere; dates as text."""
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _end(ok: bool, releases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last JSON line. `columns` and `rows` are the first release's, `releases` has all."""
    first = releases[0] if releases else {"columns": [], "rows": []}
    end = {"step": "end", "side": "", "outcome": "ok" if ok else "failed"}
    return end | {"columns": first["columns"], "rows": first["rows"], "releases": list(releases)}


def _echo_table(lines: Sequence[Sequence[Any]]) -> None:
    shown = [["" if cell is None else str(cell) for cell in line] for line in lines]
    widths = [max(len(cell) for cell in column) for column in zip(*shown, strict=True)]
    for line in shown:
        click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
