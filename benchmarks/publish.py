"""Publishing a share-safe table, against DuckDB's own COPY of the same SELECT to Parquet, same source, in the same run.

    python benchmarks/publish.py [ROWS]      default 1,000,000 rows of 50,000 cards, as CSV

What the ratio pays for: a process of its own, the counts for the preview, sorting (the order of the source is not shared),
Delta with fsync, the digest over the files, and the check that the version is whole.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import duckdb

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.protocol import Limits, ShareSelect, Source
from cleanroom_core.policies.compile import compile_policy
from cleanroom_core.policies.policy import Policy
from cleanroom_core.sql.types import Schema
from cleanroom_core.tokens.hmac_expression import binary_parameters, token_expression
from cleanroom_core.tokens.spec import TokenSpec

CARD = TokenSpec("card", "pan", ("strip", "digits_only"), "bench")
POLICY = Policy.from_json({
    "asset": "transaction_signals",
    "owner": "provider",
    "types": {"txn_ts": "timestamp", "txn_amount": "decimal(12,2)"},
    "row_filter": "sharing_consent_flag = 'CONSORTIUM_ELIGIBLE' AND data_residency_region IN ('EU', 'UK')",
    "columns": {
        "card_token": {"token": "card", "from": "card_number"},
        "merchant_category_code": {},
        "txn_ts": {},
        "txn_amount": {},
        "txn_amount_band": {"expression": "CASE WHEN txn_amount < 50 THEN '0-50' ELSE '50+' END"},
        "txn_count_1h": {},
    },
    "rule": {"privacy_unit": "card_token", "join_key": "card_token", "dimensions": {"merchant_category_code": {}}},
})  # fmt: skip
# Luhn-valid numbers of 16 digits: 4 and nine zero-padded digits twice, then the digit that makes the sum right.
ROWS = """
COPY (
  WITH cards AS (SELECT range AS n, lpad(CAST(range AS TEXT), 14, '0') AS body FROM range(50000)),
  sums AS (SELECT n, '4' || body AS body, list_sum(list_transform(range(1, 16), lambda i:
      CASE WHEN i % 2 = 1 THEN (CAST(('4' || body)[i] AS INT) * 2) // 10 + (CAST(('4' || body)[i] AS INT) * 2) % 10
      ELSE CAST(('4' || body)[i] AS INT) END)) AS total FROM cards),
  valid AS (SELECT n, body || CAST((10 - total % 10) % 10 AS TEXT) AS card_number FROM sums)
  SELECT card_number, CAST(5000 + hash(r * 3) % 200 AS TEXT) AS merchant_category_code,
    TIMESTAMP '2026-01-01 00:00:00' + to_seconds(CAST(hash(r) % 7000000 AS BIGINT)) AS txn_ts,
    CAST((hash(r * 5) % 500000) / 100 AS DECIMAL(12, 2)) AS txn_amount, hash(r * 7) % 50 AS txn_count_1h,
    CASE WHEN hash(r * 11) % 20 = 0 THEN 'NO' ELSE 'CONSORTIUM_ELIGIBLE' END AS sharing_consent_flag,
    ['EU', 'UK', 'US'][1 + CAST(hash(r * 13) % 3 AS BIGINT)] AS data_residency_region
  FROM (SELECT range AS r FROM range($rows)) JOIN valid ON valid.n = hash(r * 17) % 50000
) TO '{path}' (HEADER)
"""


def plain_copy(path: Path, folder: Path, schema: Schema, select: ShareSelect) -> float:
    """Seconds of an unlocked DuckDB with as many threads, reading the CSV with the types already known."""
    with duckdb.connect(config={"threads": Limits().threads, "memory_limit": f"{Limits().memory_mb}MB"}) as connection:
        types = {column.name: str(column.type).replace("STRING", "VARCHAR") for column in schema}
        connection.read_csv(str(path), header=True, dtype=types).create_view("source")
        started = time.perf_counter()
        connection.sql(select.sql, params=dict(select.binary)).write_parquet(
            str(folder / "plain.parquet"), compression="snappy"
        )
        return time.perf_counter() - started


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "transactions.csv"
        with duckdb.connect() as connection:
            connection.execute(ROWS.format(path=path), {"rows": rows})
        owner = DuckDBOwnerEngine(folder / "work")
        source = Source(path, {column: str(type_) for column, type_ in POLICY.types.items()})

        started = time.perf_counter()
        schema = owner.describe(source)
        inspecting = time.perf_counter() - started

        compiled = compile_policy(POLICY, schema, {"card": token_expression(CARD)})
        pads = binary_parameters(CARD, b"k" * 32)
        select = ShareSelect(compiled.sql("duckdb"), compiled.schema, pads, compiled.counts("duckdb"))

        started = time.perf_counter()
        owner.preview(source, select)
        previewing = time.perf_counter() - started

        started = time.perf_counter()
        table, counts = owner.publish(source, select, folder / "share", "bench", {})
        publishing = time.perf_counter() - started

        plain = plain_copy(path, folder, schema, select)

    print(f"{rows:,} rows, {table.rows:,} shared, {dict(counts)}")
    print(f"inspect {inspecting:.2f} s, preview {previewing:.2f} s, publish {publishing:.2f} s, plain COPY {plain:.2f} s")
    print(f"publish / plain COPY of the same SELECT to Parquet: {publishing / plain:.2f}")


if __name__ == "__main__":
    main()
