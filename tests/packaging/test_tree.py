"""What must not be found anywhere in the tree, and what the README promises about the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("cleanroom_core", "pages", "tests", "benchmarks", "docs", "examples", ".ci", ".streamlit")
SUFFIXES = {".py", ".sh", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".js", ".html", ""}
THIS = Path(__file__)
FILES = sorted(
    path
    for path in [*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in path.parts and path not in {THIS, ROOT / ".git"}
)
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "service", "base"}
FORBIDDEN = {
    "a package registry named by its host": r"https?://[\w.-]*(pypi|pythonhosted|artifactory|nexus|npmjs|registry|mirror)[\w.-]*",
    "an index option, which belongs to the machine": r"--(extra-)?index-url|find-links|trusted-host",
    "a path of somebody's machine": r"(?<![\w/.])/(work|root|home/\w+|Users/\w+)/",
}


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 50


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden_stands_anywhere(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_no_module_is_called_something_vague() -> None:
    assert [path for path in FILES if path.suffix == ".py" and path.stem.strip("_") in VAGUE] == []


def test_every_make_target_named_in_a_document_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named: set[str] = set()
    for path in FILES:
        if path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            named |= set(re.findall(r"`make ([a-z]+)", text))
            for block in text.split("```")[1::2]:
                named |= set(re.findall(r"^\s*\$? ?make ([a-z]+)", block, re.MULTILINE))
    assert {"run", "test", "check"} <= named
    assert named <= targets


def test_ci_runs_what_the_readme_says() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text()
