"""The tables of the segment room as Parquet files of any size. DuckDB makes them piece by piece: no more than one piece is ever
in memory, and hash() stands in for chance, so that every run has the same rows. Some cards pay more often than others, and of
the forty merchant categories the last ones are rare."""

from __future__ import annotations

from pathlib import Path

import deltalake
import duckdb

from cleanroom_core.engines import delta
from cleanroom_core.engines.protocol import ShareTable

PIECE = 2_000_000  # rows per file
TRANSACTIONS = """
SELECT sha256((least($people - 1, $people * pow(hash(i) % 1000003 / 1000003.0, 1.5)::DOUBLE)::BIGINT)::VARCHAR) AS card_token,
  (5400 + least(39, floor(-5 * ln((hash(i, 1) % 1000003 + 1) / 1000003.0)))::INT)::VARCHAR AS merchant_category_code,
  (hash(i, 2) % 5 = 0)::BIGINT AS cross_border_flag, (hash(i, 3) % 12)::BIGINT AS txn_count_1h,
  (hash(i, 4) % 50 = 0)::BIGINT AS confirmed_fraud_flag, DATE '2026-01-01' + (hash(i, 7) % 360)::INT AS txn_day
FROM range($start, $stop) r(i)
"""
ACCOUNTS = """
SELECT sha256(i::VARCHAR) AS card_token, ['0-1', '1-3', '3-10', '10+'][1 + (hash(i, 5) % 4)::INT] AS account_age_band,
  ['retail', 'premium', 'student'][1 + (hash(i, 8) % 3)::INT] AS account_kind,
  (hash(i, 6) % 1000) / 10000.0::DOUBLE AS chargeback_rate_90d
FROM range($start, $stop) r(i)
"""
Tables = dict[str, list[str]]  # qualified asset -> its files
SIGNALS, ACCOUNT = "provider.transaction_signals", "consumer.account_behavior"


def write_tables(folder: Path, rows: int, people: int) -> Tables:
    """`rows` transactions of `people` cards, each of which has one account. Returns the files, one folder per table."""
    return {
        SIGNALS: _written(folder / SIGNALS, TRANSACTIONS, rows, {"people": people}),
        ACCOUNT: _written(folder / ACCOUNT, ACCOUNTS, people, {}),
    }


def share_tables(tables: Tables) -> dict[str, ShareTable]:
    """The same files as published share tables: a Delta log beside them, and the digest over their bytes."""
    found = {}
    for qualified, files in tables.items():
        folder = Path(files[0]).parent
        deltalake.convert_to_deltalake(str(folder))
        written = delta.snapshot(folder)
        found[qualified] = ShareTable(folder, written.version, delta.digest(written), 0, written.schema(), "")
    return found


def _written(folder: Path, sql: str, rows: int, given: dict[str, int]) -> list[str]:
    folder.mkdir(parents=True)
    files = []
    for start in range(0, rows, PIECE):
        path = str(folder / f"{start // PIECE:04}.parquet")
        with duckdb.connect(config={"threads": 2}) as connection:
            span = {"start": start, "stop": min(start + PIECE, rows)}
            connection.sql(sql, params={**given, **span}).write_parquet(path, compression="snappy")
        files.append(path)
    return files
