"""The engine's process: it ends with its parent, stops when told, believes and leaks nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cleanroom_core.engines.duckdb import calling, wire
from cleanroom_core.engines.duckdb.process import _conversion
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from cleanroom_core.engines.duckdb.spill import spill_folder
from cleanroom_core.engines.protocol import CellQuery, Limits
from cleanroom_core.errors import EngineLostError, QueryCancelledError, QueryFailedError, QueryTimeoutError
from tests.engines.children import children_of, my_engine_processes, runs, wait_until

USUAL = Limits()
ENDLESS = "SELECT sum(hash(a.range + b.range)) AS n FROM range(10000000) a, range(10000000) b"
SPILLING = "SELECT sum(r) FROM (SELECT row_number() OVER (ORDER BY hash(range)) r, repeat('x', 40) t FROM range(40000000))"


def run(work: Path, sql: str, limits: Limits = USUAL, **more: object) -> tuple[object, ...]:
    return DuckDBRoomEngine(work).run([CellQuery("q", sql, ())], {}, limits, **more)  # type: ignore[arg-type]


def spilled(work: Path) -> list[Path]:
    return [path for path in (work / "spill").rglob("*") if path.parent != work / "spill" and path.is_file()]


def nothing_left(work: Path) -> bool:
    return [path.name for path in (work / "spill").iterdir()] == ["sweep.lock"] and not my_engine_processes()


def test_time_limit(tmp_path: Path) -> None:
    with pytest.raises(QueryTimeoutError):
        run(tmp_path, ENDLESS, Limits(seconds=1.0))
    assert nothing_left(tmp_path)


def test_cancel_while_spilling_deletes_what_was_spilled(tmp_path: Path) -> None:
    with pytest.raises(QueryCancelledError):
        run(tmp_path, SPILLING, Limits(memory_mb=150), cancelled=lambda: bool(spilled(tmp_path)))
    assert nothing_left(tmp_path)


def test_memory_limit_is_an_opaque_failure(tmp_path: Path) -> None:
    with pytest.raises(QueryFailedError) as caught:
        run(tmp_path, "SELECT len(list(range)) FROM range(100000000)", Limits(memory_mb=100))
    assert str(caught.value) == "The query could not be computed."
    assert nothing_left(tmp_path)


def test_a_killed_process_is_lost_not_empty(tmp_path: Path) -> None:
    def kill(*_: object) -> None:
        (child,) = my_engine_processes()
        os.kill(child, signal.SIGKILL)

    with pytest.raises(EngineLostError):
        run(tmp_path, ENDLESS, progress=kill)
    assert nothing_left(tmp_path)


def test_no_orphan_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine\n"
        "from cleanroom_core.engines.protocol import CellQuery, Limits\n"
        f"engine = DuckDBRoomEngine(Path({str(tmp_path)!r}))\n"
        f"engine.run([CellQuery('q', {ENDLESS!r}, ())], {{}}, Limits(), progress=lambda *_: print('running', flush=True))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path.cwd())
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"running\n"
    (child,) = children_of(parent.pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    try:
        assert wait_until(lambda: not runs(child), 10)
    finally:
        if runs(child):
            os.kill(child, signal.SIGKILL)
    assert not [path for path in (tmp_path / "spill").iterdir() if path.is_dir()]


def test_what_dead_owners_left_is_removed_by_the_next_call(tmp_path: Path) -> None:
    left = tmp_path / "spill" / "left"
    left.mkdir(parents=True)
    (left / "duckdb_temp_storage.tmp").write_bytes(b"raw rows")
    run(tmp_path, "SELECT 1")
    assert not left.exists()
    assert nothing_left(tmp_path)


def test_a_spill_folder_in_use_is_not_swept(tmp_path: Path) -> None:
    with spill_folder(tmp_path) as (first, _), spill_folder(tmp_path) as (second, _):
        assert first.is_dir()
        assert second.is_dir()
        assert first.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.lock"]


def test_starts_lean_and_without_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANROOM_SECRET", "do not pass on")
    probe = (
        "import json, os, sys, cleanroom_core.engines.duckdb.process, cleanroom_core.engines.duckdb.{role}_tasks\n"
        "print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    for role in ("owner", "room"):
        found = subprocess.run([sys.executable, "-c", probe.format(role=role)], capture_output=True, check=True).stdout
        assert not {"pandas", "streamlit", "numpy", "pyarrow", "pyspark"} & set(json.loads(found))
    seen: list[str] = []

    def look(*_: object) -> None:
        (child,) = my_engine_processes()
        shown = subprocess.run(["ps", "eww", "-o", "args=", "-p", str(child)], capture_output=True, text=True, check=True)
        seen.append(shown.stdout)

    with pytest.raises(QueryCancelledError):
        run(tmp_path, ENDLESS, progress=look, cancelled=lambda: bool(seen))
    assert "engines.duckdb.process room" in seen[0]
    assert "CLEANROOM_SECRET" not in seen[0]
    assert "hash" not in seen[0]


def test_each_role_knows_its_own_tasks_only(tmp_path: Path) -> None:
    with pytest.raises(EngineLostError):
        calling.call("room", "inspect", {"path": "/etc/passwd", "types": {}}, tmp_path, Limits())
    with pytest.raises(EngineLostError):
        calling.call("owner", "run", {"tables": {}, "queries": []}, tmp_path, Limits())


class _Lines:
    def __init__(self, *messages: dict[str, object] | bytes) -> None:
        self._lines = [line if isinstance(line, bytes) else wire.to_line(line) for line in messages]

    def line(self, _: float) -> bytes:
        return self._lines.pop(0)


def test_only_lines_of_the_live_run_count() -> None:
    late = {"run": "old", "kind": "result", "result": {"rows": 7}}
    lines = _Lines(
        late, b"a library says hello\n", b"[1]\n", b"\xff\n",
        {"run": "old", "kind": "rows", "stream": "q", "rows": [[666]]},
        {"run": "new", "kind": "rows", "stream": "q", "rows": [[{"n": "1.50"}]]},
        {"run": "new", "kind": "result", "result": {}},
    )  # fmt: skip
    answer = calling._watch(lines, "new", Limits(), None, None)  # type: ignore[arg-type]
    assert [[str(value) for value in row] for row in answer.streams["q"]] == [["1.50"]]
    assert answer.result == {}


def test_what_the_log_says_holds_no_value(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(QueryFailedError) as caught:
        run(tmp_path, "SELECT CAST(concat('41', '11-secret') AS BIGINT) FROM range(3)")
    assert caught.value.diagnostic_id is not None
    assert caught.value.diagnostic_id in caplog.text
    assert "ConversionException" in caplog.text
    assert "secret" not in caplog.text
    with pytest.raises(QueryFailedError):
        run(tmp_path, "SELECT no_such_column FROM range(3)")
    assert "no_such_column" in caplog.text  # said before any row was read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Conversion Error: Could not convert string 'v4' to INT64 when casting from source column n\n\nLINE 1: SELECT\n  ^^",
         "Column n: a value cannot be read as BIGINT."),
        ("Conversion Error: Could not convert string \"v4\" to DECIMAL(12,2)", "A value cannot be read as DECIMAL(12,2)."),
        ("Conversion Error: Casting value \"v4\" to type DECIMAL(5,2) failed: value is out of range! when casting from source "
         "column n", "Column n: a value cannot be read as DECIMAL(5,2)."),
        ("Conversion Error: Type DOUBLE with value v4 can't be cast because the value is out of range for the destination type "
         "INT32", "A value cannot be read as INT."),
        ("Conversion Error: invalid date field format: \"v4\", expected format is (YYYY-MM-DD) when casting from source "
         "column n",
         "Column n: a value cannot be read as DATE."),
        ("Conversion Error: Could not convert string 'a when casting from source column v4 to INT64' to INT64", ""),
        ("Conversion Error: Could not convert string 'a\n\nLINE 1: to INT8 when casting from source column v4' to INT64", ""),
        ("Conversion Error: something v4", ""),
    ],
)  # fmt: skip
def test_a_conversion_error_names_column_and_type_and_never_the_value(text: str, said: str) -> None:
    assert _conversion(text, ("n",)) == said
