"""A receiver repeats rows of its own table, to have most rows per key: joined rows stay those of the same table in
every period, because figures by the rows of the one table and of the other cannot be certified together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cleanroom_core.privacy import certify
from cleanroom_core.stories.replay import repeated_keys
from tests.replay.market import Market
from tests.replay.playing import Played, Step, answers, play, session_of

AISLES, PEOPLE, STRANGERS, MINIMUM = ("bread", "fish", "tea"), 120, 60, 10
JOINED = (
    "SELECT s.aisle, count(*) AS n FROM provider.sales s JOIN consumer.clients c ON s.customer = c.customer GROUP BY s.aisle"
)
TURNED = (
    "SELECT s.aisle, count(s.customer) AS n FROM consumer.clients c LEFT JOIN provider.sales s ON s.customer = c.customer "
    "GROUP BY s.aisle"
)
TIERS = "SELECT c.tier, count(*) AS n FROM consumer.clients c GROUP BY c.tier"
REPEATED: Step = {"event": "append", "table": "consumer.clients", "rows": [{"customer": "q1", "tier": "a"}] * 30}
ARRIVE: Step = {
    "event": "append",
    "table": "provider.sales",
    "rows": [{"customer": f"q{i}", "aisle": AISLES[i % 3]} for i in range(10, 10 + 3 * 15)],
}
PERIOD: Step = {"event": "period"}

pytestmark = pytest.mark.usefixtures("same_process")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Everybody bought once, p7 alone twice; all are clients, beside strangers of the receiver's choice."""
    folder = tmp_path_factory.mktemp("flip")
    people = [f"p{i}" for i in range(PEOPLE)]
    sales = pd.DataFrame({"customer": [*people, "p7"], "aisle": [AISLES[i % 3] for i in range(PEOPLE)] + ["fish"]})
    known = [*people, *(f"q{i}" for i in range(STRANGERS))]
    clients = pd.DataFrame({"customer": known, "tier": ["ab"[i // 3 % 2] for i in range(len(known))]})
    for name, frame in (("sales", sales), ("clients", clients)):
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / f"{name}.parquet")
    (folder / "room.yaml").write_text(ROOM)
    return Market(folder / "room.yaml", {"provider.sales": sales, "consumer.clients": clients}, MINIMUM)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([*session_of([JOINED]), REPEATED, PERIOD, *session_of([JOINED])], id="the same join"),
        pytest.param([*session_of([JOINED]), REPEATED, PERIOD, *session_of([TURNED])], id="turned round"),
        pytest.param(
            [*session_of([TIERS, JOINED]), REPEATED, PERIOD, *session_of([JOINED, TURNED])], id="with its own figures"
        ),
        pytest.param([*session_of([TURNED]), REPEATED, PERIOD, *session_of([JOINED])], id="turned round first"),
    ],
)
def test_own_rows_repeated_between_periods_show_nobody(steps: Sequence[Step], room: Market, tmp_path: Path) -> None:
    played = play(room, steps, tmp_path)
    assert _cells(played), played.answers
    assert {answer["outcome"] for answer in played.answers} <= {"answered", "suppressed", "done"}, played.answers
    assert not played.reader.unexplained, played.reader.unexplained
    assert played.reader.smallest() is None


@pytest.mark.parametrize("repeated", [[], [REPEATED]], ids=["ordinary", "repeated"])
def test_enough_new_people_are_counted_in_the_next_period(repeated: Sequence[Step], room: Market, tmp_path: Path) -> None:
    """What the receiver does to its own table changes neither the figures nor whose rows they count."""
    played = play(room, [*session_of([JOINED]), ARRIVE, *repeated, PERIOD, *session_of([JOINED, TURNED])], tmp_path)
    assert played.answers[0]["rows"] == [["bread", 40], ["fish", 41], ["tea", 40]]
    assert played.answers[-2]["rows"] == [["bread", 55], ["fish", 56], ["tea", 55]]
    assert played.answers[-1]["outcome"] == "answered"
    assert not played.reader.unexplained, played.reader.unexplained
    assert played.reader.smallest() is None


def test_a_certification_that_fails_within_releases_nothing(
    room: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one cell is out, and nothing is kept that a later question could read."""
    works, calls = certify.certify, count()

    def fails_once(*given: Any) -> certify.Certified:
        if next(calls) == 0:
            raise ValueError("two universes have the same name")
        return works(*given)

    monkeypatch.setattr(certify, "certify", fails_once)
    first, again = answers(room, session_of([JOINED, JOINED]), tmp_path)
    assert (first["outcome"], first["codes"], first["columns"], first["rows"]) == ("rejected", ["UNEXPECTED"], [], [])
    assert (again["outcome"], len(again["rows"])) == ("answered", 3)


def test_the_order_of_tables_stays_while_figures_count() -> None:
    first = repeated_keys({}, {"sales": 1.01, "clients": 1.0, "visits": None, "stays": 3.0})
    assert first == {"sales": 1.01, "stays": 3.0}
    later = repeated_keys(first, {"sales": 9.0, "clients": 5.0, "visits": 7.0, "stays": 1.0})
    assert sorted(later, key=lambda name: later[name])[-2:] == ["sales", "stays"]
    assert all(rows > 1 for rows in later.values())
    assert repeated_keys({}, {"sales": 9.0, "stays": 1.0}) == {"sales": 9.0}


def _cells(played: Played) -> list[Any]:
    return [row for answer in played.answers for row in answer["rows"]]


ROOM = f"""\
room: flip
collaborators:
  provider: {{organisation: Shop}}
  consumer: {{organisation: Bank}}
agreement:
  purposes: [reach]
  release_mode: template
  minimum_cohort: {MINIMUM}
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
      dimensions: {{aisle: {{domain: [bread, fish, tea]}}}}
  clients:
    owner: consumer
    data: clients.parquet
    rule:
      privacy_unit: customer
      join_key: customer
      dimensions: {{tier: {{domain: [a, b]}}}}
"""


def test_a_second_own_table_that_repeats_keys_is_not_joined_beside_the_first(tmp_path: Path) -> None:
    """Two own tables that differ by p7 alone: the difference of the two joins would be p7's aisle."""
    people = [f"p{i}" for i in range(PEOPLE)]
    frames = {"sales": pd.DataFrame({"customer": people, "aisle": [AISLES[i % 3] for i in range(PEOPLE)]})}
    for name, known in (("one", people), ("two", [person for person in people if person != "p7"])):
        frames[name] = pd.DataFrame({"customer": [*known, *["q1"] * 30], "tier": "a"})
    for name, frame in frames.items():
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / f"{name}.parquet")
    tables = "".join(
        f"  {name}:\n    owner: consumer\n    data: {name}.parquet\n    rule:\n      privacy_unit: customer\n"
        "      join_key: customer\n      dimensions: {tier: {domain: [a]}}\n"
        for name in ("one", "two")
    )
    (tmp_path / "room.yaml").write_text(ROOM.partition("  clients:")[0] + tables)
    room = Market(tmp_path / "room.yaml", {}, MINIMUM)
    asked = [JOINED.replace("clients", name) for name in ("one", "two", "one")]
    first, second, again = answers(room, session_of(asked), tmp_path)
    assert (first["outcome"], again["outcome"]) == ("answered", "stored")
    assert (second["outcome"], second["codes"]) == ("rejected", ["BEARERS"])
