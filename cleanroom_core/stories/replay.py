"""Play a session against a fresh room in memory, to try to break it before anything is signed: `cleanroom guard replay`.

Every statement extends the release plan as a template both sides sign on the spot, so that the guard and the certification
alone stand between a question and its figures. Nothing of it is kept, and no log is written.

    with Replay.open(...) as room:
        for step in room.prepared(steps): print(step.play())

A period's questions are computed on one frozen snapshot, once; the same question again reads what is stored. An opt-out takes
effect at once, added and changed rows in the next period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from math import inf
from pathlib import Path

from cleanroom_core.engines.protocol import Concealed, Limits, OwnerEngine, RoomEngine, ShareTable
from cleanroom_core.errors import ExpressionError, InputError
from cleanroom_core.guard import Asset, World, judge, judge_sql
from cleanroom_core.guard.answer import Shown, project
from cleanroom_core.guard.finding import Finding
from cleanroom_core.guard.sheet import Part
from cleanroom_core.guard.template import Parameter, Template
from cleanroom_core.guard.verdict import Verdict
from cleanroom_core.guard.world import Period
from cleanroom_core.policies.combine import Thresholds, combine
from cleanroom_core.policies.versions import Value, typed_value
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.replay_session import (
    Append,
    Ask,
    Event,
    Given,
    NewPeriod,
    Revoke,
    SetMinimum,
    Step,
    Update,
    unusable,
)  # fmt: skip
from cleanroom_core.sql.cells import Cells
from cleanroom_core.stories.certified import Released, compute_parts
from cleanroom_core.stories.replay_tables import Measured, ReplayTable, Say, open_tables


class Outcome(StrEnum):
    REJECTED = "rejected"  # refused by the guard
    SUPPRESSED = "suppressed"  # no cell released
    ANSWERED = "answered"
    STORED = "stored"  # the same question as before, the same figures
    DONE = "done"  # an event


@dataclass(frozen=True)
class Played:
    """How one step ended. `withheld`: some label combination of the domain has no figure. `event`: its kind, for events."""

    outcome: Outcome
    codes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Shown, ...], ...] = ()
    withheld: bool = False
    findings: tuple[Finding, ...] = ()
    event: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A step whose every word has been understood; nothing has been done for it yet."""

    step: Step
    play: Callable[[], Played] = field(repr=False)

    @property
    def event(self) -> str | None:
        return None if isinstance(self.step, Ask) else _NAMES[type(self.step)]


# `guard.classes`: what no certificate can be made for
_UNCERTIFIABLE = ("NO_LABELS", "TOO_LARGE", "PERIODS", "SNAPSHOTS", "BEARERS")
_NAMES: Mapping[type[Event], str] = {
    Revoke: "revoke", Append: "append", Update: "update", SetMinimum: "set", NewPeriod: "period",
}  # fmt: skip


@dataclass(frozen=True)
class _Stored:
    """Cells of one part of a sheet: what they answer, in which period, under which thresholds, from which tables; and what must
    not become known of others of its cells."""

    number: int
    period: Period | None
    thresholds: Thresholds
    part: Part
    cells: Cells
    tables: Mapping[str, ShareTable]
    concealed: Concealed


def _snapshot(stored: _Stored, now: Mapping[str, ShareTable], earlier: list[Mapping[str, ShareTable]]) -> int:
    """The number of the snapshot it was computed on: 0 where every table it reads is still the present one."""
    if all(stored.tables[name] == now[name] for name in stored.part.query.assets):
        return 0
    if stored.tables not in earlier:
        earlier.append(stored.tables)
    return earlier.index(stored.tables) + 1


