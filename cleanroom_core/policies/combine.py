"""The strictest of the agreement and of every asset's rule, and which clause that was: a finding can name it and its owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cleanroom_core.policies.policy import Policy
from cleanroom_core.sql import cells


class Terms(Protocol):
    """What an agreement says about cells (`agreements.AgreementTerms` does)."""

    @property
    def minimum_cohort(self) -> int: ...
    @property
    def numerator_minimum(self) -> int: ...
    @property
    def dominance_percent(self) -> int: ...


@dataclass(frozen=True)
class Clause:
    """Where a threshold stands. `owner`: alias of the collaborator whose policy it is; None for the agreement."""

    text: str
    owner: str | None = None


@dataclass(frozen=True)
class Thresholds(cells.Thresholds):
    """The thresholds in force. `clauses`: qualified asset -> the clause its minimum cohort comes from; `numerator_minimum` and
    `dominance_percent` -> theirs."""

    clauses: Mapping[str, Clause] = field(default_factory=dict)


def combine(terms: Terms, policies: Iterable[Policy]) -> Thresholds:
    """Thresholds for the assets of these policies: per asset the larger of the agreement's minimum cohort and its own."""
    minimum: dict[str, int] = {}
    clauses = {
        "numerator_minimum": Clause(f"agreement.numerator_minimum = {terms.numerator_minimum}"),
        "dominance_percent": Clause(f"agreement.dominance_percent = {terms.dominance_percent}"),
    }
    for policy in policies:
        own = policy.rule.minimum_cohort
        minimum[policy.qualified] = max(terms.minimum_cohort, own or 0)
        if own is not None and own > terms.minimum_cohort:
            clauses[policy.qualified] = Clause(f"{policy.qualified}: rule.minimum_cohort = {own}", policy.owner)
        else:
            clauses[policy.qualified] = Clause(f"agreement.minimum_cohort = {terms.minimum_cohort}")
    return Thresholds(minimum, terms.numerator_minimum, terms.dominance_percent, clauses)
