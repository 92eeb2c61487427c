"""The source article's segment query with the world it is judged in, for the benchmarks of the guard."""

from __future__ import annotations

from datetime import date

from cleanroom_core.guard import Asset, World
from cleanroom_core.policies.rule import AnalysisRule
from cleanroom_core.sql.cells import Thresholds
from cleanroom_core.sql.types import BIGINT, DATE, DOUBLE, STRING, Column, Schema

SEGMENTS = """
SELECT t.merchant_category_code, a.account_age_band, t.cross_border_flag,
       count(*) AS record_count, avg(t.confirmed_fraud_flag) AS outcome_rate,
       avg(t.txn_count_1h) AS avg_velocity_1h, avg(a.chargeback_rate_90d) AS avg_chargeback_rate
FROM provider.transaction_signals t JOIN consumer.account_behavior a ON t.card_token = a.card_token
WHERE t.cross_border_flag = 1
GROUP BY t.merchant_category_code, a.account_age_band, t.cross_border_flag
HAVING count(*) >= 100
"""


def segment_world(dominance_percent: int = 10) -> World:
    signals = Asset(
        "provider",
        "transaction_signals",
        Schema(
            (
                Column("card_token", STRING),
                Column("merchant_category_code", STRING),
                Column("cross_border_flag", BIGINT),
                Column("txn_count_1h", BIGINT),
                Column("confirmed_fraud_flag", BIGINT),
                Column("txn_day", DATE),
            )
        ),
        AnalysisRule.from_json(
            {
                "privacy_unit": "card_token",
                "join_key": "card_token",
                "dimensions": {"merchant_category_code": {}, "cross_border_flag": {}, "txn_day": {"dates": ["month"]}},
                "measures": {"confirmed_fraud_flag": {"min": 0, "max": 1}, "txn_count_1h": {"min": 0, "max": 50}},
            }
        ),
        {
            "merchant_category_code": tuple(str(5400 + i) for i in range(40)),
            "cross_border_flag": (0, 1),
            "txn_day@month": tuple(str(date(2026, month, 1)) for month in range(1, 13)),
        },
        rows_per_key=20.0,
    )
    accounts = Asset(
        "consumer",
        "account_behavior",
        Schema(
            (
                Column("card_token", STRING),
                Column("account_age_band", STRING),
                Column("account_kind", STRING),
                Column("chargeback_rate_90d", DOUBLE),
            )
        ),
        AnalysisRule.from_json(
            {
                "privacy_unit": "card_token",
                "join_key": "card_token",
                "dimensions": {"account_age_band": {}, "account_kind": {}},
                "measures": {"chargeback_rate_90d": {"min": 0, "max": 1, "bands": [0.01, 0.05]}},
            }
        ),
        {"account_age_band": ("0-1", "1-3", "3-10", "10+"), "account_kind": ("retail", "premium", "student")},
        rows_per_key=1.0,
    )
    assets = {asset.qualified: asset for asset in (signals, accounts)}
    return World(
        assets,
        Thresholds(dict.fromkeys(assets, 100), dominance_percent=dominance_percent),
        ("fraud_detection",),
        ("provider", "consumer"),
    )
