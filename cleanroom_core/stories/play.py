"""Play a whole room, every side, from prechecks to the last request: `cleanroom demo`. The stories people use, no shortcut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cleanroom_core.errors import CleanRoomError
from cleanroom_core.guard.finding import Finding
from cleanroom_core.guard.template import ParameterValue, Template
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.policies.policy import Policy
from cleanroom_core.rooms.definition import Request, RoomDefinition
from cleanroom_core.rooms.state import Verdict
from cleanroom_core.rooms.tasks import uncomputed
from cleanroom_core.stories.agree import offer_agreement, sign_agreement
from cleanroom_core.stories.align import propose_token, run_token_vectors
from cleanroom_core.stories.answer import Answered, Outcome, ask_sql, ask_template
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.compute import compute_plan
from cleanroom_core.stories.open_room import accept, create_room, invite
from cleanroom_core.stories.plan import explain, propose_plan, sign_plan
from cleanroom_core.stories.precheck import run_prechecks
from cleanroom_core.stories.publish import Published, publish_policy, register_asset
from cleanroom_core.stories.review import release_result, result_id, see_figures, waiting_results
from cleanroom_core.tokens.spec import TokenSpec


@dataclass(frozen=True)
class Played:
    """One step: whose it was, how it ended, in words; `answered` for requests. `ok`: it ended as it should."""

    step: str
    side: str
    outcome: str
    words: str
    ok: bool = True
    answered: Answered | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


Cast = Mapping[str, Mapping[Role, User]]
"""Who plays: alias -> role -> user."""


def play(sides: Mapping[str, Collaborator], cast: Cast, definition: RoomDefinition) -> Iterator[Played]:
    """Yield each step as it ends. An error of the core ends the play with a step that is not ok."""
    try:
        yield from _play(sides, cast, definition)
    except CleanRoomError as error:
        yield Played("stopped", "", "failed", error.diagnostics(), ok=False, facts={"code": error.code})


def _play(sides: Mapping[str, Collaborator], cast: Cast, definition: RoomDefinition) -> Iterator[Played]:
    creator = next(iter(sides))
    for alias, side in sides.items():
        checked = run_prechecks(side, cast[alias][Role.ENGINEER])
        failed = [item.check.title for item in checked if item.result.status.value == "fail"]
        words = f"{len(checked)} checks, {len(failed)} failed" + (f": {', '.join(failed)}" if failed else "")
        yield Played("prechecks", alias, "failed" if failed else "passed", words)
    digest = offer_agreement(sides[creator], cast[creator][Role.OFFICER], definition.agreement)
    yield Played("agreement", creator, "offered", f"text {digest[:16]}")
    for alias, side in sides.items():
        sign_agreement(side, cast[alias][Role.OFFICER], digest)
        yield Played("agreement", alias, "signed", f"text {digest[:16]}")
    for spec in definition.tokens.values():
        propose_token(sides[creator], cast[creator][Role.ENGINEER], spec)
        yield Played("tokens", creator, "proposed", f"{spec.name}: {spec.algorithm}, key {spec.key_id}")
        for alias, side in sides.items():
            run_token_vectors(side, cast[alias][Role.ENGINEER], spec.name)
            yield Played("tokens", alias, "ran", f"vectors of {spec.name}")
    for asset, policy in definition.policies.items():
        side = sides[policy.owner]
        published = publish_policy(side, cast[policy.owner][Role.STEWARD], policy, definition.inbox_name(asset))
        facts = {"rows": published.table.rows, "counts": dict(published.counts)}
        yield Played("publish", policy.owner, "published", _published(policy, published, definition.tokens), facts=facts)
    create_room(sides[creator], cast[creator][Role.ENGINEER])
    yield Played("room", creator, "created", definition.name)
    for alias, side in sides.items():
        if alias != creator:
            invite(sides[creator], cast[creator][Role.ENGINEER], alias)
            accept(side, cast[alias][Role.ENGINEER])
            yield Played("room", alias, "accepted", definition.name)
    for policy in definition.policies.values():
        register_asset(sides[policy.owner], cast[policy.owner][Role.STEWARD], policy.qualified)
        yield Played("assets", policy.owner, "registered", policy.qualified)
    refused = dict(_refused(sides[creator], cast[creator][Role.ANALYST], definition))
    templates = [template for name, template in definition.templates.items() if name not in refused]
    if templates:
        yield from _plan(sides, cast, templates)
    for request in definition.requests:
        user = cast[request.by][Role.ANALYST]
        if request.template in refused:
            yield _ended(request, Answered(Outcome.REFUSED, findings=refused[request.template]))
        else:
            yield _ask(sides[request.by], user, request)


def _refused(side: Collaborator, user: User, definition: RoomDefinition) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Templates the file wants refused, and the guard does refuse; in a plan they would stop the others."""
    for name in sorted(definition.may_be_refused):
        verdict = explain(side, user, definition.templates[name])
        if not verdict.ok:
            yield name, verdict.findings


