"""docs/simulator.md says truthfully what is answered."""

from __future__ import annotations

import re
from pathlib import Path

from cleanroom_core.simulator import faults
from cleanroom_core.simulator.groups import ROUTES

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def test_every_call_that_is_answered_is_listed_with_its_source_and_no_other() -> None:
    listed = set(re.findall(r"^\| `([A-Z]+ /[^`]+)` \| [^|]* \| (\w+) \|$", TEXT, re.MULTILINE))
    assert listed == {(f"{route.method} {route.path}", route.source) for route in ROUTES}


def test_no_call_is_declared_twice() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_the_faults_of_the_example_can_be_used() -> None:
    import json

    (example,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert len(faults.checked(json.loads(example))) == 7
