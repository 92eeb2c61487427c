"""Notebooks and runs in the room where it really is: upload, review, run, read into quarantine, release by copy.

The platform shows a run's output to whoever ran it and reviews none. So runs are a service principal's, whose output nobody
else reads; what it wrote goes into this side's own log, where it waits for a reviewer; and exactly that is copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cleanroom_core.audit import canonical
from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRule, NewRun
from cleanroom_core.backends.cells import cells_of, first_difference
from cleanroom_core.backends.seen import (
    AssetKind,
    OutputPlace,
    OutputTable,
    ReviewState,
    RunStage,
    SeenAsset,
    SeenRule,
    SeenRun,
)
from cleanroom_core.errors import ConflictError, NotPermittedError, NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.state import EffectStage, Intent
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.platform_period import may_start, starts
from cleanroom_core.stories.platform_room import platform_of


@dataclass(frozen=True)
class QuarantinedOutput:
    """What a run wrote, kept in this side's own log and shown to nobody but its reviewers."""

    run: str
    place: OutputPlace
    tables: tuple[OutputTable, ...]


def upload_there(side: Collaborator, user: User, notebook: NewNotebook) -> SeenAsset:
    """Put a notebook, or its next version, into the room. The same source and runners change nothing."""
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    side.require_agreement()
    platform = platform_of(side)
    payload = {"digest": notebook.digest, "runners": sorted(notebook.runners)}
    with bracket(side, user, Permission.PLAN_COMPUTE, "platform_upload", notebook.name, payload) as effect:
        seen = platform.owner.put_notebook(platform.room, notebook)
        effect.public = {"etag": seen.etag, "digest": notebook.digest}
    return seen


def judge_there(side: Collaborator, user: User, judgement: Judgement) -> SeenAsset:
    """Approve or reject exactly one version of the other side's notebook."""
    user.require(Permission.PLAN_SIGN, side.organisation)
    platform = platform_of(side)
    payload = {"etag": judgement.etag, "approve": judgement.approve, "comment": judgement.comment}
    with bracket(side, user, Permission.PLAN_SIGN, "platform_review", judgement.notebook, payload) as effect:
        seen = platform.owner.review(platform.room, judgement)
        effect.public = {"etag": judgement.etag, "approved": judgement.approve}
    return seen


def read_there(side: Collaborator, user: User, notebook: str) -> tuple[SeenAsset, tuple[str, ...]]:
    """The newest version of a notebook and its cells, for whoever decides about it. What is read is what the etag names."""
    user.require(Permission.ROOM_READ, side.organisation)
    platform = platform_of(side)
    seen = platform.owner.asset(platform.room, AssetKind.NOTEBOOK, notebook)
    if seen is None:
        raise NotReadyError(f"There is no notebook {notebook} in the room.", hint="Upload it first.", code="NO_NOTEBOOK")
    return seen, platform.owner.notebook_cells(platform.room, notebook, seen.etag)


def approve_agreed(side: Collaborator, user: User, agreed: NewNotebook) -> SeenAsset:
    """Approve the other side's notebook if it says what was agreed, cell by cell, for no other runners.

    The platform's own rules look at who uploads; this looks at what. Raises ConflictError (code NOTEBOOK_DIFFERS) otherwise.
    """
    user.require(Permission.PLAN_SIGN, side.organisation)
    seen, cells = read_there(side, user, agreed.name)
    different = first_difference(cells, cells_of(agreed.source, agreed.language))
    if different is not None or set(seen.runners) != set(agreed.runners):
        what = "Its runners are" if different is None else f"Its cell {different} is"
        raise ConflictError(
            f"The notebook {agreed.name} in the room is not the one agreed on. {what} different.",
            hint="Read it, and reject it; whoever uploaded it uploads the agreed one.",
            code="NOTEBOOK_DIFFERS",
        )
    return judge_there(side, user, Judgement(agreed.name, seen.etag, True, f"sha256:{agreed.digest}"))


def rule_there(side: Collaborator, user: User, rule: NewRule) -> SeenRule:
    """Approve from now on whatever an author uploads for a runner. The rule looks at who, not at what is in the notebook."""
    user.require(Permission.PLAN_SIGN, side.organisation)
    platform = platform_of(side)
    payload = {"runner": rule.runner, "author": rule.author}
    with bracket(side, user, Permission.PLAN_SIGN, "platform_rule", rule.author or "anybody", payload) as effect:
        seen = platform.owner.add_rule(platform.room, rule)
        effect.payload = {"rule": seen.id}
    return seen


def run_there(side: Collaborator, user: User, notebook: str, timeout_seconds: int = 1800, **parameters: str) -> SeenRun:
    """Start the approved version as this side's service principal; `waiting.wait_ended` waits for it.

    Raises NotPermittedError when the runner is a person, NotReadyError while an earlier start has no outcome, ConflictError for
    a release notebook whose rows were computed, or may have been (`platform_period.may_start`).
    """
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    side.require_agreement()
    platform = platform_of(side)
    who = platform.runner.identity()
    if not who.is_service:
        raise NotPermittedError(
            f"Notebooks of a room are run by a service principal; {who.name} is a person, who would see the output at once.",
            hint="Connect this side's runner with the client id and secret of a service principal.",
            code="RUN_AS_PERSON",
        )
    if any(intent.action == "platform_run" for intent in side.state().open_intents(side.alias)):
        raise NotReadyError(
            "An earlier start of a run had no answer yet.", hint="Look what became of it first.", code="RUN_OPEN"
        )
    seen = platform.owner.asset(platform.room, AssetKind.NOTEBOOK, notebook)
    if seen is None:
        raise NotReadyError(f"There is no notebook {notebook} in the room.", hint="Upload it first.", code="NO_NOTEBOOK")
    if seen.state is not ReviewState.APPROVED:
        raise NotReadyError(
            f"This version of {notebook} is {seen.state}.", hint="Every other side approves it first.", code="NOT_APPROVED"
        )
    side.require_acknowledged()  # both logs are as new as they get: what the other side has run is known here
    told = may_start(side, platform, seen, platform.owner.notebook_cells(platform.room, notebook, seen.etag))
    release = {} if told is None else {"release": told.as_json()}
    payload = {"etag": seen.etag, "parameters": parameters, **release}
    with bracket(side, user, Permission.PLAN_COMPUTE, "platform_run", notebook, payload) as effect:
        asked = NewRun(notebook, seen.etag, effect.id, timeout_seconds, parameters)
        started = platform.runner.start_run(platform.room, asked)
        effect.public = {"run": started.id, "etag": seen.etag, **release}
    return started


