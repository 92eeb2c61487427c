"""DataFrame methods: what each makes of a relation, and the facts of those that write, show or fetch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.cell import Place
from cleanroom_core.notebooks.facts import Called, Collected, Defined, Facts, Matched, Shown, Unread, Written
from cleanroom_core.notebooks.flow.columns import names_in, parsed
from cleanroom_core.notebooks.flow.meaning import Judgement, has_aggregate
from cleanroom_core.notebooks.flow.observing import observe
from cleanroom_core.notebooks.flow.query import conjuncts, filtered, output_name
from cleanroom_core.notebooks.flow.state import Environment, full_name, keep_view
from cleanroom_core.notebooks.flow.target import spelled
from cleanroom_core.notebooks.flow.text import SqlText, unknown
from cleanroom_core.notebooks.flow.values import Frame, Groups, Many, Pairs, Writer, column, data, flat, tree
from cleanroom_core.notebooks.relation import Counts, Meaning, Relation, joined
from cleanroom_core.notebooks.settings import Settings

_FETCHING = frozenset({
    "toPandas", "collect", "first", "head", "take", "tail", "toLocalIterator", "foreach", "foreachPartition", "toArrow",
    "pandas_api", "to_pandas_on_spark", "toJSON", "rdd",
})  # fmt: skip
_SHOWING = frozenset({"show", "display"})
_ROW_FUNCTIONS = frozenset(
    {"mapInPandas", "mapInArrow", "applyInPandas", "applyInArrow", "apply", "cogroup", "applyInPandasWithState"}
)
_VIEWS = frozenset(
    {"createOrReplaceTempView", "createTempView", "createOrReplaceGlobalTempView", "createGlobalTempView", "registerTempTable"}
)
_UNIONS = frozenset({"union", "unionAll", "unionByName", "intersect", "intersectAll"})
_JOINS = {"leftsemi": "semi", "semi": "semi", "leftanti": "anti", "anti": "anti", "inner": "inner", "cross": "cross"}
_PATHS = frozenset({"save", "parquet", "csv", "json", "orc", "text", "xml", "jdbc", "start"})
_TABLES = frozenset({"saveAsTable", "insertInto", "toTable", "table"})
_COMMITS = frozenset({"create", "createOrReplace", "append", "overwrite", "replace", "overwritePartitions"})
_GROUPINGS = frozenset({"groupBy", "groupby", "rollup", "cube"})
_ENDS = _FETCHING | _SHOWING | _VIEWS | {"writeTo", "count", "isEmpty"}
_SHAPES = (
    _GROUPINGS
    | _UNIONS
    | _ROW_FUNCTIONS
    | {"select", "selectExpr", "filter", "where", "agg", "join", "crossJoin", "distinct", "dropDuplicates", "drop_duplicates"}
)
TELLTALE = (
    _FETCHING - {"first", "head", "take", "tail", "foreach", "toJSON"}
    | _SHOWING
    | _VIEWS
    | {"writeTo", "mapInPandas", "mapInArrow"}
)
"""Methods so much Spark's own that whatever has them is a DataFrame."""


