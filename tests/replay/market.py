"""A small room that sessions are played against: sales of a shop (the provider) and clients of a bank (the consumer).

Most people buy often and everywhere. Some stand out: `p7` alone buys fish in Bonn, three people are no clients of the bank,
four ratings are missing. The attacks of `sessions/` go for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

AISLES, CITIES, CHANNELS = ["bread", "fruit", "fish", "tea"], ["Bonn", "Paris", "Lyon"], ["web", "store"]
AGES, TIERS = ["young", "middle", "old"], ["a", "b", "c"]
UNIT = "customer"
ROUNDED = {"income": 9000, "amount": 1000, "pieces": 20, "rating": 5}  # to what sums may be rounded beside another's table


@dataclass(frozen=True)
class Market:
    room: Path
    tables: Mapping[str, pd.DataFrame]
    minimum: int


def market(folder: Path, *, people: int = 400, rows: int = 8, minimum: int = 20, period: bool = False, seed: int = 1,
           without: str | None = None, monthly: bool = False, traps: bool = True) -> Market:  # fmt: skip
    """Write the room file and its tables. `without`: a person whose rows are left out of both tables. `monthly`: everybody buys
    once a month, but p7 not in April. `traps`: with the people who stand out."""
    dice = np.random.default_rng(seed)
    sales, clients = _sales(dice, people, rows, traps), _clients(dice, people, traps)
    if monthly:
        once = sales.drop_duplicates(UNIT)
        april = once[once[UNIT] != "p7"].assign(sold_on=date(2026, 4, 6))
        sales = pd.concat([once, april], ignore_index=True)
    if without is not None:
        sales, clients = (frame[frame[UNIT] != without].reset_index(drop=True) for frame in (sales, clients))
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in (("sales", sales), ("clients", clients)):
        pq.write_table(pa.Table.from_pandas(_typed(frame), preserve_index=False), folder / f"{name}.parquet")
    (folder / "room.yaml").write_text(ROOM.format(minimum=minimum, period="period_column: sold_on" if period else ""))
    return Market(folder / "room.yaml", {"provider.sales": sales, "consumer.clients": clients}, minimum)


def _sales(dice: np.random.Generator, people: int, rows: int, traps: bool) -> pd.DataFrame:
    count = people * rows
    who = dice.integers(0, people, count)
    day = dice.integers(0, 28, count)
    frame = pd.DataFrame(
        {
            UNIT: [f"p{i}" for i in who],
            "aisle": dice.choice(AISLES, count, p=[0.4, 0.3, 0.1, 0.2]),
            "city": dice.choice(CITIES, count, p=[0.3, 0.5, 0.2]),
            "channel": dice.choice(CHANNELS, count, p=[0.3, 0.7]),
            "coupon": dice.random(count) < 0.4,
            "sold_on": [date(2026, 3, 2) + timedelta(days=int(d)) for d in day],
            "amount": np.round(dice.gamma(2.0, 12.0, count), 2).clip(0.01, 999),
            "pieces": dice.integers(1, 9, count),
            "returned": (dice.random(count) < 0.05).astype(int),
            "rating": dice.integers(-5, 6, count).astype(object),
        }
    )
    if not traps:
        return frame
    frame.loc[(frame["aisle"] == "fish") & (frame["city"] == "Bonn"), "city"] = "Paris"
    own = frame.index[frame[UNIT] == "p7"][:2]
    frame.loc[own, "aisle"], frame.loc[own, "city"] = "fish", "Bonn"
    holes = frame.drop_duplicates(UNIT).index[:4]
    frame.loc[holes, "rating"] = None
    frame.loc[(frame["aisle"] == "tea") & (frame["channel"] == "web"), "returned"] = 0
    return frame


def _clients(dice: np.random.Generator, people: int, traps: bool) -> pd.DataFrame:
    strangers = people // 3 if traps else 10  # one in so many is no client
    known = [f"p{i}" for i in range(people) if i % strangers != 1] + [f"q{i}" for i in range(people // 5)]
    count = len(known)
    return pd.DataFrame(
        {
            UNIT: known,
            "age": dice.choice(AGES, count, p=[0.3, 0.5, 0.2]),
            "tier": dice.choice(TIERS, count),
            "vip": dice.random(count) < 0.3,
            "income": dice.integers(500, 8000, count),
        }
    )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    typed = frame.copy()
    if "rating" in typed:
        typed["rating"] = typed["rating"].astype("Int64")
        typed["amount"] = pa.array([f"{value:.2f}" for value in frame["amount"]]).cast(pa.decimal128(9, 2)).to_pandas()
    return typed


ROOM = """\
room: market
collaborators:
  provider: {{organisation: Shop}}
  consumer: {{organisation: Bank}}
agreement:
  purposes: [reach]
  release_mode: template
  minimum_cohort: {minimum}
  numerator_minimum: 3
  dominance_percent: 10
  period: month
  output_owner: both
  ends_on: 2027-12-31
  at_end: {{outputs: delete, share_tables: delete, tokens: delete}}
assets:
  sales:
    owner: provider
    data: sales.parquet
    rule:
      privacy_unit: customer
      join_key: customer
      {period}
      dimensions:
        aisle: {{domain: [bread, fruit, fish, tea]}}
        city: {{domain: [Bonn, Paris, Lyon]}}
        channel: {{domain: [web, store]}}
        coupon: {{domain: [true, false]}}
        sold_on: {{dates: [day, week, month]}}
      measures:
        amount: {{min: 0, max: 1000, bands: [10, 50]}}
        pieces: {{min: 0, max: 20, bands: [5]}}
        returned: {{min: 0, max: 1}}
        rating: {{min: -5, max: 5}}
  clients:
    owner: consumer
    data: clients.parquet
    rule:
      privacy_unit: customer
      join_key: customer
      dimensions: {{age: {{domain: [young, middle, old]}}, tier: {{domain: [a, b, c]}}, vip: {{domain: [true, false]}}}}
      measures: {{income: {{min: 0, max: 9000, bands: [3000]}}}}
"""
