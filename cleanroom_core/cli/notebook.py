"""`cleanroom notebook`: look at clean-room notebooks that somebody wrote by hand."""

from __future__ import annotations

from pathlib import Path

import click

from cleanroom_core.errors import InputError


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


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise InputError(
            f"{path.name!r} cannot be read as text.", hint="Name a notebook file in UTF-8 that is there.", code="NOTEBOOK"
        ) from None
