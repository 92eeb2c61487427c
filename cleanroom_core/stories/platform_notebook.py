"""The notebook of the plan as both logs tell it: uploaded, approved, run; and in what it differs from the agreed one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from cleanroom_core.audit.entry import Ref
from cleanroom_core.backends.asked import Judgement, NewNotebook
from cleanroom_core.backends.cells import cells_of, first_difference
from cleanroom_core.backends.seen import RunStage, SeenAsset, SeenRun
from cleanroom_core.backends.waiting import Pace, wait_ended
from cleanroom_core.engines.protocol import Progress
from cleanroom_core.errors import NotReadyError, PlatformError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.state import Act, EffectStage, Intent
from cleanroom_core.stories.agree import required_reason
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.platform_plan import plan_notebook
from cleanroom_core.stories.platform_result import give_up_there, results_there
from cleanroom_core.stories.platform_room import platform_of
from cleanroom_core.stories.platform_run import approve_agreed, judge_there, read_there, run_there, upload_there

_AGAIN = (RunStage.FAILED, RunStage.CANCELLED)  # wrote nothing that counts, so it may be run again


@dataclass(frozen=True)
class NotebookActs:
    """The newest version since the plan was signed. `approved`, `rejected`: by another side, of exactly this version. `run`:
    the newest start of it, which ended or goes on."""

    uploaded: Act | None = None
    approved: Act | None = None
    rejected: Act | None = None
    started: Act | None = None
    run: str = ""


@dataclass(frozen=True)
class Difference:
    """`cell`: the number of the first cell that is not as agreed, from 1; None when only the runners differ."""

    cell: int | None
    there: str
    agreed: str


def notebook_name(custodian: str) -> str:
    """One notebook per custodian; each plan and each period is a version of it."""
    return f"plan_{custodian}"


def agreed_notebook(side: Collaborator, user: User, custodian: str) -> NewNotebook:
    """The notebook as it follows from this side's own copy of the signed plan; run by its custodian and nobody else."""
    user.require(Permission.ROOM_READ, side.organisation)
    return plan_notebook(side, custodian, None, notebook_name(custodian), [custodian])


def upload_plan(side: Collaborator, user: User) -> SeenAsset:
    """Put this side's notebook of the plan into the room; every other side compares and approves it."""
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    return upload_there(side, user, agreed_notebook(side, user, side.alias))


def approve_plan(side: Collaborator, user: User, custodian: str) -> SeenAsset:
    """Approve the custodian's notebook if it is, cell by cell, what this side makes of the plan itself."""
    user.require(Permission.PLAN_SIGN, side.organisation)
    return approve_agreed(side, user, agreed_notebook(side, user, custodian))


def run_plan(side: Collaborator, user: User, pace: Pace, progress: Progress) -> tuple[str, ...]:
    """Start this side's approved notebook unless a start of it goes on or ended well, wait for its end, and put what it wrote
    into quarantine; returns the templates. Doing so again goes on where it stopped.

    Raises PlatformError when the run failed, NotReadyError when `pace` is over first, and what `results_there` raises."""
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    runner, run_id = platform_of(side).runner, notebook_acts(side, side.alias).run

    def told(seen: SeenRun) -> None:
        progress(f"The run is {seen.stage}", 0.5)

    if not run_id or runner.run(run_id).stage in _AGAIN:
        progress("Starting it", 0.1)
        run_id = run_there(side, user, notebook_name(side.alias)).id
    ended = wait_ended(runner, run_id, pace, told)
    if ended.stage is not RunStage.SUCCEEDED:
        raise PlatformError(
            f"The run {run_id} is {ended.stage}. {ended.reason}".strip(),
            hint="Look at the run in the workspace; one that failed may be run again.",
            code="RUN_FAILED",
        )
    progress("Reading what it wrote into quarantine", 0.8)
    return results_there(side, user, run_id)


def give_up_run(side: Collaborator, user: User) -> tuple[str, ...]:
    """Close the newest run of this side's notebook without a figure (`platform_result.give_up_there`)."""
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    run_id = notebook_acts(side, side.alias).run
    if not run_id:
        raise NotReadyError("No run of this notebook was started.", hint="There is nothing to give up.", code="NO_RUN")
    return give_up_there(side, user, run_id)


def reject_notebook(side: Collaborator, user: User, custodian: str, reason: str) -> SeenAsset:
    """Reject the version that is there now, whatever it says."""
    user.require(Permission.PLAN_SIGN, side.organisation)
    seen, _ = read_there(side, user, notebook_name(custodian))
    return judge_there(side, user, Judgement(seen.name, seen.etag, False, required_reason(reason)))


def difference_there(side: Collaborator, user: User, custodian: str) -> Difference | None:
    """In what the notebook in the room is not the agreed one; None when it is. Changes nothing."""
    agreed = agreed_notebook(side, user, custodian)
    seen, cells = read_there(side, user, agreed.name)
    wanted = cells_of(agreed.source, agreed.language)
    number = first_difference(cells, wanted)
    if number is not None:
        there, ours = list(zip_longest(cells, wanted, fillvalue=""))[number - 1]
        return Difference(number, there, ours)
    if set(seen.runners) != set(agreed.runners):
        return Difference(None, ", ".join(sorted(seen.runners)), ", ".join(sorted(agreed.runners)))
    return None


def notebook_acts(side: Collaborator, custodian: str) -> NotebookActs:
    """Read from the logs of all sides; asks no platform."""
    plan, name = side.state().plan_in_force, notebook_name(custodian)
    if plan is None:
        return NotebookActs()
    signed = max(act.time for act in plan.approvals.values())
    done = [
        (intent, public)
        for intent, public in _done(side)
        if intent.object == name and intent.by.time >= signed and (intent.by.alias == custodian) != _is_review(intent)
    ]
    found = NotebookActs()
    etag = ""
    for intent, public in sorted(done, key=lambda each: each[0].by.time):
        if intent.action == "platform_upload" and public.get("etag") != etag:
            found, etag = NotebookActs(uploaded=intent.by), str(public.get("etag"))
        elif _is_review(intent) and public.get("etag") == etag:
            approved = public.get("approved") is True
            found = NotebookActs(found.uploaded, intent.by if approved else None, None if approved else intent.by)
        elif intent.action == "platform_run" and public.get("etag") == etag:
            found = NotebookActs(found.uploaded, found.approved, found.rejected, intent.by, str(public.get("run", "")))
    return found


def _is_review(intent: Intent) -> bool:
    return intent.action == "platform_review"


def _done(side: Collaborator) -> Iterator[tuple[Intent, Mapping[str, Any]]]:
    """Every effect that ended well, with the public part of its outcome."""
    intents = side.state().intents
    for origin in side.origins:
        for record in side.log.records(origin):
            entry = record.entry
            if entry.kind == "outcome" and entry.public.get("stage") == EffectStage.DONE:
                yield from ((intents[key], entry.public) for ref in entry.refs if (key := _key(ref)) in intents)


def _key(ref: Ref) -> tuple[str, int]:
    return ref.origin, ref.seq
