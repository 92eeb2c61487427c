"""One person has most of a city's rows and amounts: what two ordinary questions leave between them must not show it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.replay.market import Market
from tests.replay.playing import answers, session_of

pytestmark = pytest.mark.usefixtures("same_process")
S = "FROM provider.sales s"
J = f"{S} {{}} JOIN consumer.clients c ON s.customer = c.customer"
WEST = "CASE WHEN s.city IN ('A', 'B') THEN 'west' ELSE 'east' END"
FIRST = "CASE WHEN s.city = 'A' THEN 'first' ELSE 'others' END"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """City B is p0's; so are the rows without a city p1's, and those of people who are no clients s0's."""
    folder = tmp_path_factory.mktemp("dominated")
    rows = [(f"p{i}", "ACD"[(i + n) % 3], (i + n) % 2, 5 + i % 9) for i in range(90) for n in range(3)]
    for city, whale, others in (("B", "p0", range(20, 35)), (None, "p1", range(40, 55))):
        rows += [(f"p{i}", city, i % 2, 2) for i in others]
        rows += [(whale, city, n % 2, 30) for n in range(200)]
    rows += [(f"s{i}", "A", 1, 3) for i in range(1, 16)] + [("s0", "A", n % 2, 30) for n in range(200)]
    sales = pd.DataFrame(rows, columns=["customer", "city", "flag", "amount"])
    clients = pd.DataFrame({"customer": [f"p{i}" for i in range(90)], "tier": ["ab"[i % 2] for i in range(90)]})
    for name, frame in (("sales", sales), ("clients", clients)):
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / f"{name}.parquet")
    (folder / "room.yaml").write_text(ROOM)
    return Market(folder / "room.yaml", {"provider.sales": sales, "consumer.clients": clients}, 10)


PAIRS = {
    "lists": (f"SELECT {{}} AS n {S} WHERE s.city IN ('A', 'C')", f"SELECT {{}} AS n {S} WHERE s.city IN ('A', 'B', 'C')"),
    "the rest": (f"SELECT {{}} AS n {S}", f"SELECT {{}} AS n {S} WHERE s.city <> 'B'"),
    "a band": (f"SELECT {WEST} AS r, {{}} AS n {S} GROUP BY 1", f"SELECT {{}} AS n {S} WHERE s.city = 'A'"),
    "bands": (f"SELECT {WEST} AS r, {{}} AS n {S} GROUP BY 1", f"SELECT {FIRST} AS r, {{}} AS n {S} GROUP BY 1"),
    "no city": (f"SELECT {{}} AS n {S}", f"SELECT {{}} AS n {S} WHERE s.city IS NOT NULL"),
    "no client": (f"SELECT {{}} AS n {S}", f"SELECT {{}} AS n {J.format('')}"),
    "no client by tier": (f"SELECT {{}} AS n {J.format('LEFT')}", f"SELECT c.tier, {{}} AS n {J.format('')} GROUP BY 1"),
}
FIGURES = ("count(*)", "sum(s.amount)", "avg(s.flag)")


@pytest.mark.parametrize("turned", [False, True], ids=["", "the other way round"])
@pytest.mark.parametrize(("pair", "figure"), [
    *((pair, FIGURES[n % 3]) for n, pair in enumerate(PAIRS)), *product(["lists"], FIGURES[1:]),
])  # fmt: skip
def test_not_all_of_two_questions_is_answered(room: Market, tmp_path: Path, pair: str, figure: str, turned: bool) -> None:
    texts = [text.format(figure) for text in PAIRS[pair]]
    first, second = answers(room, session_of(texts[::-1] if turned else texts), tmp_path)
    assert first["outcome"] == "answered"
    assert first["withheld"] is False
    assert second["withheld"] is True


def test_nor_of_two_conditions_in_one_statement(room: Market, tmp_path: Path) -> None:
    lists = "count(*) FILTER (WHERE s.city IN ('A', 'C')) AS a, count(*) FILTER (WHERE s.city IN ('A', 'B', 'C')) AS b"
    (answer,) = answers(room, session_of([f"SELECT {lists} {S}"]), tmp_path)
    assert answer["withheld"] is True
    assert not answer["rows"] or None in answer["rows"][0] or "withheld" in answer["rows"][0]


@pytest.mark.parametrize(
    "texts",
    [
        (f"SELECT count(*) AS n {S} WHERE s.city IN ('A', 'C')", f"SELECT count(*) AS n {S} WHERE s.city IN ('A', 'C', 'D')"),
        (
            f"SELECT {FIRST} AS r, count(*) AS n {S} WHERE s.city IN ('C', 'D') GROUP BY 1",
            f"SELECT count(*) AS n {S} WHERE s.city = 'D'",
        ),
    ],
)
def test_a_difference_of_many_is_answered(room: Market, tmp_path: Path, texts: Sequence[str]) -> None:
    assert [answer["outcome"] for answer in answers(room, session_of(texts), tmp_path)] == ["answered", "answered"]


ROOM = """
room: dominated
collaborators: {provider: {organisation: Shop}, consumer: {organisation: Bank}}
agreement:
  purposes: [p]
  release_mode: template
  minimum_cohort: 10
  numerator_minimum: 3
  dominance_percent: 10
  period: month
  output_owner: both
  ends_on: 2027-12-31
  at_end: {outputs: delete, share_tables: delete, tokens: delete}
assets:
  sales:
    owner: provider
    data: sales.parquet
    rule:
      privacy_unit: customer
      join_key: customer
      dimensions: {city: {domain: [A, B, C, D]}}
      measures: {flag: {min: 0, max: 1}, amount: {min: 0, max: 30}}
  clients:
    owner: consumer
    data: clients.parquet
    rule:
      privacy_unit: customer
      join_key: customer
      dimensions: {tier: {domain: [a, b]}}
"""
