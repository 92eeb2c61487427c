"""What is known about a table on its way through a notebook: what its columns tell, and which cohort guard it has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from functools import reduce
from types import MappingProxyType


class Counts(Enum):
    """What a number counts."""

    NOTHING = "nothing"
    ROWS = "rows"
    PEOPLE = "people"


class Guard(IntEnum):
    """How much a filter asks for, from least to most."""

    NONE = 0
    ROWS = 1  # many rows, or roughly many people, or many of something else
    SMALL = 2  # distinct people, but fewer than the minimum, or as many as the runner likes
    PEOPLE = 3


@dataclass(frozen=True)
class Origin:
    """A column of a table that the notebook reads."""

    table: str
    column: str


@dataclass(frozen=True)
class Meaning:
    """What one value of a column tells. `carries`: columns whose single values can be read off it; `counts` and `per`: a count
    of what, and within which keys; `guard`: how much is known of the cohort where this boolean is true; `trimmed`: spaces
    around it are gone."""

    carries: frozenset[Origin] = frozenset()
    counts: Counts = Counts.NOTHING
    per: frozenset[str] = frozenset()
    guard: Guard = Guard.NONE
    trimmed: bool = False

    def either(self, other: Meaning) -> Meaning:
        return Meaning(
            self.carries | other.carries,
            self.counts if self.counts == other.counts else Counts.NOTHING,
            self.per & other.per,
            min(self.guard, other.guard),
            self.trimmed and other.trimmed,
        )


PLAIN = Meaning(trimmed=True)


@dataclass(frozen=True)
class Relation:
    """`columns`: by lower-case name; `opens`: tables of which all columns are in here, though their names are unknown;
    `tables`: every table of people it was made from; `aliases`: its parts by the names they can be called; `keys`: what an
    aggregate is grouped by; `guard`: what every group has passed; `reach`: not grouped yet, but filtered to those values of
    these keys that enough people share (None: not filtered);
    `unique`: not grouped, but one row for each value of these columns (None: nothing is known)."""

    columns: Mapping[str, Meaning] = field(default_factory=lambda: MappingProxyType({}))
    opens: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    aliases: Mapping[str, Relation] = field(default_factory=lambda: MappingProxyType({}))
    aggregated: bool = False
    keys: frozenset[str] = frozenset()
    guard: Guard = Guard.NONE
    reach: frozenset[str] | None = None
    unique: frozenset[str] | None = None

    @staticmethod
    def table(name: str) -> Relation:
        return Relation(opens=frozenset({name}), tables=frozenset({name}))

    def meaning(self, name: str, qualifier: str = "") -> Meaning:
        """What the column tells; a column of a table we know nothing of carries itself."""
        part = self.aliases.get(qualifier.lower()) if qualifier else None
        if part is not None:
            return part.meaning(name)
        known = self.columns.get(name.lower())
        if known is not None:
            return known
        return Meaning(frozenset(Origin(table, name) for table in (self.opens or self.tables)))

    def called(self, alias: str) -> Relation:
        return replace(self, aliases=MappingProxyType({alias.lower(): replace(self, aliases=MappingProxyType({}))}))

    def filtered(self, guard: Guard, per: frozenset[str]) -> Relation:
        """After a filter that lets through only what has this guard within the keys `per`."""
        if self.aggregated and self.keys <= per:
            return replace(self, guard=max(self.guard, guard))
        if guard is Guard.PEOPLE and not self.aggregated:
            return replace(self, reach=per if self.reach is None else self.reach | per)
        return self

    def grouped(self, keys: frozenset[str], columns: Mapping[str, Meaning], sources: frozenset[str] | None = None) -> Relation:
        """After GROUP BY: groups of guarded groups are guarded, and so are groups of rows that were filtered by a guard.

        `sources`: the keys as they were called before, when `keys` are new names."""
        before = keys if sources is None else sources
        inherited = self.guard if self.aggregated else Guard.NONE
        if self.reach is not None and before <= self.reach:
            inherited = Guard.PEOPLE
        return Relation(columns, tables=self.tables, aggregated=True, keys=keys, guard=inherited)

    def rows_count(self, group: frozenset[str], is_person: Callable[[str], bool]) -> Counts:
        """What counting rows within a group of these keys counts: people where it was grouped by them and the person before."""
        left = ((self.keys if self.aggregated else self.unique) or frozenset()) - group
        if len(left) != 1:
            return Counts.ROWS
        carried = self.meaning(next(iter(left))).carries
        return Counts.PEOPLE if carried and all(is_person(origin.column) for origin in carried) else Counts.ROWS

    def projected(self, columns: Mapping[str, Meaning], renamed: Mapping[str, str], opens: frozenset[str]) -> Relation:
        """With these columns only; `renamed`: old name to new name, for keys that go by another name from here on."""
        named = {
            name: replace(meaning, per=frozenset(renamed.get(key, key) for key in meaning.per))
            for name, meaning in columns.items()
        }
        return replace(
            self,
            columns=named,
            opens=opens,
            aliases=MappingProxyType({}),
            keys=frozenset(renamed.get(key, key) for key in self.keys),
            reach=None if self.reach is None else frozenset(renamed.get(key, key) for key in self.reach),
            unique=None if self.unique is None else frozenset(renamed.get(key, key) for key in self.unique),
        )

    def either(self, other: Relation) -> Relation:
        """What can be said when it is one of the two, or both under each other: the lesser of everything."""
        names = self.columns.keys() | other.columns.keys()
        return Relation(
            {name: self.meaning(name).either(other.meaning(name)) for name in names},
            self.opens | other.opens,
            self.tables | other.tables,
            {name: self.aliases[name].either(other.aliases[name]) for name in self.aliases.keys() & other.aliases.keys()},
            self.aggregated and other.aggregated,
            self.keys | other.keys,
            min(self.guard if self.tables else Guard.PEOPLE, other.guard if other.tables else Guard.PEOPLE),
            None if self.reach is None or other.reach is None else self.reach & other.reach,
        )


def joined(left: Relation, right: Relation, names: frozenset[str], kind: str) -> Relation:
    """A join on columns called `names` on both sides. `kind`: inner, left, right, full, cross, semi or anti.

    Groups stay groups only where both sides are; one guarded side guards the other where nothing but its groups comes through.
    """
    if kind in ("semi", "anti"):
        return _reached(left, right, names) if kind == "semi" else left
    columns = {**right.columns, **left.columns}
    for name in left.columns.keys() & right.columns.keys():
        columns[name] = left.columns[name].either(right.columns[name])
    aliases = {**right.aliases, **left.aliases}
    tables = left.tables | right.tables
    whole = Relation(columns, left.opens | right.opens, tables, MappingProxyType(aliases))
    for one, other in ((left, right), (right, left)):
        if not other.tables:  # labels written down in the notebook: they tell nothing of people
            return replace(whole, aggregated=one.aggregated, keys=one.keys, guard=one.guard, reach=one.reach)
    if left.aggregated and right.aggregated:
        guard = min(left.guard, right.guard)
        if kind == "inner":
            for one, other in ((left, right), (right, left)):
                if other.keys <= one.keys == names:
                    guard = max(guard, one.guard)
        return replace(whole, aggregated=True, keys=left.keys | right.keys, guard=guard)
    reach = left.reach if left.reach is not None and not left.aggregated else None
    if right.reach is not None and not right.aggregated:
        reach = right.reach | (reach or frozenset())
    whole = replace(whole, reach=reach)
    if kind != "inner":
        return whole
    return _reached(_reached(whole, right, names), left, names)


def _reached(rows: Relation, groups: Relation, names: frozenset[str]) -> Relation:
    """`rows` where a partner in the guarded `groups` was found by exactly the keys of the guard."""
    if groups.aggregated and groups.guard is Guard.PEOPLE and groups.keys <= names:
        return rows.filtered(Guard.PEOPLE, groups.keys)
    return rows


def one_of(relations: Iterable[Relation]) -> Relation:
    """The lesser of several. Raises TypeError for none."""
    return reduce(Relation.either, relations)