def quarantine_there(side: Collaborator, user: User, run_id: str) -> str:
    """Read everything an ended run wrote into this side's log; returns the hash of what was read. Nobody sees a figure."""
    user.require(Permission.PLAN_COMPUTE, side.organisation)
    platform = platform_of(side)
    run = platform.runner.run(run_id)
    if run.stage is not RunStage.SUCCEEDED or run.output is None:
        raise NotReadyError(
            f"The run {run_id} is {run.stage} and has no output to read.",
            hint="Wait until it has ended; a run that failed is started anew.",
            code="NO_OUTPUT",
        )
    with bracket(side, user, Permission.PLAN_COMPUTE, "platform_read", run_id) as effect:
        tables = platform.runner.read_output(run.output)
        digest = _digest(tables)
        effect.public = {"hash": digest}
        effect.payload = {
            "catalog": run.output.catalog,
            "schema": run.output.schema,
            "tables": [
                {"name": each.name, "columns": [list(one) for one in each.columns], "rows": [list(row) for row in each.rows]}
                for each in tables
            ],
        }
    return digest


def see_quarantined(side: Collaborator, user: User, run_id: str) -> QuarantinedOutput:
    """The figures of a run of this side, for its reviewer; that this person looked is on record before they are read."""
    user.require(Permission.REVIEW_FIGURES, side.organisation)
    found = quarantined(side, run_id)
    side.append(user, Permission.REVIEW_FIGURES, "access", {"object": "quarantined output"}, {"run": run_id})
    side.hand_over()
    return found


def release_there(
    side: Collaborator, user: User, run_id: str, table: str, target: str, readers: Sequence[str], reason: str
) -> None:
    """Copy one table of a run out of quarantine to `target`, for `readers`. Releasing the same again changes nothing.

    Raises ConflictError when what lies there is not what was reviewed, or `target` holds something else; NotPermittedError for
    the run of a release notebook, whose figures the review of its results releases (`platform_result`).
    """
    user.require(Permission.REVIEW_DECIDE, side.organisation)
    if any((each.alias, each.run) == (side.alias, run_id) for each in starts(side)):
        raise NotPermittedError(
            "Figures of a release plan go out by the review of their results, not by a copy.",
            hint="Take the results of the run; their reviewer releases them.",
            code="BY_REVIEW",
        )
    side.require_agreement()
    side.require_acknowledged()
    platform = platform_of(side)
    kept = quarantined(side, run_id)
    if table not in {each.name for each in kept.tables}:
        raise NotReadyError(f"The run wrote no table {table}.", hint="Choose one of its tables.", code="NO_OUTPUT")
    if _digest(platform.runner.read_output(kept.place)) != _digest(kept.tables):
        raise ConflictError(
            "The output is not what was reviewed any more.", hint="Read it into quarantine again.", code="OUTPUT_CHANGED"
        )
    payload = {
        "catalog": kept.place.catalog,
        "schema": kept.place.schema,
        "table": table,
        "target": target,
        "readers": sorted(readers),
        "reason": reason,
    }
    with bracket(side, user, Permission.REVIEW_DECIDE, "platform_release", run_id, payload) as effect:
        platform.runner.copy_output(kept.place, table, target, tuple(sorted(readers)))
        effect.public = {"hash": _digest(kept.tables)}


def quarantined(side: Collaborator, run_id: str) -> QuarantinedOutput:
    """The newest reading of this run in the own log."""
    for intent in reversed(list(side.state().intents.values())):
        if _is_reading(intent, side.alias, run_id):
            payload = _outcome(side, intent)
            place = OutputPlace(payload["catalog"], payload["schema"])
            tables = tuple(
                OutputTable(
                    each["name"], tuple(tuple(one) for one in each["columns"]), tuple(tuple(row) for row in each["rows"])
                )
                for each in payload["tables"]
            )
            return QuarantinedOutput(run_id, place, tables)
    raise NotReadyError(f"The output of {run_id} is not in quarantine.", hint="Read it first.", code="NO_OUTPUT")


def _is_reading(intent: Intent, alias: str, run_id: str) -> bool:
    done = intent.stage is EffectStage.DONE and intent.by.alias == alias
    return done and (intent.action, intent.object) == ("platform_read", run_id)


def _outcome(side: Collaborator, intent: Intent) -> dict[str, Any]:
    for record in side.log.records(side.log.origin, start=intent.ref.seq + 1):
        if record.entry.kind == "outcome" and intent.ref in record.entry.refs:
            return dict(record.payload)
    raise NotReadyError("What was read is not on record any more.", hint="Read it again.", code="NO_OUTPUT")


def _digest(tables: Sequence[OutputTable]) -> str:
    """SHA-256 over names, columns and rows, hex."""
    text = [[each.name, [list(one) for one in each.columns], [list(row) for row in each.rows]] for each in tables]
    return hashlib.sha256(canonical.encode(text, text="any")).hexdigest()
