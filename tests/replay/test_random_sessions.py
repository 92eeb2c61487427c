"""Random sessions, and sessions with and without one person: what a linear reader may learn from either."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.replay.linear_reader import Reader, listing
from tests.replay.market import ROUNDED, UNIT, market
from tests.replay.playing import Played, play
from tests.replay.random_sessions import random_session

PERSON = "p9"
pytestmark = pytest.mark.usefixtures("same_process")


@pytest.mark.parametrize("seed", range(1))
def test_no_combination_of_a_random_session_is_about_few(seed: int, tmp_path: Path) -> None:
    played = play(market(tmp_path / "room", seed=seed), random_session(seed, 14, 3), tmp_path)
    assert not played.reader.unexplained, played.reader.unexplained
    assert len(played.reader.figures) > 20, "hardly anything was released: the session tries too little"
    assert played.reader.smallest() is None


@pytest.mark.parametrize("seed", range(1))
def test_a_planted_person_shows_only_where_many_are_counted(seed: int, tmp_path: Path) -> None:
    """The same session over the same tables with and without one person. Every figure released in both is the same where the
    person has no rows, and differs by exactly those rows where it has some; each such figure is about many people, and no
    combination of them, nor of the figures of either session, is about few."""
    steps = random_session(seed + 50, 10, 0)
    rooms = [market(tmp_path / name, without=without) for name, without in (("with", None), ("without", PERSON))]
    played = [play(room, steps, tmp_path) for room in rooms]
    assert all(one.reader.smallest() is None for one in played)
    assert not any(one.reader.unexplained for one in played)
    assert _ends(played[0]) == _ends(played[1])
    own = Reader({name: frame[frame[UNIT] == PERSON] for name, frame in rooms[0].tables.items()}, UNIT, 0, ROUNDED)
    compared = touched = 0
    for step, with_, without in zip(steps, played[0].answers, played[1].answers, strict=True):
        listed = listing(step["sql"], tuple(with_["columns"]), UNIT)
        mine = own._members(listed, own.states[-1])
        for label, figures in _by_label(with_, len(listed.keys)).items():
            other = _by_label(without, len(listed.keys)).get(label)
            if other is None:
                continue
            for number, wanted in enumerate(listed.wanted):
                rounded = bool(listed.others) and wanted.column in ROUNDED and wanted.kind == "sum"
                if (
                    rounded
                    or wanted.kind in ("mean", "people")
                    or any(isinstance(each, str | None) for each in (figures[number], other[number]))
                ):
                    continue
                rows = [row[2 + number] for row in mine.get(label, []) if row[2 + number] is not None]
                share = sum((Decimal(str(value)) for value in rows), Decimal(0)) if wanted.kind == "sum" else Decimal(len(rows))
                assert Decimal(figures[number]) - Decimal(other[number]) == share, (step["sql"], label, wanted)
                compared += 1
                touched += share != 0
    assert compared > 20
    assert touched > 3


def _ends(played: Played) -> list[str]:
    return [answer["outcome"] for answer in played.answers]


def _by_label(answer: Any, width: int) -> dict[tuple[Any, ...], list[Any]]:
    return {tuple(row[:width]): row[width:] for row in answer["rows"]}