@dataclass
class FrameReader:
    """`sides`: relations by the name that `df["x"]` and `df.x` put before their column."""

    facts: Facts
    settings: Settings
    environment: Environment
    sides: dict[str, Relation] = field(default_factory=dict)

    def side(self, relation: Relation) -> str:
        name = f"frame {len(self.sides)}"
        self.sides[name] = relation
        return name

    def judgement(self, relation: Relation, group: frozenset[str] = frozenset(), rows: Counts = Counts.ROWS) -> Judgement:
        def resolve(node: exp.Column) -> Meaning:
            if node.table in self.sides:
                known = relation.columns.get(node.name.lower())
                return known if known is not None and not relation.aliases else self.sides[node.table].meaning(node.name)
            return relation.meaning(node.name, node.table)

        return Judgement(resolve, self.settings, group, rows=rows)

    def call(self, frame: Frame, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        """The value of `frame.name(arguments)`."""
        if name in _ENDS:
            return self._ended(frame, name, arguments, place)
        if name in _SHAPES:
            return self._shaped(frame.relation, name, arguments, named, place)
        return Frame(self._renamed(frame.relation, name, arguments, place))

    def _ended(self, frame: Frame, name: str, arguments: list[Any], place: Place) -> Any:
        """Methods after which it is no DataFrame any more."""
        first = arguments[0] if arguments else None
        if name in _FETCHING:
            return self._fetched(frame, name, place)
        if name in _VIEWS:
            prefix = "global_temp." if "Global" in name else ""
            keep_view(self.environment, prefix + spelled(tree(first), {}), frame.relation)
            return None
        if name == "writeTo":
            return Writer(frame.relation, spelled(tree(first), {}))
        if name in _SHOWING:
            self.facts.add(Shown(place, f"{name}() of a table"))
        return data()

    def _shaped(self, relation: Relation, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        """Methods that change which rows and columns there are."""
        first = arguments[0] if arguments else next(iter(named.values()), None)
        if name in ("select", "selectExpr"):
            texts = name == "selectExpr"
            return Frame(self._selected(relation, [self._tree(value, texts) for value in flat(arguments)], place))
        if name in ("filter", "where"):
            return Frame(self._filtered(relation, self._tree(first, True), place))
        if name in _GROUPINGS:
            return Groups(relation, tuple(self._tree(value) for value in flat(arguments)))
        if name == "agg":
            return Frame(self.aggregated(Groups(relation, ()), arguments, place))
        if name in ("join", "crossJoin"):
            return Frame(self._joined(relation, arguments, named, place))
        if name in _UNIONS:
            other = first.relation if isinstance(first, Frame) else Relation.table("?")
            return Frame(relation.either(other))
        if name == "distinct" and relation.columns and not relation.opens and not relation.aggregated:
            return Frame(relation.grouped(frozenset(relation.columns), relation.columns))
        if name in ("dropDuplicates", "drop_duplicates") and first is not None:
            return Frame(relation if relation.aggregated else replace(relation, unique=frozenset(names_in(first))))
        if name in _ROW_FUNCTIONS:
            self.facts.add(Defined(place, name))
            return Frame(Relation(opens=relation.tables, tables=relation.tables))
        return Frame(relation)

    def _fetched(self, frame: Frame, name: str, place: Place) -> Any:
        if not frame.relation.tables and frame.value is not None:
            return frame.value
        if frame.relation.tables:
            self.facts.add(Collected(place, name))
        return data()

    def _tree(self, value: Any, is_sql: bool = False) -> exp.Expr:
        if not is_sql or not isinstance(value, SqlText):
            return column(value)
        read = parsed(value)
        if read is None:
            self.facts.add(Unread(value.at(0), "cannot be read as Databricks SQL"))
        return read if read is not None else unknown()

    def _observed(self, nodes: Iterable[exp.Expr], judgement: Judgement, place: Place) -> None:
        for node in nodes:
            observe(node, judgement, self.facts, place)

    def _selected(self, relation: Relation, nodes: list[exp.Expr], place: Place) -> Relation:
        if any(map(has_aggregate, nodes)):
            return self._aggregate(relation, [], nodes, place)
        judgement = self.judgement(relation)
        self._observed(nodes, judgement, place)
        columns: dict[str, Meaning] = {}
        renamed: dict[str, str] = {}
        opens: frozenset[str] = frozenset()
        for number, node in enumerate(nodes):
            if node.is_star:
                columns |= relation.columns
                opens |= relation.opens
                continue
            name = output_name(node, number)
            columns[name] = judgement.of(node)
            if isinstance(node.unalias(), exp.Column):
                renamed[node.unalias().name.lower()] = name
        return relation.projected(columns, renamed, opens)

    def _filtered(self, relation: Relation, condition: exp.Expr, place: Place) -> Relation:
        judgement = self.judgement(relation)
        self._observed([condition], judgement, place)
        return filtered(relation, condition, judgement, self.facts, lambda _: place)

    def _renamed(self, relation: Relation, name: str, arguments: list[Any], place: Place) -> Relation:
        """Methods that add, rename or drop columns; all others (orderBy, cache, limit ...) change nothing a rule looks at."""
        texts = [value.text for value in flat(arguments) if isinstance(value, SqlText)]
        if name == "withColumn" and texts and len(arguments) > 1:
            return self._with_columns(relation, {texts[0]: arguments[1]}, place)
        if name in ("withColumns", "withColumnsRenamed") and arguments and isinstance(arguments[0], Pairs):
            pairs = arguments[0].items
            if name == "withColumns":
                return self._with_columns(relation, dict(pairs), place)
            for old, new in pairs.items():
                relation = (
                    self._renamed(relation, "withColumnRenamed", [old, new], place) if isinstance(new, SqlText) else relation
                )
            return relation
        if name == "withColumnRenamed" and len(arguments) > 1 and isinstance(arguments[1], SqlText):
            old = (arguments[0].text if isinstance(arguments[0], SqlText) else str(arguments[0])).lower()
            new = arguments[1].text.lower()
            columns = {new if key == old else key: found for key, found in relation.columns.items()}
            columns.setdefault(new, relation.meaning(old))
            return relation.projected(columns, {old: new}, relation.opens)
        if name == "toDF" and len(texts) == len(relation.columns):
            renamed = dict(zip(relation.columns, (text.lower() for text in texts), strict=True))
            return relation.projected({renamed[key]: found for key, found in relation.columns.items()}, renamed, relation.opens)
        if name == "drop":
            dropped = {node.name.lower() for node in map(column, flat(arguments))}
            return replace(relation, columns={key: found for key, found in relation.columns.items() if key not in dropped})
        if name in ("alias", "as") and texts:
            return relation.called(texts[0])
        return relation

    def _with_columns(self, relation: Relation, added: dict[str, Any], place: Place) -> Relation:
        judgement = self.judgement(relation)
        nodes = {name.lower(): tree(value) for name, value in added.items()}
        self._observed(nodes.values(), judgement, place)
        return replace(relation, columns={**relation.columns, **{name: judgement.of(node) for name, node in nodes.items()}})

    # groups

    def aggregated(self, groups: Groups, arguments: list[Any], place: Place) -> Relation:
        """`groups.agg(...)`, with column expressions or a dict from column to function."""
        nodes: list[exp.Expr] = []
        for value in flat(arguments):
            if isinstance(value, Pairs):
                for name, function in value.items.items():
                    called = function.text if isinstance(function, SqlText) else "unknown_value"
                    nodes.append(_labelled(called, name))
            else:
                nodes.append(tree(value))
        return self._aggregate(groups.relation, list(groups.keys), nodes, place)

    def grouped(self, groups: Groups, name: str, arguments: list[Any], place: Place) -> Any:
        """The value of `groups.name(arguments)`."""
        if name == "agg":
            return Frame(self.aggregated(groups, arguments, place))
        if name == "pivot" and arguments:
            return groups
        if name in _ROW_FUNCTIONS:
            self.facts.add(Defined(place, name))
            return Frame(Relation(opens=groups.relation.tables, tables=groups.relation.tables))
        if name == "count":
            counted = exp.alias_(exp.Anonymous(this="count", expressions=[exp.Star()]), "count", quoted=True)
            return Frame(self._aggregate(groups.relation, list(groups.keys), [counted], place))
        nodes = [_labelled(name, text) for text in names_in(Many(tuple(flat(arguments))))]
        return Frame(self._aggregate(groups.relation, list(groups.keys), nodes, place))

    def _aggregate(self, relation: Relation, keys: list[exp.Expr], nodes: list[exp.Expr], place: Place) -> Relation:
        names = {output_name(key, number): key for number, key in enumerate(keys)}
        group = frozenset(names)
        bare = {name: key.unalias() for name, key in names.items()}
        sources = frozenset(key.name.lower() if isinstance(key, exp.Column) else name for name, key in bare.items())
        judgement = self.judgement(relation, group, relation.rows_count(sources, self.settings.is_person))
        self._observed([*keys, *nodes], judgement, place)
        columns = {name: judgement.of(key) for name, key in names.items()}
        for number, node in enumerate(nodes):
            columns[output_name(node, len(keys) + number)] = judgement.of(node)
        return relation.grouped(group, columns, sources)

    # joins

    def _joined(self, left: Relation, arguments: list[Any], named: dict[str, Any], place: Place) -> Relation:
        other = arguments[0] if arguments else named.get("other")
        right = other.relation if isinstance(other, Frame) else Relation.table("?")
        on = arguments[1] if len(arguments) > 1 else named.get("on")
        how = arguments[2] if len(arguments) > 2 else named.get("how")
        kind = (how.text if isinstance(how, SqlText) else "inner").lower().replace("_", "")
        kind = _JOINS.get(kind, kind.removesuffix("outer") or "full")
        if on is None:
            return joined(left, right, frozenset(), "cross")
        if isinstance(on, SqlText) or (isinstance(on, Many) and names_in(on)):
            names = frozenset(names_in(on))
            for name in sorted(names):
                self.facts.add(Matched(place, left.meaning(name), right.meaning(name)))
            return joined(left, right, names, kind)
        names = frozenset[str]()
        for part in (part for value in flat([on]) for part in conjuncts(tree(value))):
            names |= self._compared(left, right, part, place)
        return joined(left, right, names, kind)

    def _compared(self, left: Relation, right: Relation, part: exp.Expr, place: Place) -> frozenset[str]:
        if not isinstance(part, (exp.EQ, exp.NullSafeEQ)):
            return frozenset()
        both = replace(joined(left, right, frozenset(), "cross"), columns={})
        judgement = self.judgement(both)
        self._observed([part], judgement, place)
        self.facts.add(Matched(place, judgement.of(part.left), judgement.of(part.right)))
        names = {side.name.lower() for side in (part.left, part.right) if isinstance(side, exp.Column)}
        return frozenset(names) if len(names) == 1 else frozenset()

    # writing

    def write(self, writer: Writer, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        """The value of `writer.name(arguments)`; a writer again, until one of them writes."""
        given = (named[word] for word in ("name", "tableName", "path", "url", "source") if word in named)
        first = arguments[0] if arguments else next(given, None)
        if name == "format" and isinstance(first, SqlText):
            self.facts.add(Called(place, "format", first.text))
            return writer.of_format(first.text)
        target = None
        if name in _TABLES:
            target = full_name(self.environment, spelled(tree(first), {}))
        elif name in _PATHS:
            target = spelled(tree(first), {}) if first is not None else "?"
            self.facts.add(Called(place, "format" if name == "jdbc" else "path", "jdbc" if name == "jdbc" else target))
        elif name in _COMMITS and writer.target is not None:
            target = full_name(self.environment, writer.target)
        if target is None:
            return writer
        self.facts.add(Written(place, writer.relation, target))
        if name not in _PATHS:
            keep_view(self.environment, target, writer.relation)
        return None


def _labelled(function: str, name: str) -> exp.Expr:
    """`sum(name)` under the label Spark gives it."""
    called = exp.Anonymous(this=function.lower(), expressions=[exp.column(name)])
    return exp.alias_(called, f"{function}({name})", quoted=True)
