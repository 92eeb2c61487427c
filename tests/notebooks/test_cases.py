"""Every notebook under `cases/`: the faulty ones give exactly the findings their header expects, the clean ones none.

The header of a case stands in comments (in `metadata.expect` of a Jupyter file):

    expect CODE: a piece of the line the finding is on      one per finding
    person NAME, identifier NAME, minimum NUMBER            options, as on the command line
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from cleanroom_core.notebooks.lint import CODES, lint
from cleanroom_core.notebooks.settings import Settings

CASES = Path(__file__).parent / "cases"
FAULTY = sorted((CASES / "faulty").iterdir())
CLEAN = sorted((CASES / "clean").iterdir())
EXPECT = re.compile(r"^(?:#|--) expect ([A-Z_]+): (.+)$", re.MULTILINE)
OPTION = re.compile(r"^(?:#|--) (person|identifier|minimum) (\w+)$", re.MULTILINE)


def header(path: Path) -> tuple[list[tuple[str, str]], Settings]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        wanted = [tuple(line.split(": ", 1)) for line in json.loads(text)["metadata"].get("expect", [])]
        return [(code, piece) for code, piece in wanted], Settings()
    options = OPTION.findall(text)
    minimum = [int(value) for name, value in options if name == "minimum"]
    return EXPECT.findall(text), Settings(
        tuple(value for name, value in options if name == "person"),
        tuple(value for name, value in options if name == "identifier"),
        *minimum,
    )


def line_of(piece: str, path: Path) -> int:
    """The first line with this piece in it, behind the header."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if piece in line and not EXPECT.match(line) and '"expect"' not in line:
            return number
    raise AssertionError(f"{path.name} expects a finding at {piece!r}, which is not there")


@pytest.mark.parametrize("path", FAULTY, ids=lambda path: path.name)
def test_faulty(path: Path) -> None:
    expected, settings = header(path)
    assert expected, f"{path.name} expects nothing: it belongs to the clean ones"
    found = lint(path.name, path.read_text(encoding="utf-8"), settings)
    assert sorted((finding.line, finding.code) for finding in found) == sorted(
        (line_of(piece, path), code) for code, piece in expected
    ), "\n".join(f"{finding.line}:{finding.column} {finding.code} {finding.message}" for finding in found)


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.name)
def test_clean(path: Path) -> None:
    expected, settings = header(path)
    assert not expected
    found = lint(path.name, path.read_text(encoding="utf-8"), settings)
    assert [f"{finding.line}: {finding.code} {finding.message}" for finding in found] == []


def test_there_are_enough_cases_and_every_finding_comes_in_several() -> None:
    assert len(FAULTY) >= 40
    assert len(CLEAN) >= 25
    files = Counter(code for path in FAULTY for code in {code for code, _ in header(path)[0]})
    assert {code for code in CODES if files[code] < 2} == set()
