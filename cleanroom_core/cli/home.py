"""Where things lie: the folder with the rehearsal's state, and the clone this package runs from."""

from __future__ import annotations

import os
from pathlib import Path

from cleanroom_core.errors import HomeError, InputError


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
