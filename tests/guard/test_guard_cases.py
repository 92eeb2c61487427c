"""Every case of tests/guard_cases: refused (by code, place, owner), allowed, or one question in two texts.

A file is a list of cases, or `world:` with `cases:`. A case has a `title`, its `sql` (`repeat` writes a part of it many times),
and one of
    refused: CODE | [CODES, one of them] | true
    allowed: true | [names of the output columns]
    same_as: SQL     allowed, and the very same cells as that text
    differs_from: SQL    allowed, and other cells than that text
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.guard import judge
from cleanroom_core.guard.sheet import Sheet
from cleanroom_core.guard.verdict import Verdict
from cleanroom_core.guard.world import World
from tests.guard.guard_worlds import CASES, read_yaml, template_of, world_named

OUTCOMES = {"refused", "allowed", "same_as", "differs_from"}
FAMILIES = {  # of the threat list; a family that needs data or several steps is played in tests/replay as well
    "row_output", "rows_not_people", "differencing", "release_intersection", "noise_averaging", "order_statistics", "encoding",
    "having_oracle", "error_channel", "timing", "membership", "windows", "subquery", "statement_surface", "sampling",
    "complementary", "dominance", "homogeneity", "reconstruction",
}  # fmt: skip


def _file(path: Path) -> list[dict[str, Any]]:
    data = read_yaml(path)
    return data if isinstance(data, list) else [{"world": data["world"], **case} for case in data["cases"]]


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['title']}")
        for path in sorted(CASES.glob("[a-z]*.yaml"))
        for case in _file(path)
    ]


def test_there_are_cases_of_every_family() -> None:
    cases = _cases()
    assert len({case.id for case in cases}) == len(cases)
    assert {path.stem for path in CASES.glob("[a-z]*.yaml")} >= FAMILIES
    assert sum("refused" in case.values[0] for case in cases) >= 300
    assert sum("refused" not in case.values[0] for case in cases) >= 150
    assert all(len(OUTCOMES & set(case.values[0])) == 1 for case in cases)


@pytest.mark.parametrize("case", _cases())
def test_case(case: dict[str, Any]) -> None:
    world = world_named(case.get("world", "banks"))
    verdict = _judged(case, world)
    assert verdict.ok != bool(verdict.findings)
    assert bool(verdict.sheets) == verdict.ok
    if "refused" in case:
        _refused(case, world, verdict)
        return
    assert verdict.ok, "\n".join(str(finding) for finding in verdict.findings)
    for sheet in verdict.sheets:
        for part in getattr(sheet, "parts", (sheet,)):
            assert part.query.render("duckdb")
            assert part.query.render("spark")
    if isinstance(case.get("allowed"), list):
        assert [output.name for output in verdict.sheets[0].outputs] == case["allowed"]
    for outcome in {"same_as", "differs_from"} & set(case):
        other = _judged({**case, "sql": case[outcome]}, world)
        assert other.ok, "\n".join(str(finding) for finding in other.findings)
        assert (_canonical(verdict.sheets[0]) == _canonical(other.sheets[0])) == (outcome == "same_as")


def _judged(case: dict[str, Any], world: World) -> Verdict:
    sql = case["sql"]
    for part, times in (case.get("repeat") or {}).items():
        sql = sql.replace(f"<{part}>", part * times)
    return judge(template_of({**case, "sql": sql}, world), world)


def _refused(case: dict[str, Any], world: World, verdict: Verdict) -> None:
    codes = [finding.code for finding in verdict.findings]
    assert codes, "allowed, though it must be refused"
    wanted = codes if case["refused"] is True else [case["refused"]] if isinstance(case["refused"], str) else case["refused"]
    finding = next((finding for finding in verdict.findings if finding.code in wanted), None)
    assert finding is not None, "\n".join(str(finding) for finding in verdict.findings)
    assert "UNREADABLE" not in codes, "a reader failed instead of refusing"
    assert finding.message
    assert finding.hint
    assert finding.clause
    assert finding.owner in ("room", "both", *world.collaborators)
    if "at" in case:
        assert [finding.line, finding.column] == case["at"]
    if "owner" in case:
        assert finding.owner == case["owner"]


def _canonical(sheet: Sheet) -> list[str]:
    return [part.canonical for part in getattr(sheet, "parts", (sheet,))]
