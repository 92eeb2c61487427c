"""The period whose rows are counted now, in assets whose rule names a period column.

Periods are the room's, not a side's: the first one holds everything before its end, each later one begins where the one before
ended. They end with the calendar periods of the agreement, so that no row is ever in two of them.
"""

from __future__ import annotations

from cleanroom_core.guard.calendar import following, truncate
from cleanroom_core.guard.world import Period
from cleanroom_core.rooms.state import ResultState, RoomState, Verdict


def period_of(state: RoomState) -> Period | None:
    """None where no asset is dated, or nobody has said which day it is."""
    if state.today is None or state.agreement_in_force is None:
        return None
    if all(asset.policy.rule.period_column is None for asset in state.assets.values()):
        return None
    grid = state.agreement_in_force.terms.period
    stop = following(truncate(state.today, grid), grid)
    counted = [
        result.period for result in state.results if result.period is not None and result.verdict is not Verdict.SUPERSEDED
    ]
    if (running := next((period for period in counted if period[1] >= stop), None)) is not None:
        return Period(*running)  # also after the agreement has changed to shorter ones
    return Period(max((period[1] for period in counted), default=None), stop)


def is_current(state: RoomState, result: ResultState) -> bool:
    """Whether a result answers its template still: it counts all rows, or those of a period that has not ended."""
    return result.period is None or state.today is None or state.today < result.period[1]
