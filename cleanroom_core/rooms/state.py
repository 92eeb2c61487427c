"""RoomState: what is true in a room, as far as its logs say. Nothing else keeps state, so nothing else can disagree.

The values here are made by `rooms.fold` only. They hold what every collaborator may know; figures in quarantine are payloads of
private entries and are never a part of the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.audit.entry import Ref
from cleanroom_core.guard.template import Template
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.sql.cells import Label
from cleanroom_core.sql.kinds import require_texts
from cleanroom_core.sql.types import Schema
from cleanroom_core.tokens.spec import TokenSpec


@dataclass(frozen=True)
class Act:
    """Who did something, for which side, when (UTC, ISO 8601), and the entry that proves it."""

    alias: str
    user: str
    role: str
    time: str
    ref: Ref


class Stage(StrEnum):
    """Where a text that needs all signatures stands."""

    OFFERED = "offered"
    IN_FORCE = "in force"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class PrecheckState:
    """The newest prechecks of one side: how many passed, failed, could not tell. What they found stays with that side."""

    by: Act
    passed: int
    failed: int
    unknown: int


@dataclass(frozen=True)
class Offer:
    """One exact text of the agreement on its way to being signed by all. `text_hash`: sha256 of its canonical JSON, hex."""

    terms: AgreementTerms
    text_hash: str
    by: Act
    stage: Stage = Stage.OFFERED
    signatures: Mapping[str, Act] = field(default_factory=dict)
    reason: str | None = None
    closed: Act | None = None


@dataclass(frozen=True)
class TokenState:
    """A token spec on record and the vectors each side computed with its own key (case -> token, None for "no token")."""

    spec: TokenSpec
    spec_hash: str
    by: Act
    vectors: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    ran: Mapping[str, Act] = field(default_factory=dict)


@dataclass(frozen=True)
class PolicyState:
    policy: Policy
    policy_hash: str
    version: int
    by: Act
    publishing: bool = False  # an intent to publish is open
    published: Act | None = None  # the outcome of the newest publish of exactly this policy


@dataclass(frozen=True)
class AssetState:
    """A share-safe table as registered: which policy made it, its columns, and the labels its dimensions may show.
    `rows_per_key`: rows for each join key; None in a room from before that was measured. `there`: its name in the room on a
    platform, alias.schema.table; None for a table of a rehearsal."""

    qualified: str
    policy: Policy
    policy_hash: str
    schema: Schema
    labels: Mapping[str, tuple[Label, ...]]
    version: int
    digest: str
    by: Act
    rows_per_key: float | None = None
    there: ObjectName | None = None

    @property
    def owner(self) -> str:
        return self.policy.owner


@dataclass(frozen=True)
class Planned:
    """A template in a plan: the assets it reads, and in whose quarantine its figures wait (`custodian`)."""

    template: Template
    assets: tuple[str, ...]
    custodian: str

    def __post_init__(self) -> None:
        require_texts("A name in a plan", (*self.assets, self.custodian))

    def as_json(self) -> dict[str, object]:
        return {"template": self.template.as_json(), "assets": list(self.assets), "custodian": self.custodian}


@dataclass(frozen=True)
class PlanText:
    """The exact text both sides sign: the templates, and the agreement and policies they were judged against."""

    templates: Mapping[str, Planned]
    agreement: str  # hash of the agreement's text
    policies: Mapping[str, str]  # qualified asset -> policy hash

    def __post_init__(self) -> None:
        require_texts("A hash in a plan", (self.agreement, *self.policies, *self.policies.values()))

    def as_json(self) -> dict[str, object]:
        return {
            "agreement": self.agreement,
            "policies": dict(sorted(self.policies.items())),
            "templates": [self.templates[name].as_json() for name in sorted(self.templates)],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PlanText:
        planned = [
            Planned(Template.from_json(item["template"]), tuple(item["assets"]), item["custodian"])
            for item in data["templates"]
        ]
        return cls({item.template.name: item for item in planned}, data["agreement"], dict(data["policies"]))

    def basis(self, name: str) -> dict[str, object]:
        """What the figures of one template follow from; computed once per basis, its hash stands in the result's entry."""
        planned = self.templates[name]
        return {
            "agreement": self.agreement,
            "policies": {asset: self.policies[asset] for asset in sorted(planned.assets)},
            "template": planned.template.as_json(),
        }


