"""The agreement in words, one clause a line, and what changes between two texts of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from cleanroom_core.agreements.terms import AgreementTerms


@dataclass(frozen=True)
class Clause:
    """`name`: the key as in the room file. `says`: what it binds the parties to."""

    name: str
    title: str
    says: str


def clauses(terms: AgreementTerms) -> tuple[Clause, ...]:
    """All clauses in a fixed order; two texts differ in a clause exactly when their words differ."""
    at_end = ", ".join(f"{thing.replace('_', ' ')}: {action}" for thing, action in sorted(terms.at_end.items()))
    contacts = "; ".join(f"{alias}: {contact}" for alias, contact in sorted(terms.contacts.items()))
    owner = "both sides" if terms.output_owner == "both" else terms.output_owner
    return (
        Clause("purposes", "Purposes", ", ".join(terms.purposes)),
        Clause("release_mode", "Release mode", f"{terms.release_mode}: exact figures of templates that both sides signed"),
        Clause("minimum_cohort", "Minimum cohort", f"{terms.minimum_cohort} distinct people on each side of every figure"),
        Clause("numerator_minimum", "Numerator minimum", f"a count below {terms.numerator_minimum} shows as fewer than that"),
        Clause("dominance_percent", "Dominance", f"{terms.dominance_percent} % rule against one person dominating a sum"),
        Clause("period", "Period", f"computed anew each {terms.period}"),
        Clause("output_owner", "Output owner", owner),
        Clause("ends_on", "Ends on", terms.ends_on.isoformat()),
        Clause("at_end", "At the end", at_end or "nothing agreed"),
        Clause("contacts", "Contacts", contacts or "nobody named"),
    )


def text(terms: AgreementTerms) -> str:
    return "".join(f"{clause.title}: {clause.says}\n" for clause in clauses(terms))


def difference(before: AgreementTerms, after: AgreementTerms) -> str:
    """Lines with `-` (before) and `+` (after), the unchanged clauses between them; empty when nothing differs."""
    lines = difflib.unified_diff(text(before).splitlines(), text(after).splitlines(), "before", "after", lineterm="", n=99)
    return "\n".join(list(lines)[3:])
