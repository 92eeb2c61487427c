"""Which parts of a plan are read off the rows of which asset together: the universes of a certification.

Every part counts people of each of its assets, and has to stand beside all other parts about them. Rows of two assets that both
have several rows per key multiply each other, so that an asset has a universe of its own for each other one that bears rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import combinations

from cleanroom_core.errors import InputError
from cleanroom_core.guard.question import Question
from cleanroom_core.guard.world import Period

Universe = tuple[str, str | None, list[int]]  # the asset, the one that bears rows it is joined to, the parts by number


def universes_of(snapshots: Sequence[int], questions: Sequence[Question]) -> Iterator[Universe]:
    """Universes of the parts, without those whose rows and people are those of another one. `snapshots`: what each part was
    computed on. Raises InputError: SNAPSHOTS where parts over the same assets count the rows of different ones, BEARERS where
    an asset is joined to rows of two tables of another side."""
    _bearers_agree(questions)
    _one_table_of_others_bears(questions)
    return _once(_universes(questions), snapshots, questions)


def _bearers_agree(questions: Sequence[Question]) -> None:
    """Raises InputError where joined rows are those of another asset than in an earlier snapshot: no universe has both."""
    joined = [question for question in questions if not _is_paired(question)]
    roles = {(question.bearer.qualified, frozenset(asset.qualified for asset in question.assets)) for question in joined}
    for (one, assets), (two, others) in combinations(sorted(roles, key=lambda role: (role[0], sorted(role[1]))), 2):
        if one != two and {one, two} <= assets & others:
            raise InputError(
                f"Rows of {one} joined to {two} were counted as those of the one, and would be as those of the other now, so "
                "that the two cannot be certified together.",
                hint="Begin a new period, or a new room.",
                code="SNAPSHOTS",
            )


def _one_table_of_others_bears(questions: Sequence[Question]) -> None:
    """Raises InputError where the rows of two tables of another side, with several rows per key, are counted beside one asset.
    They would multiply each other in one universe; in two, tables that differ by one person show that person."""
    seen: dict[str, str] = {}
    for question in questions:
        bearer = question.bearer
        for asset in question.assets:
            if asset.owner == bearer.owner or _is_paired(question) or asset.qualified not in counted(question):
                continue
            if seen.setdefault(asset.qualified, bearer.qualified) != bearer.qualified:
                raise InputError(
                    f"Rows of {seen[asset.qualified]} were counted beside {asset.qualified}; those of {bearer.qualified} "
                    "cannot be certified together with them.",
                    hint="Put both into one table, or share one of them with one row per key.",
                    code="BEARERS",
                )


def _is_paired(question: Question) -> bool:
    """Whether no key occurs twice in any of its assets: then the rows of the join are those of each of them."""
    return all(asset.rows_per_key == 1 for asset in question.assets)


def _universes(questions: Sequence[Question]) -> Iterator[Universe]:
    """Each asset with each asset that bears rows it is joined to, and the parts that can be read off both; at last those parts
    in which the asset bears the rows itself, unless they are in all of the others already."""
    for name in sorted({name for question in questions for name in counted(question)}):
        own, borne = [], dict[str, list[int]]()
        for number, question in enumerate(questions):
            if name not in counted(question):
                continue
            if question.bearer.qualified == name or _is_paired(question):
                own.append(number)
            else:
                borne.setdefault(question.bearer.qualified, []).append(number)
        done: set[int] = set()
        for other, numbers in sorted(borne.items()):
            apart = [n for n in own if _is_paired(questions[n]) or all(each.qualified != other for each in questions[n].assets)]
            done |= {*apart, *numbers}
            yield name, other, sorted([*apart, *numbers])
        if not set(own) <= done:
            yield name, None, own


def _once(found: Iterable[Universe], snapshots: Sequence[int], questions: Sequence[Question]) -> Iterator[Universe]:
    """Universes without those whose rows and people are those of another one."""
    known: set[tuple[int, ...]] = set()
    for asset, other, numbers in sorted(found, key=lambda each: each[1] is not None):  # those of bearers are the smaller work
        if same_people(snapshots, questions, numbers):
            if tuple(numbers) in known:
                continue
            known.add(tuple(numbers))
        yield asset, other, numbers


def same_people(snapshots: Sequence[int], questions: Sequence[Question], numbers: Sequence[int]) -> tuple[str, ...]:
    """The assets, when each part joins all of them and counts their people as one; empty otherwise."""
    units = {questions[n].layout.units for n in numbers}
    (first, *others) = next(iter(units))
    apart = len(units) > 1 or others or first.optional or len(set(views(snapshots, questions, numbers).values())) > 1
    return () if apart or len(first.assets) == 1 else tuple(sorted(first.assets))


def counted(question: Question) -> set[str]:
    """The assets whose people a question is about; one it is only left joined to, and reads nothing of, is none of them."""
    return {asset for unit in question.layout.units for asset in unit.assets}


def views(snapshots: Sequence[int], questions: Sequence[Question], numbers: Sequence[int]) -> dict[int, int]:
    """Part -> the view of the rows it reads: one for each snapshot and period. What reads no dated asset counts all rows of the
    snapshot, whatever the period is, and goes with the latest one."""
    periods = {n: questions[n].period if _is_dated(questions[n]) else None for n in numbers}
    latest: dict[int, Period] = {}
    for n, period in periods.items():
        if period is not None:
            latest[snapshots[n]] = max(period, latest.get(snapshots[n], period), key=_begin)
    keys = {n: (snapshots[n], periods[n] or latest.get(snapshots[n])) for n in numbers}
    found = {key: view for view, key in enumerate(sorted(set(keys.values()), key=lambda key: (key[0], _begin(key[1]))))}
    return {n: found[key] for n, key in keys.items()}


def _begin(period: Period | None) -> date:
    return date.min if period is None or period.start is None else period.start


def _is_dated(question: Question) -> bool:
    return any(asset.rule.period_column is not None for asset in question.assets)
