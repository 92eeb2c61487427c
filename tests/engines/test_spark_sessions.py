"""How Spark is reached, what it needs, and what happens when it is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.protocol import CellQuery, Limits, ShareTable
from cleanroom_core.engines.spark.room import SparkRoomEngine
from cleanroom_core.engines.spark.sessions import ConnectSpark, GivenSpark, LocalSpark, sessions_at
from cleanroom_core.errors import EngineLostError, InputError, NotReadyError
from tests.engines.conformance import parquet_of_all_types, whole
from tests.spark import QUICK_JAVA, TestSpark

QUERY = CellQuery("q", "SELECT count(*), min(at), sum(wide) FROM provider.asset", ("provider.asset",))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ShareTable:
    folder = tmp_path_factory.mktemp("share")
    owner = DuckDBOwnerEngine(folder / "work")
    return owner.publish(parquet_of_all_types(folder / "s.parquet"), whole(owner), folder / "t", "i", {})[0]


def test_without_java_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(NotReadyError) as refused:
        LocalSpark(tmp_path / "work").session()
    assert refused.value.code == "NO_JAVA"
    assert not (tmp_path / "work").exists()


def test_a_server_that_does_not_answer_is_said_at_once(table: ShareTable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    engine = SparkRoomEngine(ConnectSpark(f"sc://127.0.0.1:{port}/;token=secret"))
    with pytest.raises(EngineLostError, match="No Spark Connect server answers at 127") as lost:
        engine.run([QUERY], {"provider.asset": table}, Limits())
    assert "secret" not in lost.value.diagnostics()


def test_the_remote_is_read_once_and_nothing_starts(tmp_path: Path) -> None:
    assert isinstance(sessions_at("sc://host:15002/;token=x", tmp_path), ConnectSpark)
    assert isinstance(sessions_at("local[2]", tmp_path), LocalSpark)
    assert isinstance(sessions_at("", tmp_path), LocalSpark)
    assert not list(tmp_path.iterdir())
    for remote in ("local", "local[*]", "local[0]", "yarn", "http://host", "sc:/host"):
        with pytest.raises(InputError) as refused:
            sessions_at(remote, tmp_path)
        assert refused.value.code == "SPARK_REMOTE"


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::ResourceWarning")
class TestGivenSession:
    def test_a_classic_session_keeps_its_own_settings(self, spark: TestSpark, table: ShareTable) -> None:
        other = {"spark.sql.session.timeZone": "America/New_York", "spark.sql.timestampType": "TIMESTAMP_LTZ"}
        given = spark.new_session(**other, **{"spark.sql.ansi.enabled": "false"})
        engine = SparkRoomEngine(GivenSpark(given))
        mine = SparkRoomEngine(spark.classic)
        found = engine.run([QUERY], {"provider.asset": table}, Limits())
        assert found[0].rows == mine.run([QUERY], {"provider.asset": table}, Limits())[0].rows
        assert {key: given.conf.get(key) for key in other} == other
        assert given.conf.get("spark.sql.ansi.enabled") == "false"
        assert not given.catalog.listTables()
        engine.close()
        assert given.sql("SELECT 1").collect() == [(1,)]

    def test_a_connect_session_is_worked_in_and_left_without_views(self, spark: TestSpark, table: ShareTable) -> None:
        given = spark.connect.session()
        engine = SparkRoomEngine(GivenSpark(given))
        assert engine.run([QUERY], {"provider.asset": table}, Limits())[0].rows[0][0] == 4
        assert not given.catalog.listTables()
        engine.close()
        assert given.sql("SELECT 1").toArrow().to_pylist() == [{"1": 1}]


LOST = """
import os, sys
from pathlib import Path
from cleanroom_core.engines import delta
from cleanroom_core.engines.protocol import CellQuery, Limits
from cleanroom_core.engines.spark.room import SparkRoomEngine
from cleanroom_core.engines.spark.sessions import sessions_at
from cleanroom_core.errors import EngineLostError, QueryFailedError

folder, remote = Path(sys.argv[1]), sys.argv[2]
table = delta.published(folder, "i")
engine = SparkRoomEngine(sessions_at(remote, Path(sys.argv[3])))

def ask(sql, cancelled=None):
    return engine.run([CellQuery("q", sql, ("provider.asset",))], {"provider.asset": table}, Limits(), cancelled=cancelled)

try:
    ask("SELECT CAST(text AS BIGINT) FROM provider.asset")
except QueryFailedError as error:
    print(error.message)

from pyspark import SparkContext
before = SparkContext._gateway.proc
looks = []
def kill():
    looks.append(1)
    if len(looks) == 20:
        before.kill()
    return False
try:
    many = ", ".join(f"provider.asset t{n}" for n in range(18))
    ask(f"SELECT count(*) FROM {many} WHERE t0.id <> t17.id", kill)
except EngineLostError as error:
    print(error.message)
before.wait()
print(ask("SELECT count(*) FROM provider.asset")[0].rows)
assert SparkContext._gateway.proc.pid != before.pid
engine.close()
"""


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.skipif(
    "CLEANROOM_TEST_SPARK_LOST" not in os.environ, reason="starts and kills Java four times: CLEANROOM_TEST_SPARK_LOST=1"
)
@pytest.mark.parametrize("remote", ["", "local[2]"])
def test_a_java_that_is_gone_is_started_anew_and_no_log_quotes_a_row(table: ShareTable, tmp_path: Path, remote: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOST, str(table.path), remote, str(tmp_path / "work")],
        capture_output=True, text=True, check=False, env={**os.environ, "SPARK_SUBMIT_OPTS": QUICK_JAVA},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "The query could not be computed.",
        "The engine's process ended before it had answered.",
        "((4,),)",
    ]
    assert "plain" not in done.stderr
    assert not list((tmp_path / "work").glob("*/*"))
