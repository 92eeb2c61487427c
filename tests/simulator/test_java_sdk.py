"""The simulator driven from both sides by Databricks' Java SDK, which nobody here wrote.

The SDK comes through Maven (`mvn`), from its cache or its registry. Where it cannot be had the test is skipped with the
reason; with CLEANROOM_TEST_JAVA_SDK=1 it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cleanroom_core.simulator.serving import serving
from tests.simulator import room as rooms

HERE = Path(__file__).parent / "java"
HITS = (
    "CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.hits') AS"
    " SELECT p.region, sum(c.hit) AS hits FROM creator.s.j p JOIN collaborator.s.j c ON c.token = p.token GROUP BY p.region"
)


def _missing(why: str) -> None:
    if os.environ.get("CLEANROOM_TEST_JAVA_SDK") == "1":
        pytest.fail(why)
    pytest.skip(why)


def _classpath(folder: Path) -> str:
    """Where the SDK and what it needs lie; Maven is asked for what it has before it may fetch anything."""
    if not shutil.which("mvn") or not shutil.which("javac"):
        _missing("Maven or a Java compiler is missing")
    answer = folder / "classpath.txt"
    command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:build-classpath", f"-Dmdep.outputFile={answer}"]
    for offline in (["-o"], []):
        try:
            found = subprocess.run([*command, *offline], capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            continue
        if found.returncode == 0:
            return answer.read_text(encoding="utf-8").strip()
    _missing("Maven cannot get databricks-sdk-java 0.65.0")
    raise AssertionError("unreachable")


@pytest.mark.slow
def test_the_java_sdk_plays_both_sides(tmp_path: Path) -> None:
    classpath = _classpath(tmp_path)
    with serving(tmp_path / "home") as described:
        arguments: list[str] = []
        for side in described["workspaces"]:
            keys = ("host", "client_id", "client_secret", "token", "global_metastore_id", "workspace_id", "warehouse_id")
            arguments += [str(side[key]) for key in keys]
        command = ["java", "-cp", classpath, str(HERE / "TwoSides.java"), *arguments, rooms.content(HITS)]
        played = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert played.returncode == 0, played.stderr[-3000:]
    assert played.stdout.split() == ["room", "assets", "conflict", "review", "rules", "run", "deleted"]
