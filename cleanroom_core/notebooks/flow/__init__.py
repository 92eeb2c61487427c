"""From cells to facts: what is read, filtered, grouped, joined, hashed, shown and written, in the order it happens."""

from __future__ import annotations

from cleanroom_core.notebooks.cell import Cell, Notebook
from cleanroom_core.notebooks.facts import Called, Fact, Facts, Unread
from cleanroom_core.notebooks.flow.python import PythonReader
from cleanroom_core.notebooks.flow.sql import SqlReader
from cleanroom_core.notebooks.flow.state import Environment
from cleanroom_core.notebooks.flow.text import SqlText
from cleanroom_core.notebooks.settings import Settings

LOST = "cannot be followed to its end"
_SILENT = frozenset({"markdown"})


def facts_of(notebook: Notebook, settings: Settings) -> tuple[Fact, ...]:
    """Everything that happens in the notebook, cell after cell; a failure to follow a cell is a fact, too."""
    environment: Environment = {}
    facts = Facts()
    python = PythonReader(environment, facts, settings)
    for cell in notebook.cells:
        try:
            if cell.language == "python":
                python.run(cell)
            elif cell.language == "sql":
                SqlReader(python.environment, facts, settings).run(SqlText(cell.text, cell.place), shown=True)
            elif cell.language not in _SILENT:
                _foreign(cell, facts)
        except Exception:  # a cell that breaks the reader must not pass for one in which nothing was found
            facts.add(Unread(cell.place(0), LOST))
    try:
        python.finish()
    except Exception:
        facts.add(Unread(notebook.cells[0].place(0), LOST))
    return tuple(facts.found)


def _foreign(cell: Cell, facts: Facts) -> None:
    place = cell.place(0)
    if cell.language in ("pip", "sh", "conda", "uv"):
        facts.add(Called(place, f"%{cell.language}", cell.text.strip()))
    if cell.language == "run":
        facts.add(Unread(place, "runs another notebook, which is not read here"))
    elif cell.language not in ("pip", "conda", "uv"):
        facts.add(Unread(place, f"is a cell of {cell.language}, which is not read here"))
