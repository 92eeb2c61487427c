"""`cleanroom notebook`: look at clean-room notebooks that somebody wrote by hand, and write that of a release plan."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cleanroom_core.errors import InputError

if TYPE_CHECKING:
    from cleanroom_core.policies.unity_catalog.names import ObjectName


@click.group()
def command() -> None:
    """Notebooks for a room, before anybody approves them."""


@command.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--person", "persons", multiple=True, metavar="COLUMN", help="A column that counts people, instead of the usual names."
)
@click.option("--identifier", "identifiers", multiple=True, metavar="COLUMN", help="A further column that must not be written.")
@click.option(
    "--minimum", type=click.IntRange(min=2), default=10, show_default=True, help="The fewest people a guard may ask for."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True)
def lint(files: tuple[Path, ...], persons: tuple[str, ...], identifiers: tuple[str, ...], minimum: int, form: str) -> int:
    """Find what must not happen in a clean room, in notebooks (.py, .sql, .ipynb); nothing is run.

    Exits 0 when nothing is found, 1 with findings, 2 when a file is no notebook. docs/notebook-lint.md explains each finding.
    """
    from cleanroom_core.notebooks.lint import lint as lint_notebook
    from cleanroom_core.notebooks.render import as_json, as_text
    from cleanroom_core.notebooks.settings import Settings

    settings = Settings(persons, identifiers, minimum)
    findings = tuple(finding for path in files for finding in lint_notebook(str(path), _text(path), settings))
    if form == "sarif":
        from importlib.metadata import version

        from cleanroom_core.notebooks.sarif import as_sarif

        click.echo(as_sarif(findings, version("cleanroom-core")))
    else:
        click.echo(as_json(findings) if form == "json" else as_text(findings))
    return 1 if findings else 0


@command.command()
@click.option("--room", "room_file", required=True, type=click.Path(path_type=Path), help="The room file with rules and data.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the notebook goes (.py).")
@click.option("--check", type=click.Path(path_type=Path), help="Compare this notebook with the one the room file gives.")
@click.option("--table", "named", multiple=True, metavar="ASSET=NAME", help="An asset's table in the room, alias.schema.table.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="The first day of the period.")
@click.option("--stop", type=click.DateTime(["%Y-%m-%d"]), help="The day after its last one.")
def release(
    room_file: Path,
    out: Path | None,
    check: Path | None,
    named: tuple[str, ...],
    start: datetime | None,
    stop: datetime | None,
) -> int:
    """Write the release plan of a room file as one notebook for a clean room, or compare one that somebody handed over.

    The same plan, data, period and version give the same bytes. Exits 0 when it is written, or equal; 1 when it differs; 2 when
    the room file cannot be used. docs/release-notebook.md explains what the notebook does.
    """
    if (out is None) == (check is None):
        raise InputError("Say where the notebook goes, or which one to compare.", hint="Give --out FILE or --check FILE.")
    text = _release_text(room_file, _tables(named), start, stop)
    if out is not None:
        out.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"{out}: {_hash(text)}")
        return 0
    assert check is not None  # noqa: S101  one of the two is given
    same = _text(check) == text
    click.echo(f"{check}: {_hash(text)}" if same else f"{check} is not the notebook of this plan, data, period and version.")
    return 0 if same else 1


def _release_text(room_file: Path, tables: dict[str, ObjectName], start: datetime | None, stop: datetime | None) -> str:
    from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
    from cleanroom_core.guard.world import Period
    from cleanroom_core.rooms.roomfile import read_room_file, room_text
    from cleanroom_core.stories.plan_of_file import plan_of_file
    from cleanroom_core.stories.release_notebook import release_notebook

    definition = read_room_file(room_file)
    period = Period(start.date() if start else None, stop.date() if stop else None) if start or stop else None
    with tempfile.TemporaryDirectory(prefix="cleanroom-notebook-") as work:
        owner = DuckDBOwnerEngine(Path(work) / "owner")
        plan, world = plan_of_file(
            definition, room_text(room_file), owner, Path(work), lambda said: click.echo(said, err=True), period
        )
    return release_notebook(definition.name, plan, world, tables)


def _tables(named: tuple[str, ...]) -> dict[str, ObjectName]:
    from cleanroom_core.policies.unity_catalog.names import ObjectName

    pairs = [text.partition("=") for text in named]
    return {asset: ObjectName.parse(name) for asset, _, name in pairs}


def _hash(text: str) -> str:
    from cleanroom_core.notebooks.release.verify import verified

    found = verified(text)
    once = ", to be run once" if found.plan["once"] else ""
    return f"plan {found.plan['plan'][:16]}, statements {found.query_hash[:16]}, content {found.content_hash[:16]}{once}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise InputError(
            f"{path.name!r} cannot be read as text.", hint="Name a notebook file in UTF-8 that is there.", code="NOTEBOOK"
        ) from None
