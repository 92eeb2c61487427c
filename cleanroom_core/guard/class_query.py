"""The SQL of a class query: per row of an asset the classes of its columns, packed; distinct, with a number for each person.

    own, once_N   the asset with a mark for keys that are its own; assets reduced to keys that occur once
    rows          per view the asset left joined to the others, classes packed into words
    people        privacy units in order, numbered: a token never leaves the statement. DuckDB joins texts by a hash, which is
                  several times faster; people with the same hash count as one, which may cost a cell and never a person

With several views (snapshots, periods) a row is told apart by everything in it and by its number among equal ones, and the
words of all views come to stand beside each other; NULL where it is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from sqlglot import exp

from cleanroom_core.errors import InputError
from cleanroom_core.guard import trees
from cleanroom_core.guard.class_columns import Classified
from cleanroom_core.guard.trees import aliased, cast, column, integer, named, select
from cleanroom_core.guard.world import Asset, Period
from cleanroom_core.sql.classes import Word
from cleanroom_core.sql.types import Kind

UNMATCHED, MATCHED = 0, 1  # classes of "is met"; a row whose privacy unit is NULL is met by nobody
_HASHES: Final = {"duckdb": "hash"}  # of 64 bits; Spark's lock knows no such function, and its own `hash` has 32
SINGLE: Final = "key is its own"  # 0 or 1: whether no other row of the asset has the key


@dataclass(frozen=True)
class Coded:
    """One code column in SQL: the classes of a column; without one, whether `asset` was met."""

    name: str
    asset: str
    column: str | None = None
    classified: Classified | None = None


@dataclass(frozen=True)
class Rows:
    """The rows of one view: of a snapshot, in a period. `own`: the universe's asset; `other`: the one whose rows multiply them;
    `others`: joined by keys that occur once. `coded` and `sizes` by number of the code column."""

    view: int
    snapshot: int
    own: Asset
    other: Asset | None
    others: tuple[Asset, ...]
    period: Period | None
    coded: Mapping[int, Coded]
    sizes: Mapping[int, int]

    @property
    def assets(self) -> tuple[Asset, ...]:
        return (self.own, *([self.other] if self.other is not None else ()), *self.others)


def named_in(asset: Asset, snapshot: int) -> str:
    """How an engine knows an asset of a snapshot: `provider.sales`, and `provider@3.sales` for that of snapshot 3."""
    return f"{_owner(asset, snapshot)}.{asset.name}"


def class_select(views: Sequence[Rows], words: Sequence[Word], dialect: str) -> exp.Select:
    parts: dict[str, exp.Select] = {}
    for rows in views:
        _add_rows(rows, words, parts, dialect, whole=len(views) > 1)
    found = f"rows_{views[0].view}"
    if len(views) > 1:
        parts[found := "merged"] = _merged(views, words)
    parts["people"] = _people(views, dialect)
    on = exp.EQ(this=column("unit", "people"), expression=column("unit", found))
    packed = [aliased(column(f"w{i}", found), f"w{i}") for i in range(len(words))]
    chosen = [aliased(column("person", "people"), "person"), *packed]
    tree = select(chosen, named(found), joins=[trees.join(named("people"), on)], parts=parts)
    tree.set("distinct", exp.Distinct())
    return tree


def _add_rows(rows: Rows, words: Sequence[Word], parts: dict[str, exp.Select], dialect: str, *, whole: bool) -> None:
    """`whole`: with everything in the row, to find it again in another snapshot."""
    s, own = rows.view, rows.own
    names = {asset.qualified: f"t{i}" for i, asset in enumerate(rows.assets)}
    where = [trees.not_null(_column(own, own.rule.privacy_unit, "t0"))]
    source = _table(own, rows.snapshot, "t0")
    if rows.other is not None and own.rows_per_key != 1:
        parts[f"own_{s}"] = _marked(own, rows.snapshot, rows.period)
        source = _again(f"own_{s}", "t0")
    else:
        where += _in_period(own, rows.period, "t0")
    joins = []
    for i, asset in enumerate(rows.assets[1:], start=1):
        on = exp.EQ(this=_column(asset, asset.rule.join_key, f"t{i}"), expression=_column(own, own.rule.join_key, "t0"))
        conditions: list[exp.Expr] = [on]
        joined = _table(asset, rows.snapshot, f"t{i}")
        if asset is rows.other and own.rows_per_key != 1:
            conditions.append(exp.EQ(this=column("alone", "t0"), expression=integer(1)))
        if asset is not rows.other and asset.rows_per_key != 1:
            used = sorted({each.column for each in rows.coded.values() if each.asset == asset.qualified and each.column})
            wanted = dict.fromkeys(_name(asset, name) for name in (asset.rule.privacy_unit, *used))
            parts[f"once_{s}_{i}"] = _once(asset, _table(asset, rows.snapshot, "t"), tuple(wanted), rows.period)
            joined = _again(f"once_{s}_{i}", f"t{i}")
        else:
            conditions += _counted(asset, rows.period, f"t{i}")
        joins.append(trees.join(joined, trees.all_of(conditions), left=True))
    columns = [aliased(_unit(own, "t0", dialect), "unit")]
    content = (
        [_column(asset, each.name, names[asset.qualified]) for asset in _kept(rows) for each in asset.schema] if whole else []
    )
    columns += [aliased(value, f"c{i}") for i, value in enumerate(content)]
    columns += [aliased(_word(word, rows, names), f"w{i}") for i, word in enumerate(words)]
    parts[f"rows_{s}"] = select(columns, source, joins=joins, where=trees.all_of(where))


def _marked(own: Asset, snapshot: int, period: Period | None) -> exp.Select:
    """The asset with `alone`: 1 where no other row has the key."""
    columns: list[exp.Expr] = [aliased(column(each.name, "t"), each.name) for each in own.schema]
    key = _column(own, own.rule.join_key, "t")
    times = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[key])
    alone = trees.case((exp.EQ(this=times, expression=integer(1)), integer(1)), default=integer(0))
    return select(
        [*columns, aliased(alone, "alone")], _table(own, snapshot, "t"), where=trees.all_of(_counted(own, period, "t"))
    )


def _merged(views: Sequence[Rows], words: Sequence[Word]) -> exp.Select:
    """Every row once, with its words of each view."""
    kinds = {tuple((asset.qualified, each.name, each.type) for asset in _kept(rows) for each in asset.schema) for rows in views}
    if len(kinds) > 1:
        raise InputError(
            f"{views[0].own.qualified} had other columns in an earlier snapshot, so that its rows cannot be compared.",
            hint="Begin a new period, or a new room.",
            code="SNAPSHOTS",
        )
    content = [f"c{i}" for i in range(len(next(iter(kinds))))]
    numbered = []
    for rows in views:
        table = f"rows_{rows.view}"
        columns = ["unit", *content, *(f"w{i}" for i in range(len(words)))]
        order = exp.Order(expressions=[exp.Ordered(this=column("unit", table), nulls_first=True)])
        number = exp.Window(this=exp.RowNumber(), partition_by=[column(name, table) for name in content], order=order)
        chosen = [aliased(column(name, table), name) for name in columns]
        numbered.append(select([*chosen, aliased(number, "copy")], named(table)))
    union = _together(numbered, distinct=False)
    source = exp.Subquery(this=union, alias=exp.TableAlias(this=exp.Identifier(this="every", quoted=False)))
    group = [column(name, "every") for name in ("unit", *content, "copy")]
    found = [aliased(exp.Max(this=column(f"w{i}", "every")), f"w{i}") for i in range(len(words))]
    return select([aliased(column("unit", "every"), "unit"), *found], source, group=group)


def _people(views: Sequence[Rows], dialect: str) -> exp.Select:
    units: list[exp.Expr] = []
    for rows in views:
        token = _column(rows.own, rows.own.rule.privacy_unit, "t")
        columns = [aliased(_unit(rows.own, "t", dialect), "unit"), aliased(token, "token")]
        units.append(select(columns, _table(rows.own, rows.snapshot, "t"), where=trees.not_null(token.copy())))
    source = exp.Subquery(
        this=_together(units, distinct=False), alias=exp.TableAlias(this=exp.Identifier(this="units", quoted=False))
    )
    unit = column("unit", "units")
    # In the order of the tokens, which every engine knows alike; of people with one hash any will do.
    order = exp.Ordered(this=exp.AnyValue(this=column("token", "units")), nulls_first=True)
    number = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=[order]))
    return select([aliased(unit, "unit"), aliased(number, "person")], source, group=[unit.copy()])


def _unit(asset: Asset, table: str, dialect: str) -> exp.Expr:
    """What tells people apart: a hash of a text, any other value itself."""
    unit = _column(asset, asset.rule.privacy_unit, table)
    kind = next(each.type.kind for each in asset.schema if each.name == unit.name)
    return exp.Anonymous(this=_HASHES[dialect], expressions=[unit]) if kind is Kind.STRING and dialect in _HASHES else unit


def _together(selects: Sequence[exp.Expr], *, distinct: bool) -> exp.Expr:
    return reduce(lambda one, two: exp.Union(this=one, expression=two, distinct=distinct), selects)


def _word(word: Word, rows: Rows, names: Mapping[str, str]) -> exp.Expr:
    """Classes packed by Horner's scheme; NULL in the words of other views."""
    if word.view != rows.view:
        return cast(exp.Null(), "BIGINT")
    packed: exp.Expr = cast(integer(0), "BIGINT")
    for number in reversed(word.columns):
        shifted = exp.Mul(this=exp.Paren(this=packed), expression=cast(integer(rows.sizes[number]), "BIGINT"))
        packed = exp.Add(this=cast(_code(rows.coded[number], rows, names), "BIGINT"), expression=shifted)
    return packed


