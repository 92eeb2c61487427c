"""From the parts of a plan to class queries: what the certification has to know of the rows of each asset, and nothing more.

A *universe* is one asset A: its rows, left joined to every asset some part joins it to, so that a row of A stands in it whether
or not it has met anybody. Assets that do not bear the rows of a part join by keys that occur once, as in the query of the part;
the one that may bear them, if it is not A, joins with all its rows (a universe for each such asset, so that two of them never
multiply each other). Parts over both of two assets must agree which of them may: there is no universe for those that do not.
Where every part joins the same assets and a row is of one and the same person in all of them, they are one universe
(`universes`). A column is what its classes are (`class_columns`), whether an asset was met is a column too.

Parts of earlier snapshots of the data and of earlier periods read the same universe, each in a *view* of its own: a row of A is
the same row in both when everything in it is the same, so that a combination over both is about the rows that came, went or
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Final

from cleanroom_core.errors import InputError
from cleanroom_core.guard.class_columns import Classified, KeyUse, PresentUse, SideUse, Use, Uses
from cleanroom_core.guard.class_query import MATCHED, SINGLE, UNMATCHED, Coded, Rows, class_select, named_in
from cleanroom_core.guard.question import AllOf, Condition, Question, Ref, Within, refs_of
from cleanroom_core.guard.regions import Region
from cleanroom_core.guard.safe_query import DIALECTS, SafeQuery, question_of
from cleanroom_core.guard.universes import same_people, universes_of, views
from cleanroom_core.guard.world import Asset
from cleanroom_core.sql.cells import Thresholds
from cleanroom_core.sql.classes import (
    OUTSIDE,
    ByBranch,
    ByClass,
    ClassPlan,
    CodeColumn,
    Every,
    InClasses,
    KeyClasses,
    PartClasses,
    Some,
    Test,
    Word,
)

MOST_PHANTOMS: Final = 2_000_000
_WORD: Final = 2**62  # classes of several columns are packed into one BIGINT
_SEAL: Final = object()


class ClassQuery:
    """A query for the classes of one asset's rows. `assets`: what it reads, those of snapshot N as `owner@N.name`. Its columns
    are `person` (a number of no meaning) and `w0`, `w1`, ... as `plan.words` says; its rows are distinct. Immutable."""

    __slots__ = ("__weakref__", "_render", "assets", "plan")

    assets: tuple[str, ...]
    plan: ClassPlan
    _render: Callable[[str], str]

    def __init__(self, seal: object, plan: ClassPlan, assets: tuple[str, ...], write: Callable[[str], str]) -> None:
        if seal is not _SEAL:
            raise InputError(
                "A ClassQuery is made by the guard only.", hint="Judge templates and plan their classes.", code="GUARD"
            )
        object.__setattr__(self, "plan", plan)
        object.__setattr__(self, "assets", assets)
        object.__setattr__(self, "_render", lru_cache(maxsize=len(DIALECTS))(write))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A ClassQuery cannot be changed ({name}).")

    def render(self, dialect: str) -> str:
        """SQL text for "duckdb" or "spark"; raises InputError for another dialect."""
        if dialect not in DIALECTS:
            raise InputError(f"There is no dialect {dialect!r}.", hint=f"Known are {', '.join(DIALECTS)}.", code="DIALECT")
        return self._render(dialect)


@dataclass(frozen=True)
class PlannedPart:
    """A part of the plan on the snapshot it was, or is to be, computed on: 0 is the present one. `beside`: nobody asks it."""

    query: SafeQuery
    snapshot: int = 0
    beside: bool = False


def class_queries(parts: Sequence[PlannedPart], thresholds: Thresholds) -> tuple[ClassQuery, ...]:
    """One query for each universe; parts go by their place in `parts`.

    Raises InputError: NO_LABELS for a key whose labels nobody has published, TOO_LARGE when the label combinations of the plan
    are too many to be certified, SNAPSHOTS when an asset had other columns in an earlier snapshot, or joined rows were those of
    another asset then."""
    questions = [question_of(part.query) for part in parts]
    for question in questions:
        for key in question.layout.keys:
            if key.labels is None:
                raise InputError(
                    f"The labels of {key.name} are not known, so that its cells cannot be certified.",
                    hint="Its owner publishes the asset again, or names a domain in the rule.",
                    code="NO_LABELS",
                )
    for question in questions:
        if prod(len(key.labels or ()) or 1 for key in question.layout.keys) >= _WORD:
            raise _too_large("too many")
    snapshots = [part.snapshot for part in parts]
    found = tuple(
        _Universe(asset, other, snapshots, questions, numbers).query(thresholds)
        for asset, other, numbers in universes_of(snapshots, questions)
    )
    asked = {n for n, part in enumerate(parts) if not part.beside}
    phantoms = sum(_phantoms(query.plan, asked) for query in found)
    if phantoms > MOST_PHANTOMS:
        raise _too_large(f"{phantoms:,}")
    return found


def _too_large(combinations: str) -> InputError:
    return InputError(
        f"The plan has {combinations} label combinations; at most {MOST_PHANTOMS:,} can be certified.",
        hint="Group by fewer or coarser dimensions.",
        code="TOO_LARGE",
    )


@dataclass
class _Universe:
    """One universe being made. `other`: the asset whose rows multiply those of `asset`."""

    asset: str
    other: str | None
    snapshots: Sequence[int]
    questions: Sequence[Question]
    numbers: list[int]

    def __post_init__(self) -> None:
        self.views = views(self.snapshots, self.questions, self.numbers)
        self.classified = self._classified()
        self.columns: list[CodeColumn] = []
        self.coded: dict[int, list[Coded]] = {view: [] for view in self._numbered}
        self.index: dict[tuple[int, str], int] = {}  # (view, name of the column) -> its number

    def query(self, thresholds: Thresholds) -> ClassQuery:
        for view in self._numbered:
            self._add_columns(view)
        words = self._words()
        same = same_people(self.snapshots, self.questions, self.numbers)
        plan = ClassPlan(
            " and ".join(same) if same else self.asset if self.other is None else f"{self.asset} by {self.other}",
            thresholds.minimum(same or (self.asset,)),
            tuple(self.columns),
            tuple(words),
            {n: self._part(n) for n in self.numbers},
        )
        rows = [self._rows(view) for view in self._numbered]
        assets = {named_in(asset, each.snapshot) for each in rows for asset in each.assets}
        return ClassQuery(
            _SEAL, plan, tuple(sorted(assets)), lambda dialect: class_select(rows, words, dialect).sql(dialect=dialect)
        )

    @property
    def _numbered(self) -> range:
        return range(len(set(self.views.values())))

    def _of(self, view: int) -> list[int]:
        return [n for n in self.numbers if self.views[n] == view]

    def _classified(self) -> Mapping[Ref, Classified]:
        """Classes of every column, the same in all views."""
        found: dict[Ref, Uses] = {}
        for n in self.numbers:
            question = self.questions[n]
            for ref, use in _uses(question):
                uses = found.setdefault(ref, Uses(question.column(ref)))
                uses.uses[use] = None
                uses.know(_asset(question, ref.asset))
        return {ref: uses.classified() for ref, uses in sorted(found.items())}

    def _add_columns(self, view: int) -> None:
        """Whether the row's key is its own, which assets it met, then the classes of every column in use."""
        questions = [self.questions[n] for n in self._of(view)]
        if self.other is not None:
            self._add(view, Coded(SINGLE, self.asset), CodeColumn(SINGLE, 2, (1,)))
        others = sorted({asset.qualified for question in questions for asset in question.assets} - {self.asset})
        for name in others:
            column = CodeColumn(f"{name} is met", 2, (MATCHED, UNMATCHED))  # nor may it show that everybody was met
            self._add(view, Coded(column.name, name), column)
        used = {ref for question in questions for ref, _ in _uses(question)}
        for ref, classified in self.classified.items():
            if ref in used:
                owner = self.index.get((view, f"{ref.asset} is met"))
                column = CodeColumn(str(ref), classified.count, classified.default, owner, classified.absent)
                self._add(view, Coded(str(ref), ref.asset, ref.column, classified), column)

    def _add(self, view: int, coded: Coded, column: CodeColumn) -> None:
        self.index[view, column.name] = len(self.columns)
        self.columns.append(column)
        self.coded[view].append(coded)

    def _words(self) -> list[Word]:
        words = []
        for view in self._numbered:
            packed: list[int] = []
            for number in (self.index[view, coded.name] for coded in self.coded[view]):
                if prod(self.columns[each].classes for each in (*packed, number)) >= _WORD:
                    words.append(Word(view, tuple(packed)))
                    packed = []
                packed.append(number)
            words.append(Word(view, tuple(packed)))
        return words

    def _rows(self, view: int) -> Rows:
        questions = [self.questions[n] for n in self._of(view)]
        assets = {asset.qualified: asset for question in questions for asset in question.assets}
        known = {asset.qualified: asset for question in self.questions for asset in question.assets}
        assets |= {name: known[name] for name in (self.asset, self.other) if name is not None and name not in assets}
        own = assets.pop(self.asset)
        other = assets.pop(self.other) if self.other is not None else None
        periods = (question.period for question in questions if question.period is not None)
        coded = {self.index[view, each.name]: each for each in self.coded[view]}
        sizes = {number: self.columns[number].classes for number in coded}
        return Rows(
            view, self.snapshots[self._of(view)[0]], own, other, tuple(assets[name] for name in sorted(assets)),
            next(periods, None), coded, sizes,
        )  # fmt: skip

    def _part(self, n: int) -> PartClasses:
        question, view = self.questions[n], self.views[n]
        tests: list[Test] = []
        if self.other is not None and question.is_reduced(_asset(question, self.asset)):
            tests.append(InClasses(self.index[view, SINGLE], frozenset({1})))
        for asset in question.assets:
            if asset.qualified != self.asset:
                met = frozenset({MATCHED, UNMATCHED} if asset.qualified in question.optional else {MATCHED})
                tests.append(InClasses(self.index[view, f"{asset.qualified} is met"], met))
        test = self._reader(view)
        if (out := question.without) is not None:
            matched = [
                InClasses(self.index[view, f"{name} is met"], frozenset({MATCHED})) for name in sorted(out.met - {self.asset})
            ]
            tests.append(self._not(Every((*matched, test(out.where)))))
        where = Every((*tests, test(question.where)))
        keys: list[KeyClasses] = []
        for key, layout in zip(question.keys, question.layout.keys, strict=True):
            if key.ref is not None:
                labels = self.classified[key.ref].labels(KeyUse(key.grid, layout.labels or ()))
                keys.append(ByClass(self.index[view, str(key.ref)], labels))
            else:
                # Cells count by the labels of the layout: those that WHERE rules out are not among them.
                at = {label: number for number, label in enumerate(layout.labels or ())}
                keys.append(ByBranch(tuple((at.get(label, OUTSIDE), test(rows)) for label, rows in key.branches)))
        counted = not self._is_bare(question)
        present = {
            figure.name: test(PresentUse(figure.summed), question.figures[figure.name])
            for figure in question.layout.figures
            if counted or question.figures[figure.name].asset == self.asset
        }
        sides = {
            figure.name: (test(SideUse(True), ref := question.figures[figure.name]), test(SideUse(False), ref))
            for figure in question.layout.figures
            if figure.binary and figure.name in present
        }
        columns = {column for each in (where, *keys) for column in _columns(each)}
        return PartClasses(
            view, tuple(sorted(columns)), where, tuple(keys), tuple(len(key.labels or ()) for key in question.layout.keys),
            present, sides, counted,
        )  # fmt: skip

    def _is_bare(self, question: Question) -> bool:
        """Whether rows may be without the asset, and are counted alike with and without it."""
        if self.asset not in question.optional or (
            question.bearer.qualified == self.asset and question.bearer.rows_per_key != 1
        ):
            return False
        if question.without is not None and self.asset in question.without.met:
            return False
        without = frozenset() if question.without is None else refs_of(question.without.where)
        read = refs_of(question.where).union(without, *(key.refs for key in question.keys))
        return all(ref.asset != self.asset for ref in read)

    def _not(self, test: Test) -> Test:
        if isinstance(test, InClasses):
            return InClasses(test.column, frozenset(range(self.columns[test.column].classes)) - test.classes)
        tests = tuple(self._not(each) for each in test.tests)
        return Some(tests) if isinstance(test, Every) else Every(tests)

    def _reader(self, view: int) -> Callable[..., Test]:
        def test(condition: Condition | PresentUse | SideUse, ref: Ref | None = None) -> Test:
            if isinstance(condition, PresentUse | SideUse):
                assert ref is not None  # noqa: S101
                return InClasses(self.index[view, str(ref)], self.classified[ref].where(condition))
            if isinstance(condition, Within):
                classes = self.classified[condition.ref].where(condition.region)
                return InClasses(self.index[view, str(condition.ref)], classes)
            kind = Every if isinstance(condition, AllOf) else Some
            return kind(tuple(test(part) for part in condition.parts))

        return test


