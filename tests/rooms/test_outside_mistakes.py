"""Rooms of strangers with mistakes that only the tables or the guard can tell: each is named at its line, with what to do."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.stories.check_room import check_room_file

pytestmark = pytest.mark.usefixtures("same_process")

CORPUS = YAML(typ="safe").load(Path(__file__).parent / "outsider" / "mistakes.yaml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables as they should be, which the engine then reads once for most cases."""
    made = tmp_path_factory.mktemp("outside")
    for name, content in CORPUS["files"].items():
        (made / name).write_text(content, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckDBOwnerEngine:
    return DuckDBOwnerEngine(tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("case", CORPUS["cases"], ids=lambda case: case["title"])
def test_case(case: dict[str, Any], folder: Path, tmp_path: Path, engine: DuckDBOwnerEngine) -> None:
    text = CORPUS["room"]
    for change in (case.get("replace"), case.get("more")):
        if change:
            assert change[0] in text
            text = text.replace(*change, 1)
    own = {name: content.encode() for name, content in case.get("files", {}).items()}
    own |= {name: content.encode("latin-1") for name, content in case.get("latin1", {}).items()}
    if own:
        folder = Path(shutil.copytree(folder, tmp_path / "own"))
    for name, content in own.items():
        (folder / name).write_bytes(content)
    (folder / "room.yaml").write_text(text, encoding="utf-8")
    _, problems = check_room_file(folder / "room.yaml", engine, date(2030, 1, 1))
    said = "\n".join(str(problem) for problem in problems)
    assert len(problems) == case.get("problems", 1), said
    for problem in problems:
        assert problem.line is not None
        assert text.splitlines()[problem.line - 1].startswith(case["at"]), said
        assert problem.code in case["code"].split()
        assert problem.hint
        for words in case["says"]:
            assert words in f"{problem.message} {problem.hint}"
