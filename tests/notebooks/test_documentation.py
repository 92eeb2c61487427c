"""docs/notebook-lint.md has every finding, with an example that has it and one that has none; the pre-commit hook is usable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from cleanroom_core.cli.main import cli
from cleanroom_core.notebooks.allowing import ALLOW
from cleanroom_core.notebooks.lint import CODES, lint
from cleanroom_core.notebooks.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/notebook-lint.md").read_text(encoding="utf-8")
SECTIONS = {
    part.split("\n", 1)[0]: re.findall(r"^```(python|sql)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    for part in TEXT.split("\n### ")[1:]
}


def test_every_finding_has_its_section() -> None:
    assert set(SECTIONS) == CODES | {ALLOW}


@pytest.mark.parametrize("code", sorted(SECTIONS))
def test_the_first_example_has_the_finding_and_the_second_has_none(code: str) -> None:
    (bad_language, bad), (good_language, good) = SECTIONS[code]
    ending = {"python": "py", "sql": "sql"}
    assert code in {finding.code for finding in lint(f"a.{ending[bad_language]}", bad, Settings())}
    assert lint(f"a.{ending[good_language]}", good, Settings()) == ()


def test_the_pre_commit_hook_calls_a_command_that_is_there() -> None:
    (hook,) = YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["id"] in TEXT
    assert re.search(hook["files"], "work/notebooks/segments.ipynb")
    assert not re.search(hook["files"], "cleanroom_core/errors.py")
    program, *arguments = hook["entry"].split()
    assert program == "cleanroom"
    clean = ROOT / "tests/notebooks/cases/clean/article_done_right.py"
    done = CliRunner().invoke(cli, [*arguments, str(clean)], standalone_mode=False)
    assert done.return_value == 0
