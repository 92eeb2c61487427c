"""Notebooks: source text as a workspace imports it, cells, and the HTML export a clean room takes.

The export carries its model as the real one does: JSON, percent-encoded, base64, in `__DATABRICKS_NOTEBOOK_MODEL`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from cleanroom_core.simulator.refusal import SDK, Refusal, invalid

_COMMENT = {"PYTHON": "#", "SQL": "--", "SCALA": "//", "R": "#"}
_MODEL = re.compile(r"__DATABRICKS_NOTEBOOK_MODEL\s*=\s*'([A-Za-z0-9+/=]+)'")


@dataclass(frozen=True)
class Cell:
    """`language` is lower case: python, sql, md, pip ..."""

    language: str
    text: str


def from_source(text: str, language: str) -> list[Cell]:
    """Cells of a SOURCE import; cells in another language stand behind MAGIC comments."""
    mark = _COMMENT[language]
    cells = []
    for part in re.split(rf"(?m)^{re.escape(mark)} COMMAND -+[ \t]*$", text):
        lines = [line for line in part.splitlines() if line.strip() != f"{mark} Databricks notebook source"]
        magic = [line for line in lines if line.startswith(f"{mark} MAGIC")]
        if magic and all(line in magic or not line.strip() for line in lines):
            lines = [line.removeprefix(f"{mark} MAGIC").removeprefix(" ") for line in magic]
        body = "\n".join(lines).strip()
        if body:
            cells.append(_cell(body, language.lower()))
    return cells


def _cell(body: str, default: str) -> Cell:
    found = re.match(r"%(\w+)[ \t]*\n?", body)
    return Cell(found.group(1).lower(), body[found.end() :].strip()) if found else Cell(default, body)


def to_source(cells: Sequence[Cell], language: str) -> str:
    mark, default = _COMMENT[language], language.lower()
    parts = []
    for cell in cells:
        magic = "\n".join(f"{mark} MAGIC {line}".rstrip() for line in [f"%{cell.language}", *cell.text.splitlines()])
        parts.append(cell.text if cell.language == default else magic)
    return f"{mark} Databricks notebook source\n" + f"\n\n{mark} COMMAND ----------\n\n".join(parts) + "\n"


def to_html(name: str, cells: Sequence[Cell], language: str) -> str:
    commands = [
        {
            "position": float(number),
            "command": cell.text if cell.language == language.lower() else f"%{cell.language}\n{cell.text}",
        }
        for number, cell in enumerate(cells, start=1)
    ]
    model = {"version": "NotebookV1", "name": name, "language": language.lower(), "commands": commands}
    packed = base64.b64encode(quote(json.dumps(model, sort_keys=True)).encode()).decode()
    return (
        '<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"><title>Notebook - Databricks</title></head>\n<body>\n'
        f"<script>var __DATABRICKS_NOTEBOOK_MODEL = '{packed}'</script>\n</body>\n</html>\n"
    )


def from_content(content: str) -> list[Cell]:
    """Cells of `notebook_content`. Raises Refusal unless it is the base64 of an HTML export."""
    try:
        html = base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _not_html() from error
    found = _MODEL.search(html)
    if found is None:
        raise _not_html()
    try:
        model = json.loads(unquote(base64.b64decode(found.group(1)).decode()))
        ordered = sorted(model["commands"], key=lambda each: each["position"])
        return [_cell(each["command"].strip(), model["language"]) for each in ordered if each["command"].strip()]
    except (binascii.Error, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise _not_html() from error


def _not_html() -> Refusal:
    return invalid("notebook_content must be the base64 of an HTML export (workspace/export with format HTML).", SDK)
