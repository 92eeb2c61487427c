"""`cleanroom room`: check a room file, import it as a rehearsal, say how a room stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from cleanroom_core.cli.home import open_home
from cleanroom_core.errors import Problem


@click.group()
def command() -> None:
    """Rooms written as files: check, import, status."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON line per mistake.")
def check(file: Path, as_json: bool) -> int:
    """Name each mistake of a room file with its line and what to do; exits 2 when there is one."""
    import tempfile

    from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
    from cleanroom_core.stories.check_room import check_room_file

    with tempfile.TemporaryDirectory(prefix="cleanroom-check-") as work:
        definition, problems = check_room_file(file, DuckDBOwnerEngine(Path(work)), datetime.now(UTC).date())
    for problem in problems:
        if as_json:
            found = {
                "line": problem.line,
                "column": problem.column,
                "message": problem.message,
                "hint": problem.hint,
                "code": problem.code,
            }
            click.echo(json.dumps(found, ensure_ascii=False))
        else:
            click.echo(placed(file, problem))
    if problems:
        return 2
    if definition is not None and not as_json:
        parts = {"asset": definition.policies, "template": definition.templates, "request": definition.requests}
        counts = ", ".join(f"{len(part)} {name}{'' if len(part) == 1 else 's'}" for name, part in parts.items())
        click.echo(f"{file} is right: room {definition.name}, {counts}.")
    return 0


def placed(file: Path, problem: Problem) -> str:
    """A mistake in the form compilers use, so that editors jump to it: `room.yaml:12:5: ...`."""
    place = f"{problem.line or 1}" + (f":{problem.column}" if problem.column else "")
    return f"{file}:{place}: {problem.message} {problem.hint} [{problem.code}]"


@command.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--demo-users/--no-demo-users", default=True, help="Add one demo user per role and side (loopback only).")
def import_(file: Path, demo_users: bool) -> None:
    """Make a rehearsal room of a room file: homes, keys, logs and drafts. Nothing is signed by it.

    In the home of one party, where the room began by `cleanroom exchange meet`: take that party's drafts and tables from it.
    """
    from cleanroom_core.context import Context, create_home
    from cleanroom_core.party import prepare_room
    from cleanroom_core.rehearsal import add_demo_users, import_room
    from cleanroom_core.rooms.roomfile import read_room_file

    home = open_home()
    create_home(home)
    context = Context.open(home)
    definition = read_room_file(file, today=datetime.now(UTC).date(), need_data=context.party is None)
    if context.party is not None:
        prepare_room(context, definition)
    else:
        import_room(context, definition)
        if demo_users:
            add_demo_users(context, definition)
    context.close()
    click.echo(f"Imported {definition.name}: {', '.join(definition.collaborators.values())}. Open it in the wizard: make run")


@command.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON line per step.")
def status(name: str | None, as_json: bool) -> None:
    """Say how each room stands and whose turn it is."""
    from cleanroom_core.context import Context
    from cleanroom_core.rooms.tasks import timeline

    context = Context.open(open_home())
    for room in (name,) if name else context.rooms():
        info = context.info(room)
        state = context.side(room, info.here[0]).state()
        if not as_json:
            click.echo(f"{room} ({', '.join(info.collaborators.values())})")
        for step in timeline(state, None):
            tasks = [f"{info.collaborators[task.alias]}: {task.text}" for task in step.tasks]
            if as_json:
                click.echo(json.dumps({"room": room, "step": step.name, "stage": step.stage.value, "tasks": tasks}))
            else:
                click.echo(f"  {step.title:<14} {step.stage.value:<10} {'; '.join(tasks)}")
    context.close()