def _uses(question: Question) -> Iterator[tuple[Ref, Use]]:
    """Every column a question reads, with what it does with it."""
    yield from _regions(question.where)
    if question.without is not None:
        yield from _regions(question.without.where)
    for key, layout in zip(question.keys, question.layout.keys, strict=True):
        if key.ref is not None:
            yield key.ref, KeyUse(key.grid, layout.labels or ())
        for _, condition in key.branches:
            yield from _regions(condition)
    for figure in question.layout.figures:
        yield question.figures[figure.name], PresentUse(figure.summed)
        if figure.binary:
            yield from ((question.figures[figure.name], SideUse(ones)) for ones in (True, False))


def _regions(condition: Condition) -> Iterator[tuple[Ref, Region]]:
    if isinstance(condition, Within):
        yield condition.ref, condition.region
        return
    for part in condition.parts:
        yield from _regions(part)


def _columns(found: Test | KeyClasses) -> Iterator[int]:
    if isinstance(found, InClasses | ByClass):
        yield found.column
    elif isinstance(found, ByBranch):
        for _, test in found.branches:
            yield from _columns(test)
    else:
        for test in found.tests:
            yield from _columns(test)


def _phantoms(plan: ClassPlan, asked: Container[int]) -> int:
    parts = [part for n, part in plan.parts.items() if n in asked]
    return sum(prod(len(plan.columns[column].phantoms) for column in part.columns) for part in parts)


def _asset(question: Question, name: str) -> Asset:
    return next(asset for asset in question.assets if asset.qualified == name)
