"""kill -9 while a share table is published: afterwards it is there whole, or not at all, and publishing again ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from cleanroom_core.engines.delta import snapshot
from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.protocol import ShareSelect, Source
from cleanroom_core.errors import ConflictError, EngineLostError, IntegrityError, QueryCancelledError
from cleanroom_core.sql.types import BIGINT, STRING, Column, Schema
from tests.engines.children import children_of, my_engine_processes, runs, wait_until

ROWS = 120_000
SELECT = ShareSelect(
    "SELECT sha256(CAST(n AS TEXT)) AS token, n FROM source", Schema((Column("token", STRING), Column("n", BIGINT))), {}, {}
)
COUNTS = {"rows": "SELECT count(*) FROM shared"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("raw") / "raw.parquet"
    duckdb.sql(f"SELECT range AS n FROM range({ROWS})").write_parquet(str(path))
    return Source(path, {})


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory, source: Source) -> DuckDBOwnerEngine:
    engine = DuckDBOwnerEngine(tmp_path_factory.mktemp("work"))
    engine.describe(source)
    return engine


def commits(target: Path) -> int:
    return len(list((target / "_delta_log").glob("*.json")))


POINTS: dict[str, Callable[[Path, list[str]], bool]] = {
    "before reading": lambda target, steps: "reading" in steps,
    "before writing": lambda target, steps: "writing" in steps,
    "data file begun": lambda target, steps: any(target.glob("*.parquet*")),
    "committed": lambda target, steps: commits(target) > 0,
    "before the answer": lambda target, steps: "checking" in steps,
}


EARLY = ("before reading",)


@pytest.mark.parametrize("point", POINTS)
def test_killed(owner: DuckDBOwnerEngine, source: Source, tmp_path: Path, point: str) -> None:
    target, steps, ended = tmp_path / "t", list[str](), threading.Event()

    def kill_there() -> None:
        while not ended.is_set():
            if POINTS[point](target, steps):
                for child in my_engine_processes():
                    with suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                return

    watcher = threading.Thread(target=kill_there)
    watcher.start()
    try:
        # a late kill may meet an answer that is on its way already; what must hold afterwards is the same
        with pytest.raises(EngineLostError) if point in EARLY else suppress(EngineLostError):
            owner.publish(source, SELECT, target, "intent", {}, lambda what, _: steps.append(what))
    finally:
        ended.set()
        watcher.join()
    found = owner.published(target, "intent")
    assert found is None or found.rows == ROWS
    assert (found is not None) == (commits(target) == 1)
    table, _ = owner.publish(source, SELECT, target, "intent", {})
    assert found is None or found == table
    assert (commits(target), table.rows) == (1, ROWS)
    owner.forget(target, table)
    (file,) = target.glob("*.parquet*")
    assert [file] == [file.path for file in snapshot(target).files]
    assert duckdb.read_parquet(str(file)).aggregate("count(*), sum(n)").fetchall() == [(ROWS, ROWS * (ROWS - 1) // 2)]
    assert owner.published(target, "intent") == table


def test_parent_killed(source: Source, tmp_path: Path) -> None:
    """A second wizard starts after the first was killed: no orphan goes on writing, and the lock is free."""
    script = (
        "from pathlib import Path\n"
        "from tests.engines.test_publish_interrupted import *\n"
        f"engine = DuckDBOwnerEngine(Path({str(tmp_path / 'work')!r}))\n"
        f"engine.publish(Source(Path({str(source.path)!r}), {{}}), SELECT, Path({str(tmp_path / 't')!r}), 'intent', {{}},\n"
        "               lambda what, _: print(what, flush=True))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path.cwd())
    assert parent.stdout is not None
    while parent.stdout.readline() != b"writing\n":
        assert parent.poll() is None
    children = children_of(parent.pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_until(lambda: not any(runs(child) for child in children), 10)
    engine = DuckDBOwnerEngine(tmp_path / "work")
    found = engine.published(tmp_path / "t", "intent")
    table, _ = engine.publish(source, SELECT, tmp_path / "t", "intent", {})
    assert found in (None, table)
    assert (commits(tmp_path / "t"), table.rows) == (1, ROWS)


def test_cancelled(owner: DuckDBOwnerEngine, source: Source, tmp_path: Path) -> None:
    steps: list[str] = []
    with pytest.raises(QueryCancelledError):
        owner.publish(source, SELECT, tmp_path / "t", "i", {}, lambda what, _: steps.append(what), lambda: "writing" in steps)
    assert not my_engine_processes()
    assert owner.published(tmp_path / "t", "i") is None or commits(tmp_path / "t") == 1


def test_two_at_once_are_refused_not_mixed(owner: DuckDBOwnerEngine, source: Source, tmp_path: Path) -> None:
    refused: list[type[Exception]] = []

    def meanwhile(what: str, _: float) -> None:
        if what == "writing":
            for attempt in (
                lambda: owner.publish(source, SELECT, tmp_path / "t", "other", {}),
                lambda: owner.forget(tmp_path / "t", None),
            ):
                with pytest.raises(ConflictError) as caught:
                    attempt()
                refused.append(caught.type)

    (tmp_path / "t").mkdir()
    table, _ = owner.publish(source, SELECT, tmp_path / "t", "i", {}, meanwhile)
    assert refused == [ConflictError, ConflictError]
    assert (commits(tmp_path / "t"), table.version) == (1, 0)


def test_a_file_cut_short_after_the_commit_is_found(owner: DuckDBOwnerEngine, source: Source, tmp_path: Path) -> None:
    table, _ = owner.publish(source, SELECT, tmp_path / "t", "i", {})
    (file,) = snapshot(table.path).files
    content = file.path.read_bytes()
    for broken in (content[:-1], b"\0" * len(content), b""):
        file.path.write_bytes(broken)
        with pytest.raises(IntegrityError):
            owner.published(table.path, "i")
    file.path.write_bytes(content)
    assert owner.published(table.path, "i") == table


def test_publishing_again_after_going_back_to_an_older_version(
    owner: DuckDBOwnerEngine, source: Source, tmp_path: Path
) -> None:
    first, _ = owner.publish(source, SELECT, tmp_path / "t", "first", {})
    owner.publish(source, SELECT, tmp_path / "t", "second", {})
    assert owner.forget(tmp_path / "t", first) == 1
    assert owner.published(tmp_path / "t", "first") == first
    third, counts = owner.publish(source, SELECT, tmp_path / "t", "third", COUNTS)
    assert (third.version, counts["rows"]) == (2, ROWS)
