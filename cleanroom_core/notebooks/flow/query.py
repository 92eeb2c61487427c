"""SELECT by SELECT: from the tables read to what is known about the result, with the facts met on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from sqlglot import exp

from cleanroom_core.notebooks.cell import Place
from cleanroom_core.notebooks.facts import Called, Facts, Guarded, Matched, function_name
from cleanroom_core.notebooks.flow.meaning import Judgement, Resolve, has_aggregate
from cleanroom_core.notebooks.flow.observing import observe
from cleanroom_core.notebooks.flow.parsing import Statement
from cleanroom_core.notebooks.flow.state import Environment, full_name, view
from cleanroom_core.notebooks.flow.target import table_name
from cleanroom_core.notebooks.relation import PLAIN, Guard, Meaning, Relation, joined
from cleanroom_core.notebooks.settings import Settings

_ROWLESS = frozenset({"range", "sequence"})


@dataclass(frozen=True)
class QueryReader:
    """Reads the queries of one statement. `environment` knows the temp views; CTEs live in a copy of it."""

    statement: Statement
    environment: Environment
    facts: Facts
    settings: Settings

    def read(self, query: exp.Expr, outer: Relation | None = None) -> Relation:
        """What is known about the result of a query."""
        inner = self._with_ctes(query)
        if isinstance(query, exp.Subquery):
            return inner._named(inner.read(query.this, outer), query)
        if isinstance(query, exp.SetOperation):
            left, right = inner.read(query.left, outer), inner.read(query.right, outer)
            names = dict(zip(right.columns, left.columns, strict=False))
            return left.either(replace(right, columns={names.get(name, name): found for name, found in right.columns.items()}))
        if isinstance(query, exp.Select):
            return inner._select(query, outer)
        if isinstance(query, exp.Values):
            return inner._named(Relation(), query)
        if isinstance(query, exp.Table):
            return inner._source(query)
        return Relation.table("?")  # whatever this is, it may be about people

    def _with_ctes(self, query: exp.Expr) -> QueryReader:
        with_ = query.args.get("with_")
        if with_ is None:
            return self
        reader = replace(self, environment=dict(self.environment))
        for cte in with_.expressions:
            reader.environment[f"view {cte.alias.lower()}"] = reader._named(reader.read(cte.this), cte)
        return reader

    @staticmethod
    def _named(relation: Relation, node: exp.Expr) -> Relation:
        """Under the alias of the node, with its column names where it gives any."""
        names = [name.lower() for name in node.alias_column_names]
        if names and relation.columns:
            old = list(relation.columns)
            renamed = dict(zip(old, names, strict=False))
            columns = {renamed.get(name, name): found for name, found in relation.columns.items()}
            relation = relation.projected(columns, renamed, relation.opens)
        elif names:
            columns = dict.fromkeys(names, PLAIN) if not relation.tables else {}
            relation = replace(relation, columns=columns)
        return relation.called(node.alias) if node.alias else relation

    # FROM

    def _source(self, node: exp.Expr) -> Relation:
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Anonymous):
            name = full_name(self.environment, table_name(node, self.statement.sql.stands))
            stands = self.statement.sql.stands.get(node.name)
            given = getattr(stands, "relation", None)
            known = given or view(self.environment, table_name(node, self.statement.sql.stands)) or view(self.environment, name)
            relation = known if isinstance(known, Relation) else Relation.table(name)
            if name.lower().startswith("system.") or ".information_schema." in name.lower():
                relation = Relation()
            alias = node.alias or name.rpartition(".")[2]
            return self._named(relation, node).called(alias)
        if isinstance(node, exp.Table):
            self._call(node.this)
            name = function_name(node.this)
            return self._named(Relation() if name in _ROWLESS else Relation.table(f"{name}()"), node)
        return self.read(node)

    def _call(self, call: exp.Expr) -> None:
        first = call.expressions[0] if call.expressions else None
        text = str(first.this) if isinstance(first, exp.Literal) else ""
        self.facts.add(Called(self.statement.place(call), f"sql.{function_name(call)}", text))

    def _from(self, select: exp.Select, outer: Relation | None) -> Relation:
        found = select.args.get("from_")
        relation = self._source(found.this) if found is not None else Relation()
        for join in select.args.get("joins") or []:
            relation = self._join(relation, self._source(join.this), join)
        for lateral in select.args.get("laterals") or []:
            told = Judgement(self._resolver(relation, outer), self.settings).of(lateral.this)
            columns = {**relation.columns, **dict.fromkeys((name.lower() for name in lateral.alias_column_names), told)}
            relation = replace(relation, columns=columns)
        return relation

    def _join(self, left: Relation, right: Relation, join: exp.Join) -> Relation:
        kind = (join.kind or join.side or "inner").lower()
        kind = (join.side or "full").lower() if kind == "outer" else kind
        names = frozenset(name.name.lower() for name in join.args.get("using") or [])
        if join.method == "NATURAL":
            names |= left.columns.keys() & right.columns.keys()
        for name in names:
            self.facts.add(Matched(self.statement.place(join), left.meaning(name), right.meaning(name)))
        both = joined(left, right, frozenset(), "cross")
        on = join.args.get("on")
        if on is not None:
            names |= self._compared(on, both)
        result = joined(left, right, names, kind)
        return (
            self._filtered(result, on, Judgement(self._resolver(result, None), self.settings))
            if kind == "inner" and on
            else result
        )

    def _compared(self, condition: exp.Expr, both: Relation) -> frozenset[str]:
        """Note what a condition compares; the names that are the same on both sides."""
        judgement = Judgement(self._resolver(both, None), self.settings)
        observe(condition, judgement, self.facts, self.statement.place(condition))
        names = set()
        for part in conjuncts(condition):
            if isinstance(part, (exp.EQ, exp.NullSafeEQ)):
                left, right = judgement.of(part.left), judgement.of(part.right)
                self.facts.add(Matched(self.statement.place(part), left, right))
                columns = {side.name.lower() for side in (part.left, part.right) if isinstance(side, exp.Column)}
                names |= columns if len(columns) == 1 else set()
        return frozenset(names)

    # SELECT

    def _resolver(
        self, relation: Relation, outer: Relation | None, aliases: Mapping[str, Meaning] = MappingProxyType({})
    ) -> Resolve:
        stands = self.statement.sql.stands

        def resolve(column: exp.Column) -> Meaning:
            if not column.table and column.name in stands:
                value = stands[column.name]
                return Judgement(resolve, self.settings).of(value) if isinstance(value, exp.Expr) else PLAIN
            if not column.table and column.name.lower() in aliases:
                return aliases[column.name.lower()]
            if column.table and column.table.lower() not in relation.aliases and outer is not None:
                return outer.meaning(column.name, column.table)
            return relation.meaning(column.name, column.table)

        return resolve

    def _select(self, select: exp.Select, outer: Relation | None) -> Relation:
        source = self._from(select, outer)
        judgement = Judgement(self._resolver(source, outer), self.settings, answer=lambda query: self.read(query, source))
        where = select.args.get("where")
        if where is not None:
            observe(where.this, judgement, self.facts, self.statement.place(where.this))
            source = self._filtered(source, where.this, judgement)
        for projection in select.expressions:
            observe(projection, judgement, self.facts, self.statement.place(projection))
        grouped = select.args.get("group") is not None or any(map(has_aggregate, select.expressions)) or "having" in select.args
        result = self._grouped(select, source, outer) if grouped else self._projected(select, source, judgement)
        for clause in ("having", "qualify"):
            node = select.args.get(clause)
            if node is not None:
                told = self._over_groups(source, outer, result.columns, list(self._keys(select)))
                observe(node.this, told, self.facts, self.statement.place(node.this))
                result = self._filtered(result, node.this, told)
        if select.args.get("distinct") is not None and not result.aggregated:
            result = replace(result.grouped(frozenset(result.columns), result.columns), opens=result.opens)
        return result

    def _projected(self, select: exp.Select, source: Relation, judgement: Judgement) -> Relation:
        columns: dict[str, Meaning] = {}
        renamed: dict[str, str] = {}
        opens: frozenset[str] = frozenset()
        for number, projection in enumerate(select.expressions):
            if projection.is_star:
                part = source.aliases.get(projection.table.lower(), source) if isinstance(projection, exp.Column) else source
                star = projection.this if isinstance(projection, exp.Column) else projection
                dropped = {name.name.lower() for name in star.args.get("except_") or []}
                columns |= {name: found for name, found in part.columns.items() if name not in dropped}
                opens |= part.opens
            else:
                name = output_name(projection, number)
                columns[name] = judgement.of(projection)
                inner = projection.unalias()
                if isinstance(inner, exp.Column):
                    renamed[inner.name.lower()] = name
        return source.projected(columns, renamed, opens)

    def _grouped(self, select: exp.Select, source: Relation, outer: Relation | None) -> Relation:
        keys = list(self._keys(select))
        judgement = self._over_groups(source, outer, {}, keys)
        columns = {output_name(node, number): judgement.of(node) for number, node in enumerate(select.expressions)}
        return source.grouped(frozenset(name for _, name in keys), columns, _sources(keys))

    def _over_groups(
        self, source: Relation, outer: Relation | None, aliases: Mapping[str, Meaning], keys: list[tuple[exp.Expr, str]]
    ) -> Judgement:
        """Judges what is computed over each group of these keys; `aliases`: what is selected, where it may be named."""
        return Judgement(
            self._resolver(source, outer, aliases),
            self.settings,
            frozenset(name for _, name in keys),
            lambda query: self.read(query, source),
            source.rows_count(_sources(keys), self.settings.is_person),
        )

    def _keys(self, select: exp.Select) -> Iterator[tuple[exp.Expr, str]]:
        """What is grouped by, each with the name it has in the result (its own where it is not selected)."""
        projections = {output_name(node, number): node.unalias() for number, node in enumerate(select.expressions)}
        group = select.args.get("group")
        if group is None:
            return
        parts = [*group.expressions]
        for kind in ("rollup", "cube", "grouping_sets"):
            for sets in group.args.get(kind) or []:
                parts += list(sets.find_all(exp.Column))
        if group.args.get("all") or any(
            isinstance(part, (exp.Column, exp.Var)) and part.name.upper() == "ALL" for part in parts
        ):
            yield from ((node, name) for name, node in projections.items() if not has_aggregate(node))
            return
        for part in parts:
            if isinstance(part, exp.Literal) and not part.is_string and 0 < int(part.this) <= len(projections):
                name = list(projections)[int(part.this) - 1]
                yield projections[name], name
            elif isinstance(part, exp.Column) and not part.table and part.name.lower() in projections:
                yield projections[part.name.lower()], part.name.lower()
            else:
                yield part, next((name for name, node in projections.items() if node == part), part.name.lower() or str(part))

    def _filtered(self, relation: Relation, condition: exp.Expr, judgement: Judgement) -> Relation:
        for part in conjuncts(condition):
            if isinstance(part, exp.In) and part.args.get("query") is not None:
                relation = self._among(relation, part, judgement)
            for inner in part.find_all(exp.Exists):
                self.read(inner.this, relation)
        return filtered(relation, condition, judgement, self.facts, self.statement.place)

    def _among(self, relation: Relation, part: exp.In, judgement: Judgement) -> Relation:
        """IN (SELECT ...): a semi-join on one column."""
        groups = self.read(part.args["query"], relation)
        if len(groups.columns) != 1:
            return relation
        name, told = next(iter(groups.columns.items()))
        self.facts.add(Matched(self.statement.place(part), judgement.of(part.this), told))
        if groups.aggregated and groups.guard is Guard.PEOPLE and groups.keys == {name} and isinstance(part.this, exp.Column):
            return relation.filtered(Guard.PEOPLE, frozenset({part.this.name.lower()}))
        return relation


def _sources(keys: list[tuple[exp.Expr, str]]) -> frozenset[str]:
    """The keys as they were called before they were grouped by."""
    return frozenset(key.name.lower() if isinstance(key, exp.Column) else name for key, name in keys)


def filtered(
    relation: Relation, condition: exp.Expr, judgement: Judgement, facts: Facts, place: Callable[[exp.Expr], Place]
) -> Relation:
    """After a filter, with what it compares and guards noted."""
    for part in conjuncts(condition):
        if isinstance(part, (exp.EQ, exp.NullSafeEQ)):
            facts.add(Matched(place(part), judgement.of(part.left), judgement.of(part.right)))
        guard, per = judgement.guard(part)
        if guard is Guard.PEOPLE:
            facts.add(Guarded(place(part), relation))
        if guard is not Guard.NONE:
            relation = relation.filtered(guard, per)
    return relation


def conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a condition that must all hold."""
    if isinstance(node, exp.And):
        yield from conjuncts(node.left)
        yield from conjuncts(node.right)
    elif isinstance(node, exp.Paren):
        yield from conjuncts(node.this)
    else:
        yield node


def output_name(node: exp.Expr, number: int) -> str:
    """A projection's name in the result, lower-case."""
    return (node.alias_or_name if isinstance(node, (exp.Alias, exp.Column, exp.Dot)) else "").lower() or f"_c{number}"
