"""Files to cells: languages, magics, and the place of every character in the file."""

from __future__ import annotations

import json

import pytest

from cleanroom_core.errors import InputError
from cleanroom_core.notebooks.cell import Cell
from cleanroom_core.notebooks.reading import MAX_TEXT, read_notebook

SOURCE = """# Databricks notebook source
x = 1
# COMMAND ----------
# MAGIC %sql
# MAGIC SELECT ward
# MAGIC
# MAGIC FROM visits
# COMMAND ----------
# MAGIC %md
# MAGIC Some words
# COMMAND ----------
# MAGIC %pip install tools
y = 2
!ls
"""


def cells(name: str, text: str) -> list[tuple[str, str]]:
    return [(cell.language, cell.text) for cell in read_notebook(name, text).cells]


def characters_agree(cell: Cell, file: str) -> None:
    """Every character of the cell stands at its place in the file."""
    lines = file.split("\n")
    for offset, character in enumerate(cell.text):
        place = cell.place(offset)
        if character != "\n":
            assert lines[place.line - 1][place.column - 1] == character, (offset, character, place)


def test_python_source_is_parted_and_magics_change_the_language() -> None:
    assert cells("a.py", SOURCE) == [
        ("python", "# Databricks notebook source\nx = 1"),
        ("sql", "\nSELECT ward\n\nFROM visits"),
        ("markdown", "\nSome words"),
        ("pip", "install tools"),
        ("sh", "ls"),
        ("python", "y = 2\n\n"),
    ]
    for cell in read_notebook("a.py", SOURCE).cells:
        characters_agree(cell, SOURCE)


def test_what_looks_like_a_magic_within_a_text_is_none() -> None:
    text = 'css = """\n!important\n%sql DROP TABLE x\n"""\nname = "\\d"\n'
    assert cells("a.py", text) == [("python", text)]


def test_sql_source() -> None:
    text = "-- Databricks notebook source\nSELECT 1\n-- COMMAND ----------\n-- MAGIC %python\n-- MAGIC x = 1\n"
    assert cells("a.sql", text) == [("sql", "-- Databricks notebook source\nSELECT 1"), ("python", "\nx = 1")]


def test_windows_line_ends_and_a_byte_order_mark() -> None:
    assert cells("a.py", "\ufeffx = 1\r\n# COMMAND ----------\r\ny = 2\r\n") == [("python", "x = 1"), ("python", "y = 2\n")]


def test_jupyter_knows_where_each_character_stands() -> None:
    text = json.dumps(
        {
            "cells": [
                {"cell_type": "code", "source": ["print(\"ä → 'x'\")\n", "\ty = '\\n'  # \U0001f600 end\n", "z = 3"]},
                {"cell_type": "code", "source": "%sql\nSELECT 1 AS one"},
                {"cell_type": "markdown", "source": ["words"]},
                {"cell_type": "raw", "source": ["nothing"]},
                {"cell_type": "code", "source": []},
            ],
            "nbformat": 4,
        },
        indent=1,
    )
    notebook = read_notebook("a.ipynb", text)
    assert [cell.language for cell in notebook.cells] == ["python", "sql", "markdown"]
    first, second, _ = notebook.cells
    assert first.text.splitlines()[1] == "\ty = '\\n'  # \U0001f600 end"
    lines = text.split("\n")
    for word in ("print", "end", "z = 3"):
        place = first.place(first.text.index(word))
        assert lines[place.line - 1][place.column - 1 :].startswith(word)
    place = second.place(second.text.index("SELECT"))
    assert lines[place.line - 1][place.column - 1 :].startswith("SELECT")
    assert place.line == text[: text.index("SELECT")].count("\n") + 1


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, "python"),
        ({"language_info": {"name": "SQL"}}, "sql"),
        ({"application/vnd.databricks.v1+notebook": {"language": "scala"}, "language_info": {"name": "python"}}, "scala"),
        ({"language_info": 3}, "python"),
    ],
)
def test_the_language_of_a_jupyter_notebook(metadata: object, language: str) -> None:
    text = json.dumps({"cells": [{"cell_type": "code", "source": ["x"]}], "metadata": metadata})
    assert cells("a.ipynb", text) == [(language, "x")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "x = 1"),
        ("a.ipynb", "x = 1"),
        ("a.ipynb", "[" * 100_000),
        ("a.ipynb", "{}"),
        ("a.ipynb", '{"cells": [1]}'),
        ("a.ipynb", '{"cells": [{"cell_type": "code"}]}'),
        ("a.ipynb", '{"cells": [{"cell_type": "code", "source": ["x", 1]}]}'),
        ("a.py", "x" * (MAX_TEXT + 1)),
    ],
)
def test_what_is_no_notebook_is_said_with_a_hint(name: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_notebook(name, text)
    assert caught.value.code == "NOTEBOOK"
    assert caught.value.hint


def test_an_empty_file_has_no_cells() -> None:
    assert cells("a.py", "") == []
    assert cells("a.sql", "\n\n") == []
