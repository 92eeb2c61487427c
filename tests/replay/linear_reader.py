"""A reader who adds and subtracts everything a room has ever released, knowing its structure: which row counts in which figure.

The room promises that no combination of released counts and sums is about rows of fewer people than agreed. This looks for one,
by elimination over the true rows: it knows nothing of the guard, of its SQL, or of the certification, and shares no code with
them. Every statement is turned into a list of its rows by itself, and every released figure must be what those rows add up to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import sqlglot
from numpy.typing import NDArray
from sqlglot import exp

PRIME = 2_147_483_629  # another one than any certificate's is likely to be
ONCE = "_once"  # behind the name of a joined table: its keys that occur more than once match nobody
TRIES = 60  # orders of columns in which small combinations are looked for


@dataclass(frozen=True)
class Wanted:
    """One aggregate of a statement: `kind` rows | people | counted | sum | mean | spread, of a column; `table`: whose it is."""

    name: str
    kind: str
    column: str | None
    table: str | None = None


@dataclass(frozen=True)
class Listed:
    """A statement as a list of rows: `sql` returns the base row, its person, the rows joined to it, keys, then per aggregate
    whether and with which value."""

    sql: str
    base: str  # the table whose rows are counted
    others: tuple[str, ...]
    keys: tuple[str, ...]
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True)
class Figure:
    """A released figure: which rows of a table count in it, and how often. `quantity`: `rows`, or the column that is summed."""

    step: int
    base: str
    quantity: str
    rows: Mapping[int, int]


@dataclass
class Reader:
    """Keeps the true tables beside a played session. `tables`: frames by qualified name; `unit`: the column of people.

    `rounded`: measures with the bound to which their sums may be rounded in a joined question; such a sum is not exact and
    has to lie near the truth."""

    tables: Mapping[str, Any]
    unit: str
    minimum: int
    rounded: Mapping[str, int] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    people: dict[tuple[str, int], str] = field(default_factory=dict)
    unexplained: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = duckdb.connect()
        self.owners: dict[str, str] = {}
        for qualified, frame in self.tables.items():
            owner, name = qualified.split(".")
            self.owners[name] = owner
            self.connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{owner}"')
            self.connection.register("frame", frame)
            self.connection.execute(f"CREATE TABLE {owner}.{name}_now AS SELECT row_number() OVER () AS row_, * FROM frame")
            self.connection.unregister("frame")
            self.connection.execute(f"CREATE TABLE {owner}.{name}_gone (who VARCHAR)")
        self.states: list[dict[str, str]] = []
        self._versions = 0
        self._freeze()

    # what happens to the room

    def event(self, step: Mapping[str, Any]) -> None:
        kind = step["event"]
        if kind == "period":
            self.states = []
            self._freeze()
        elif kind != "set":
            name = step["table"].split(".")[-1]
            table = f"{self.owners[name]}.{name}"
            if kind == "revoke":
                who = f"SELECT {self.unit} FROM {table}_now WHERE {step['where']}"
                self.connection.execute(f"INSERT INTO {table}_gone {who}")
                self._keep({known: self._without(view) for known, view in self.states[-1].items()})
            elif kind == "update":
                values = ", ".join(f"{column} = {_literal(value)}" for column, value in step["set"].items())
                self.connection.execute(f"UPDATE {table}_now SET {values} WHERE {step['where']}")
            elif kind == "append":
                for row in step["rows"]:
                    columns, values = ", ".join(row), ", ".join(_literal(value) for value in row.values())
                    new = f"(SELECT max(row_) + 1 FROM {table}_now)"
                    self.connection.execute(f"INSERT INTO {table}_now (row_, {columns}) VALUES ({new}, {values})")

    def _freeze(self) -> None:
        views = {}
        for name, owner in self.owners.items():
            self._versions += 1
            views[name] = f"{owner}.{name}_{self._versions}"
            self.connection.execute(f"CREATE TABLE {views[name]} AS SELECT * FROM {owner}.{name}_now")
        self._keep({name: self._without(view) for name, view in views.items()})

    def _without(self, view: str) -> str:
        """A copy of the table without those who have opted out by now."""
        name = view.split(".")[1].rsplit("_", 1)[0]
        self._versions += 1
        made = f"{self.owners[name]}.{name}_{self._versions}"
        gone = f"SELECT who FROM {self.owners[name]}.{name}_gone"
        self.connection.execute(f"CREATE TABLE {made} AS SELECT * FROM {view} WHERE {self.unit} NOT IN ({gone})")
        return made

    def _keep(self, state: dict[str, str]) -> None:
        self.states.append(state)

    # what is released

    def read(self, step: int, sql: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Take the figures of one answer. Every figure must be what its rows add up to, in some state of this period."""
        listed = listing(sql, tuple(columns), self.unit)
        states = [self._members(listed, state) for state in reversed(self.states)]
        places = {name: place for place, name in enumerate(columns)}
        for row in rows:
            label = tuple(_plain(row[places[key]]) for key in listed.keys)
            for number, wanted in enumerate(listed.wanted):
                shown = row[places[wanted.name]]
                if shown is None or (isinstance(shown, str) and not _is_number(shown)):
                    continue  # fewer than, withheld, no value
                bound = self.rounded.get(wanted.column or "") if listed.others else None
                for cells in states:
                    if self._explains(step, listed.base, wanted, Decimal(str(shown)), cells.get(label, []), number, bound):
                        break
                else:
                    self.unexplained.append(f"step {step}: {wanted.name} of {label} is {shown}")

    def sizes(self, sql: str, columns: Sequence[str]) -> dict[tuple[Any, ...], tuple[int, int]]:
        """Rows and people of every true cell of a statement now, whether or not it may be released."""
        listed = listing(sql, tuple(columns), self.unit)
        keys = "".join(f"k{number}, " for number in range(len(listed.keys)))
        counted = f"SELECT {keys}count(*), count(DISTINCT who_) FROM ({self._over(listed, self.states[-1])})"
        counted += f" GROUP BY {keys[:-2]}" if keys else ""
        return {tuple(map(_plain, found[:-2])): (found[-2], found[-1]) for found in self.connection.execute(counted).fetchall()}

    def _members(self, listed: Listed, state: Mapping[str, str]) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
        cells: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        width, others = len(listed.keys), len(listed.others)
        for found in self.connection.execute(self._over(listed, state)).fetchall():
            row, who, joined, rest = found[0], found[1], found[2 : 2 + others], found[2 + others :]
            if who is None:
                continue
            rows = {listed.base: row, **{name: one for name, one in zip(listed.others, joined, strict=True) if one is not None}}
            self.people |= dict.fromkeys(rows.items(), who)
            label = tuple(_plain(label) for label in rest[:width])
            cells.setdefault(label, []).append((rows, who, *rest[width:]))
        return cells

    def _over(self, listed: Listed, state: Mapping[str, str]) -> str:
        """The list's SQL over the tables of one state."""
        sql = listed.sql
        for name, view in state.items():
            once = f"SELECT * FROM {view} QUALIFY count(*) OVER (PARTITION BY {self.unit}) = 1"
            sql = sql.replace(f'"{self.owners[name]}"."{name}{ONCE}"', f"({once})")
            sql = sql.replace(f'"{self.owners[name]}"."{name}"', view)
        return sql

    def _explains(
        self, step: int, base: str, wanted: Wanted, shown: Decimal, cell: list[tuple[Any, ...]], number: int, bound: int | None
    ) -> bool:
        """Whether these rows make this figure; if so it is kept."""
        counted = [(rows, who, Decimal(str(value))) for rows, who, *values in cell if (value := values[number]) is not None]
        total = sum((value for _, _, value in counted), Decimal(0))
        if bound is not None and wanted.kind in ("sum", "mean"):
            rounded = shown if wanted.kind == "sum" else (shown * len(counted)).quantize(Decimal("0.01"))
            if rounded % bound == 0 and abs(rounded - total) <= bound:
                return True
        if wanted.kind == "people":
            return shown == max(self.minimum, len({who for _, who, _ in counted}) // 10 * 10)
        if wanted.kind in ("rows", "counted") and shown != len(counted):
            return False
        if wanted.kind == "sum" and shown != total:
            return False
        if wanted.kind == "mean" and (not counted or abs(shown - total / len(counted)) > Decimal("1e-6")):
            return False
        quantities = {"rows": ["rows"], "counted": ["rows"], "mean": ["rows", wanted.column], "sum": [wanted.column],
                      "spread": [] if bound is not None else [wanted.column, f"{wanted.column} squared"]}  # fmt: skip
        for quantity in quantities[wanted.kind]:
            for name in {base, base if quantity == "rows" else wanted.table or base}:
                weights = Counter(rows[name] for rows, _, _ in counted)
                self.figures.append(Figure(step, name, str(quantity), weights))
        return True

    def smallest(self) -> tuple[int, str, frozenset[str]] | None:
        """The fewest people found in one combination of figures: their number, the quantity, who; None when there is none
        below the minimum."""
        found: list[tuple[int, str, frozenset[str]]] = []
        for base, quantity in sorted({(figure.base, figure.quantity) for figure in self.figures}):
            rows = [figure.rows for figure in self.figures if (figure.base, figure.quantity) == (base, quantity)]
            people = {row: self.people[base, row] for row in frozenset().union(*rows)}
            if (who := isolated(rows, people, self.minimum)) is not None:
                found.append((len(who), f"{base}: {quantity}", who))
        return min(found, key=lambda one: one[0], default=None)


def isolated(figures: Sequence[Mapping[int, int]], people: Mapping[int, str], minimum: int) -> frozenset[str] | None:
    """Fewer than `minimum` people whose rows alone some combination of the figures is about; None when none is found. A figure
    says how often a row counts in it.

    Rows that count in the same figures are one column. A combination that touches few people is zero on every column of many,
    so that those are eliminated first; what is left lives on the small columns and is searched in several orders."""
    rows = sorted(people)
    matrix = np.array([[figure.get(row, 0) for row in rows] for figure in figures], dtype=np.int64)
    matrix = matrix.reshape(len(figures), len(rows))
    columns, place = np.unique(matrix, axis=1, return_inverse=True)
    place = place.reshape(-1)
    holders = [frozenset(people[rows[i]] for i in np.flatnonzero(place == c)) for c in range(columns.shape[1])]
    used = [c for c in range(columns.shape[1]) if columns[:, c].any()]
    many = [c for c in used if len(holders[c]) >= minimum]
    few = sorted((c for c in used if len(holders[c]) < minimum), key=lambda c: -len(holders[c]))
    left = _vanishing(columns[:, many + few], len(many))
    dice = np.random.default_rng(5)
    best: frozenset[str] | None = None
    order = np.arange(len(few))
    for attempt in range(TRIES if len(left) > 1 else 1):
        if attempt:
            weights = np.array([len(holders[c]) for c in few], dtype=float) * dice.random(len(few)) ** 2
            order = np.argsort(-weights)
        for vector in _echelon(left[:, order]) if len(left) else []:
            touched = frozenset().union(*(holders[few[order[i]]] for i in np.flatnonzero(vector)))
            if touched and len(touched) < minimum and (best is None or len(touched) < len(best)):
                best = touched
    return best


def _vanishing(matrix: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """A basis of the combinations that are zero on the first columns, without those columns."""
    reduced = _echelon(matrix)
    return reduced[~reduced[:, :first].any(axis=1), first:]


def _echelon(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """Reduced row echelon form modulo PRIME, without zero rows."""
    work = matrix % PRIME
    rank = 0
    for column in range(work.shape[1]):
        if rank == work.shape[0]:
            break
        pivots = np.flatnonzero(work[rank:, column])
        if not len(pivots):
            continue
        pivot = rank + int(pivots[0])
        work[[rank, pivot]] = work[[pivot, rank]]
        work[rank] = work[rank] * pow(int(work[rank, column]), -1, PRIME) % PRIME
        others = np.flatnonzero(work[:, column])
        others = others[others != rank]
        work[others] = (work[others] - work[others, column][:, None] * work[rank]) % PRIME
        rank += 1
    return work[:rank]


# from a statement to its rows


def listing(sql: str, columns: Sequence[str], unit: str) -> Listed:
    """Read a statement of plain aggregates, FILTER and CASE over joined tables; AssertionError for what none should use."""
    select = sqlglot.parse_one(sql, dialect="databricks")
    assert isinstance(select, exp.Select), sql
    tables = [select.args["from_"].this, *(join.this for join in select.args.get("joins") or [])]
    base = _bearing(tables)
    alias = base.alias_or_name
    keys, wanted, listed = [], [], []
    for item, name in zip(select.expressions, columns, strict=True):
        inner = item.unalias()
        if inner.find(exp.AggFunc):
            one, value = _aggregate(inner, name)
            wanted.append(one)
            listed.append(value)
        else:
            keys.append((name, inner))
    labels = (exp.alias_(key.copy(), f"k{number}") for number, (_, key) in enumerate(keys))
    others = {table.alias_or_name: table.name for table in tables if table is not base}
    joined = [exp.alias_(exp.column("row_", other), f"row_{other}") for other in others]
    rows = exp.select(exp.column("row_", alias), exp.alias_(exp.column(unit, alias), "who_"), *joined, *labels, *listed).from_(
        select.args["from_"].this.copy()
    )
    for join in select.args.get("joins") or []:
        rows.append("joins", join.copy())
    if select.args.get("where"):
        rows.set("where", select.args["where"].copy())
    for table in rows.find_all(exp.Table):
        name = table.name if table.name == base.name else f"{table.name}{ONCE}"
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias_or_name)))
        table.set("this", exp.to_identifier(name, quoted=True))
        table.set("db", exp.to_identifier(table.db, quoted=True))
    wanted = [replace(one, table=others.get(one.table or "", base.name)) for one in wanted]
    return Listed(rows.sql(dialect="duckdb"), base.name, tuple(others.values()), tuple(name for name, _ in keys), tuple(wanted))


