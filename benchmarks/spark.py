"""The guarded sheet on Spark (`local[2]`, a Java process beside this one), against the raw query with count(DISTINCT) of people
on the same Spark, over the same Parquet files, taken in turns. Skipped with one line where there is no Java.

    python benchmarks/spark.py [ROWS [PEOPLE]] [--rounds 5]      default 1,000,000 rows of 50,000 people
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from _segment_files import write_tables
from _segment_room import SEGMENTS, segment_world
from guarded_query import BASE, COUNTING

from cleanroom_core.engines.spark.sessions import LocalSpark
from cleanroom_core.engines.spark.statement import with_views
from cleanroom_core.errors import NotReadyError
from cleanroom_core.guard import judge_sql


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("rows", nargs="?", type=int, default=1_000_000)
    asked.add_argument("people", nargs="?", type=int)
    asked.add_argument("--rounds", type=int, default=5)
    given = asked.parse_args()
    people = given.people or max(1, given.rows // 20)
    (sheet,) = judge_sql(SEGMENTS, "consumer", segment_world()).sheets
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spark = LocalSpark(folder / "work")
        try:
            session = spark.session()
        except NotReadyError as error:
            print(f"skipped: {error.message} {error.hint}")
            return
        names = {}
        for number, (qualified, files) in enumerate(write_tables(folder, given.rows, people).items()):
            names[qualified] = f"table_{number}"
            session.read.parquet(*files).createOrReplaceTempView(names[qualified])
        texts = {
            "raw": with_views(SEGMENTS, names),
            BASE: with_views(COUNTING, names),
            "guarded": with_views(sheet.query.render("spark"), names),
        }
        times: dict[str, list[float]] = {kind: [] for kind in texts}
        for _ in range(given.rounds + 1):  # in turns, so that a busy machine slows all of them alike; the first only warms up
            for kind, text in texts.items():
                start = time.perf_counter()
                session.sql(text).toArrow()
                times[kind].append(time.perf_counter() - start)
        spark.close()
    middle = {kind: statistics.median(values[1:]) for kind, values in times.items()}
    print(f"{given.rows:,} rows, {people:,} people, Spark local[2]")
    for kind, seconds in middle.items():
        print(f"  {kind:22} {seconds:8.2f} s  {seconds / middle[BASE]:5.2f} x")


if __name__ == "__main__":
    main()
