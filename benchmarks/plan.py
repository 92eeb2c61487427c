"""Computing and certifying a plan of 25 sheets, about 1,200 cells, end to end through the locked engine, against computing the
same sheets without certifying them.

    python benchmarks/plan.py [ROWS [PEOPLE]] [--memory-mb 3072] [--certified-only]
        default 1,000,000 rows; a twentieth as many people

Wall time by phase, CPU time and peak memory of the engine's process; the difference in CPU is what certifying costs.
Columns are skewed, so that some cells are small.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from _segment_files import share_tables, write_tables
from _segment_room import segment_world

from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from cleanroom_core.engines.protocol import CellQuery, Limits
from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.sheet import Part
from cleanroom_core.stories.certified import compute_parts

MONTH = "date_trunc('month', t.txn_day)"
MERCHANT, CROSS, BAND, KIND = "t.merchant_category_code", "t.cross_border_flag", "a.account_age_band", "a.account_kind"
KEYS = (
    (MERCHANT,), (MERCHANT, CROSS), (BAND, KIND), (MERCHANT, BAND), (MONTH,), (MONTH, CROSS), (MONTH, BAND), (MONTH, KIND),
    (MERCHANT, KIND), (MERCHANT, MONTH), (BAND, CROSS), (KIND, CROSS), (BAND, KIND, CROSS),
)  # fmt: skip
FILTERED = (
    *(((MERCHANT,), f"{CROSS} = {flag}") for flag in (0, 1)),
    *(((MONTH,), f"{BAND} = '{band}'") for band in ("0-1", "1-3", "3-10", "10+")),
    *(((KIND,), f"{BAND} = '{band}'") for band in ("0-1", "1-3", "3-10", "10+")),
    ((), f"{CROSS} = 0"), ((), f"{CROSS} = 1"),
)  # fmt: skip


def statements() -> list[str]:
    figures = "count(*) AS n, avg(t.confirmed_fraud_flag) AS fraud, sum(t.txn_count_1h) AS velocity"
    joined = "FROM provider.transaction_signals t JOIN consumer.account_behavior a ON t.card_token = a.card_token"
    found = []
    for keys, where in [*((keys, "") for keys in KEYS), *FILTERED]:
        columns = ", ".join([*keys, figures])
        group = f" GROUP BY {', '.join(keys)}" if keys else ""
        found.append(f"SELECT {columns} {joined}{f' WHERE {where}' if where else ''}{group}")
    return found


def parts_of(world: World) -> list[Part]:
    parts: list[Part] = []
    for sql in statements():
        verdict = judge_sql(sql, "consumer", world)
        if not verdict.ok:
            raise SystemExit("\n".join(str(finding) for finding in verdict.findings))
        parts += verdict.sheets[0].parts
    return parts


def ended_processes() -> tuple[float, float]:
    """CPU seconds of all ended processes of this one, and the most memory any of them ever held, in MB."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("rows", nargs="?", type=int, default=1_000_000)
    asked.add_argument("people", nargs="?", type=int)
    asked.add_argument("--memory-mb", type=int, default=3072, help="what DuckDB may use")
    asked.add_argument("--certified-only", action="store_true", help="leave out the baseline, for large tables")
    given = asked.parse_args()
    world = segment_world()
    parts = parts_of(world)
    limits = Limits(memory_mb=given.memory_mb, seconds=3600)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = share_tables(write_tables(folder, given.rows, given.people or max(1, given.rows // 20)))
        engine = DuckDBRoomEngine(folder / "work")
        queries = [CellQuery(str(i), part.query.render("duckdb"), part.query.assets) for i, part in enumerate(parts)]

        alone_cpu = alone_mb = 0.0
        before, _ = ended_processes()
        began = time.perf_counter()
        if not given.certified_only:
            engine.run(queries, tables, limits)
            after, alone_mb = ended_processes()
            alone_cpu, before = after - before, after
        alone = time.perf_counter() - began

        phases: dict[str, float] = {}  # phase -> when it began last
        began = time.perf_counter()
        computed, _ = compute_parts(
            engine, parts, [], world.thresholds, tables, limits, lambda what, done: phases.setdefault(what, time.perf_counter())
        )
        ended = time.perf_counter()
        after, peak_mb = ended_processes()
        cpu = after - before
    certificate = computed.certificate
    starts = [*phases.values(), ended]
    print(f"{given.rows:,} rows, {len(parts)} sheets, {certificate['cells'] + sum(certificate['withheld']):,} cells,", end=" ")
    print(f"{sum(certificate['withheld'])} withheld, certified: {certificate['certified']}, rounds {certificate['rounds']}")
    if not given.certified_only:
        print(f"  cells alone              {alone:8.1f} s   {alone_cpu:7.1f} s CPU   {alone_mb:6.0f} MB")
    print(f"  computed and certified   {ended - began:8.1f} s   {cpu:7.1f} s CPU   {peak_mb:6.0f} MB", end="")
    print("" if given.certified_only else f"   {(ended - began) / alone:.2f} x the cells alone, CPU {cpu / alone_cpu:.2f} x")
    for (what, start), stop in zip(phases.items(), starts[1:], strict=True):
        print(f"    {what:28} {stop - start:8.1f} s")


if __name__ == "__main__":
    main()
