"""The gatherers on the real machine, and the fixes they lead to, carried out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cleanroom_core.prechecks import MACHINE
from cleanroom_core.prechecks.check import Result, Status, run
from cleanroom_core.prechecks.machine import java, machine, packages

ROOT = Path(__file__).parents[2]
CHECKS = {check.name: check for check in MACHINE}


def check(name: str, home: Path, keys: Sequence[Path] = ()) -> Result:
    [checked] = run([CHECKS[name]], machine(home, ROOT / "requirements.txt", keys))
    return checked.result


def test_every_machine_check_has_its_gatherer(tmp_path: Path) -> None:
    gatherers = machine(tmp_path, ROOT / "requirements.txt")
    assert {check.facts for check in MACHINE} == set(gatherers)


def test_this_machine_is_measured(tmp_path: Path) -> None:
    assert check("python", tmp_path).status is Status.PASS
    assert check("disk", tmp_path).status is not Status.CANNOT_TELL
    assert check("memory", tmp_path).status is not Status.CANNOT_TELL
    assert check("java", tmp_path).status is not Status.FAIL
    assert check("packages", tmp_path).status is not Status.FAIL


def test_disk_of_a_home_that_is_not_there_yet(tmp_path: Path) -> None:
    assert check("disk", tmp_path / "a/b/c").found.endswith(f"at {tmp_path / 'a/b/c'}")


def test_packages_are_compared_with_the_pins(tmp_path: Path) -> None:
    pins = (ROOT / "requirements.txt").read_text()
    facts = packages(ROOT / "requirements.txt")
    assert {"duckdb", "streamlit", "ruamel-yaml", "pyjwt"} <= facts.needed <= set(facts.pinned)
    assert "pyspark" not in facts.needed
    other = tmp_path / "requirements.txt"
    other.write_text(pins.replace("sqlglot==", "sqlglot==9"))
    changed = packages(other)
    assert changed.pinned["sqlglot"] != changed.installed["sqlglot"]
    assert packages(tmp_path / "none.txt").pinned == {}


def test_an_open_key_file_is_found_and_its_fix_mends_it(tmp_path: Path) -> None:
    key = tmp_path / "a side/log.key"
    key.parent.mkdir()
    key.write_text("not a key")
    key.chmod(0o640)
    found = check("keys", tmp_path, [key])
    assert found.status is Status.FAIL
    assert "not a key" not in str(found)
    subprocess.run(found.command, shell=True, check=True)  # noqa: S602  the copyable fix, as a person would paste it
    assert check("keys", tmp_path, [key]).status is Status.PASS
    key.unlink()
    assert "Missing" in check("keys", tmp_path, [key]).found


def test_an_open_home_is_found_and_its_fix_mends_it(tmp_path: Path) -> None:
    home = tmp_path / "it's a home"
    assert check("home", home).status is Status.CANNOT_TELL
    home.mkdir()
    home.chmod(0o755)
    found = check("home", home)
    assert found.status is Status.FAIL
    subprocess.run(found.command, shell=True, check=True)  # noqa: S602  the copyable fix, as a person would paste it
    assert check("home", home).status is Status.PASS


def test_a_clock_behind_what_was_written(tmp_path: Path) -> None:
    assert check("clock", tmp_path).status is Status.CANNOT_TELL
    file = tmp_path / "provider/log.db"
    file.parent.mkdir()
    file.touch()
    assert check("clock", tmp_path).status is Status.PASS
    later = (datetime.now(UTC) + timedelta(hours=5)).timestamp()
    os.utime(file, (later, later))
    assert check("clock", tmp_path).status is Status.FAIL


@pytest.mark.parametrize(
    ("release", "version"), [('JAVA_VERSION="21.0.1"\n', "21.0.1"), ("IMPLEMENTOR=x\n", None), (None, None)]
)
def test_java_is_asked_by_its_release_file_and_never_started(
    release: str | None, version: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/java"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    if release is not None:
        (tmp_path / "release").write_text(release)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    facts = java()
    assert (facts.path, facts.version) == (str(program), version)
    assert not (tmp_path / "started").exists()


def test_no_java_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert java().path is None


def cleanroom(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cleanroom_core.cli.main", "precheck", *arguments],
        env={**os.environ, "CLEANROOM_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_fails_when_a_check_fails_and_passes_when_mended(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    failed = cleanroom(tmp_path, "--only", "home", "--json")
    assert failed.returncode == 1
    result = json.loads(failed.stdout)
    assert (result["check"], result["status"], result["command"]) == ("home", "fail", f"chmod 700 {tmp_path}")
    tmp_path.chmod(0o700)
    passed = cleanroom(tmp_path, "--only", "home")
    assert passed.returncode == 0
    assert passed.stdout.startswith("pass ")


def test_the_command_knows_its_checks(tmp_path: Path) -> None:
    done = cleanroom(tmp_path, "--only", "nonsense")
    assert done.returncode == 2
    assert "python" in done.stderr
