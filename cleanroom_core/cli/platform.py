"""`cleanroom platform`: who a side is on Databricks, where its room really is, and every step in it (`platform_steps`)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cleanroom_core.cli.home import home
from cleanroom_core.cli.platform_steps import STEPS
from cleanroom_core.errors import InputError

if TYPE_CHECKING:
    from cleanroom_core.backends.databricks.report import ConnectionReport


@click.group()
def command() -> None:
    """Databricks: test a connection, say where a room of this home really is, and work in it. Credentials stay with the SDK."""


for step in STEPS:
    command.add_command(step)


@command.command()
@click.option("--profile", default="", help="Of ~/.databrickscfg; without it the environment decides.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def test(profile: str, as_json: bool) -> None:
    """Who is signed in, where, and what this identity may do. Changes nothing."""
    report = _report(profile)
    if as_json:
        told = {
            **asdict(report),
            "privileges": None if report.privileges is None else sorted(report.privileges),
            "is_metastore_admin": report.is_metastore_admin,
            "may_create_rooms": report.may_create_rooms,
            "sharing_identifier": report.sharing_identifier,
        }
        click.echo(json.dumps(told))
        return
    for name, value in _lines(report).items():
        click.echo(f"{name:<24}{value}")
    for note in report.notes:
        click.echo(f"cannot tell: {note}")


@command.command()
@click.argument("named", metavar="ROOM:ALIAS")
@click.option("--room", "name", required=True, help="The room's name on the platform.")
@click.option("--owner", default="", metavar="PROFILE", help="Identity that creates the room, adds to it and reviews.")
@click.option("--runner", default="", metavar="PROFILE", help="Service principal that runs notebooks and reads their output.")
@click.option("--warehouse", required=True, metavar="ID", help="SQL warehouse that the runner may use.")
@click.option("--share", default="", metavar="CATALOG.SCHEMA", help="Publish share-safe tables there, not into this home.")
@click.option("--scope", default="", help="Secret scope with the token keys; needed with --share.")
@click.option("--publisher", default="", metavar="PROFILE", help="Identity that publishes them; without it the owner.")
@click.option("--exempt", default="", metavar="GROUP", help="Group of the publisher that filters of raw tables let through.")
def connect(
    named: str, name: str, owner: str, runner: str, warehouse: str, share: str, scope: str, publisher: str, exempt: str
) -> None:
    """Try both identities, and keep in this side's home where ROOM really is. No credential is written."""
    from cleanroom_core.backends.placed import FILE, Placed
    from cleanroom_core.context import Context, write_json

    room, _, alias = named.partition(":")
    context = Context.open(home())
    if alias not in context.info(room).collaborators:
        raise InputError(f"{alias or 'Nobody'} is no side of {room} in this home.", hint="Write ROOM:ALIAS.", code="ALIAS")
    placed = Placed(name, owner, runner, warehouse, share, scope, publisher, exempt)
    one, two = _report(owner), _report(runner)
    if not two.is_service:
        raise InputError(
            f"The runner would be {two.user}, a person, who would see every output at once.",
            hint="Name a profile with the client id and secret of a service principal.",
            code="RUN_AS_PERSON",
        )
    if one.metastore != two.metastore:
        raise InputError(
            "The two identities are in different workspaces.", hint="Use profiles of one workspace.", code="TWO_METASTORES"
        )
    write_json(context.room_home(room) / alias / FILE, placed.as_json())
    click.echo(f"{room}:{alias} is the room {placed.room} on {one.host}: {one.user} owns, {two.user} runs.")


def _report(profile: str) -> ConnectionReport:
    from cleanroom_core.backends.databricks.connection import Connection, open_client
    from cleanroom_core.backends.databricks.report import connection_report

    return connection_report(open_client(Connection(profile=profile, http_seconds=30, retry_seconds=20)))


_SAID = {True: "yes", False: "no", None: "cannot tell"}


def _lines(report: ConnectionReport) -> dict[str, str]:
    return {
        "signed in as": f"{report.user} ({'service principal' if report.is_service else 'person'}, {report.signed_in_by})",
        "groups": ", ".join(report.groups) or "none",
        "workspace": f"{report.workspace or 'cannot tell'} at {report.host}",
        "account": report.account or "cannot tell",
        "metastore": report.metastore or "cannot tell",
        "sharing scope": report.sharing_scope or "cannot tell",
        "sharing identifier": report.sharing_identifier or "cannot tell",
        "metastore admin": _SAID[report.is_metastore_admin],
        "may create rooms": _SAID[report.may_create_rooms],
        "rooms it sees": "cannot tell" if report.rooms is None else str(report.rooms),
    }
