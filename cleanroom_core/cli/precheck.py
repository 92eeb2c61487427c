"""`cleanroom precheck`: check this machine or a Databricks workspace, or one thing of it again."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import click

from cleanroom_core.cli.home import clone, home
from cleanroom_core.errors import InputError
from cleanroom_core.prechecks import MACHINE
from cleanroom_core.prechecks.check import Check, Checked, Status, run
from cleanroom_core.prechecks.machine import machine
from cleanroom_core.prechecks.render import render, summary

CANNOT_TELL = 3
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--only", metavar="NAME", multiple=True, help="Make this check alone; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per check.")
@click.option("--databricks", is_flag=True, help="Check the Databricks workspace instead of this machine.")
@click.option("--profile", default="", help="Profile in ~/.databrickscfg; without it the environment decides (DATABRICKS_*).")
@click.option("--account-profile", default="", help="Profile of the account, which alone knows the plan.")
@click.option("--room", help="Name of the room on Databricks, there or to be made.")
@click.option("--role", type=click.Choice(["creator", "invited"]), default="creator", help="What this side is in the room.")
@click.option("--place", metavar="CLOUD:REGION", help="Where the room is agreed to lie, like aws:us-west-2.")
@click.option("--table", "tables", metavar="CATALOG.SCHEMA.TABLE", multiple=True, help="A table that is to be an asset.")
@click.option("--principal", "principals", multiple=True, help="User or application id that owns the room; default: yourself.")
@click.option("--runner", "runners", multiple=True, help="Application id that runs notebooks, and does nothing else.")
@click.option("--cluster", "clusters", metavar="ID", multiple=True, help="A cluster that prepares tables.")
@click.option("--standard", "standards", multiple=True, help="Compliance standard agreed, like PCI_DSS.")
@click.option("--warehouse", metavar="ID", help="A warehouse that may be started to read the billing table (the plan).")
@click.option("--room-limit", type=click.IntRange(1), help="Rooms your account may have; the documentation disagrees.")
@click.option("--collaborators", type=click.IntRange(2), default=2, help="How many the room is to have.")
@click.option("--agreement", metavar="ROOM:ALIAS", help="Room of this home, and your alias, whose agreement must be in force.")
@click.option("--partner-identifier", metavar="TEXT", help="The clean room's sharing identifier the partner sent.")
@click.option("--partner-facts", type=_FILE, help="File that the partner's --facts-out wrote.")
@click.option("--remember", metavar="ROOM:ALIAS", help="Let your side of a room of this home check all this in the wizard too.")
@click.option("--facts-out", type=_FILE, help="Write what the partner may know of this side; no secret is in it.")
def command(only: tuple[str, ...], as_json: bool, databricks: bool, **asked: Any) -> None:
    """Check this machine, or with --databricks a workspace: pass, fail or cannot tell, with what was found and what to do.

    Nothing is changed by looking. What a rehearsal's room tells (tables, tokens) is checked in the wizard.

    The workspace is found as every Databricks tool finds it: --profile, or DATABRICKS_HOST with DATABRICKS_CLIENT_ID and
    DATABRICKS_CLIENT_SECRET, or a sign-in of the Databricks CLI. No credential is taken on the command line.

    \b
    Exits 0  everything passed
          1  something failed
          2  what was given cannot be used (no connection, no such check, a partner's file that is none)
          3  nothing failed, and something cannot be told
    """
    if databricks:
        from cleanroom_core.cli.precheck_databricks import checked_workspace

        sides = checked_workspace(only, **asked)
    else:
        _none_given(asked)
        sides = {"own": _machine(only)}
    for side, checked in sides.items():
        if as_json:
            for item in checked:
                click.echo(json.dumps({"side": side, "check": item.check.name, **item.result.as_json()}))
        elif checked:
            click.echo(("\nThe partner's side, by its own word:\n" if side == "partner" else "") + render(checked))
    counts = summary(item for checked in sides.values() for item in checked)
    sys.exit(1 if counts[Status.FAIL] else CANNOT_TELL if counts[Status.CANNOT_TELL] else 0)


def chosen(checks: Iterable[Check[Any]], only: Collection[str]) -> list[Check[Any]]:
    """Those named, or all. Raises InputError for a name that none has."""
    checks = list(checks)
    names = sorted({check.name for check in checks})
    for name in only:
        if name not in names:
            raise InputError(f"There is no check called {name}.", hint=f"Known are {', '.join(names)}.", code="NO_CHECK")
    return [check for check in checks if not only or check.name in only]


def _none_given(asked: Collection[str]) -> None:
    """Raises InputError for an option that this machine has no use for."""
    ctx = click.get_current_context()
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if name in asked and ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise InputError(f"{parameter.opts[0]} is about a workspace.", hint="Add --databricks.", code="DATABRICKS")


def _machine(only: tuple[str, ...]) -> tuple[Checked, ...]:
    checks, folder = chosen(MACHINE, only), home()
    return run(checks, machine(folder, clone() / "requirements.txt", sorted(folder.glob("*/*.key"))))
