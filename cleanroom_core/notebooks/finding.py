"""A finding: what is wrong, why it matters, what to write instead, and where; and a rule, which makes findings from facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cleanroom_core.notebooks.cell import Notebook, Place
from cleanroom_core.notebooks.facts import Fact
from cleanroom_core.notebooks.settings import Settings


@dataclass(frozen=True, order=True)
class Finding:
    """`line` and `column` count from 1 in `file`."""

    file: str
    line: int
    column: int
    code: str
    message: str
    why: str
    fix: str

    def as_json(self) -> dict[str, str | int]:
        return {
            "file": self.file, "line": self.line, "column": self.column, "code": self.code,
            "message": self.message, "why": self.why, "fix": self.fix,
        }  # fmt: skip


@dataclass(frozen=True)
class Story:
    """Everything a rule may look at: a notebook, the facts of it in their order, and the names that mean people."""

    notebook: Notebook
    facts: tuple[Fact, ...]
    settings: Settings


Judged = tuple[Place, str]
"""Where, and what is wrong there (one sentence)."""


@dataclass(frozen=True)
class Rule:
    """One thing that must not be in a notebook. `judge` yields places and messages; `why` and `fix` hold for all of them."""

    code: str
    title: str
    why: str
    fix: str
    judge: Callable[[Story], Iterator[Judged]]
