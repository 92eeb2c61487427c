"""The steps of a room on a platform, one sub-command of `cleanroom platform` and one story each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from cleanroom_core.cli.acting import acting
from cleanroom_core.errors import NotReadyError

Command = Callable[..., Any]


def _as_user(command: Command) -> Command:
    """ROOM:ALIAS, and who does it."""
    for option in (
        click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking."),
        click.option("--as", "username", required=True, metavar="USER", help="Who does this: a user of this home."),
        click.argument("named", metavar="ROOM:ALIAS"),
    ):
        command = option(command)
    return command


@click.command()
@_as_user
def look(named: str, username: str, password_stdin: bool) -> None:
    """What this side's platform shows of the room now: its state, who is in it, what lies in it. Changes nothing."""
    from cleanroom_core.stories.platform_room import look_there

    with acting(named, username, password_stdin) as (side, user):
        found = look_there(side, user)
    if found.room is None:
        click.echo("This side sees no such room.")
        return
    click.echo(f"{found.room.name}: {found.room.status}{f', {found.room.restricted}' if found.room.restricted else ''}")
    for alias, joined in found.joined.items():
        click.echo(f"  {alias:<12} {'has something in it' if joined else 'has nothing in it yet'}")
    for asset in found.assets:
        state = asset.state if asset.etag else asset.status
        click.echo(f"  {asset.kind:<14} {asset.name}  {state}{f', version {asset.etag}' if asset.etag else ''}")


@click.command()
@_as_user
@click.option("--partner", "partners", multiple=True, required=True, metavar="ALIAS=IDENTIFIER",
              help="The other side's sharing identifier: cloud:region:metastore:workspace:user.")  # fmt: skip
@click.option("--owner", default="", help="The group that is to own the room; without it whoever is connected.")
def create(named: str, username: str, password_stdin: bool, partners: tuple[str, ...], owner: str) -> None:
    """Ask for the room, with everybody in it: nobody can be added later. Asking again changes nothing."""
    from cleanroom_core.stories.platform_asking import room_to_create
    from cleanroom_core.stories.platform_room import create_there

    told = dict(text.partition("=")[::2] for text in partners)
    with acting(named, username, password_stdin) as (side, user):
        seen = create_there(side, user, room_to_create(side, user, told, owner))
    click.echo(f"{seen.name} is {seen.status}. Next: cleanroom platform open {named} --as {username}")


@click.command(name="open")
@_as_user
def open_(named: str, username: str, password_stdin: bool) -> None:
    """Wait until the room that was asked for is there, and tell the other side."""
    from cleanroom_core.backends.waiting import Pace
    from cleanroom_core.stories.platform_asking import asked_again
    from cleanroom_core.stories.platform_room import open_there

    with acting(named, username, password_stdin) as (side, user):
        seen = open_there(side, user, asked_again(side), Pace(), lambda room: click.echo(f"{room.name} is {room.status}"))
    click.echo(f"{seen.name} is open.")


@click.command()
@_as_user
def accept(named: str, username: str, password_stdin: bool) -> None:
    """Say that this side takes part, once its own platform shows the room ready."""
    from cleanroom_core.stories.platform_room import accept_there

    with acting(named, username, password_stdin) as (side, user):
        seen = accept_there(side, user)
    click.echo(f"This side is {seen.alias} in {seen.name}.")


@click.command()
@_as_user
@click.argument("name")
def catalog(named: str, username: str, password_stdin: bool, name: str) -> None:
    """Make NAME the catalog runs of this side write to; once per room and side, for good."""
    from cleanroom_core.stories.platform_room import make_output_catalog

    with acting(named, username, password_stdin) as (side, user):
        seen = make_output_catalog(side, user, name)
    click.echo(f"Runs of this side write to {seen.output_catalog}.")


