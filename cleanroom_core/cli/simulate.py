"""`cleanroom simulate`: two Databricks workspaces to rehearse against, on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from cleanroom_core.errors import InputError


@click.command()
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder that keeps their state.")
@click.option("--ports", metavar="A,B", default="0,0", help="Ports of provider and consumer; free ones when left out.")
@click.option(
    "--fault", "fault_file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Faults (docs/simulator.md)."
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON: hosts and credentials.")
def command(home: Path, ports: str, fault_file: Path | None, as_json: bool) -> None:
    """Serve two simulated workspaces, provider and consumer, until SIGTERM or Ctrl-C.

    Strict where the platform is; docs/simulator.md says what is documented and what a guess. The credentials printed
    open nothing else.
    """
    from cleanroom_core.simulator.serving import serve

    serve(home, _two(ports), fault_file, click.echo if as_json else _for_people)


def _two(ports: str) -> tuple[int, int]:
    parts = ports.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() and int(part) <= 65535 for part in parts):
        raise InputError(f"--ports {ports} is not two port numbers.", hint="Write --ports 8701,8702.", code="PORTS")
    return int(parts[0]), int(parts[1])


def _for_people(line: str) -> None:
    import json

    for workspace in json.loads(line)["workspaces"]:
        click.echo(f"{workspace['name']}: export DATABRICKS_HOST={workspace['host']} DATABRICKS_TOKEN={workspace['token']}")
    click.echo("Stop with Ctrl-C.")