def _code(coded: Coded, rows: Rows, names: Mapping[str, str]) -> exp.Expr:
    if coded.name == SINGLE:
        return integer(1) if rows.own.rows_per_key == 1 else column("alone", "t0")
    asset = next(asset for asset in rows.assets if asset.qualified == coded.asset)
    alias = names[asset.qualified]
    if coded.classified is not None and coded.column is not None:
        return coded.classified.code(_column(asset, coded.column, alias))
    return trees.case(
        (trees.is_null(_column(asset, asset.rule.join_key, alias)), integer(UNMATCHED)),
        default=integer(MATCHED),
    )


def _in_period(asset: Asset, period: Period | None, table: str) -> list[exp.Expr]:
    """Which rows are of the period: all, where the rule names no period column."""
    if period is None or asset.rule.period_column is None:
        return []
    dated = asset.schema.get(asset.rule.period_column)
    assert dated is not None  # noqa: S101  the rule was checked against the schema
    found = column(dated.name, table)
    type_ = "DATE" if dated.type.kind is Kind.DATE else "TIMESTAMP"
    bounds: list[exp.Expr] = [trees.not_null(found)]
    for kind, day in ((exp.GTE, period.start), (exp.LT, period.stop)):
        if day is not None:
            bounds.append(kind(this=found.copy(), expression=trees.cast(trees.text(day.isoformat()), type_)))
    return bounds


