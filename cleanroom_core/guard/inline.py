"""WITH, queries in FROM and filters in ON, written out: one flat SELECT over registered assets that means the same.

A query over plain rows becomes part of the one around it: its columns are replaced by what they stand for, its joins and its
WHERE move outside. A query over figures may be read by one query around it, whose WHERE becomes HAVING. A query that makes one
row per person may be aggregated once more (`per_person`). Whatever would not mean the same is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.blocks import Aliases, Block, Names, Passed, Source, Tables, conjuncts, folded
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.joined import is_plain, joined, multiplied, row_bound, sources_of
from cleanroom_core.guard.per_person import bare, left_out, over_people, people_of, per_person, second
from cleanroom_core.guard.reading.constants import is_constant
from cleanroom_core.guard.world import World

Known = Mapping[str, Block]  # tables of WITH by their folded names


def inlined(select: exp.Select, world: World) -> exp.Select:
    """The text as one SELECT over assets; itself when there is nothing to write out. The text has passed the closed grammar.
    Raises Refusal for names that mean nothing and for queries that one SELECT cannot say."""
    if select.args.get("with_") is None and select.find(exp.Subquery) is None and is_plain(select):
        return select
    block, names = _query(select, {}, Tables(world))
    for passed in block.passed if block.group is None else ():
        if (figure := passed.value.find(exp.AggFunc)) is not None:
            raise bare(figure)
    flat = exp.Select(expressions=_items(select, block), from_=exp.From(this=block.source), joins=list(block.joins))
    if block.where:
        flat.set("where", exp.Where(this=trees.all_of(block.where)))
    if block.group:
        flat.set("group", exp.Group(expressions=list(block.group)))
    if block.having:
        flat.set("having", exp.Having(this=trees.all_of(block.having)))
    if order := _order(select, block, names):
        flat.set("order", exp.Order(expressions=order))
    if limit := select.args.get("limit"):
        flat.set("limit", limit.copy())
    return flat


def _query(select: exp.Select, known: Known, tables: Tables) -> tuple[Block, Names]:
    """A query as a block, and what columns mean in it."""
    known = _with(select, known, tables)
    joins = select.args.get("joins") or []
    if not select.args.get("from_"):
        raise Refusal("NO_ASSET", "There is no FROM.", "Name a registered asset.", clause="grammar.from", at=select)
    nodes = [select.args["from_"].this, *(join.this for join in joins)]
    found = [(node, _table(node, known, tables)) for node in nodes]
    if found[0][1].group is not None and not joins and not _aggregates(select):
        names = Names(sources_of(found, joins, tables), tables)
        figures = found[0][1]
        having = (*figures.having, *(names.rewritten(part, {}) for part in _where(select)))
        return replace(figures, passed=_passed(select, names), having=having), names
    found = [(node, block if block.group is None else per_person(block, tables, node)) for node, block in found]
    sources = sources_of(found, joins, tables)
    names = Names(tuple(left_out(one) if one.optional and one.block.people else one for one in sources), tables)
    found_ = joined(joins, names, _where(select))
    names = replace(found_.names, people=people_of(found_.names, found_.joins))
    block = Block(found_.source, _passed(select, names), found_.joins, found_.where, people=names.people)
    for figure in (one for part in block.where for one in part.find_all(exp.AggFunc)):
        raise bare(figure)
    for source in (one for one in names.sources if multiplied(one, names)):
        _row_free(select, source, names)
    if not _aggregates(select):
        return block, names
    block = replace(block, group=_group(select, block, names), people=None)
    aliases = {name: value for name, value in _aliases(block).items() if not _is_key(name, block, names)}
    kept = [_figure(part, names, aliases) for part in conjuncts(_clause(select, "having"))]
    return replace(block, having=tuple(kept)), names


def _with(select: exp.Select, known: Known, tables: Tables) -> Known:
    """The tables a query may name: those around it, and each of its own WITH from the next one on."""
    found = dict(known)
    for cte in select.args["with_"].expressions if select.args.get("with_") is not None else ():
        name = folded(cte.alias)
        if name in found:
            raise Refusal("ALIAS", f"Two queries are called {cte.alias}.", "Give each its own name.", clause="grammar.with",
                          at=cte.args["alias"])  # fmt: skip
        found[name] = _inner(cte, found, tables)
    return found


def _table(node: exp.Expr, known: Known, tables: Tables) -> Block:
    if isinstance(node, exp.Subquery):
        return _inner(node, known, tables)
    if isinstance(node, exp.Table) and not node.db and (block := known.get(folded(node.name))) is not None:
        return block
    return tables.block(node)


def _inner(node: exp.Expr, known: Known, tables: Tables) -> Block:
    """The query of WITH or FROM as a block, its columns called as the list behind its name says."""
    select = node.this.unnest()
    assert isinstance(select, exp.Select)  # noqa: S101  the closed grammar
    if (limit := select.args.get("limit")) is not None:
        raise Refusal("LIMIT", "LIMIT within a query chooses some of its rows.", "Write LIMIT at the end of the text.",
                      clause="grammar.limit", at=limit)  # fmt: skip
    block, _ = _query(select, known, tables)
    alias = node.args.get("alias")
    columns = alias.args.get("columns") if alias is not None else None
    if not columns:
        return block
    if len(columns) != len(block.passed):
        raise Refusal("COLUMN_LIST", f"This names {len(columns)} columns, and the query has {len(block.passed)}.",
                      "Name each column once.", clause="grammar.with", at=columns[0])  # fmt: skip
    named = (Passed(column.name, passed.value, True) for column, passed in zip(columns, block.passed, strict=True))
    return replace(block, passed=tuple(named))


def _passed(select: exp.Select, names: Names) -> tuple[Passed, ...]:
    """The columns of the SELECT list; a star lists those of FROM."""
    aggregates = _aggregates(select)
    reads = names.sources[0].block.group is not None or not (aggregates or select.parent is None)
    passed: list[Passed] = []
    for item in select.expressions:
        inner = item.unalias().unnest()
        if isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star)):
            if not reads:
                raise Refusal("STAR", "A star lists every column.", "Name the dimensions and aggregates.",
                              clause="grammar.select", at=item)  # fmt: skip
            passed += names.star(inner)
        else:
            name = item.alias or (inner.name if isinstance(inner, exp.Column) else None)
            value = _figure(inner, names, {}) if aggregates else names.rewritten(inner, {})
            passed.append(Passed(name, value, bool(item.alias)))
    return tuple(passed)


def _figure(node: exp.Expr, names: Names, aliases: Aliases) -> exp.Expr:
    """An expression beside aggregates, or with one in it."""
    return names.rewritten(node, aliases) if names.people is None else over_people(node, names, names.people, aliases)


def _where(select: exp.Select) -> list[exp.Expr]:
    """The parts of WHERE, as the text has them."""
    where = _clause(select, "where")
    if where is not None and (figure := where.find(exp.AggFunc)) is not None:
        raise Refusal("AGGREGATE", "WHERE is about rows, not about figures.", "Write the condition into HAVING.",
                      clause="grammar.where", at=figure)  # fmt: skip
    return conjuncts(where)


def _row_free(select: exp.Select, source: Source, names: Names) -> None:
    """A gate that decides how many rows there are passes only where nobody looks at that: figures of its own columns, and
    counts of people. Raises Refusal."""
    own = {folded(table.alias) for table in source.block.tables}

    def of_own(node: exp.Expr) -> bool:
        columns = [names.resolve(column) for column in node.find_all(exp.Column)]
        return any(isinstance(one, exp.Case) and {c.table for c in one.find_all(exp.Column)} & own for one in columns)

    for node in select.find_all(exp.AggFunc):
        if isinstance(node, exp.Filter) or isinstance(node.this, exp.Distinct):
            continue
        if not of_own(node):
            raise row_bound(node)
    for clause in (select.args.get("where"), select.args.get("group"), *select.expressions):
        for column in clause.find_all(exp.Column) if clause is not None else ():
            if column.find_ancestor(exp.AggFunc) is None and not _is_output(column, select) and of_own(column):
                raise row_bound(column)


def _is_output(column: exp.Column, select: exp.Select) -> bool:
    return not column.table and folded(column.name) in {folded(item.alias) for item in select.expressions if item.alias}


def _group(select: exp.Select, block: Block, names: Names) -> tuple[exp.Expr, ...]:
    """GROUP BY as expressions: positions and output names would mean something else in another query."""
    group = select.args.get("group")
    if group is None:
        return ()
    if group.args.get("all"):
        return tuple(passed.value.copy() for passed in block.passed if passed.value.find(exp.AggFunc) is None)
    return tuple(_key(node.unnest(), block, names) for node in group.expressions)


def _key(node: exp.Expr, block: Block, names: Names) -> exp.Expr:
    if isinstance(node, exp.Literal) and not node.is_string:
        position = int(node.this) if str(node.this).isdigit() else 0
        if not 1 <= position <= len(block.passed):
            raise Refusal("POSITION", "There is no output column at this position.",
                          f"Positions run from 1 to {len(block.passed)}.", clause="grammar.group_by", at=node)  # fmt: skip
        key = block.passed[position - 1].value.copy()
    else:
        key = names.rewritten(node, {name: value for name, value in _aliases(block).items() if not names.has(name)})
    if is_constant(key):  # a number written here would be read as a position
        raise Refusal("GROUPING", "This is the same for every row.", "Leave it out of GROUP BY.", clause="grammar.group_by",
                      at=node)  # fmt: skip
    if names.people is not None and key.find(exp.AggFunc) is not None:
        raise bare(node)
    return key


def _aliases(block: Block) -> Aliases:
    return {folded(passed.name): passed.value for passed in block.passed if passed.name is not None and passed.given}


def _is_key(name: str, block: Block, names: Names) -> bool:
    """Whether a name that an output has, too, is a column that is grouped by: in HAVING the column comes first."""
    return names.has(name) and names.resolve(exp.Column(this=exp.Identifier(this=name))) in (block.group or ())


def _items(select: exp.Select, block: Block) -> list[exp.Expr]:
    """The SELECT list, each column called as it was in the text."""
    taken = set(_aliases(block))
    items: list[exp.Expr] = []
    for number, passed in enumerate(block.passed):
        name = passed.name
        if name is None and len(select.expressions) == len(block.passed):
            name = _derived(select.expressions[number])
        if name is not None and not passed.given:  # the reader finds a name where this one cannot be an output's
            name = None if folded(name) in taken or not (name.isascii() and name.isidentifier()) else name
            taken.add(folded(name or ""))
        value = passed.value.copy()
        items.append(value if name is None else exp.Alias(this=value, alias=exp.Identifier(this=name, quoted=True)))
    return items


def _derived(item: exp.Expr) -> str | None:
    """What an aggregate of a column is called without a name: avg_spent, after the text and not after what it stands for."""
    if isinstance(item, exp.AggFunc) and isinstance(item.this, exp.Column):
        return f"{type(item).__name__.lower()}_{item.this.name}"
    return None


def _order(select: exp.Select, block: Block, names: Names) -> list[exp.Expr]:
    """ORDER BY, output names as positions; what is the same for every row orders nothing."""
    order: list[exp.Expr] = []
    aggregates = _aggregates(select)
    positions = {folded(one.name): number for number, one in enumerate(block.passed, start=1) if one.name and one.given}
    for item in (_clause(select, "order") or exp.Order(expressions=[])).expressions:
        node = item.this.unnest()
        by: exp.Expr = node.copy()
        if isinstance(node, exp.Column) and not node.table and (position := positions.get(folded(node.name))) is not None:
            by = trees.integer(position)
        elif not isinstance(node, exp.Literal):
            if not aggregates and (figure := node.find(exp.AggFunc)) is not None:
                raise second(figure)
            by = _figure(node, names, _aliases(block))
            if is_constant(by):
                continue
        order.append(exp.Ordered(this=by, **{name: item.args.get(name) for name in ("desc", "nulls_first")}))
    return order


def _aggregates(select: exp.Select) -> bool:
    """Whether a query makes figures, of groups or of all its rows."""
    return bool(_clause(select, "group") or _clause(select, "having")) or any(
        item.find(exp.AggFunc) is not None for item in select.expressions
    )


def _clause(select: exp.Select, name: str) -> exp.Expr | None:
    clause = select.args.get(name)
    return clause if name in ("group", "order") or clause is None else clause.this
