"""What a filter leaves out, as parts of their own: total minus a filtered sum is the sum of the rest.

The rest is never released. It is looked at where the tables are read, because one person may dominate it: then the sum must not
follow from the total and the filtered one (`protect.concealed`), although nobody asked for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cleanroom_core.guard.logic import ALWAYS, NEVER, both, conjuncts_of, not_true
from cleanroom_core.guard.meaning import meaning
from cleanroom_core.guard.question import Question, Ref, canonical_hash
from cleanroom_core.guard.safe_query import question_of, sealed
from cleanroom_core.guard.sheet import Part
from cleanroom_core.sql.cells import Label, Thresholds


def complements(new: Sequence[Part], earlier: Sequence[Part], thresholds: Thresholds) -> tuple[Part, ...]:
    """For each condition of each part that sums a measure of more than zeros and ones: the same part with this condition turned
    round and the others as they are. Without what is there already, and of earlier parts only what concerns a measure that is
    summed now."""
    known = {part.layout.partition for part in (*new, *earlier)}
    now = frozenset[str]().union(*(_summed(part) for part in new))
    found: dict[str, Part] = {}
    for part in (*new, *earlier):
        if not _summed(part) & now:
            continue
        for question in _turned(question_of(part.query)):
            partition = question.layout.partition
            if partition not in known:
                found[f"{partition} {sorted(question.figures)}"] = Part(
                    sealed(question, thresholds), question.layout, partition
                )
    return tuple(found.values())


def _summed(part: Part) -> frozenset[str]:
    return frozenset(figure.name for figure in part.layout.figures if figure.summed and not figure.binary)


def _turned(question: Question) -> Iterator[Question]:
    def domain(ref: Ref) -> frozenset[Label]:
        asset = next(asset for asset in question.assets if asset.qualified == ref.asset)
        return frozenset(asset.domain(question.column(ref)) or ())

    conditions = conjuncts_of(question.where)
    for number, condition in enumerate(conditions):
        where = both([*conditions[:number], *conditions[number + 1 :], not_true(condition, domain)])
        if condition == ALWAYS or where == NEVER:
            continue
        partition = canonical_hash({"instead of": question.layout.partition, "where": meaning(where)})
        yield replace(question, where=where, layout=replace(question.layout, partition=partition))
