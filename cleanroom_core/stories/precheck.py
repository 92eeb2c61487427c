"""Run the prechecks of one side, or one of them again; the counts go on record, what was found stays with this side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cleanroom_core.audit.entry import parse_time
from cleanroom_core.engines.protocol import Source
from cleanroom_core.errors import CleanRoomError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.prechecks import REHEARSAL
from cleanroom_core.prechecks.acknowledgement import AcknowledgementFacts
from cleanroom_core.prechecks.agreement import AgreementFacts
from cleanroom_core.prechecks.check import Check, Checked, Gatherers, Status, run
from cleanroom_core.prechecks.clock import ClockFacts
from cleanroom_core.prechecks.machine import machine
from cleanroom_core.prechecks.tables import TableFacts
from cleanroom_core.prechecks.token_keys import TokenKeyFacts
from cleanroom_core.prechecks.token_vectors import VectorFacts
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.drafts import read_draft
from cleanroom_core.stories.token_keys import token_key

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"


def run_prechecks(
    side: Collaborator, user: User, only: str | None = None, before: Sequence[Checked] = ()
) -> tuple[Checked, ...]:
    """Check everything, or the one check named `only` and keep the other results of `before`. Returns them in order."""
    user.require(Permission.PRECHECK_RUN, side.organisation)
    checks = checks_of(side)
    chosen = [check for check in checks if only in (None, check.name)]
    fresh = {checked.check.name: checked for checked in run(chosen, gatherers(side))}
    known = {checked.check.name: checked for checked in before} | fresh
    results = tuple(known[check.name] for check in checks if check.name in known)
    counts = {status: sum(checked.result.status is status for checked in results) for status in Status}
    public = {"passed": counts[Status.PASS], "failed": counts[Status.FAIL], "unknown": counts[Status.CANNOT_TELL]}
    payload = {"checks": {checked.check.name: checked.result.as_json() for checked in results}}
    side.append(user, Permission.PRECHECK_RUN, "precheck", public, payload)
    side.hand_over()
    return results


def checks_of(side: Collaborator) -> tuple[Check[Any], ...]:
    """The checks of a rehearsal, and those of a workspace where this side's home names one."""
    if side.platform_facts() is None:
        return REHEARSAL
    from cleanroom_core.prechecks.databricks import OWN

    return REHEARSAL + tuple(check for check in OWN if check not in REHEARSAL)


def last_prechecks(side: Collaborator, user: User) -> tuple[Checked, ...]:
    """The results on record for this side, newest run; empty when there was none."""
    from cleanroom_core.prechecks.check import Result

    user.require(Permission.ROOM_READ, side.organisation)
    found = side.state().prechecks.get(side.alias)
    if found is None:
        return ()
    payload = side.log.records(start=found.by.ref.seq, stop=found.by.ref.seq + 1)[0].payload or {"checks": {}}
    results = payload["checks"]
    return tuple(
        Checked(check, Result(**{**results[check.name], "status": Status(results[check.name]["status"])}))
        for check in checks_of(side)
        if check.name in results
    )


def gatherers(side: Collaborator) -> Gatherers:
    """Where each check's facts come from: this machine, this side's home, the state of the room, a workspace."""
    state, draft = side.state(), read_draft(side)
    specs = {**draft.tokens, **{name: token.spec for name, token in state.tokens.items()}}

    def agreement() -> AgreementFacts:
        offer = state.agreement
        unsigned = () if offer is None else tuple(alias for alias in side.collaborators if alias not in offer.signatures)
        return AgreementFacts(
            stage=None if offer is None else offer.stage.value,
            unsigned=unsigned,
            ends_on=None if offer is None else offer.terms.ends_on,
            today=side.clock().date(),
        )

    def acknowledgement() -> AcknowledgementFacts:
        away = side.hand_over()
        size, acknowledged = side.log.size(), side.log.acknowledged()
        oldest = side.log.records(start=acknowledged, stop=acknowledged + 1)
        others = [name for alias, name in side.collaborators.items() if alias != side.alias and (not away or alias in away)]
        return AcknowledgementFacts(
            partner=", ".join(others),
            size=size,
            acknowledged=acknowledged,
            waiting_since=parse_time(oldest[0].entry.time) if oldest else None,
            now=side.clock(),
        )

    def table_problem(asset: str) -> str | None:
        try:
            policy = draft.policies.get(asset)
            types = {} if policy is None else {name: str(type_) for name, type_ in policy.types.items()}
            side.owner_engine.describe(Source(side.raw_table(draft.sources[asset]), types))
        except CleanRoomError as error:
            return error.message
        return None

    def key_problem(key_id: str) -> str | None:
        try:
            return None if token_key(side, key_id) is not None else "there is no such key here"
        except CleanRoomError as error:
            return error.message

    def clock() -> ClockFacts:
        newest = {}
        for origin, alias in side.origins.items():
            if (size := side.log.size(origin)) > 0:
                last = side.log.records(origin, start=size - 1)[0].entry
                newest["your log" if alias == side.alias else f"the log of {side.collaborators[alias]}"] = parse_time(last.time)
        return ClockFacts(side.clock(), newest)

    keys = side.home / "keys"
    key_files = [keys / "log.key", keys / "cosigner.key", *sorted(keys.glob("token-*.key"))]
    return {
        **(side.platform_facts() or {}),
        **machine(side.home, REQUIREMENTS, key_files, side.room_engine.needs_java),
        ClockFacts: clock,
        TableFacts: lambda: TableFacts({asset: table_problem(asset) for asset in sorted(draft.sources)}),
        TokenKeyFacts: lambda: TokenKeyFacts({spec.key_id: key_problem(spec.key_id) for spec in specs.values()}),
        VectorFacts: lambda: VectorFacts(
            tuple(side.collaborators),
            {name: {alias: dict(ran) for alias, ran in token.vectors.items()} for name, token in state.tokens.items()},
        ),
        AgreementFacts: agreement,
        AcknowledgementFacts: acknowledgement,
    }
