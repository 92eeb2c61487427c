"""Computing and certifying a plan of 25 sheets, about 1,200 cells, end to end through the locked engine, against computing the
same sheets without certifying them.

    python benchmarks/plan.py [ROWS [PEOPLE]] [--memory-mb 3072]      default 1,000,000 rows; a twentieth as many people

Wall time by phase, and the peak memory of the engine's process. Columns are skewed, so that some cells are small.
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


def peak_mb() -> float:
    """The most memory any ended process of this one ever held."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("rows", nargs="?", type=int, default=1_000_000)
    asked.add_argument("people", nargs="?", type=int)
    asked.add_argument("--memory-mb", type=int, default=3072, help="what DuckDB may use")
    given = asked.parse_args()
    world = segment_world()
    parts = parts_of(world)
    limits = Limits(memory_mb=given.memory_mb, seconds=3600)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = share_tables(write_tables(folder, given.rows, given.people or max(1, given.rows // 20)))
        engine = DuckDBRoomEngine(folder / "work")
        queries = [CellQuery(str(i), part.query.render("duckdb"), part.query.assets) for i, part in enumerate(parts)]

        began = time.perf_counter()
        engine.run(queries, tables, limits)
        alone, alone_mb = time.perf_counter() - began, peak_mb()

        phases: dict[str, float] = {}  # phase -> when it began last
        began = time.perf_counter()
        computed, _ = compute_parts(
            engine, parts, [], world.thresholds, tables, limits, lambda what, done: phases.setdefault(what, time.perf_counter())
        )
        ended = time.perf_counter()
    certificate = computed.certificate
    starts = [*phases.values(), ended]
    print(f"{given.rows:,} rows, {len(parts)} sheets, {certificate['cells'] + sum(certificate['withheld']):,} cells,", end=" ")
    print(f"{sum(certificate['withheld'])} withheld, certified: {certificate['certified']}, rounds {certificate['rounds']}")
    print(f"  cells alone                    {alone:8.1f} s   {alone_mb:6.0f} MB")
    print(f"  computed and certified         {ended - began:8.1f} s   {peak_mb():6.0f} MB   {(ended - began) / alone:5.2f} x")
    for (what, start), stop in zip(phases.items(), starts[1:], strict=True):
        print(f"    {what:28} {stop - start:8.1f} s")
    certifying = ended - next((start for what, start in phases.items() if what != "computing"), ended)
    print(f"  certifying (all but cells)     {certifying:8.1f} s                {certifying / alone:5.2f} x the cells alone")


if __name__ == "__main__":
    main()
