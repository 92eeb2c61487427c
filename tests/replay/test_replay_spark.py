"""A session ends on Spark as it does on DuckDB, to the letter."""

from __future__ import annotations

from pathlib import Path

from cleanroom_core.cli.replayed import json_line
from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from cleanroom_core.engines.protocol import RoomEngine
from cleanroom_core.engines.spark.room import SparkRoomEngine
from cleanroom_core.rooms.replay_session import read_session
from cleanroom_core.rooms.roomfile import read_replay_room, room_text
from cleanroom_core.stories.replay import Replay
from tests.replay.test_replay import write_room
from tests.spark import MARKS, TestSpark

pytestmark = MARKS

SESSION = b"""
{"party": "consumer", "sql": "SELECT region, count(*) AS n, avg(amount) AS mean FROM provider.sales GROUP BY region"}
{"event": "revoke", "table": "accounts", "where": "person IN ('p1', 'p2')"}
{"party": "provider", "sql": "SELECT band, count(amount) FROM provider.sales JOIN consumer.accounts USING (person) GROUP BY 1"}
{"party": "provider", "sql": "SELECT count(*) FILTER (WHERE open) AS n, count(*) AS m FROM consumer.accounts"}
{"party": "consumer", "sql": "SELECT person FROM provider.sales"}
"""


def played(room: RoomEngine, path: Path, work: Path) -> list[str]:
    steps = read_session(SESSION, ("provider", "consumer"), {"provider.sales": "sales", "consumer.accounts": "accounts"})
    replay = Replay.open(read_replay_room(path), room_text(path), DuckDBOwnerEngine(work / "owner"), room, work, print)
    return [json_line(number, step.play()) for number, step in enumerate(replay.prepared(steps), start=1)]


def test_both_engines_play_alike(spark: TestSpark, tmp_path: Path) -> None:
    path = write_room(tmp_path)
    on_duckdb = played(DuckDBRoomEngine(tmp_path / "room"), path, tmp_path / "one")
    on_spark = played(SparkRoomEngine(spark.classic), path, tmp_path / "two")
    assert on_spark == on_duckdb
    assert sum('"answered"' in line for line in on_duckdb) == 2
