"""Every case of tests/guard_cases: refused with this code (at this place, by this owner), or allowed."""

from __future__ import annotations

from typing import Any

import pytest

from cleanroom_core.guard import judge
from tests.guard.guard_worlds import CASES, read_yaml, template_of, world_named


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['title']}")
        for path in sorted(CASES.glob("[a-z]*.yaml"))
        for case in read_yaml(path)
    ]


def test_there_are_cases_of_every_family() -> None:
    assert len(_cases()) >= 120
    assert len({id_.id for id_ in _cases()}) == len(_cases())


@pytest.mark.parametrize("case", _cases())
def test_case(case: dict[str, Any]) -> None:
    world = world_named(case.get("world", "banks"))
    verdict = judge(template_of(case, world), world)
    said = "\n".join(str(finding) for finding in verdict.findings)
    assert verdict.ok != bool(verdict.findings)
    assert bool(verdict.sheets) == verdict.ok
    if "allowed" in case:
        assert verdict.ok, said
        for sheet in verdict.sheets:
            assert sheet.query.render("duckdb")
            assert sheet.query.render("spark")
        if isinstance(case["allowed"], list):
            assert [output.name for output in verdict.sheets[0].outputs] == case["allowed"]
        return
    assert case["refused"] in [finding.code for finding in verdict.findings], said
    finding = next(finding for finding in verdict.findings if finding.code == case["refused"])
    assert finding.message
    assert finding.hint
    assert finding.clause
    assert finding.owner in ("room", "both", *world.collaborators)
    if "at" in case:
        assert [finding.line, finding.column] == case["at"]
    if "owner" in case:
        assert finding.owner == case["owner"]