def _bearing(tables: Sequence[exp.Table]) -> exp.Table:
    """The table whose rows a joined question counts: the one with several rows per person."""
    return next((table for table in tables if table.name in ("sales", "visits")), tables[0])


def _aggregate(node: exp.Expression, name: str) -> tuple[Wanted, exp.Expression]:
    condition: exp.Expression | None = None
    if isinstance(node, exp.Filter):
        node, condition = node.this, node.expression.this
    if isinstance(node, exp.CountIf):
        return Wanted(name, "rows", None), _when(node.this, exp.Literal.number(1))
    argument = node.this
    if isinstance(argument, exp.Distinct):
        inner = argument.expressions[0]
        inner, condition = _conditional(inner, condition)
        return Wanted(name, "people", None), _when(condition, exp.Literal.number(1))
    inner, condition = _conditional(argument, condition)
    if isinstance(inner, exp.Star | exp.Literal):
        return Wanted(name, "rows", None), _when(condition, exp.Literal.number(1))
    column = inner.name
    if isinstance(node, exp.Count):
        value = exp.Case(
            ifs=[exp.If(this=exp.Not(this=exp.Is(this=inner.copy(), expression=exp.Null())), true=exp.Literal.number(1))]
        )
        return Wanted(name, "counted", column, inner.table), _when(condition, value)
    kind = "sum" if isinstance(node, exp.Sum) else "mean" if isinstance(node, exp.Avg) else "spread"
    return Wanted(name, kind, column, inner.table), _when(condition, inner)


def _conditional(node: exp.Expression, condition: exp.Expression | None) -> tuple[exp.Expression, exp.Expression | None]:
    if isinstance(node, exp.Case) and node.this is None and len(node.args["ifs"]) == 1:
        branch, default = node.args["ifs"][0], node.args.get("default")
        value, met = branch.args["true"], branch.this
        if default is not None and value == exp.Literal.number(0):  # the other rows count
            value, met = default, exp.Not(this=exp.Paren(this=met))
        return value, met if condition is None else exp.And(this=condition, expression=met)
    return node, condition


def _when(condition: exp.Expression | None, value: exp.Expression) -> exp.Expression:
    return value.copy() if condition is None else exp.Case(ifs=[exp.If(this=condition.copy(), true=value.copy())])


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return repr(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else "'" + str(value) + "'"


def _plain(label: Any) -> Any:
    """A label as the answer's JSON writes it."""
    if isinstance(label, datetime | date):
        return label.isoformat()[:10]
    return label


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False
