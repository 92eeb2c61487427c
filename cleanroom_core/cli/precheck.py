"""`cleanroom precheck`: check this machine, or one thing of it again."""

from __future__ import annotations

import json
import sys

import click

from cleanroom_core.cli.home import clone, home
from cleanroom_core.errors import InputError
from cleanroom_core.prechecks import MACHINE
from cleanroom_core.prechecks.check import Status, run
from cleanroom_core.prechecks.machine import machine
from cleanroom_core.prechecks.render import render, summary


@click.command()
@click.option("--only", metavar="NAME", multiple=True, help="Make this check alone; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per check.")
def command(only: tuple[str, ...], as_json: bool) -> None:
    """Check this machine: pass, fail or cannot tell, with what was found and what to do.

    Exits 0 when nothing failed, 1 when something did. What a room tells (tables, tokens, agreement) is checked in the wizard.
    """
    names = {check.name for check in MACHINE}
    unknown = [name for name in only if name not in names]
    if unknown:
        raise InputError(
            f"There is no check called {unknown[0]}.", hint=f"Known are {', '.join(sorted(names))}.", code="NO_CHECK"
        )
    chosen = [check for check in MACHINE if not only or check.name in only]
    folder = home()
    checked = run(chosen, machine(folder, clone() / "requirements.txt", sorted(folder.glob("*/*.key"))))
    if as_json:
        for item in checked:
            click.echo(json.dumps({"check": item.check.name, **item.result.as_json()}))
    else:
        click.echo(render(checked))
    sys.exit(1 if summary(checked)[Status.FAIL] else 0)
