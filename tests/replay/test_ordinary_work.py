"""A room that answers nothing is as useless as one that answers everything: a working day of an analyst, and what came out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.linear_reader import Reader
from tests.replay.market import ROUNDED, UNIT, market
from tests.replay.playing import answers, session_of

J = "provider.sales s JOIN consumer.clients c ON s.customer = c.customer"
S = "provider.sales s"
DAY = [
    f"SELECT count(*) AS n, count(DISTINCT s.customer) AS people, sum(s.amount) AS total FROM {S}",
    f"SELECT s.aisle, count(*) AS n, sum(s.amount) AS total FROM {S} GROUP BY s.aisle ORDER BY total DESC",
    f"SELECT s.city, count(*) AS n, avg(s.amount) AS mean FROM {S} GROUP BY s.city",
    f"SELECT s.channel, s.coupon, count(*) AS n, avg(s.pieces) AS pieces FROM {S} GROUP BY s.channel, s.coupon",
    f"SELECT s.aisle, s.channel, count(*) AS n, sum(s.amount) AS total FROM {S} GROUP BY 1, 2",
    f"SELECT s.aisle, s.city, count(*) AS n, sum(s.amount) AS total FROM {S} GROUP BY 1, 2",
    f"SELECT date_trunc('week', s.sold_on) AS week, count(*) AS n, sum(s.amount) AS total FROM {S} GROUP BY week ORDER BY week",
    f"SELECT date_trunc('week', s.sold_on) AS week, s.aisle, sum(s.amount) AS total FROM {S} GROUP BY 1, 2",
    f"SELECT s.sold_on, count(*) AS n FROM {S} GROUP BY s.sold_on ORDER BY s.sold_on",
    f"SELECT s.sold_on, s.channel, sum(s.amount) AS total FROM {S} GROUP BY 1, 2",
    f"SELECT date_trunc('month', s.sold_on) AS month, avg(s.returned) AS rate FROM {S} GROUP BY 1",
    f"SELECT s.aisle, avg(s.returned) AS rate, count(*) AS n FROM {S} GROUP BY s.aisle HAVING count(*) > 500",
    f"SELECT CASE WHEN s.amount < 10 THEN 'small' WHEN s.amount < 50 THEN 'middle' ELSE 'large' END AS size, count(*) AS n"
    f" FROM {S} GROUP BY size",
    f"SELECT s.aisle, count(*) AS n, count(*) FILTER (WHERE s.coupon) AS coupons FROM {S} GROUP BY s.aisle",
    f"SELECT s.city, sum(CASE WHEN s.channel = 'web' THEN s.amount END) AS web, count(*) AS n FROM {S} GROUP BY s.city",
    f"SELECT CASE WHEN s.aisle IN ('bread', 'tea') THEN 'dry' ELSE 'fresh' END AS kind, sum(s.amount) AS t FROM {S} GROUP BY 1",
    f"SELECT s.channel, stddev(s.amount) AS spread, avg(s.amount) AS mean FROM {S} GROUP BY s.channel",
    f"SELECT c.age, count(*) AS n, sum(s.amount) AS total FROM {J} GROUP BY c.age",
    f"SELECT c.age, c.vip, count(*) AS n, avg(s.amount) AS mean FROM {J} GROUP BY 1, 2",
    f"SELECT c.tier, s.channel, count(*) AS n, sum(s.amount) AS total FROM {J} GROUP BY 1, 2",
    f"SELECT c.age, s.aisle, count(*) AS n, avg(s.amount) AS mean FROM {J} GROUP BY 1, 2",
    f"SELECT c.tier, count(DISTINCT s.customer) AS people, avg(c.income) AS income FROM {J} GROUP BY c.tier",
    f"SELECT c.age, s.city, avg(s.returned) AS rate FROM {J} WHERE s.channel = 'web' GROUP BY 1, 2",
    f"SELECT CASE WHEN c.income < 3000 THEN 'low' ELSE 'high' END AS means, s.aisle, sum(s.amount) AS t FROM {J} GROUP BY 1, 2",
    f"SELECT date_trunc('week', s.sold_on) AS week, c.age, sum(s.amount) AS total FROM {J} GROUP BY 1, 2",
    f"SELECT c.age, s.channel, s.coupon, count(*) AS n FROM {J} GROUP BY 1, 2, 3",
    f"SELECT s.aisle, s.city, s.channel, count(*) AS n FROM {S} GROUP BY 1, 2, 3",
    f"SELECT c.vip, count(*) FILTER (WHERE s.amount >= 50) AS large, count(*) AS n FROM {J} GROUP BY c.vip",
    f"SELECT s.aisle, count(*) AS n FROM {S} WHERE s.sold_on >= DATE '2026-03-09' AND s.sold_on < DATE '2026-03-16' GROUP BY 1",
    "SELECT c.age, c.tier, count(*) AS n, avg(c.income) AS income FROM consumer.clients c GROUP BY 1, 2",
]


@pytest.mark.slow
@pytest.mark.usefixtures("same_process")
def test_most_of_an_ordinary_day_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room = market(tmp_path / "room", people=4_000, rows=10, minimum=20, traps=False)
    given = answers(room, session_of(DAY), tmp_path)
    reader = Reader(room.tables, UNIT, room.minimum, ROUNDED)
    cells = shown = rows = kept = 0
    for sql, answer in zip(DAY, given, strict=True):
        assert answer["outcome"] in ("answered", "stored", "suppressed"), (sql, answer)
        sizes = {label: size for label, size in reader.sizes(sql, answer["columns"]).items() if size[1] >= room.minimum}
        if "HAVING" in sql:
            continue
        width = len(next(iter(sizes)))
        released = {tuple(row[:width]) for row in answer["rows"]}
        cells, shown = cells + len(sizes), shown + len(released)
        rows += sum(size for size, _ in sizes.values())
        kept += sum(size for label, (size, _) in sizes.items() if label in released)
    answered = sum(answer["outcome"] != "suppressed" for answer in given)
    with capsys.disabled():
        print(f"\n{answered} of {len(DAY)} questions answered; {shown} of {cells} cells, {kept / rows:.1%} of their rows")
    assert answered >= 0.95 * len(DAY)
    assert shown >= 0.9 * cells
    assert kept >= 0.95 * rows
