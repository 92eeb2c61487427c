"""Computing a guarded sheet on 1 M rows: the generated SQL of the segment query, against the analyst's raw query and against
the raw query with count(DISTINCT) of people, on the same DuckDB in the same run.

    python benchmarks/guarded_query.py [ROWS] [PEOPLE]      default 1,000,000 rows of 50,000 people
"""

from __future__ import annotations

import statistics
import sys
import time

import duckdb
from _segment_room import SEGMENTS, segment_world

from cleanroom_core.guard import judge_sql
from cleanroom_core.guard.answer import project
from cleanroom_core.privacy.protect import protect

ROUNDS = 9


def main() -> None:
    rows, people = (int(text) for text in (sys.argv[1:] + ["1000000", "50000"][len(sys.argv) - 1 :])[:2])
    world = segment_world()
    (sheet,) = judge_sql(SEGMENTS, "consumer", world).sheets
    raw = SEGMENTS
    distinct = SEGMENTS.replace("HAVING count(*) >= 100", "HAVING count(DISTINCT t.card_token) >= 100")
    generated = sheet.query.render("duckdb")
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        fill(connection, rows, people)
        texts = {"raw": raw, "raw, counting people": distinct, "guarded": generated}
        times: dict[str, list[float]] = {name: [] for name in texts}
        for _ in range(ROUNDS):  # taken in turns, so that a busy machine slows all of them alike
            for name, text in texts.items():
                start = time.perf_counter()
                found = connection.execute(text).fetchall()
                times[name].append(time.perf_counter() - start)
        found = connection.execute(generated).fetchall()
        start = time.perf_counter()
        cells = protect(found, sheet.layout, world.thresholds)
        protected = time.perf_counter() - start
        start = time.perf_counter()
        answer = project(sheet, cells)
        answered = time.perf_counter() - start
    base = {name: statistics.median(values) for name, values in times.items()}
    print(f"{rows:,} rows, {people:,} people, {len(found)} cells, {len(answer.rows)} rows answered")
    for name, seconds in base.items():
        against_raw, against_people = seconds / base["raw"], seconds / base["raw, counting people"]
        print(f"  {name:22} {seconds * 1000:8.1f} ms   {against_raw:5.2f} x raw   {against_people:5.2f} x raw counting people")
    print(f"  protect                {protected * 1000:8.1f} ms\n  answer from cells      {answered * 1000:8.1f} ms")


def fill(connection: duckdb.DuckDBPyConnection, rows: int, people: int) -> None:
    """Deterministic rows made inside DuckDB: hash() stands in for chance, so that every run has the same tables."""
    connection.execute("CREATE SCHEMA provider; CREATE SCHEMA consumer")
    connection.execute(
        "CREATE TABLE provider.transaction_signals AS SELECT md5((hash(i) % $people)::VARCHAR) AS card_token,"
        " (5400 + hash(i, 1) % 40)::VARCHAR AS merchant_category_code, (hash(i, 2) % 5 = 0)::BIGINT AS cross_border_flag,"
        " (hash(i, 3) % 12)::BIGINT AS txn_count_1h, (hash(i, 4) % 50 = 0)::BIGINT AS confirmed_fraud_flag"
        " FROM range($rows) r(i)",
        {"rows": rows, "people": people},
    )
    connection.execute(
        "CREATE TABLE consumer.account_behavior AS SELECT md5(i::VARCHAR) AS card_token,"
        " ['0-1', '1-3', '3-10', '10+'][1 + (hash(i, 5) % 4)::INT] AS account_age_band,"
        " (hash(i, 6) % 1000) / 10000.0::DOUBLE AS chargeback_rate_90d FROM range($people) r(i)",
        {"people": people},
    )


if __name__ == "__main__":
    main()
