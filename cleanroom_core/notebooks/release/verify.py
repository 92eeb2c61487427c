"""A release notebook read back, and whether it is, byte for byte, what this version writes for the plan in it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
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
    raise InputError(
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