@click.command()
@_as_user
@click.argument("asset")
def table(named: str, username: str, password_stdin: bool, asset: str) -> None:
    """Put the registered share-safe table ASSET (alias.name) into the room."""
    from cleanroom_core.stories.platform_tables import share_there

    with acting(named, username, password_stdin) as (side, user):
        seen = share_there(side, user, asset)
    click.echo(f"{asset} is in the room as {seen.name}.")


@click.command()
@_as_user
def upload(named: str, username: str, password_stdin: bool) -> None:
    """Put the notebook of the plan in force into the room: the sheets this side keeps until their review."""
    from cleanroom_core.stories.platform_notebook import upload_plan

    with acting(named, username, password_stdin) as (side, user):
        seen = upload_plan(side, user)
    click.echo(f"{seen.name} is in the room, version {seen.etag}, {seen.state}. The other side approves it.")


@click.command()
@_as_user
@click.argument("custodian")
def approve(named: str, username: str, password_stdin: bool, custodian: str) -> None:
    """Approve the notebook of CUSTODIAN (an alias) if it says, cell by cell, what this side makes of the plan itself."""
    from cleanroom_core.stories.platform_notebook import approve_plan

    with acting(named, username, password_stdin) as (side, user):
        seen = approve_plan(side, user, custodian)
    click.echo(f"{seen.name}, version {seen.etag}, is {seen.state}.")


@click.command()
@_as_user
@click.option(
    "--minutes", type=click.IntRange(1, 24 * 60), default=30, show_default=True, help="The run is stopped after them."
)
def run(named: str, username: str, password_stdin: bool, minutes: int) -> None:
    """Start the approved notebook as this side's service principal. A period's rows are computed once."""
    from cleanroom_core.stories.platform_notebook import notebook_name
    from cleanroom_core.stories.platform_run import run_there

    with acting(named, username, password_stdin) as (side, user):
        started = run_there(side, user, notebook_name(side.alias), 60 * minutes)
    click.echo(f"Run {started.id} has begun. Next: cleanroom platform results {named} --as {username}")


@click.command()
@_as_user
@click.option("--run", "run_id", default="", help="Which run; without it the newest this side has started.")
@click.option("--minutes", type=click.IntRange(0, 24 * 60), default=60, show_default=True, help="How long to wait for its end.")
@click.option(
    "--give-up", is_flag=True, help="Close a run whose figures cannot be taken: results without a figure, to be rejected."
)
def results(named: str, username: str, password_stdin: bool, run_id: str, minutes: int, give_up: bool) -> None:
    """Wait for the run, read what it wrote, and put its figures into the room's quarantine for review."""
    from cleanroom_core.backends.seen import RunStage
    from cleanroom_core.backends.waiting import Pace, wait_ended
    from cleanroom_core.stories.platform_period import starts
    from cleanroom_core.stories.platform_result import give_up_there, results_there
    from cleanroom_core.stories.platform_room import platform_of

    with acting(named, username, password_stdin) as (side, user):
        own = [each.run for each in starts(side) if each.alias == side.alias]
        if not (run_id or own):
            raise NotReadyError("This side has started no run.", hint="First: cleanroom platform run ...", code="NO_RUN")
        run_id = run_id or own[-1]
        if give_up:
            names = give_up_there(side, user, run_id)
            click.echo(f"Run {run_id} is given up. A reviewer rejects {', '.join(names)}, which have no figure.")
            return
        ended = wait_ended(platform_of(side).runner, run_id, Pace(total=60 * minutes))
        if ended.stage is not RunStage.SUCCEEDED:
            raise NotReadyError(
                f"Run {run_id} is {ended.stage}: {ended.reason or 'no reason was told'}.",
                hint="Mend what it names, then start it again: cleanroom platform run ...",
                code="RUN_STAGE",
            )
        names = results_there(side, user, run_id)
    click.echo(f"Run {run_id}: {', '.join(names)} in quarantine. Their reviewer decides in the wizard.")


STEPS = (look, create, open_, accept, catalog, table, upload, approve, run, results)
