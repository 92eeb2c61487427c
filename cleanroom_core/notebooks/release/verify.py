"""A release notebook read back, and whether it is, byte for byte, what this version writes for the plan in it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.notebooks.release.write import BORDER, FIRST_LINES, content_hash, notebook_text, query_hash


@dataclass(frozen=True)
class ReleaseNotebook:
    """`plan` and `statements` as they were written, the hashes of the header."""

    text: str
    plan: Mapping[str, Any]
    statements: Mapping[str, str]
    content_hash: str

    @property
    def query_hash(self) -> str:
        return query_hash(self.statements)


def claims_to_be_one(text: str) -> bool:
    """Whether a notebook says of itself that it is one; it may lie."""
    return text.startswith(FIRST_LINES)


def plan_in(cells: Sequence[str]) -> Mapping[str, Any] | None:
    """The plan in the cells of a notebook as a room keeps it, without its first line; None for one that does not say it is a
    release notebook. Whether it is the agreed one is told by comparing its cells. Raises InputError (code NOT_GENERATED) for
    one that says so and has no plan."""
    if not cells or not cells[0].startswith(FIRST_LINES.splitlines()[1]):
        return None
    try:
        plan: Mapping[str, Any] = json.loads(ast.literal_eval(_value(cells[2])))
    except Exception:  # hostile texts break parsers in many ways
        raise _not_generated() from None
    return plan


def verified(text: str) -> ReleaseNotebook:
    """The notebook, whose code is this package's own to the byte: all in it that is not, are plan and statements.

    Who wrote these is not said; whoever has the signed plan writes the notebook again and compares. Raises InputError (code
    NOT_GENERATED)."""
    try:
        body = text.split(BORDER, 1)[1]
        statements, plan = (ast.literal_eval(_value(cell)) for cell in body.split(BORDER, 2)[:2])
        found = ReleaseNotebook(text, json.loads(plan), statements, content_hash(body))
        if notebook_text(found.plan, found.statements) == text:
            return found
    except Exception:  # noqa: S110  hostile texts break parsers in many ways; none of them was written by `write`
        pass
    raise _not_generated()


def _not_generated() -> InputError:
    return InputError(
        "This says that it is a release notebook, and is not what this version writes for the plan in it.",
        hint="Make it again from the signed plan, with the same version on both sides.",
        code="NOT_GENERATED",
    )


def _value(cell: str) -> str:
    """What the one assignment of a cell assigns, as text."""
    assignment = ast.parse(cell).body[0]
    if not isinstance(assignment, ast.Assign):
        raise TypeError("a cell of one assignment")
    return ast.unparse(assignment.value)