class Replay:
    """One room in memory. Everything it writes lies in `work`, which the caller removes."""

    def __init__(
        self, definition: RoomDefinition, tables: Mapping[str, ReplayTable], room: RoomEngine, limits: Limits | None = None
    ) -> None:
        self._definition, self._tables, self._room, self._limits = definition, tables, room, limits or Limits()
        self._terms = definition.agreement
        self._number = 1
        self._period: Period | None = None
        self._stored: list[_Stored] = []
        self._repeated: Mapping[str, float] = {}
        self._measure()

    @classmethod
    def open(cls, definition: RoomDefinition, text: str, owner: OwnerEngine, room: RoomEngine, work: Path, say: Say) -> Replay:
        """Publish the room file's tables. Raises RoomFileError, TableError or InputError for what cannot be used."""
        return cls(definition, open_tables(definition, text, owner, work, say), room)

    def prepared(self, steps: Sequence[Step]) -> tuple[Prepared, ...]:
        """Understand every step before the first is played. Raises InputError that names the line."""
        return tuple(Prepared(step, self._understood(step)) for step in steps)

    def _understood(self, step: Step) -> Callable[[], Played]:
        if isinstance(step, Ask):
            return lambda: self._ask(step)
        if isinstance(step, SetMinimum):
            return lambda: self._done(step, lambda: self._set(step.minimum_cohort))
        if isinstance(step, NewPeriod):
            return lambda: self._done(step, self._next_period)
        table = self._tables[step.table]
        try:
            if isinstance(step, Append):
                rows = [_row(row, table) for row in step.rows]
                return lambda: self._done(step, lambda: table.append(rows))
            if isinstance(step, Update):
                values = _by_column(step.values, table)
                where = table.condition(step.where)
                return lambda: self._done(step, lambda: table.update(values, where))
            people = table.whom(step.where, self._definition)
            return lambda: self._done(step, lambda: table.revoke(people))
        except ExpressionError as error:
            raise unusable(step.line, f"where: {error.message}", error.hint) from None
        except InputError as error:
            raise unusable(step.line, error.message, error.hint) from None

    def _done(self, step: Event, act: Callable[[], None]) -> Played:
        act()
        return Played(Outcome.DONE, event=_NAMES[type(step)])

    def _ask(self, ask: Ask) -> Played:
        verdict = self._judged(ask)
        if not verdict.ok:
            codes = dict.fromkeys(finding.code for finding in verdict.findings)
            return Played(Outcome.REJECTED, tuple(codes), findings=verdict.findings)
        sheet = verdict.sheets[0]
        known = [self._known(part) for part in sheet.parts]
        new = [part for part, cells in zip(sheet.parts, known, strict=True) if cells is None]
        if new:
            try:
                self._compute(new)
            except InputError as error:
                if error.code not in _UNCERTIFIABLE:
                    raise
                finding = Finding(error.code, error.message, error.hint, "plan.certificate", "room")
                return Played(Outcome.REJECTED, (error.code,), findings=(finding,))
        released = [cells for part in sheet.parts if (cells := self._known(part)) is not None]
        answer = project(sheet, released)
        columns = tuple(name for name, _ in answer.columns)
        if not released[0].cells:
            return Played(Outcome.SUPPRESSED, columns=columns, withheld=True)
        return Played(Outcome.ANSWERED if new else Outcome.STORED, (), columns, answer.rows, answer.withheld)

    def _judged(self, ask: Ask) -> Verdict:
        if not ask.parameters:
            return judge_sql(ask.sql, ask.party, self._world, purpose=ask.purpose)
        purpose = self._world.purposes[0] if ask.purpose is None else ask.purpose
        parameters = {name: Parameter((value,)) for name, value in ask.parameters.items()}
        return judge(Template("", ask.party, purpose, ask.sql, parameters), self._world)

    def _known(self, part: Part) -> Cells | None:
        """What was released of this question, in this period and under these thresholds."""
        found = (each.cells for each in self._stored if (each.number, each.thresholds) == (self._number, self._thresholds))
        return next((cells for cells in found if cells.layout.covers(part.layout)), None)

    def _compute(self, parts: Sequence[Part]) -> None:
        """Compute the parts once, on the period's snapshot, certified together with everything that is out, and store what may
        be released of them."""
        now = {table.policy.qualified: table.frozen for table in self._tables.values()}
        snapshots: list[Mapping[str, ShareTable]] = []
        released = [
            Released(each.part, each.cells, _snapshot(each, now, snapshots), each.concealed) for each in self._still_out()
        ]
        tables = dict(now)
        for number, earlier in enumerate(snapshots, start=1):
            for qualified, table in earlier.items():
                owner, _, name = qualified.partition(".")
                tables[f"{owner}@{number}.{name}"] = table
        computed, _ = compute_parts(self._room, parts, released, self._thresholds, tables, self._limits)
        self._stored += [
            _Stored(self._number, self._period, self._thresholds, part, cells, now, concealed)
            for part, cells, concealed in zip(parts, computed.cells, computed.concealed, strict=True)
        ]

    def _still_out(self) -> list[_Stored]:
        """What any new figures are certified with."""
        return [each for each in self._stored if (each.cells.cells or each.concealed) and self._is_counted_again(each)]

    def _is_counted_again(self, stored: _Stored) -> bool:
        """Whether rows it counts may stand in this period's sheets too: not where all are dated and the period has passed.
        A row without a date that was joined to dated ones may be joined to others now."""
        dated = all(self._world.assets[name].rule.period_column is not None for name in stored.part.query.assets)
        return not dated or stored.period == self._period

    def _set(self, minimum_cohort: int) -> None:
        """In force at once; labels stay as they were frozen."""
        self._terms = replace(self._terms, minimum_cohort=minimum_cohort)
        self._world = self._judged_against()

    def _next_period(self) -> None:
        """Freeze the tables as they are now. Where rows are dated, the new period counts those after the last day so far."""
        days = [found.last_day for found in self._measured.values() if found.last_day is not None]
        if days and max(days) < date.max:
            self._period = Period(max(days) + timedelta(days=1), None)
        for table in self._tables.values():
            table.freeze()
        self._number += 1
        self._measure()

    def _measure(self) -> None:
        policies = [table.policy for table in self._tables.values()]
        minimum = combine(self._terms, policies).minimum_cohort
        self._measured: Mapping[str, Measured] = {
            name: table.measure(minimum[table.policy.qualified]) for name, table in self._tables.items()
        }
        measured = {name: found.rows_per_key for name, found in self._measured.items()}
        self._repeated = repeated_keys(self._repeated if self._still_out() else {}, measured)
        self._world = self._judged_against()

    def _judged_against(self) -> World:
        self._thresholds = combine(self._terms, [table.policy for table in self._tables.values()])
        assets = {
            table.policy.qualified: Asset(
                table.policy.owner,
                table.policy.asset,
                table.schema,
                table.policy.rule,
                labels=self._measured[name].labels,
                key_token=table.policy.key_token,
                rows_per_key=self._repeated.get(name, self._measured[name].rows_per_key),
            )
            for name, table in self._tables.items()
        }
        aliases = tuple(self._definition.collaborators)
        return World(assets, self._thresholds, self._terms.purposes, aliases, self._period)


