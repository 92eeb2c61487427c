"""`cleanroom guard`: ask the guard for its verdict on a question, before anything is signed or run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click


@click.group()
def command() -> None:
    """The guard's verdicts."""


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
