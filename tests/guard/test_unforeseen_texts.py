"""Texts that make a number or a date overflow: a plan somebody else proposed must be judged, so that it can be rejected."""

from __future__ import annotations

import pytest

from cleanroom_core.guard import judge_sql
from tests.guard.guard_worlds import world_named

FROM = "FROM provider.transaction_signals t"


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT merchant_category_code, count(*) {FROM} GROUP BY {'1' * 5000}",
        f"SELECT merchant_category_code, count(*) {FROM} GROUP BY 1 ORDER BY {'1' * 5000}",
        f"SELECT count(*) {FROM} LIMIT {'9' * 5000}",
        f"SELECT count(*) {FROM} WHERE date_trunc('month', t.txn_ts) = DATE '9999-12-01'",
        f"SELECT count(*) {FROM} WHERE t.booked_on <= DATE '9999-12-31'",
    ],
)
def test_what_no_reader_foresaw_is_refused(sql: str) -> None:
    verdict = judge_sql(sql, "consumer", world_named("banks"))
    assert not verdict.ok
    assert verdict.findings
