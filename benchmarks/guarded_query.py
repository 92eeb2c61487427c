"""Computing a guarded sheet: the generated SQL of the segment query, against the analyst's raw query and against the raw query
with count(DISTINCT) of people; same Parquet files, same DuckDB settings, each query in a process of its own, taken in turns.
Wall time, CPU time of all threads (the fairer one on a busy machine) and peak memory.

    python benchmarks/guarded_query.py [ROWS [PEOPLE]] [--rounds 5]      default 1,000,000 rows of 50,000 people

ROWS may be several numbers between commas (1000000,10000000,100000000): the growth; PEOPLE is a twentieth of them by default.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from _one_query import Measured, measure
from _segment_files import write_tables
from _segment_room import SEGMENTS, segment_world

from cleanroom_core.guard import judge_sql

COUNTING = SEGMENTS.replace("HAVING count(*) >= 100", "HAVING count(DISTINCT t.card_token) >= 100")
BASE = "raw, counting people"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("rows", nargs="?", default="1000000")
    asked.add_argument("people", nargs="?", type=int)
    asked.add_argument("--rounds", type=int, default=5)
    given = asked.parse_args()
    for text in given.rows.split(","):
        rows = int(text)
        compare(rows, given.people or max(1, rows // 20), given.rounds)


def compare(rows: int, people: int, rounds: int) -> None:
    (sheet,) = judge_sql(SEGMENTS, "consumer", segment_world()).sheets
    texts = {"raw": SEGMENTS, BASE: COUNTING, "guarded": sheet.query.render("duckdb")}
    runs: dict[str, list[Measured]] = {name: [] for name in texts}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        tables = write_tables(Path(folder), rows, people)
        print(f"{rows:,} rows, {people:,} people, written in {time.perf_counter() - began:.0f} s")
        for _ in range(rounds):  # in turns, so that a busy machine slows all of them alike
            for name, text in texts.items():
                runs[name].append(measure(tables, text))
    shown = {name: middle(found) for name, found in runs.items()}
    print(f"  {'':22}      wall                 cpu              peak memory")
    for name, values in shown.items():
        ratios = [value / base for value, base in zip(values, shown[BASE], strict=True)]
        told = zip(("{:8.2f} s ", "{:8.2f} s ", "{:8.0f} MB"), values, ratios, strict=True)
        print(f"  {name:22}" + "".join(f"{form.format(value)} {ratio:5.2f} x " for form, value, ratio in told))


def middle(runs: list[Measured]) -> list[float]:
    """Median wall seconds, CPU seconds and peak memory of these runs."""
    return [statistics.median(values) for values in zip(*((run.seconds, run.cpu, run.peak_mb) for run in runs), strict=True)]


if __name__ == "__main__":
    main()
