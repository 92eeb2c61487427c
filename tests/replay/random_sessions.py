"""Sessions nobody thought of: ordinary statements about the market in a random order, by both parties, between events."""

from __future__ import annotations

import random
from typing import Any

KEYS = ["s.aisle", "s.city", "s.channel", "s.coupon", "date_trunc('week', s.sold_on)"]
JOINED_KEYS = ["c.age", "c.tier", "c.vip"]
CONDITIONS = [
    "s.aisle <> 'fish'", "s.aisle IN ('bread', 'tea')", "s.city = 'Bonn'", "s.city <> 'Bonn'", "s.channel = 'web'", "s.coupon",
    "NOT s.coupon", "s.amount < 10", "s.amount >= 50", "s.pieces < 5", "s.sold_on >= DATE '2026-03-16'",
    "s.sold_on < DATE '2026-03-23'", "NOT (s.aisle = 'fish' AND s.city = 'Bonn')", "s.aisle = 'fish' OR s.channel = 'web'",
]  # fmt: skip
JOINED_CONDITIONS = ["c.age = 'old'", "c.age <> 'young'", "c.vip", "c.tier IN ('a', 'b')", "c.tier = 'a' OR s.coupon"]
FIGURES = ["sum(s.amount)", "avg(s.amount)", "count(s.rating)", "sum(s.pieces)", "avg(s.rating)"]
SALES, JOINED = "provider.sales s", "provider.sales s JOIN consumer.clients c ON s.customer = c.customer"


def statement(dice: random.Random) -> str:
    joined = dice.random() < 0.4
    keys = dice.sample(KEYS + JOINED_KEYS * joined, dice.choice([0, 1, 1, 2, 2, 3]))
    possible = CONDITIONS + JOINED_CONDITIONS * joined
    where = dice.sample(possible, dice.choice([0, 0, 1, 1, 2]))
    figures = ["count(*)", *dice.sample(FIGURES, dice.choice([0, 1, 2]))]
    if dice.random() < 0.4:
        inner = dice.choice(possible)
        figures.append(dice.choice([f"count(*) FILTER (WHERE {inner})", f"sum(CASE WHEN {inner} THEN s.amount END)"]))
    items = [f"{item} AS c{number}" for number, item in enumerate(keys + figures)]
    text = f"SELECT {', '.join(items)} FROM {JOINED if joined else SALES}"
    text += f" WHERE {' AND '.join(f'({one})' for one in where)}" if where else ""
    return text + (f" GROUP BY {', '.join(str(number + 1) for number in range(len(keys)))}" if keys else "")


def event(dice: random.Random) -> list[dict[str, Any]]:
    person = f"p{dice.randrange(400)}"
    row = {"customer": person, "aisle": "tea", "city": "Bonn", "channel": "web", "coupon": True, "sold_on": "2026-03-20",
           "amount": 17.25, "pieces": 3, "returned": 0, "rating": 1}  # fmt: skip
    return dice.choice(
        [
            [{"event": "revoke", "table": dice.choice(["sales", "clients"]), "where": f"customer = '{person}'"}],
            [{"event": "append", "table": "sales", "rows": [row]}, {"event": "period"}],
            [
                {"event": "update", "table": "clients", "set": {"tier": "a"}, "where": f"customer = '{person}'"},
                {"event": "period"},
            ],
            [{"event": "revoke", "table": "sales", "where": f"customer = '{person}'"}, {"event": "period"}],
        ]
    )


def random_session(seed: int, statements: int, events: int) -> list[dict[str, Any]]:
    dice = random.Random(seed)  # noqa: S311  a repeatable choice of cases
    happens = set(dice.sample(range(1, statements), events))
    steps: list[dict[str, Any]] = []
    for number in range(statements):
        if number in happens:
            steps += event(dice)
        party = dice.choice(["provider", "consumer"])
        steps.append({"actor": party, "party": party, "sql": statement(dice)})
    return steps
