"""Planning: what a template would cost this side's own tables, measured before anybody signs.

Only own share-safe tables are read, in the locked engine of this side's own room; nothing of it is handed over, and that
somebody looked is on record. Figures are for planning and rounded: shares to whole percent, people down to ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanroom_core.engines.protocol import Progress
from cleanroom_core.errors import InputError
from cleanroom_core.guard import World, judge
from cleanroom_core.guard.own_side import (
    OwnSide,
    coarser_grids,
    may_merge,
    merged,
    on_grid,
    own_side,
    without_key,
    words,
)
from cleanroom_core.guard.template import ParameterValue, Template
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.privacy.protect import PEOPLE_STEP
from cleanroom_core.rooms.state import RoomState, Stage
from cleanroom_core.sql.cells import Cell, Label
from cleanroom_core.stories.certified import Released
from cleanroom_core.stories.own_table import Measured, OwnTable
from cleanroom_core.stories.world import world_of

if TYPE_CHECKING:
    from cleanroom_core.guard.sheet import Sheet
    from cleanroom_core.stories.collaborator import Collaborator


@dataclass(frozen=True)
class Cost:
    """`cells`: label combinations of the own keys, None where the labels are not known; `reached`: how many of them have
    enough own people; `withheld`: how many of those would stay back, because together with other figures they would tell of
    fewer; `kept`: the share of the own rows asked about that is in the others, in whole percent."""

    cells: int | None
    reached: int
    withheld: int
    kept: int


@dataclass(frozen=True)
class ChoiceCost:
    """One sheet, or with `condition` (from 1) what one condition inside its aggregates asks."""

    parameters: Mapping[str, ParameterValue]
    condition: int
    cost: Cost


@dataclass(frozen=True)
class Suggestion:
    """A change in words, and what the template would cost after it."""

    change: str
    cost: Cost


@dataclass(frozen=True)
class Collision:
    """Beside this earlier template `withheld` cells more would stay back; None: beside several of them together."""

    template: str | None
    withheld: int


@dataclass(frozen=True)
class Estimate:
    """What a template costs one own table. `minimum`: people a cell needs. `people`: in the rows asked about, rounded down to
    ten, of the parameter choice with the most; None when they are fewer than the minimum. `keys`: the own ones, in words.
    `unchecked`: why collisions were not looked for; None when they were."""

    asset: str
    minimum: int
    people: int | None
    keys: tuple[str, ...]
    together: Cost
    each: tuple[ChoiceCost, ...]
    collisions: tuple[Collision, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    unchecked: str | None = None


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
    earlier = _earlier(state, world, template.name)
    tables = [OwnTable(side, state.assets[asset], world.thresholds, progress, cancelled) for asset in own]
    return tuple(_Bench(table, verdict.sheets, earlier).estimate() for table in tables)


def _earlier(state: RoomState, world: World, but: str) -> dict[str, tuple[Sheet, ...]]:
    """The sheets of every other template that is in force or on the table, as far as the guard still lets them pass."""
    plans = [state.plan_in_force, state.plan if state.plan is not None and state.plan.stage is Stage.OFFERED else None]
    templates = {name: planned.template for plan in plans if plan is not None for name, planned in plan.text.templates.items()}
    verdicts = {name: judge(template, world) for name, template in templates.items() if name != but}
    return {name: verdict.sheets for name, verdict in verdicts.items() if verdict.ok}


class _Bench:
    """A template's own side of one table, beside that of earlier ones."""

    def __init__(self, table: OwnTable, sheets: Sequence[Sheet], earlier: Mapping[str, tuple[Sheet, ...]]) -> None:
        self._table, self._thresholds = table, table.thresholds
        self._places = [(sheet.parameters, number) for sheet in sheets for number, _ in enumerate(sheet.parts)]
        self._owns = self._sides(sheets)
        self._wholes = table.wholes(self._owns)
        self._before = {name: released for name, some in earlier.items() if (released := table.released(self._sides(some)))}

    def estimate(self) -> Estimate:
        owns, table = self._owns, self._table
        found = table.measure(owns, self._all_before())
        together = self._cost(owns, found)
        people = [cell.people[0] // PEOPLE_STEP * PEOPLE_STEP for cell in self._wholes.values() if cell is not None]
        return Estimate(
            table.asset,
            table.minimum,
            max(people, default=None),
            tuple(words(key) for key in owns[0].keys),
            together,
            tuple(
                ChoiceCost(parameters, number, self._cost([own], found))
                for (parameters, number), own in zip(self._places, owns, strict=True)
            ),
            self._collisions(found),
            self._suggestions(found, together),
            found.unchecked,
        )

    def _sides(self, sheets: Sequence[Sheet]) -> list[OwnSide]:
        """The own side of every part that reads this table."""
        parts = [part for sheet in sheets for part in sheet.parts if self._table.asset in part.query.assets]
        return [own_side(part, self._table.asset, self._thresholds) for part in parts]

    def _all_before(self) -> list[Released]:
        known = {each.part.layout.partition: each for released in self._before.values() for each in released}
        return list(known.values())

    def _cost(self, owns: Sequence[OwnSide], found: Measured, asked: Sequence[OwnSide] = ()) -> Cost:
        """Of several together. `asked`: whose rows they are, where a change has made others of them."""
        wholes: list[Cell | None] = [self._wholes[own.part.layout.partition] for own in asked or owns]
        rows = sum(cell.rows for cell in wholes if cell is not None)
        kept = sum(cell.rows for own in owns for cell in found.shown(own))
        counts = [own.cells for own in owns]
        back = sum(found.back(own) for own in owns)
        return Cost(
            None if None in counts else sum(count for count in counts if count is not None),
            sum(len(found.shown(own)) for own in owns) + back,
            back,
            100 * kept // rows if rows else 0,
        )

    def _collisions(self, found: Measured) -> tuple[Collision, ...]:
        """Beside which earlier template more has to stay back than of this one alone."""
        if found.unchecked or not found.back_in_all() or not self._before:
            return ()
        alone = self._table.measure(self._owns).back_in_all()
        if found.back_in_all() <= alone:
            return ()
        beside = {name: self._table.measure(self._owns, released).back_in_all() for name, released in self._before.items()}
        named = tuple(Collision(name, back - alone) for name, back in sorted(beside.items()) if back > alone)
        return named or (Collision(None, found.back_in_all() - alone),)

    def _suggestions(self, found: Measured, now: Cost) -> tuple[Suggestion, ...]:
        """At most two changes that keep more rows: of those that win back half of what is lost the one with the most cells,
        and the one that keeps the most."""
        if now.kept == 100 or not self._owns[0].keys:
            return ()
        before = [] if found.unchecked else self._all_before()
        made = [
            Suggestion(change, self._cost(changed, self._table.measure(changed, before), self._owns))
            for change, changed in self._changes(found)
        ]
        better = [one for one in made if one.cost.kept > now.kept]
        if not better:
            return ()
        enough = [one for one in better if 2 * (one.cost.kept - now.kept) >= 100 - now.kept] or better
        finest = max(enough, key=lambda one: (one.cost.reached - one.cost.withheld, one.cost.kept))
        most = max(better, key=lambda one: (one.cost.kept, one.cost.reached - one.cost.withheld))
        return (finest,) if most.cost.kept == finest.cost.kept else (finest, most)

    def _changes(self, found: Measured) -> Iterator[tuple[str, list[OwnSide]]]:
        """Every change worth measuring, in words, with the own sides after it."""
        owns, thresholds = self._owns, self._thresholds
        for index, key in enumerate(owns[0].keys):
            for grid in coarser_grids(owns[0], index):
                yield f"{words(key)}, by {grid} instead", [on_grid(own, index, grid, thresholds) for own in owns]
            if all(may_merge(own, index) for own in owns):
                weak = self._weak(found, index)
                *most, last = ("missing" if label is None else str(label) for label in weak)
                change = f"{words(key)}, with {', '.join(most)} and {last} as one label"
                yield change, [merged(own, index, weak, thresholds) for own in owns]
            yield f"without {words(key)}", [without_key(own, index, thresholds) for own in owns]

    def _weak(self, found: Measured, index: int) -> tuple[Label, ...]:
        """The labels of a key that least often show: those with less than half of their combinations, at least two and not all.
        Nothing tells which of them have nobody."""
        possible: Counter[Label] = Counter()
        shown: Counter[Label] = Counter()
        rows: Counter[Label] = Counter()
        for own in self._owns:
            labels = own.part.layout.keys[index].labels or ()
            possible.update(dict.fromkeys(labels, (own.cells or 0) // max(1, len(labels))))
            for cell in found.shown(own):
                shown[cell.labels[index]] += 1
                rows[cell.labels[index]] += cell.rows
        order = sorted(possible, key=lambda label: (shown[label], rows[label]))
        few = sum(1 for label in order if 2 * shown[label] < possible[label])
        return tuple(order[: min(max(few, 2), len(order) - 1)])


__all__ = ["ChoiceCost", "Collision", "Cost", "Estimate", "Suggestion", "estimate_template"]
