"""Conditions on rows, kept as the set of rows for which they are *true*, in a normal form.

SQL's third value is not true, so that AND is intersection and OR is union. `not_true` is the complement of such a set, NULL
included; `otherwise` is what CASE leaves to its next branch. A row whose label nobody agreed on, or whose day lies outside the
calendar an expression was computed over, is neither in a set nor in what it leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cleanroom_core.guard.regions import Labels, Region, Spans
from cleanroom_core.sql.cells import Label


@dataclass(frozen=True, order=True)
class Ref:
    """A column of a registered asset, by names as the share table spells them."""

    asset: str
    column: str

    def __str__(self) -> str:
        return f"{self.asset}.{self.column.casefold()}"


@dataclass(frozen=True)
class Within:
    ref: Ref
    region: Region

    def as_json(self) -> Any:
        return {"column": str(self.ref), "in": self.region.as_json()}


@dataclass(frozen=True)
class AllOf:
    """True when every part is; no parts: always."""

    parts: tuple[Condition, ...] = ()

    def as_json(self) -> Any:
        return {"all": [part.as_json() for part in self.parts]}


@dataclass(frozen=True)
class AnyOf:
    """True when some part is; no parts: never."""

    parts: tuple[Condition, ...] = ()

    def as_json(self) -> Any:
        return {"any": [part.as_json() for part in self.parts]}


Condition = Within | AllOf | AnyOf
ALWAYS, NEVER = AllOf(), AnyOf()
Domain = Callable[[Ref], frozenset[Label]]


def both(parts: list[Condition]) -> Condition:
    """AND in normal form: flat, one region per column, sorted, without what is always true or follows from the rest."""
    return _combined(parts, AllOf, AnyOf)


def either(parts: list[Condition]) -> Condition:
    """OR in normal form."""
    spans: dict[Ref, list[Spans]] = {}
    others: list[Condition] = []
    for part in parts:
        if isinstance(part, Within) and isinstance(part.region, Spans):
            spans.setdefault(part.ref, []).append(part.region)
        else:
            others.append(part)
    return _combined([*others, *(Within(ref, Spans.union(several)) for ref, several in spans.items())], AnyOf, AllOf)


def not_true(condition: Condition, domain: Domain) -> Condition:
    """The rows for which it is false or unknown. `domain`: the agreed labels of a column, NULL or not."""
    return _turned(condition, domain, Spans.rest)


def otherwise(condition: Condition, domain: Domain) -> Condition:
    """What a condition leaves to ELSE: as `not_true`, without the rows of which nobody has computed whether it holds."""
    return _turned(condition, domain, Spans.known_rest)


def _turned(condition: Condition, domain: Domain, rest: Callable[[Spans], Spans]) -> Condition:
    if isinstance(condition, Within):
        if isinstance(condition.region, Spans):
            return within(condition.ref, rest(condition.region))
        return within(condition.ref, Labels((domain(condition.ref) | {None}) - condition.region.among))
    parts = [_turned(part, domain, rest) for part in condition.parts]
    return either(parts) if isinstance(condition, AllOf) else both(parts)


def within(ref: Ref, region: Region) -> Condition:
    return NEVER if region.is_empty else Within(ref, region)


def conjuncts_of(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, AllOf) else (condition,)


def region_of(ref: Ref, condition: Condition) -> Region | None:
    """The one region a condition keeps this column in, whatever else it says; None when it leaves it alone."""
    return next((part.region for part in conjuncts_of(condition) if isinstance(part, Within) and part.ref == ref), None)


def refs_of(condition: Condition) -> frozenset[Ref]:
    """Every column a condition speaks of."""
    if isinstance(condition, Within):
        return frozenset({condition.ref})
    return frozenset[Ref]().union(*(refs_of(part) for part in condition.parts))


def computed(condition: Condition) -> Iterator[tuple[Ref, Spans]]:
    """Columns an expression was computed over in this condition, with the part of the line on which it was."""
    if not isinstance(condition, Within):
        for part in condition.parts:
            yield from computed(part)
    elif isinstance(condition.region, Spans) and condition.region.known is not None:
        yield condition.ref, condition.region.known


def possible(where: Condition, labels: Mapping[Ref, Label]) -> bool:
    """Whether a row with these labels can pass the filter, whatever its other columns hold."""
    if isinstance(where, Within):
        return where.ref not in labels or labels[where.ref] in where.region
    if isinstance(where, AllOf):
        return all(possible(part, labels) for part in where.parts)
    return any(possible(part, labels) for part in where.parts)


def unmatched(condition: Condition, assets: frozenset[str]) -> Condition:
    """What the condition says of rows in which these assets are unmatched: all their columns are NULL."""
    if isinstance(condition, Within):
        if condition.ref.asset not in assets:
            return condition
        return ALWAYS if None in condition.region else NEVER
    parts = [unmatched(part, assets) for part in condition.parts]
    return both(parts) if isinstance(condition, AllOf) else either(parts)


def _combined(parts: list[Condition], same: type[AllOf] | type[AnyOf], other: type[AllOf] | type[AnyOf]) -> Condition:
    regions: dict[Ref, Region] = {}
    rest: dict[str, Condition] = {}
    waiting = list(parts)
    while waiting:
        part = waiting.pop()
        if isinstance(part, Within):
            regions[part.ref] = _merged(regions[part.ref], part.region, same) if part.ref in regions else part.region
            if same is AllOf and regions[part.ref].is_empty:
                return NEVER
            if regions[part.ref].is_empty:
                del regions[part.ref]
        elif isinstance(part, same):
            waiting += part.parts
        elif not part.parts:  # FALSE within AND, TRUE within OR
            return other()
        else:
            rest[json.dumps(part.as_json(), sort_keys=True)] = part
        if not waiting and rest and regions:  # what is known of a column may decide parts of the others
            told = {text: _told(part, regions, same) for text, part in rest.items()}
            waiting = [told[text] for text in rest if told[text] != rest[text]]
            rest = {text: part for text, part in rest.items() if told[text] == part}
    kept: list[Condition] = [*(Within(ref, region) for ref, region in sorted(regions.items(), key=lambda item: item[0]))]
    kept += [rest[text] for text in sorted(rest)]
    kept = [part for part in kept if not (isinstance(part, other) and any(atom in kept for atom in part.parts))]  # absorption
    return kept[0] if len(kept) == 1 else same(tuple(kept))


def _told(condition: Condition, regions: Mapping[Ref, Region], same: type[AllOf] | type[AnyOf]) -> Condition:
    """The condition where these regions hold already (within AND), or where none of them does (within OR)."""
    if not isinstance(condition, Within):
        parts = [_told(part, regions, same) for part in condition.parts]
        if parts == list(condition.parts):
            return condition
        return both(parts) if isinstance(condition, AllOf) else either(parts)
    if (known := regions.get(condition.ref)) is None:
        return condition
    if same is AllOf:
        left = _merged(known, condition.region, AllOf)
        return ALWAYS if left == known else within(condition.ref, left)
    return within(condition.ref, _without(condition.region, known))


def _merged(one: Region, two: Region, same: type[AllOf] | type[AnyOf]) -> Region:
    if isinstance(one, Labels) and isinstance(two, Labels):
        return one & two if same is AllOf else one | two
    assert isinstance(one, Spans) and isinstance(two, Spans)  # noqa: S101, PT018  one column, one kind of region
    return one & two if same is AllOf else one | two


def _without(one: Region, two: Region) -> Region:
    if isinstance(one, Labels) and isinstance(two, Labels):
        return Labels(one.among - two.among)
    assert isinstance(one, Spans) and isinstance(two, Spans)  # noqa: S101, PT018
    return one & two.rest()
