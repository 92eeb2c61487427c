"""May each table be an asset: nothing filtered or masked, nothing governed by a policy, no raw identifier?"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cleanroom_core.prechecks.check import ENGINEER, STEWARD, Check, Result
from cleanroom_core.prechecks.databricks.wording import cannot_tell, failed, listed, passed
from cleanroom_core.prechecks.fact import Absent, Fact, Known, Unknown, reason

SHARED_KINDS = frozenset({"MANAGED", "EXTERNAL", "VIEW", "FOREIGN", "STREAMING_TABLE", "MATERIALIZED_VIEW"})
NOT_SHARED = frozenset({"METRIC_VIEW"})
WHY = (
    "Row filters and masks do not travel into a room: a filtered or masked table is refused, and one under a tag policy from "
    "which the owner is exempt is shared unfiltered and unmasked. Names, types and comments of columns are seen by the partner."
)
_FIX = (
    "Publish a share-safe table or view in which rows are filtered and identifiers tokenised already, and name that one. "
    "Statements to begin with:"
)
_COMMAND = "cleanroom policy sql --help"
_RAW = re.compile(
    r"(^|_)(pan|card_?(no|num|number)|iban|ssn|e?mail(_address)?|phone(_number)?|passport(_no|_number)?|account_(no|number))$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Governed:
    """A policy on the table or inherited by it. `exempt`: the room's owner is; Unknown when its groups are not known."""

    name: str
    exempt: Fact[bool]


@dataclass(frozen=True)
class Table:
    """`kind`: `table_type`, None for one the SDK does not know. `masks`: masked columns. `comments`: columns with a comment."""

    kind: str | None
    owner: str | None
    row_filter: str | None
    columns: tuple[str, ...]
    masks: tuple[str, ...]
    comments: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """A table that is to become an asset, by its full name."""

    name: str
    table: Fact[Table]
    policies: Fact[tuple[Governed, ...]]


@dataclass(frozen=True)
class AssetFacts:
    candidates: tuple[Candidate, ...]


def judge(facts: AssetFacts) -> Result:
    if not facts.candidates:
        return cannot_tell("No table was named", WHY, "Name each with --table CATALOG.SCHEMA.TABLE.", ENGINEER)
    wrong = [f"{each.name}: {problem}" for each in facts.candidates if (problem := _problem(each))]
    if wrong:
        return failed("; ".join(wrong), WHY, _FIX, STEWARD, _COMMAND)
    unclear = [f"{each.name}: {doubt}" for each in facts.candidates if (doubt := _doubt(each))]
    if unclear:
        return cannot_tell(
            "; ".join(unclear),
            WHY,
            "Look at the table in Catalog Explorer, as its owner, and share a table without these.",
            STEWARD,
        )
    return passed(f"{len(facts.candidates)} shareable: {listed([each.name for each in facts.candidates])}", WHY)


def _problem(candidate: Candidate) -> str:
    if isinstance(candidate.table, Absent):
        return candidate.table.said
    if isinstance(candidate.table, Known):
        table = candidate.table.value
        if table.row_filter:
            return f"row filter {table.row_filter}"
        if table.masks:
            return f"masked column {listed(list(table.masks))}"
        if table.kind in NOT_SHARED:
            return "a metric view cannot be shared"
    if isinstance(candidate.policies, Known):
        for policy in candidate.policies.value:
            if isinstance(policy.exempt, Known) and not policy.exempt.value:
                return f"policy {policy.name}, from which the owner is not exempt"
    return ""


def _doubt(candidate: Candidate) -> str:
    if isinstance(candidate.table, Unknown):
        return candidate.table.reason
    if not isinstance(candidate.policies, Known):
        return f"its policies could not be read: {reason(candidate.policies)}"
    for policy in candidate.policies.value:
        if not isinstance(policy.exempt, Known):
            return f"policy {policy.name}; whether its owner is exempt is not known"
        return f"policy {policy.name}, from which the owner is exempt: it is shared unfiltered and unmasked"
    if isinstance(candidate.table, Known):
        table = candidate.table.value
        if table.kind not in SHARED_KINDS:
            return f"whether a table of kind {table.kind or 'unknown'} can be shared is not known"
        if raw := [name for name in table.columns if _RAW.search(name)]:
            return f"column {listed(raw)} looks like a raw identifier"
        if table.comments:
            return f"the partner will read the comment of column {listed(list(table.comments))}"
    return ""


CHECK = Check("assets", "Share-safe assets", WHY, AssetFacts, judge)
