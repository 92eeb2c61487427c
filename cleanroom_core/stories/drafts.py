"""What a side has prepared and not yet said: texts on the way to becoming entries. A draft binds nobody and is never state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.policies.policy import Policy
from cleanroom_core.tokens.spec import TokenSpec

if TYPE_CHECKING:
    from cleanroom_core.rooms.definition import RoomDefinition
    from cleanroom_core.stories.collaborator import Collaborator

_NAME = "room"


@dataclass(frozen=True)
class Draft:
    """`sources`: asset -> name of the raw table in this side's inbox. `policies` are this side's own, by asset name."""

    agreement: AgreementTerms | None = None
    tokens: Mapping[str, TokenSpec] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)


def draft_of(definition: RoomDefinition, alias: str) -> Draft:
    """What a room file prepares for one side: the texts all agree on, and the policies of that side alone."""
    own = {name: policy for name, policy in definition.policies.items() if policy.owner == alias}
    return Draft(
        agreement=definition.agreement,
        tokens=dict(definition.tokens),
        policies=own,
        sources={name: definition.inbox_name(name) for name in definition.data if name in own},
        templates=dict(definition.templates),
    )


def read_draft(side: Collaborator) -> Draft:
    text = side.log.store.draft(_NAME)
    if text is None:
        return Draft()
    data = json.loads(text)
    return Draft(
        agreement=None if data["agreement"] is None else AgreementTerms.from_json(data["agreement"]),
        tokens={name: TokenSpec.from_json(name, spec) for name, spec in data["tokens"].items()},
        policies={policy["asset"]: Policy.from_json(policy) for policy in data["policies"]},
        sources=data["sources"],
        templates={template["name"]: Template.from_json(template) for template in data["templates"]},
    )


def save_draft(side: Collaborator, draft: Draft) -> None:
    side.log.store.save_draft(
        _NAME,
        json.dumps(
            {
                "agreement": None if draft.agreement is None else draft.agreement.as_json(),
                "tokens": {name: spec.as_json() for name, spec in draft.tokens.items()},
                "policies": [policy.as_json() for policy in draft.policies.values()],
                "sources": dict(draft.sources),
                "templates": [template.as_json() for template in draft.templates.values()],
            },
            ensure_ascii=False,
        ),
    )


def draft_agreement(side: Collaborator, user: User, terms: AgreementTerms) -> None:
    user.require(Permission.AGREEMENT_OFFER, side.organisation)
    save_draft(side, replace(read_draft(side), agreement=terms))


def draft_token(side: Collaborator, user: User, spec: TokenSpec) -> None:
    user.require(Permission.TOKEN_ALIGN, side.organisation)
    draft = read_draft(side)
    save_draft(side, replace(draft, tokens={**draft.tokens, spec.name: spec}))


def draft_policy(side: Collaborator, user: User, policy: Policy, source: str) -> None:
    """Keep a policy and the inbox table it is about."""
    user.require(Permission.POLICY_PUBLISH, side.organisation)
    draft = read_draft(side)
    save_draft(
        side,
        replace(
            draft,
            policies={**draft.policies, policy.asset: policy},
            sources={**draft.sources, policy.asset: source},
        ),
    )


def draft_template(side: Collaborator, user: User, template: Template) -> None:
    user.require(Permission.PLAN_PROPOSE, side.organisation)
    draft = read_draft(side)
    save_draft(side, replace(draft, templates={**draft.templates, template.name: template}))
