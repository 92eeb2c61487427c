"""What a notebook says, cell by cell, so that a reviewer can hold a version in a room against the text that was agreed.

Source files part cells by `COMMAND ----------` and hide other languages behind `MAGIC`; a room keeps an HTML export whose model
is JSON, percent-encoded, base64. The model's form is not documented: where it reads otherwise, nothing is taken for equal.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from urllib.parse import unquote

from cleanroom_core.errors import PlatformError

_MARK = {"PYTHON": "#", "SQL": "--"}
_MODEL = re.compile(r"__DATABRICKS_NOTEBOOK_MODEL\s*=\s*'([A-Za-z0-9+/=]+)'")


def cells_of(source: str, language: str) -> tuple[str, ...]:
    """Cells of a source file, as `cells_in` reads them from an export of it. Empty cells and space at ends do not count."""
    mark = re.escape(_MARK[language])
    header = re.compile(rf"(?m)\A{mark} Databricks notebook source[ \t]*$")
    found = []
    for part in re.split(rf"(?m)^{mark} COMMAND -+[ \t]*$", header.sub("", source)):
        lines = part.strip().splitlines()
        if lines and all(re.match(rf"{mark} MAGIC( |$)", line) for line in lines if line.strip()):
            lines = [re.sub(rf"^{mark} MAGIC ?", "", line) for line in lines]
        found.append("\n".join(lines))
    return _plain(found)


def cells_in(content: str) -> tuple[str, ...]:
    """Cells of `notebook_content`, base64 of an HTML export. Raises PlatformError when it cannot be read as one."""
    try:
        found = _MODEL.search(base64.b64decode(content, validate=True).decode())
        model = json.loads(unquote(base64.b64decode(found.group(1)).decode())) if found else {}
        commands = sorted(model["commands"], key=lambda each: float(each["position"]))
        return _plain([str(each["command"]) for each in commands])
    except (binascii.Error, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise PlatformError(
            "What the room keeps of this notebook cannot be read here.",
            hint="Read it in the workspace, and review it there.",
            code="NOTEBOOK_UNREADABLE",
        ) from error


def _plain(cells: list[str]) -> tuple[str, ...]:
    texts = ("\n".join(line.rstrip() for line in cell.splitlines()).strip() for cell in cells)
    return tuple(text for text in texts if text)


def first_difference(cells: tuple[str, ...], agreed: tuple[str, ...]) -> int | None:
    """Number of the first cell that is not as agreed, counted from 1; None when all are."""
    if cells == agreed:
        return None
    pairs = enumerate(zip(cells, agreed, strict=False), start=1)
    return next((number for number, (one, other) in pairs if one != other), min(len(cells), len(agreed)) + 1)