def _counted(asset: Asset, period: Period | None, table: str) -> list[exp.Expr]:
    """Which rows are somebody's, and of the period."""
    return [trees.not_null(_column(asset, asset.rule.privacy_unit, table)), *_in_period(asset, period, table)]


def _once(asset: Asset, table: exp.Table, columns: Sequence[str], period: Period | None) -> exp.Select:
    """One row for each key that occurs once among the rows that count; `table` has the alias t."""
    key = _name(asset, asset.rule.join_key)
    chosen = [aliased(exp.AnyValue(this=column(name, "t")), name) for name in columns if name != key]
    return select(
        [aliased(column(key, "t"), key), *chosen],
        table,
        where=trees.all_of(_counted(asset, period, "t")),
        group=[column(key, "t")],
        having=exp.EQ(this=exp.Count(this=exp.Star()), expression=integer(1)),
    )


def _kept(rows: Rows) -> tuple[Asset, ...]:
    """The assets whose columns tell a row apart; the others follow from the key."""
    return (rows.own,) if rows.other is None else (rows.own, rows.other)


def _owner(asset: Asset, snapshot: int) -> str:
    return asset.owner if snapshot == 0 else f"{asset.owner}@{snapshot}"


def _table(asset: Asset, snapshot: int, alias: str) -> exp.Table:
    return trees.asset(_owner(asset, snapshot), asset.name, alias)


def _again(table: str, alias: str) -> exp.Table:
    return exp.Table(
        this=exp.Identifier(this=table, quoted=False), alias=exp.TableAlias(this=exp.Identifier(this=alias, quoted=False))
    )


def _column(asset: Asset, name: str, alias: str) -> exp.Column:
    return column(_name(asset, name), alias)


def _name(asset: Asset, name: str) -> str:
    found = asset.schema.get(name)
    assert found is not None  # noqa: S101  judged before
    return found.name
