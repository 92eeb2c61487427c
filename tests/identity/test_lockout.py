"""The delay after failures: grows, ends by itself, and concerns the pair only (the pair is the store's business)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cleanroom_core.identity.lockout import FREE_FAILURES, WINDOW, remaining_delay

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIMES = st.lists(st.integers(-3600, 0).map(lambda seconds: NOW + timedelta(seconds=seconds)), max_size=40)


def failures(count: int) -> list[datetime]:
    return [NOW] * count


def test_the_first_four_cost_nothing() -> None:
    assert [remaining_delay(failures(n), NOW) for n in range(FREE_FAILURES)] == [timedelta(0)] * FREE_FAILURES


def test_it_doubles_up_to_the_window() -> None:
    delays = [remaining_delay(failures(n), NOW).total_seconds() for n in range(5, 13)]
    assert delays == [15, 30, 60, 120, 240, 480, 900, 900]
    assert remaining_delay(failures(10_000), NOW) == WINDOW


def test_waiting_is_counted() -> None:
    assert remaining_delay(failures(5), NOW + timedelta(seconds=10)) == timedelta(seconds=5)
    assert remaining_delay(failures(5), NOW + timedelta(seconds=15)) == timedelta(0)


@given(TIMES)
def test_it_always_ends(times: list[datetime]) -> None:
    assert timedelta(0) <= remaining_delay(times, NOW) <= WINDOW
    assert remaining_delay(times, NOW + WINDOW) == timedelta(0)


@given(TIMES)
def test_one_more_failure_never_shortens_it(times: list[datetime]) -> None:
    assert remaining_delay([*times, NOW], NOW) >= remaining_delay(times, NOW)
    assert remaining_delay(times, NOW) == remaining_delay(sorted(times, reverse=True), NOW)
