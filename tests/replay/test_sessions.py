"""Attacks in several steps, played as a user would, while a linear reader adds and subtracts everything that comes out.

Each hole that thresholds and pairwise checks leave open is a session of its own: a step may name the outcome it must have
(`expect`); every other question is ordinary SQL that must not be refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from tests.replay.market import Market, market
from tests.replay.playing import SESSIONS, Played, Step, play, session, session_of

HOLES = {  # of thresholds and pairwise overlap checks, and the session that tries it
    "same_people_other_rows", "three_term_algebra", "sliding_windows", "conditions_inside_aggregates", "radix_packing",
    "two_clips", "own_measure_as_beacon", "free_thresholds", "verdict_as_oracle", "opt_out_and_new_cut",
    "opt_out_republished_by_cell", "own_labels_moved_each_epoch", "two_receivers", "absent_for_homogeneity", "people_counts",
    "missing_values",
}  # fmt: skip


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return market(tmp_path_factory.mktemp("market"))


def test_every_hole_has_a_session() -> None:
    assert {path.stem for path in SESSIONS.glob("*.jsonl")} >= HOLES


@pytest.mark.usefixtures("same_process")
@pytest.mark.parametrize("name", sorted(path.stem for path in SESSIONS.glob("*.jsonl")))
def test_session(name: str, room: Market, tmp_path: Path) -> None:
    played = play(room, session(name), tmp_path)
    _ends_as_expected(played)
    assert not played.reader.unexplained, played.reader.unexplained
    assert played.reader.smallest() is None
    if name in CHECKS:
        CHECKS[name](played)


def test_a_session_in_the_engine_s_own_processes(room: Market, tmp_path: Path) -> None:
    played = play(room, session("same_people_other_rows"), tmp_path)
    assert len(_answered(played)) >= 2
    assert played.reader.smallest() is None


@pytest.mark.usefixtures("same_process")
def test_dated_periods_compose_while_labels_move(tmp_path: Path) -> None:
    """Each period counts its own rows only: moving labels between periods gives no second look at any row."""
    room = market(tmp_path / "room", period=True)
    played = play(room, session("own_labels_moved_each_epoch"), tmp_path)
    assert played.reader.smallest() is None


@pytest.mark.usefixtures("same_process")
def test_a_measure_repeated_in_every_month_is_no_second_look_at_anybody(tmp_path: Path) -> None:
    """Everybody buys once a month, one person not in April: the bank's sums must not differ by that one."""
    room = market(tmp_path / "room", monthly=True)
    monthly = "SELECT date_trunc('month', s.sold_on) AS m, {what} AS t FROM provider.sales s JOIN consumer.clients c"
    texts = [
        f"{monthly.format(what=what)} ON s.customer = c.customer GROUP BY 1" for what in ("sum(c.income)", "avg(c.income)")
    ]
    played = play(room, session_of(texts, "provider"), tmp_path)
    assert not played.reader.unexplained, played.reader.unexplained
    assert played.reader.smallest() is None


def _ends_as_expected(played: Played) -> None:
    for number, (step, answer) in enumerate(zip(played.steps, played.answers, strict=True), start=1):
        said = f"step {number}: {step} -> {answer}"
        if "event" in step:
            assert answer["outcome"] == "done", said
        elif "expect" in step:
            assert answer["outcome"] == step["expect"], said
        else:
            assert answer["outcome"] in ("answered", "stored", "suppressed"), said


def _homogeneous(played: Played) -> None:
    """A rate of zero is hidden in a cell that stands there like every other."""
    first = played.answers[0]
    assert len(first["rows"]) == 8
    shown = {tuple(row[:2]): row[3] for row in first["rows"]}
    assert shown["tea", "web"] == "fewer than 3"


def _multiples(played: Played) -> None:
    counts = [row[-1] for answer in played.answers for row in answer["rows"]]
    assert counts
    assert all(count % 10 == 0 for count in counts)


def _rounded(played: Played) -> None:
    """No sum of its own measure comes back finer than one person's most."""
    sums = [row[answer["columns"].index("own")] for answer in _answered(played)[:2] for row in answer["rows"]]
    assert len(sums) > 10
    assert all(Decimal(total) % 9000 == 0 for total in sums)


def _alike(played: Played) -> None:
    """Too few, nobody at all, and a label that nobody has: the same answer."""
    assert len({(a["outcome"], tuple(a["codes"]), tuple(a["columns"]), a["withheld"]) for a in played.answers}) == 1


def _nothing_new(played: Played) -> None:
    """The same question again within a period, whoever opted out meanwhile: stored, to the letter."""
    first: dict[str, Step] = {}
    for step, answer in zip(played.steps, played.answers, strict=True):
        if step.get("event") == "period":
            first = {}
        if "sql" in step and (before := first.setdefault(step["sql"], answer)) is not answer:
            assert answer["outcome"] in ("stored", "suppressed")
            assert answer["rows"] == before["rows"]


def _answered(played: Played) -> Sequence[Step]:
    return [answer for answer in played.answers if answer["outcome"] == "answered"]


CHECKS = {
    "absent_for_homogeneity": _homogeneous,
    "people_counts": _multiples,
    "own_measure_as_beacon": _rounded,
    "verdict_as_oracle": _alike,
    "opt_out_and_new_cut": _nothing_new,
    "opt_out_republished_by_cell": _nothing_new,
    "own_labels_within_a_period": _nothing_new,
}
