"""The whole story with the engine spark, from the command line: the same tables are released as with DuckDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cleanroom_core.cli.main import cli
from tests.spark import MARKS, TestSpark
from tests.stories.tiny_room import write_files

pytestmark = MARKS


def played(room: Path, *options: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["demo", "--room", str(room), "--json", *options])
    assert done.exit_code == 0, done.output
    end: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert end["outcome"] == "ok", done.stdout
    return end


def test_the_same_tables_are_released(spark: TestSpark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEANROOM_SPARK_REMOTE", raising=False)
    assert spark.classic.session()
    room = write_files(tmp_path / "files")
    room.write_text(f"engine: spark\n{room.read_text()}")
    with_duckdb = played(room, "--engine", "duckdb")  # the option wins
    assert with_duckdb["rows"]
    home = tmp_path / "home"
    assert played(room, "--home", str(home))["releases"] == with_duckdb["releases"]
    assert json.loads((home / "rooms/shops/room.json").read_text())["engine"] == "spark"
