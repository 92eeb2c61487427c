"""Planning: what a template would cost this side's own tables, measured before anybody signs.

Only own share-safe tables are read, in the locked engine of this side's own room; nothing of it is handed over, and that
somebody looked is on record. Figures are for planning and rounded: shares to whole percent, people down to ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cleanroom_core.engines.protocol import CellQuery, Limits, Progress, ShareTable
from cleanroom_core.errors import InputError
from cleanroom_core.guard import judge
from cleanroom_core.guard.own_side import (
    OwnSide,
    coarser_grids,
    may_merge,
    merged,
    on_grid,
    own_side,
    whole,
    without_key,
    words,
)
from cleanroom_core.guard.template import ParameterValue, Template
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.privacy.protect import PEOPLE_STEP, protect
from cleanroom_core.rooms.state import AssetState
from cleanroom_core.sql.cells import Cells, Label, Thresholds
from cleanroom_core.stories.world import world_of

if TYPE_CHECKING:
    from cleanroom_core.guard.sheet import Sheet
    from cleanroom_core.stories.collaborator import Collaborator

LIMITS = Limits(seconds=120.0)


@dataclass(frozen=True)
class Cost:
    """`cells`: label combinations of the own keys, None where the labels are not known; `reached`: how many of them have
    enough own people; `kept`: the share of the own rows asked about that are in those, in whole percent."""

    cells: int | None
    reached: int
    kept: int


@dataclass(frozen=True)
class ChoiceCost:
    """One sheet, or with `condition` (from 1) what one condition inside its aggregates asks."""

    parameters: Mapping[str, ParameterValue]
    condition: int
    cost: Cost


@dataclass(frozen=True)
class Suggestion:
    change: str
    cost: Cost


@dataclass(frozen=True)
class Estimate:
    """What a template costs one own table. `minimum`: people a cell needs. `people`: in the rows asked about, rounded down to
    ten, of the parameter choice with the most; None when there are fewer than the minimum. `keys`: the own ones, in words."""

    asset: str
    minimum: int
    people: int | None
    keys: tuple[str, ...]
    together: Cost
    each: tuple[ChoiceCost, ...]
    suggestions: tuple[Suggestion, ...] = field(default=())


def estimate_template(
    side: Collaborator,
    user: User,
    template: Template,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Estimate, ...]:
    """One Estimate for each own table the template reads; none when it reads none.

    Raises InputError with every finding when the guard refuses the template.
    """
    user.require(Permission.PLAN_ESTIMATE, side.organisation)
    state = side.state()
    world = world_of(state)
    verdict = judge(template, world)
    if not verdict.ok:
        findings = " ".join(str(finding) for finding in verdict.findings)
        raise InputError(f"The guard refuses {template.name}: {findings}", hint="Change the template.", code="GUARD")
    own = [asset for asset in verdict.sheets[0].query.assets if state.assets[asset].owner == side.alias]
    if not own:
        return ()
    about = {"template": template.as_json(), "assets": own}
    side.append(user, Permission.PLAN_ESTIMATE, "access", {"object": "own figures for planning"}, about)
    side.hand_over()
    bench = _Bench(side, world.thresholds, progress, cancelled)
    return tuple(_estimate(bench, verdict.sheets, asset) for asset in own)


class _Bench:
    """Measures projections in the locked engine, each partition once."""

    def __init__(
        self,
        side: Collaborator,
        thresholds: Thresholds,
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self.thresholds = thresholds
        self._side, self._progress, self._cancelled = side, progress, cancelled
        self._known: dict[str, Cells] = {}

    def measure(self, wanted: Iterable[OwnSide]) -> None:
        """Have the cells of all of these, computing in one run what is not known yet."""
        new = {own.part.layout.partition: own for own in wanted if own.part.layout.partition not in self._known}
        if not new:
            return
        state, engine = self._side.state(), self._side.room_engine
        tables = {own.asset: _table(self._side, state.assets[own.asset]) for own in new.values()}
        queries = [CellQuery(name, own.part.query.render(engine.dialect), (own.asset,)) for name, own in new.items()]
        for found in engine.run(queries, tables, LIMITS, self._progress, self._cancelled):
            self._known[found.id] = protect(found.rows, new[found.id].part.layout, self.thresholds)

    def cells(self, own: OwnSide) -> Cells:
        return self._known[own.part.layout.partition]

    def cost(self, several: Sequence[OwnSide]) -> Cost:
        """Of several projections together; call `measure` for them and for their wholes first."""
        counts = [own.cells for own in several]
        cells = None if None in counts else sum(count for count in counts if count is not None)
        found = [self.cells(own).cells for own in several]
        rows = sum(self._rows(whole(own, self.thresholds)) for own in several)
        kept = sum(cell.rows for one in found for cell in one)
        return Cost(cells, sum(len(one) for one in found), 100 * kept // rows if rows else 0)

    def people(self, own: OwnSide) -> int | None:
        """Of the rows asked about, rounded down to ten."""
        found = self.cells(whole(own, self.thresholds)).cells
        return found[0].people[0] // PEOPLE_STEP * PEOPLE_STEP if found else None

    def _rows(self, own: OwnSide) -> int:
        return sum(cell.rows for cell in self.cells(own).cells)


def _estimate(bench: _Bench, sheets: Sequence[Sheet], asset: str) -> Estimate:
    thresholds = bench.thresholds
    places = [(sheet.parameters, number, part) for sheet in sheets for number, part in enumerate(sheet.parts)]
    owns = [own_side(part, asset, thresholds) for _, _, part in places]
    bench.measure([*owns, *(whole(own, thresholds) for own in owns)])
    together = bench.cost(owns)
    people = [count for own in owns if (count := bench.people(own)) is not None]
    each = [
        ChoiceCost(parameters, number, bench.cost([own])) for (parameters, number, _), own in zip(places, owns, strict=True)
    ]
    return Estimate(
        asset,
        thresholds.minimum((asset,)),
        max(people, default=None),
        tuple(words(key) for key in owns[0].keys),
        together,
        tuple(each),
        _suggestions(bench, owns, together),
    )


def _suggestions(bench: _Bench, owns: Sequence[OwnSide], now: Cost) -> tuple[Suggestion, ...]:
    """At most two changes that keep more rows: of those that win back half of what is lost the one with the most cells, and the
    one that keeps the most."""
    if now.kept == 100 or not owns[0].keys:
        return ()
    changes = list(_changes(bench, owns))
    bench.measure([own for _, changed in changes for own in changed])
    found = [Suggestion(change, bench.cost(changed)) for change, changed in changes]
    better = [one for one in found if one.cost.kept > now.kept]
    if not better:
        return ()
    enough = [one for one in better if 2 * (one.cost.kept - now.kept) >= 100 - now.kept] or better
    finest = max(enough, key=lambda one: (one.cost.reached, one.cost.kept))
    most = max(better, key=lambda one: (one.cost.kept, one.cost.reached))
    return (finest,) if most.cost.kept == finest.cost.kept else (finest, most)


def _changes(bench: _Bench, owns: Sequence[OwnSide]) -> Iterator[tuple[str, list[OwnSide]]]:
    """Every change worth measuring, in words, with the projections after it."""
    thresholds = bench.thresholds
    for index, key in enumerate(owns[0].keys):
        for grid in coarser_grids(owns[0], index):
            changed = [on_grid(own, index, grid, thresholds) for own in owns]
            yield f"{words(key)}, by {grid} instead", changed
        if all(may_merge(own, index) for own in owns):
            weak = _weak(bench, owns, index)
            *most, last = ("missing" if label is None else str(label) for label in weak)
            yield (
                f"{words(key)}, with {', '.join(most)} and {last} as one label",
                [merged(own, index, weak, thresholds) for own in owns],
            )
        yield f"without {words(key)}", [without_key(own, index, thresholds) for own in owns]


def _weak(bench: _Bench, owns: Sequence[OwnSide], index: int) -> tuple[Label, ...]:
    """The labels of a key that least often have enough people: those with less than half of their combinations, at least two
    and not all. Nothing tells which of them have nobody."""
    possible: Counter[Label] = Counter()
    shown: Counter[Label] = Counter()
    rows: Counter[Label] = Counter()
    for own in owns:
        labels = own.part.layout.keys[index].labels or ()
        possible.update(dict.fromkeys(labels, (own.cells or 0) // max(1, len(labels))))
        for cell in bench.cells(own).cells:
            shown[cell.labels[index]] += 1
            rows[cell.labels[index]] += cell.rows
    order = sorted(possible, key=lambda label: (shown[label], rows[label]))
    few = sum(1 for label in order if 2 * shown[label] < possible[label])
    return tuple(order[: min(max(few, 2), len(order) - 1)])


def _table(side: Collaborator, asset: AssetState) -> ShareTable:
    folder = side.share_folder(asset.qualified)
    return ShareTable(folder, asset.version, asset.digest, rows=0, schema=asset.schema, intent="")


__all__ = ["ChoiceCost", "Cost", "Estimate", "Suggestion", "estimate_template"]
