"""`cleanroom reset`: throw the rehearsal away."""

from __future__ import annotations

import shutil

import click

from cleanroom_core.cli.home import home


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(yes: bool) -> None:
    """Remove all rooms, logs, keys and users of this home; asks first, because none of it can be brought back."""
    from cleanroom_core.context import check_format

    folder = home()
    check_format(folder)
    rooms = sorted(path.parent.name for path in folder.glob("rooms/*/room.json"))
    if not yes:
        click.confirm(
            f"Remove {folder} with {len(rooms)} room{'s' if len(rooms) != 1 else ''} ({', '.join(rooms) or 'none'}), "
            "all logs, keys and users? This cannot be undone",
            abort=True,
        )
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    click.echo(f"{folder} is empty. `make run` makes a new rehearsal.")
