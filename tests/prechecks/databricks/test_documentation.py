"""docs/prechecks.md has a row for every check and says how the command exits."""

from __future__ import annotations

import re
from pathlib import Path

from cleanroom_core.cli import precheck
from cleanroom_core.prechecks.databricks import OWN

TEXT = (Path(__file__).parents[3] / "docs" / "prechecks.md").read_text(encoding="utf-8")


def test_every_check_has_a_row_in_order() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE) == [check.name for check in OWN]


def test_every_option_it_names_is_there() -> None:
    known = {name for parameter in precheck.command.params for name in parameter.opts}
    assert set(re.findall(r"--[a-z][a-z-]+", TEXT)) <= known
    assert set(re.findall(r"^\| (\d) \|", TEXT, re.MULTILINE)) == {"0", "1", "2", str(precheck.CANNOT_TELL)}
