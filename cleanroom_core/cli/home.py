"""Where things lie: the folder with the state, and the clone this package runs from; `cleanroom home` makes one party's."""

from __future__ import annotations

import os
from pathlib import Path

import click

from cleanroom_core.errors import HomeError, InputError


@click.group()
def command() -> None:
    """Homes: one for rehearsals with every side (`make run`), or one per party, each with its own keys."""


@command.command()
@click.option("--party", "alias", required=True, help="This party's short name in its rooms, such as provider.")
@click.option("--organisation", required=True, help="The organisation's name, as people write it.")
def create(alias: str, organisation: str) -> None:
    """Make the home of one party in CLEANROOM_HOME. The other party makes its own, on its own machine."""
    from cleanroom_core.context import Party, create_home
    from cleanroom_core.sql.names import checked_name

    folder = open_home()
    create_home(folder, Party(checked_name(alias, "a party"), organisation))
    click.echo(f"{folder} is the home of {organisation} ({alias}).")
    click.echo("Next: cleanroom user add NAME --organisation ... --role engineer; cleanroom exchange introduce ROOM --to FILE")


def clone() -> Path:
    """The folder with app.py, pages/ and requirements.txt. Raises InputError when only the package was installed."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "pages").is_dir():
        raise InputError(
            "This installation has the package without the wizard's pages.",
            hint="Run it from a clone of the project: make run",
            code="NO_WIZARD",
        )
    return folder


def home() -> Path:
    """CLEANROOM_HOME, or `var/` in the clone (in the working directory when there is no clone). It need not exist yet."""
    given = os.environ.get("CLEANROOM_HOME")
    if given:
        return Path(given).expanduser().absolute()
    try:
        return clone() / "var"
    except InputError:
        return Path("var").absolute()


def open_home() -> Path:
    """`home()`, made if it is missing, closed to other users of this machine. Raises HomeError when it cannot be written."""
    folder = home()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(
            f"The folder {folder} cannot be made ({error.strerror}).",
            hint="Name another one: CLEANROOM_HOME=/a/folder/you/may/write",
        ) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise HomeError(
            f"The folder {folder} cannot be written by this user.",
            hint="Name another one: CLEANROOM_HOME=/a/folder/you/may/write",
        )
    return folder