def repeated_keys(before: Mapping[str, float], measured: Mapping[str, float | None]) -> dict[str, float]:
    """Rows per key of the assets with keys that occur more than once, as the guard is told while figures of `before` count: the
    order stays, and who joins it comes last, so that joined rows stay those of the same asset and can be certified together.
    That a key may occur more than once is never wrong."""
    last = (1 + min(before.values(), default=inf)) / 2
    new = {name: min(rows, last) for name, rows in measured.items() if rows is not None and rows > 1 and name not in before}
    return {**before, **new}


def outcomes(steps: Sequence[Prepared], failed: Callable[[int, Prepared, Exception], None]) -> Iterator[Played]:
    """Play the steps in order, each exactly once. One that fails within is told to `failed` and is refused without a word."""
    for number, step in enumerate(steps, start=1):
        try:
            played = step.play()
        except Exception as error:
            failed(number, step, error)
            played = Played(Outcome.REJECTED, ("UNEXPECTED",), event=step.event)
        yield played


def _row(row: Mapping[str, Given] | tuple[Given, ...], table: ReplayTable) -> tuple[Value, ...]:
    columns = table.schema.columns
    if isinstance(row, Mapping):
        given = _by_column(row, table)
        return tuple(given.get(known.name) for known in columns)
    if len(row) != len(columns):
        raise InputError(
            f"a row has {len(row)} values, the table {len(columns)} columns.",
            hint=f"The columns are {', '.join(table.schema.names)}.",
        )
    return tuple(_typed(value, known.name, table) for value, known in zip(row, columns, strict=True))


def _by_column(values: Mapping[str, Given], table: ReplayTable) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in values.items():
        known = table.schema.get(name.strip())
        if known is None or known.name in found:
            what = "there is no column" if known is None else "two values are given for"
            raise InputError(f"{what} {name[:64]!r}.", hint=f"The columns are {', '.join(table.schema.names)}.")
        found[known.name] = _typed(value, known.name, table)
    return found


def _typed(value: Given, name: str, table: ReplayTable) -> Value:
    known = table.schema.get(name)
    assert known is not None  # noqa: S101  found in this schema a moment ago
    try:
        return typed_value(value, known.type)
    except InputError as error:
        raise InputError(f"column {known.name}: {error.message}", hint=error.hint) from None