@dataclass(frozen=True)
class PlanState:
    text: PlanText
    text_hash: str
    by: Act
    stage: Stage = Stage.OFFERED
    approvals: Mapping[str, Act] = field(default_factory=dict)
    reason: str | None = None
    closed: Act | None = None


class EffectStage(StrEnum):
    """How far an effect outside the log has come."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Intent:
    """An external effect somebody began: `action` is publish, sign, run or release, `object` what it is about."""

    ref: Ref
    action: str
    object: str
    by: Act
    stage: EffectStage = EffectStage.RUNNING
    ended: str | None = None


class Verdict(StrEnum):
    QUARANTINED = "quarantined"
    RELEASED = "released"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"  # its run did not end, or a newer result of the same template took its place


@dataclass(frozen=True)
class ResultState:
    """The result of one template of one run: where it is kept (custodian), for whom it is, and what became of it."""

    ref: Ref
    template: str
    template_hash: str
    basis: str  # hash of PlanText.basis
    custodian: str
    receiver: str
    checks: Mapping[str, bool]  # name of a contract check -> held
    commitment: str
    by: Act
    snapshot: Mapping[str, str] = field(default_factory=dict)  # asset -> digest of the table it was computed on
    certificate: Mapping[str, Any] = field(default_factory=dict)  # what was certified, in numbers; `engines.computing`
    period: tuple[date | None, date] | None = None  # the days whose rows it counts; None: all rows
    dated: bool = False  # whether each row it counts has a date of its own, so that no other period counts it
    run: Ref | None = None
    verdict: Verdict = Verdict.QUARANTINED
    decided: Act | None = None
    automatic: bool = False
    reason: str | None = None
    release: Ref | None = None


@dataclass(frozen=True)
class RoomState:
    """`collaborators`: alias -> organisation. `agreement`: the newest offer; `agreement_in_force`: the newest signed by all.
    `today`: the day on which the state is read, for what a new period makes due; None where that does not matter."""

    room: str
    collaborators: Mapping[str, str]
    prechecks: Mapping[str, PrecheckState] = field(default_factory=dict)
    agreement: Offer | None = None
    agreement_in_force: Offer | None = None
    tokens: Mapping[str, TokenState] = field(default_factory=dict)
    policies: Mapping[str, PolicyState] = field(default_factory=dict)
    assets: Mapping[str, AssetState] = field(default_factory=dict)
    created: Act | None = None
    invited: Mapping[str, Act] = field(default_factory=dict)
    accepted: Mapping[str, Act] = field(default_factory=dict)
    plan: PlanState | None = None
    plan_in_force: PlanState | None = None
    results: tuple[ResultState, ...] = ()
    intents: Mapping[tuple[str, int], Intent] = field(default_factory=dict)
    today: date | None = None

    def alias_of(self, organisation: str | None) -> str | None:
        return next((alias for alias, name in self.collaborators.items() if name == organisation), None)

    @property
    def room_active(self) -> bool:
        """Created, and accepted by everybody else."""
        return self.created is not None and all(
            alias in self.accepted for alias in self.collaborators if alias != self.created.alias
        )

    def aligned(self, token: str) -> bool:
        """Every side has run this spec's vectors, and all got the same tokens."""
        state = self.tokens.get(token)
        if state is None or set(state.vectors) != set(self.collaborators):
            return False
        first, *others = state.vectors.values()
        return all(dict(other) == dict(first) for other in others)

    def token_names(self) -> tuple[str, ...]:
        """Tokens that registered or planned assets are joined by."""
        used = {
            column.token
            for state in self.policies.values()
            for column in state.policy.columns.values()
            if column.token is not None
        }
        return tuple(sorted(used))

    def plan_is_current(self) -> bool:
        """The plan in force was signed over the agreement and the policies that hold now."""
        if self.plan_in_force is None or self.agreement_in_force is None:
            return False
        text = self.plan_in_force.text
        return text.agreement == self.agreement_in_force.text_hash and all(
            asset in self.assets and self.assets[asset].policy_hash == self.policies[asset].policy_hash == policy
            for asset, policy in text.policies.items()
        )

    def released(self, receiver: str | None = None) -> tuple[ResultState, ...]:
        return tuple(
            result
            for result in self.results
            if result.verdict is Verdict.RELEASED and receiver in (None, result.receiver, result.custodian)
        )

    def open_intents(self, alias: str | None = None) -> tuple[Intent, ...]:
        return tuple(
            intent
            for intent in self.intents.values()
            if intent.stage is EffectStage.RUNNING and alias in (None, intent.by.alias)
        )