def _plan(sides: Mapping[str, Collaborator], cast: Cast, templates: Sequence[Template]) -> Iterator[Played]:
    asker = templates[0].receiver
    digest = propose_plan(sides[asker], cast[asker][Role.ANALYST], templates)
    yield Played("plan", asker, "proposed", f"{', '.join(template.name for template in templates)} (text {digest[:16]})")
    for alias, side in sides.items():
        sign_plan(side, cast[alias][Role.REVIEWER], digest)
        yield Played("plan", alias, "signed", f"text {digest[:16]}")
    for alias in uncomputed(sides[asker].state()):
        names = compute_plan(sides[alias], cast[alias][Role.ENGINEER])
        yield Played("compute", alias, "quarantined", ", ".join(names))
        yield from _review(sides, cast)  # before the next side computes: what is undecided leaves it little room


def _review(sides: Mapping[str, Collaborator], cast: Cast) -> Iterator[Played]:
    for alias, side in sides.items():
        reviewer = cast[alias][Role.REVIEWER]
        for waiting in waiting_results(side, reviewer):
            if not waiting.may_decide or waiting.result.verdict is not Verdict.QUARANTINED:
                continue
            see_figures(side, reviewer, result_id(waiting.result))
            release_result(side, reviewer, result_id(waiting.result))
            yield Played("review", alias, "released", f"{waiting.result.template} to {waiting.result.receiver}")


def _ask(side: Collaborator, user: User, request: Request) -> Played:
    if request.template is not None:
        return _ended(request, ask_template(side, user, request.template, request.parameters))
    return _ended(request, ask_sql(side, user, request.sql or ""))


def _ended(request: Request, answered: Answered) -> Played:
    if request.template is not None:
        asked = request.template + "".join(f" {name}={_written(value)}" for name, value in request.parameters.items())
    else:
        asked = " ".join((request.sql or "").split())
    told = " ".join(str(finding) for finding in answered.findings)
    if answered.outcome is Outcome.SUPPRESSED:
        told = "No cell of it may be released."  # never why: empty, too few and withheld look alike
    words = f"{asked}: {answered.outcome.value}" + (f" - {told}" if told else "")
    ok = answered.outcome.value == request.expect
    if not ok:
        words += f" (expected {request.expect})"
    return Played("request", request.by, answered.outcome.value, words, ok, answered, {"expect": request.expect})


def _published(policy: Policy, published: Published, tokens: Mapping[str, TokenSpec]) -> str:
    rows, parts = published.table.rows, [f"{published.counts.get('dropped', 0)} left out by the row filter"]
    for name, column in policy.columns.items():
        without = published.counts.get(f"untokened.{name}", 0)
        if column.token is not None and without:
            who = "nobody has" if without == rows else f"{without} rows without"
            parts.append(f"{name}: {who} a valid {tokens[column.token].identifier} in {column.source}")
    return f"{policy.qualified}: {rows} rows ({'; '.join(parts)})"


def _written(value: ParameterValue) -> str:
    """As in the room file: true, not True."""
    return str(value).lower() if isinstance(value, bool) else str(value)
