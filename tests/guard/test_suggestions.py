"""A finding names text that would pass, where one can be told; putting it in place of what was refused does pass."""

from __future__ import annotations

import pytest

from cleanroom_core.guard import judge_sql
from tests.guard.guard_worlds import world_named

T = "provider.transaction_signals"
JOINED = f"{T} t JOIN consumer.account_behavior a"


@pytest.mark.parametrize(
    ("refused", "suggestion"),
    [
        (f"SELECT count(*) FROM {T} WHERE [txn_count_1h < 6]", "txn_count_1h <= 5"),  # the same question
        (f"SELECT count(*) FROM {T} WHERE [txn_count_1h > 4]", "txn_count_1h >= 5"),
        (f"SELECT count(*) FROM {T} WHERE [txn_count_1h < 7]", "txn_count_1h < 5"),
        (f"SELECT count(*) FROM {T} WHERE [txn_count_1h = 9]", "txn_count_1h < 10"),
        (f"SELECT count(*) FROM {T} WHERE [txn_ts >= DATE '2026-01-17']", "txn_ts >= DATE '2026-01-01'"),
        (f"SELECT count(*) FROM {T} WHERE [txn_ts <= DATE '2026-01-31']", "txn_ts < DATE '2026-02-01'"),
        (f"SELECT count(*) FROM {T} WHERE [txn_ts = DATE '2026-01-17']", "date_trunc('month', txn_ts) = DATE '2026-01-01'"),
        (f"SELECT [date_trunc('day', txn_ts)], count(*) FROM {T} GROUP BY 1", "date_trunc('month', txn_ts)"),
        (f"SELECT [txn_ts], count(*) FROM {T} GROUP BY 1", "date_trunc('month', txn_ts)"),
        (f"SELECT [txn_count_1h], count(*) FROM {T} GROUP BY 1",
         "CASE WHEN txn_count_1h < 5 THEN 'below 5' WHEN txn_count_1h < 10 THEN 'below 10' ELSE 'from 10' END"),
        (f"SELECT [count(DISTINCT txn_amount_band)] FROM {T}", "count(DISTINCT card_token)"),
        (f"SELECT [sum(DISTINCT txn_amount)] FROM {JOINED} USING (card_token)", "count(DISTINCT t.card_token)"),
        (f"SELECT sum([least(txn_amount, 7)]) FROM {T}", "txn_amount"),
        (f"SELECT count(*) FROM {T} WHERE txn_amount_band [= NULL]", "IS NULL"),
        (f"SELECT txn_amount_band, [txn_amount] FROM {T} GROUP BY 1", "avg(txn_amount)"),
        ("SELECT count(*) FROM [provider.transaction_signal]", T),
        (f"SELECT [merchant_category], count(*) FROM {T} GROUP BY 1", "merchant_category_code"),
        (f"SELECT count(*) FROM {JOINED} ON t.[device] = a.card_token", "card_token"),
    ],
)  # fmt: skip
def test_what_is_suggested_passes(refused: str, suggestion: str) -> None:
    world = world_named("banks")
    before, rest = refused.split("[")
    stands, after = rest.split("]")
    verdict = judge_sql(f"{before}{stands}{after}", "consumer", world)
    (finding,) = dict.fromkeys(replaced.suggestion for replaced in verdict.findings)
    assert finding == suggestion
    assert verdict.findings[0].as_json()["suggestion"] == suggestion
    assert f"Instead: {suggestion}" in str(verdict.findings[0])
    again = judge_sql(f"{before}{suggestion}{after}", "consumer", world)
    assert again.ok, [str(found) for found in again.findings]
