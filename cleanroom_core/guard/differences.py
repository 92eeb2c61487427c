"""What two questions leave between them, as a question of its own: the rows of the one that are not rows of the other.

Nobody asks it. Whoever has both answers can subtract them all the same where the rows of the one are rows of the other: lists
of labels of which one holds the other, a band and a part of it, a total and all cells of a key (rows without a label, or with
one nobody agreed on, remain), a total and an inner join (whoever was not met remains). Of keys that only the one has, the cells
that matter are added up first: as many as fit into the outer rows, as few as hold the inner ones. More of them would only add
whole released cells to a difference, and by the p % rule rows without a dominant person stay so when they are put together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from cleanroom_core.guard.logic import (
    ALWAYS,
    NEVER,
    Condition,
    Ref,
    Within,
    both,
    conjuncts_of,
    either,
    not_true,
    refs_of,
    region_of,
)
from cleanroom_core.guard.meaning import meaning
from cleanroom_core.guard.question import Key, LeftOut, Question, bearer, canonical_hash
from cleanroom_core.guard.regions import Labels, Region, Spans
from cleanroom_core.sql.cells import KeyLayout, Label
from cleanroom_core.sql.types import Kind

MOST_TRIED: Final = 1_000  # pairs of an inner and an outer label that are compared for one difference
_OTHERS: Final[dict[Kind, Label]] = {Kind.BOOLEAN: 2, Kind.BIGINT: -(2**63) - 1}  # any label that nobody agreed on
_OTHER: Final = "\ufffe"

_Keyed = tuple[tuple[Key, KeyLayout], ...]


@dataclass(frozen=True)
class Difference:
    """`question`: what remains. `rows`: the same for the same rows and keys, whatever two questions left them."""

    question: Question
    rows: str


def differences(one: Question, two: Question) -> Iterator[Difference]:
    """What remains of either when the other one is subtracted, where one's rows are some of the other's."""
    for outer, inner in ((one, two), (two, one)):
        if (based := _based(outer, inner)) is not None:
            base, met = based
            for keys, where, without in _subtracted(outer, inner):
                found = left(replace(base, where=where), without, keys, met)
                if found is not None:
                    yield found


def turned(question: Question) -> Iterator[Difference]:
    """For each condition of its filter: the rows that this one alone keeps out."""
    conditions = conjuncts_of(question.where)
    for number, condition in enumerate(conditions):
        if condition != ALWAYS:
            others = both([*conditions[:number], *conditions[number + 1 :]])
            found = left(replace(question, where=others), question.where, _keyed(question))
            if found is not None:
                yield found


def rows_of(question: Question) -> str:
    """What `Difference.rows` is for a question that somebody asks."""
    return _rows(question, _meaning(question.where), frozenset())


def left(outer: Question, inner: Condition, keys: _Keyed, met: frozenset[str] = frozenset()) -> Difference | None:
    """The rows of `outer` for which `inner` is not true, or in which the assets in `met` are not matched; None where there can
    be none, and where they are whole cells."""
    exact = both([outer.where, not_true(inner, _labels(outer))])
    if not met and (_never(exact) or _are_cells(exact, outer.where, keys)):
        return None
    plain = not met and not _names_others(exact)
    question = replace(
        outer,
        where=exact if plain else outer.where,
        without=None if plain else LeftOut(inner, met),
        keys=tuple(key for key, _ in keys),
        layout=replace(outer.layout, keys=tuple(layout for _, layout in keys)),
    )
    rows = _rows(question, [_meaning(outer.where), _meaning(inner)] if met else _meaning(exact), met)
    partition = canonical_hash({"difference": rows})
    return Difference(replace(question, layout=replace(question.layout, partition=partition)), rows)


def _based(outer: Question, inner: Question) -> tuple[Question, frozenset[str]] | None:
    """The outer question over all assets of both, with the figures of both, and the assets that only the inner one requires to
    be met; None where their rows are not rows of the same join."""
    if outer.period != inner.period or outer.bearer.qualified != inner.bearer.qualified:
        return None
    assets = {asset.qualified: asset for asset in (*inner.assets, *outer.assets)}
    required, wanted = (frozenset(asset.qualified for asset in each.assets) - each.optional for each in (outer, inner))
    optional = outer.optional
    if required != wanted or outer.optional != inner.optional:
        if outer.bearer.qualified not in required & wanted or not required <= wanted:
            return None
        optional = frozenset(assets) - required
    base = replace(outer, assets=tuple(assets[name] for name in sorted(assets)), optional=optional)
    same = bearer(base.assets).qualified == outer.bearer.qualified and all(
        each.is_reduced(asset) == base.is_reduced(asset) for each in (outer, inner) for asset in each.assets
    )
    if not same:
        return None
    shared = tuple(figure for figure in outer.layout.figures if figure in inner.layout.figures)
    figures = {figure.name: outer.figures[figure.name] for figure in shared}
    return replace(base, figures=figures, layout=replace(outer.layout, figures=shared)), wanted - required


def _subtracted(outer: Question, inner: Question) -> Iterator[tuple[_Keyed, Condition, Condition]]:
    """Keys, outer rows and inner rows: cell by cell of the outer question where each inner cell lies in one of its cells,
    otherwise with the outer cells added up that have inner rows."""
    common = tuple(each for each in _keyed(outer) if each[0] in inner.keys)
    beyond = tuple(each for each in _keyed(outer) if each[0] not in inner.keys)
    within = tuple(each for each in _keyed(inner) if each[0] not in outer.keys)
    told = refs_of(inner.where).union(*(key.refs for key, _ in within))
    if any(isinstance(part, Within) and part.ref not in told for part in conjuncts_of(outer.where)):
        return  # nothing keeps the inner rows where the outer ones are
    domain = _labels(outer, inner)
    cells = [[key.rows(label) for label in layout.labels or ()] for key, layout in beyond]

    def fits(rows: Condition, *, one_cell: bool) -> bool:
        if not _inside(rows, outer.where, domain):
            return False
        return not one_cell or all(any(_inside(rows, cell, domain) for cell in each) for each in cells)

    whole = _kept(inner.where, within, lambda rows: fits(rows, one_cell=bool(beyond)), sum(map(len, cells)))
    if whole is not None:
        yield (*common, *beyond), outer.where, whole
        return
    kept = _kept(inner.where, within, lambda rows: fits(rows, one_cell=False), 1)
    if beyond and kept is not None:
        rows = both([kept, outer.where])
        met = [[cell for cell in each if not _never(both([cell, rows]))] for each in cells]
        # Where each cell has some, as if every row had a label: nobody may know that a row has none.
        where = both([outer.where, *(either(some) for some, each in zip(met, cells, strict=True) if len(some) < len(each))])
        labelled = both([where, *map(either, met)])
        if _inside(kept, where, domain) and not _inside(labelled, kept, domain):
            yield common, where, kept


def _kept(where: Condition, keys: _Keyed, fits: Callable[[Condition], bool], tried: int) -> Condition | None:
    """Those cells of these keys that fit, added up; of each key by itself. None where there are none."""
    kept = [where]
    for key, layout in keys:
        labels = layout.labels or ()
        if len(labels) * tried > MOST_TRIED:
            return None
        cells = [rows for rows in (key.rows(label) for label in labels) if fits(both([where, rows]))]
        kept.append(either(cells))
    found = both(kept)
    return found if not _never(found) and (keys or fits(found)) else None


def _are_cells(exact: Condition, where: Condition, keys: _Keyed) -> bool:
    """Whether a difference is some cells of the outer question as they are: only the label of a key decides."""
    plain = {key.ref for key, _ in keys if key.ref is not None and key.grid is None}
    told = {part for part in conjuncts_of(exact) if isinstance(part, Within) and part.ref in plain}
    return set(conjuncts_of(exact)) - told <= set(conjuncts_of(where)) and bool(told - set(conjuncts_of(where)))


def _inside(inner: Condition, outer: Condition, domain: Callable[[Ref], frozenset[Label]]) -> bool:
    """Whether rows of the one are rows of the other. A no may only mean that it could not be seen."""
    for part in conjuncts_of(outer):
        if isinstance(part, Within):
            known = region_of(part.ref, inner)
            if known is not None and _holds(part.region, known):
                continue
            if _is_plain(inner):
                return False
        elif part in conjuncts_of(inner):
            continue
        if not _never(both([inner, not_true(part, domain)])):
            return False
    return True


def _holds(region: Region, other: Region) -> bool:
    if isinstance(region, Labels) and isinstance(other, Labels):
        return other.among <= region.among
    assert isinstance(region, Spans) and isinstance(other, Spans)  # noqa: S101, PT018  one column, one kind of region
    return (other & region.rest()).is_empty


def _never(condition: Condition) -> bool:
    if condition == NEVER or _is_plain(condition):
        return condition == NEVER
    found = _meaning(condition)
    return isinstance(found, dict) and found.get("true") == []


def _is_plain(condition: Condition) -> bool:
    return all(isinstance(part, Within) for part in conjuncts_of(condition))


@lru_cache(maxsize=4096)
def _meaning(condition: Condition) -> Any:
    return meaning(condition)


def _labels(*questions: Question) -> Callable[[Ref], frozenset[Label]]:
    """Agreed labels of a column, NULL, and one that stands for all others."""
    known = {asset.qualified: asset for question in questions for asset in question.assets}

    def labels(ref: Ref) -> frozenset[Label]:
        column = known[ref.asset].schema.get(ref.column)
        assert column is not None  # noqa: S101  a Ref is only made from a resolved column
        return frozenset({*(known[ref.asset].domain(column) or ()), None, _OTHERS.get(column.type.kind, _OTHER)})

    return labels


def _names_others(condition: Condition) -> bool:
    if isinstance(condition, Within):
        others = {_OTHER, *_OTHERS.values()}
        return isinstance(condition.region, Labels) and any(label in others for label in condition.region.among)
    return any(_names_others(part) for part in condition.parts)


def _keyed(question: Question) -> _Keyed:
    return tuple(zip(question.keys, question.layout.keys, strict=True))


def _rows(question: Question, said: Any, met: frozenset[str]) -> str:
    assets = [asset.qualified for asset in question.assets]
    keys = sorted(key.name for key in question.keys)
    return json.dumps([assets, sorted(question.optional), str(question.period), sorted(met), keys, said], sort_keys=True)
