"""The terms both collaborators sign; keys as in the room file, so that the signed text and the file are the same words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.sql.kinds import require_texts, require_whole

PERIODS = ("day", "week", "month", "quarter", "year")
AT_END = ("delete", "keep", "return")


@dataclass(frozen=True)
class AgreementTerms:
    """What binds every query of the room.

    `minimum_cohort`: distinct people on each side of a released cell. `numerator_minimum`: a count of people with (or without)
    the attribute below this shows as "fewer than". `dominance_percent`: p of the p % rule. `period`: how often the release
    plan is computed anew. `contacts`: alias -> who answers for this side.
    """

    purposes: tuple[str, ...]
    ends_on: date
    release_mode: str = "template"
    minimum_cohort: int = 100
    numerator_minimum: int = 3
    dominance_percent: int = 10
    period: str = "month"
    output_owner: str = "both"
    at_end: Mapping[str, str] = field(default_factory=dict)
    contacts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        texts = (*self.purposes, self.release_mode, self.period, self.output_owner)
        require_texts("A word of the agreement", (*texts, *self.at_end, *self.at_end.values()))
        require_texts("A contact", (*self.contacts, *self.contacts.values()))
        require_whole("A minimum of the agreement", (self.minimum_cohort, self.numerator_minimum, self.dominance_percent))
        if not self.purposes:
            raise InputError("An agreement names at least one purpose.", hint="Add it under purposes.", code="AGREEMENT")
        if self.release_mode == "private":
            raise InputError(
                "release_mode: private (noise and a budget) is not built yet.",
                hint="Use release_mode: template, which releases exact figures of signed templates.",
                code="NOT_BUILT",
            )
        if self.release_mode != "template":
            raise InputError(f"There is no release mode {self.release_mode!r}.", hint="Use template.", code="AGREEMENT")
        if self.minimum_cohort < 2:
            raise InputError("A cohort of fewer than 2 people protects nobody.", hint="100 is usual.", code="AGREEMENT")
        if self.numerator_minimum < 1:
            raise InputError("numerator_minimum is at least 1.", hint="3 is usual.", code="AGREEMENT")
        if not 0 <= self.dominance_percent <= 100:
            raise InputError("dominance_percent lies between 0 and 100.", hint="10 is usual.", code="AGREEMENT")
        if self.period not in PERIODS:
            raise InputError(f"There is no period {self.period!r}.", hint=f"Known are {', '.join(PERIODS)}.", code="AGREEMENT")
        for thing, action in self.at_end.items():
            if action not in AT_END:
                raise InputError(
                    f"at_end: {thing} cannot be {action!r}.", hint=f"Known are {', '.join(AT_END)}.", code="AGREEMENT"
                )

    def as_json(self) -> dict[str, Any]:
        """The signed text, before canonicalisation. Keys as in the room file."""
        return {
            "purposes": list(self.purposes),
            "release_mode": self.release_mode,
            "minimum_cohort": self.minimum_cohort,
            "numerator_minimum": self.numerator_minimum,
            "dominance_percent": self.dominance_percent,
            "period": self.period,
            "output_owner": self.output_owner,
            "ends_on": self.ends_on.isoformat(),
            "at_end": dict(self.at_end),
            "contacts": dict(self.contacts),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AgreementTerms:
        ends_on = data["ends_on"]
        values = {key: data[key] for key in data if key not in ("ends_on", "purposes", "at_end", "contacts")}
        return cls(
            purposes=tuple(data["purposes"]),
            ends_on=ends_on if isinstance(ends_on, date) else date.fromisoformat(ends_on),
            at_end=dict(data.get("at_end") or {}),
            contacts=dict(data.get("contacts") or {}),
            **values,
        )
