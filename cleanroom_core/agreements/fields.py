"""The agreement as a form hands it over: each field on its own, every mistake named at its field, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from cleanroom_core.agreements.terms import AT_END, PERIODS, AgreementTerms
from cleanroom_core.errors import InputError

_NUMBERS = (("minimum_cohort", 2, 1_000_000), ("numerator_minimum", 1, 1_000_000), ("dominance_percent", 0, 100))
AT_END_THINGS = ("outputs", "share_tables", "tokens")


@dataclass(frozen=True)
class TermsFields:
    """What was typed. `purposes`: one a line. `at_end`: thing -> action. `contacts`: alias -> who answers for that side."""

    purposes: str
    minimum_cohort: int | None
    numerator_minimum: int | None
    dominance_percent: int | None
    period: str
    output_owner: str
    ends_on: date | None
    at_end: Mapping[str, str] = field(default_factory=dict)
    contacts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, terms: AgreementTerms) -> TermsFields:
        return cls(
            purposes="\n".join(terms.purposes),
            minimum_cohort=terms.minimum_cohort,
            numerator_minimum=terms.numerator_minimum,
            dominance_percent=terms.dominance_percent,
            period=terms.period,
            output_owner=terms.output_owner,
            ends_on=terms.ends_on,
            at_end=dict(terms.at_end),
            contacts=dict(terms.contacts),
        )


def read_fields(
    fields: TermsFields, collaborators: Sequence[str], today: date
) -> tuple[AgreementTerms | None, Mapping[str, str]]:
    """The terms, or None and what is wrong: name of the field -> what to do about it."""
    purposes = tuple(dict.fromkeys(line.strip() for line in fields.purposes.splitlines() if line.strip()))
    problems = _purpose_problems(purposes) | _number_problems(fields)
    if fields.period not in PERIODS:
        problems["period"] = f"Choose one of {', '.join(PERIODS)}."
    if fields.output_owner not in (*collaborators, "both"):
        problems["output_owner"] = f"Choose one of {', '.join(collaborators)} or both."
    if fields.ends_on is None:
        problems["ends_on"] = "Give the day on which the agreement ends."
    elif fields.ends_on < today:
        problems["ends_on"] = "This day has passed; an agreement ends today or later."
    for thing, action in fields.at_end.items():
        if action not in AT_END:
            problems["at_end"] = f"{thing}: choose one of {', '.join(AT_END)}."
    contacts = {alias: contact.strip() for alias, contact in fields.contacts.items() if contact.strip()}
    if any(len(contact) > 200 for contact in contacts.values()):
        problems["contacts"] = "A contact is at most 200 characters."
    if problems:
        return None, problems
    return _terms(replace(fields, contacts=contacts), purposes)


def _purpose_problems(purposes: Sequence[str]) -> dict[str, str]:
    if not purposes:
        return {"purposes": "Name at least one purpose; every query names one of them."}
    if any(len(purpose) > 100 for purpose in purposes):
        return {"purposes": "A purpose is at most 100 characters; one line is one purpose."}
    return {}


def _number_problems(fields: TermsFields) -> dict[str, str]:
    problems = {}
    for name, low, high in _NUMBERS:
        value = getattr(fields, name)
        if value is None or not low <= value <= high:
            problems[name] = f"Give a whole number from {low:,} to {high:,}."
    cohort, numerator = fields.minimum_cohort, fields.numerator_minimum
    if not problems and cohort is not None and numerator is not None and numerator > cohort:
        problems["numerator_minimum"] = "It cannot be more than the minimum cohort."
    return problems


def _terms(fields: TermsFields, purposes: tuple[str, ...]) -> tuple[AgreementTerms | None, Mapping[str, str]]:
    try:
        return AgreementTerms(
            purposes=purposes,
            ends_on=fields.ends_on or date.max,
            minimum_cohort=fields.minimum_cohort or 0,
            numerator_minimum=fields.numerator_minimum or 0,
            dominance_percent=fields.dominance_percent or 0,
            period=fields.period,
            output_owner=fields.output_owner,
            at_end=dict(fields.at_end),
            contacts=dict(fields.contacts),
        ), {}
    except InputError as error:  # a rule of the terms that the fields do not know yet
        return None, {"purposes": f"{error.message} {error.hint}"}
