"""Certifying alone: the class queries of a plan of 25 sheets and about 1,200 cells, and every run of the rank test over them
(counts of rows, both sides of a 0/1 measure, sums that must not be known), against plainly telling apart the same rows
(SELECT DISTINCT of token and columns) on the same DuckDB. Each in a process of its own, two threads; cells come from a third.

    python benchmarks/certifying.py [ROWS [PEOPLE]]      default 1,000,000 rows; a twentieth as many people

ROWS may be several numbers between commas (1000000,10000000): the growth. Wall time, CPU time of all threads, peak memory.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np
from _segment_files import Tables, write_tables
from _segment_room import segment_world
from numpy.typing import NDArray
from plan import parts_of

from cleanroom_core.engines.computing import compute
from cleanroom_core.engines.protocol import CellQuery, ComputeJob, NewPart, Row, RowClasses
from cleanroom_core.guard.classes import PlannedPart, class_queries

Cells = dict[str, list[Row]]  # SQL of a sheet -> its rows
Spent = tuple[float, float, float]  # wall seconds, CPU seconds, peak MB
Found = TypeVar("Found")
PLAIN = """
SELECT count(*) FROM (SELECT DISTINCT t.card_token, t.merchant_category_code, t.cross_border_flag, t.confirmed_fraud_flag,
  date_trunc('month', t.txn_day), a.account_age_band, a.account_kind
FROM provider.transaction_signals t LEFT JOIN consumer.account_behavior a ON a.card_token = t.card_token)
"""


def job() -> ComputeJob:
    world = segment_world()
    parts = parts_of(world)
    classes = class_queries([PlannedPart(part.query) for part in parts], world.thresholds)
    return ComputeJob(
        parts=tuple(
            NewPart(CellQuery(str(i), part.query.render("duckdb"), part.query.assets), part.layout)
            for i, part in enumerate(parts)
        ),
        assumed=(),
        released=(),
        concealed=(),
        classes=tuple(RowClasses(query.render("duckdb"), query.assets, query.plan) for query in classes),
        thresholds=world.thresholds,
        seed=b"a benchmark's seed, 32 bytes long",
        beside=(),
    )


def opened(tables: Tables) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "3GB"})
    for qualified, files in tables.items():
        owner, _, name = qualified.partition(".")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {owner}")
        connection.read_parquet(files).create_view("files_of_" + name)
        connection.execute(f"CREATE VIEW {owner}.{name} AS FROM files_of_{name}")
    return connection


def cells(tables: Tables) -> Cells:
    with opened(tables) as connection:
        return {part.query.sql: connection.sql(part.query.sql).fetchall() for part in job().parts}


def plainly(tables: Tables) -> Spent:
    with opened(tables) as connection:
        return timed(lambda: connection.sql(PLAIN).fetchall())[1]


def certified(tables: Tables, known: Cells) -> tuple[Mapping[str, Any], Mapping[str, float], Spent]:
    """The certificate, the wall seconds up to the end of each phase, and what it took."""
    with opened(tables) as connection:

        def arrays(sql: str, assets: tuple[str, ...]) -> Sequence[NDArray[np.int64]]:
            columns = connection.sql(sql).fetchnumpy().values()
            return [np.ma.filled(column, -1).astype(np.int64, copy=False) for column in columns]

        phases: dict[str, float] = {}
        rows = lambda sql, assets: known[sql]  # noqa: E731
        work = lambda: compute(job(), "", rows, arrays, lambda what, done: phases.setdefault(what, time.perf_counter()))  # noqa: E731
        computed, spent = timed(work)
        return computed.certificate, {"classes": phases["certifying"] - phases["reading the classes of rows"]}, spent


def timed(work: Callable[[], Found]) -> tuple[Found, Spent]:
    began, before = time.perf_counter(), time.process_time()
    found = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return found, (time.perf_counter() - began, time.process_time() - before, peak)


def alone(work: Callable[..., Found], *given: object) -> Found:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *given).result()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("rows", nargs="?", default="1000000")
    asked.add_argument("people", nargs="?", type=int)
    given = asked.parse_args()
    for text in given.rows.split(","):
        rows = int(text)
        people = given.people or max(1, rows // 20)
        with tempfile.TemporaryDirectory() as folder:
            tables = write_tables(Path(folder), rows, people)
            base = alone(plainly, tables)
            certificate, phases, spent = alone(certified, tables, alone(cells, tables))
        print(f"{rows:,} rows, {people:,} people, {certificate['sheets']} sheets, "
              f"{certificate['cells'] + sum(certificate['withheld']):,} cells, {sum(certificate['withheld'])} withheld, "
              f"certified: {certificate['certified']}")  # fmt: skip
        for name, (seconds, cpu, peak) in (("the same rows, SELECT DISTINCT", base), ("certifying", spent)):
            ratios = f"{seconds / base[0]:.2f} x wall, {cpu / base[1]:.2f} x CPU, {peak / base[2]:.2f} x memory"
            print(f"  {name:30} {seconds:8.1f} s wall {cpu:8.1f} s CPU {peak:8.0f} MB   {ratios}")
        print(f"  {'of it the class queries':30} {phases['classes']:8.1f} s wall")


if __name__ == "__main__":
    main()
