"""The guard alone: judging the segment query and writing its SQL, against sqlglot's parse_one + qualify of the same text.

python benchmarks/guard.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from _segment_room import SEGMENTS, segment_world
from sqlglot import parse_one
from sqlglot.optimizer.qualify import qualify

from cleanroom_core.guard import judge_sql

ROUNDS = 60


def main() -> None:
    world = segment_world()
    schema = {
        asset.owner: {asset.name: {column.name: str(column.type) for column in asset.schema}} for asset in world.assets.values()
    }

    def sqlglot_alone() -> Any:
        return qualify(parse_one(SEGMENTS, dialect="databricks"), schema=schema, dialect="databricks")

    def judged() -> Any:
        return judge_sql(SEGMENTS, "consumer", world).sheets[0]

    def judged_and_written() -> Any:
        return judge_sql(SEGMENTS, "consumer", world).sheets[0].query.render("duckdb")

    works: dict[str, Callable[[], Any]] = {
        "sqlglot parse + qualify": sqlglot_alone,
        "judge": judged,
        "judge + generate SQL": judged_and_written,
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):  # taken in turns, so that a busy machine slows all of them alike
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    base = statistics.median(times["sqlglot parse + qualify"])
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"  {name:24} {middle * 1000:7.2f} ms   {middle / base:5.2f} x sqlglot parse + qualify")


if __name__ == "__main__":
    main()
