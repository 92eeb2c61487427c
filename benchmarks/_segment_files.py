"""The tables of the segment room as Parquet files of any size. DuckDB makes them piece by piece: no more than one piece is ever
in memory, and hash() stands in for chance, so that every run has the same rows."""

from __future__ import annotations

from pathlib import Path

import duckdb

PIECE = 2_000_000  # rows per file
TRANSACTIONS = """
SELECT sha256((hash(i) % $people)::VARCHAR) AS card_token, (5400 + hash(i, 1) % 40)::VARCHAR AS merchant_category_code,
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


def write_tables(folder: Path, rows: int, people: int) -> Tables:
    """`rows` transactions of `people` cards, each of which has one account. Returns the files."""
    return {
        "provider.transaction_signals": _written(folder, "transactions", TRANSACTIONS, rows, {"people": people}),
        "consumer.account_behavior": _written(folder, "accounts", ACCOUNTS, people, {}),
    }


def _written(folder: Path, name: str, sql: str, rows: int, given: dict[str, int]) -> list[str]:
    files = []
    for start in range(0, rows, PIECE):
        path = str(folder / f"{name}_{start // PIECE:04}.parquet")
        with duckdb.connect(config={"threads": 2}) as connection:
            span = {"start": start, "stop": min(start + PIECE, rows)}
            connection.sql(sql, params={**given, **span}).write_parquet(path, compression="snappy")
        files.append(path)
    return files
