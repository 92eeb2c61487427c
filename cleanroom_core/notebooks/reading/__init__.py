"""From a file's text to cells: Databricks source (`.py`, `.sql`), Jupyter (`.ipynb`). A new format is one reader, one line."""

from __future__ import annotations

from pathlib import PurePath

from cleanroom_core.errors import InputError
from cleanroom_core.notebooks.cell import Notebook
from cleanroom_core.notebooks.reading.jupyter import read_jupyter
from cleanroom_core.notebooks.reading.source import read_python_source, read_sql_source

READERS = {".py": read_python_source, ".sql": read_sql_source, ".ipynb": read_jupyter}
MAX_TEXT = 5_000_000  # characters of one file


def read_notebook(name: str, text: str) -> Notebook:
    """The cells of a notebook, by the ending of its name. Raises InputError where the file is no such notebook."""
    reader = READERS.get(PurePath(name).suffix.lower())
    if reader is None:
        raise InputError(
            f"{name!r} is not a notebook this command can read.",
            hint=f"Give files that end in {', '.join(READERS)}; export others as source.",
            code="NOTEBOOK",
        )
    if len(text) > MAX_TEXT:
        raise InputError(
            f"{name!r} is longer than {MAX_TEXT} characters.", hint="Clear its outputs, or split it.", code="NOTEBOOK"
        )
    try:
        return Notebook(name, reader(text))
    except ValueError as error:
        raise InputError(f"{name!r} cannot be read: {error}.", hint="Export the notebook again.", code="NOTEBOOK") from None
