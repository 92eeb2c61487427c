"""One run for the rows of a period: what a release notebook in a room says of itself, and whether it may be started.

A second run after a table has changed gives figures that differ from the first by few people, and no platform forbids it. So
every start of such a notebook is told to both sides (`Told`, in the public part of its outcome), and each start looks at those
before it: in both logs, and in the room's own list of runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from cleanroom_core.audit import canonical
from cleanroom_core.backends.cells import cells_of
from cleanroom_core.backends.protocol import Platform
from cleanroom_core.backends.seen import RunStage, SeenAsset
from cleanroom_core.errors import ConflictError
from cleanroom_core.guard.world import Period
from cleanroom_core.notebooks.release.verify import plan_in
from cleanroom_core.rooms.periods import period_of
from cleanroom_core.rooms.state import EffectStage
from cleanroom_core.stories.platform_plan import require_first
from cleanroom_core.stories.run_entries import period_json
from cleanroom_core.stories.world import world_of

if TYPE_CHECKING:
    from cleanroom_core.stories.collaborator import Collaborator

_WITHOUT_FIGURES = (RunStage.FAILED, RunStage.CANCELLED)


@dataclass(frozen=True)
class Told:
    """What everybody in the room may know of a start. `cells`: hash of the notebook's cells; `plan`: of the signed text;
    `dated`: no row it counts is counted in another period too; `snapshot`: asset -> digest, of the plan's registered tables."""

    cells: str
    plan: str
    period: Period | None
    dated: bool
    snapshot: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        return {
            "cells": self.cells,
            "plan": self.plan,
            "period": period_json(self.period),
            "dated": self.dated,
            "snapshot": dict(self.snapshot),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Told:
        """Raises KeyError, TypeError or ValueError for anything that `as_json` does not give."""
        days = data["period"]
        period = None if days is None else Period(*(None if days[at] is None else _day(days[at]) for at in ("start", "stop")))
        return cls(str(data["cells"]), str(data["plan"]), period, data["dated"] is True, dict(data["snapshot"]))

    def shares_rows(self, later: Period | None) -> bool:
        """Whether a row it counts may be counted in a later period as well."""
        if not self.dated or self.period is None or self.period.stop is None or later is None or later.start is None:
            return True
        return self.period.stop > later.start


@dataclass(frozen=True)
class Started:
    """A start that the platform took, as its side's log tells it."""

    origin: str
    alias: str
    notebook: str
    run: str
    etag: str
    told: Told


def cells_hash(cells: Sequence[str]) -> str:
    """SHA-256 over the cells of a notebook, hex: equal for its source and for what a room keeps of it."""
    return hashlib.sha256(canonical.encode(list(cells), text="any")).hexdigest()


def source_hash(source: str) -> str:
    return cells_hash(cells_of(source, "PYTHON"))


def starts(side: Collaborator) -> Iterator[Started]:
    """Every start of a release notebook in the logs of all sides."""
    intents = side.state().intents
    for origin, alias in side.origins.items():
        for record in side.log.records(origin):
            entry = record.entry
            if entry.kind != "outcome" or entry.public.get("stage") != EffectStage.DONE or "release" not in entry.public:
                continue
            try:
                of = next(intents[ref.origin, ref.seq] for ref in entry.refs if (ref.origin, ref.seq) in intents)
                told = Told.from_json(entry.public["release"])
                yield Started(origin, alias, of.object, str(entry.public["run"]), str(entry.public["etag"]), told)
            except (KeyError, TypeError, ValueError, StopIteration):
                continue  # another's software wrote it, and it says nothing here


def recorded(side: Collaborator, origin: str, run_id: str) -> tuple[str, ...] | None:
    """The templates whose results of this run are in the log of that origin; None where they are not."""
    intents = side.state().intents
    for record in side.log.records(origin):
        entry = record.entry
        if entry.kind == "run" and entry.public.get("platform_run") == run_id:
            of = next((intents[ref.origin, ref.seq] for ref in entry.refs if (ref.origin, ref.seq) in intents), None)
            if of is not None and of.stage is EffectStage.DONE:
                return tuple(entry.public["templates"])
    return None


def may_start(side: Collaborator, platform: Platform, notebook: SeenAsset, cells: Sequence[str]) -> Told | None:
    """What is told of this start; None for a notebook that is no release notebook, which may always be started.

    Raises ConflictError (code PLAN_OTHER) for the notebook of another plan or period, (code PERIOD_RUN) when figures of these
    rows are out or may be, (code BUSY) while the other side starts one. A run that failed may be run again."""
    plan = plan_in(cells)
    if plan is None:
        return None
    now = _told(side, plan, cells)
    if any(intent.action == "platform_run" and intent.by.alias != side.alias for intent in side.state().open_intents()):
        raise ConflictError("The other side is starting a run just now.", hint="Try again when it has begun.", code="BUSY")
    own, others = ([each for each in starts(side) if (each.alias == side.alias) is mine] for mine in (True, False))
    for then in own:
        if then.told.shares_rows(now.period) and platform.runner.run(then.run).stage not in _WITHOUT_FIGURES:
            raise _ran(f"run {then.run}", then.told.dated)
    seen = platform.owner.task_runs(platform.room)
    under_way = {each.etag for each in seen if each.stage not in _WITHOUT_FIGURES}
    for then in others:
        if (then.told.plan, then.told.period) == (now.plan, now.period):
            continue  # sheets of the other custodian are certified as if all of them were out
        if recorded(side, then.origin, then.run) is not None:
            continue  # what it computed is known, and `require_first` looks at it
        failed = then.etag not in under_way and any(each.etag == then.etag for each in seen)
        if then.told.shares_rows(now.period) and not failed:
            raise _ran(f"{then.alias} ran another notebook, run {then.run}", then.told.dated)
    if notebook.etag in under_way:
        raise _ran("a run this log does not know", now.dated)
    require_first(side, side.state(), world_of(side.state(), now.period), side.alias)
    return now


def _told(side: Collaborator, plan: Mapping[str, Any], cells: Sequence[str]) -> Told:
    state = side.state()
    period = period_of(state)
    if (
        state.plan_in_force is None
        or not state.plan_is_current()
        or (plan["plan"], plan["period"]) != (state.plan_in_force.text_hash, period_json(period))
    ):
        raise ConflictError(
            "This is not the notebook of the plan and period in force.",
            hint="Make it anew from the plan as it is today, and have it approved.",
            code="PLAN_OTHER",
        )
    snapshot = {asset: state.assets[asset].digest for asset in sorted(state.plan_in_force.text.policies)}
    return Told(cells_hash(cells), plan["plan"], period, plan["once"] is False, snapshot)


def _ran(run: str, dated: bool) -> ConflictError:
    if not dated:
        return ConflictError(
            f"A plan that counts rows without a date is computed once, and it was, or may have been ({run}).",
            hint="Take the results of that run. In a new room, leave what counts undated rows out of the plan.",
            code="PERIOD_RUN",
        )
    return ConflictError(
        f"Rows of this period were computed, or may have been ({run}).",
        hint="Take the results of that run; the next period has a notebook of its own. A run that failed may be run again.",
        code="PERIOD_RUN",
    )


def _day(text: object) -> date:
    if not isinstance(text, str):
        raise TypeError("a day is text")
    return date.fromisoformat(text)
