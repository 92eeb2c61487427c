"""FROM and JOIN of a query with blocks in them, as one list of joined assets.

A filter of a block moves into WHERE, unless an outer join may leave the block without a row: then it would drop that row, which
the text keeps.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.blocks import Block, Names, Source, Tables, conjuncts, folded
from cleanroom_core.guard.finding import Refusal


def sources_of(found: list[tuple[exp.Expr, Block]], joins: list[exp.Join], tables: Tables) -> tuple[Source, ...]:
    """Each block of FROM and JOIN by its name; raises Refusal when two have the same, or an asset occurs twice."""
    sources: list[Source] = []
    sides = ["", *(join.side.upper() for join in joins)]
    assets: set[str] = set()
    for number, (node, block) in enumerate(found):
        name = folded(node.alias_or_name) if node.alias_or_name else None
        if name is not None and any(source.name == name for source in sources):
            raise Refusal("ALIAS", f"Two tables of this query are called {name}.", "Give each its own alias.",
                          clause="grammar.joins", at=node)  # fmt: skip
        for table in block.tables:
            asset = tables.assets[table.alias].qualified
            if asset in assets:
                raise Refusal("SELF_JOIN", f"{asset} occurs twice.", "Name each asset once.", clause="grammar.joins", at=node)
            assets.add(asset)
        optional = sides[number] == "LEFT" or "RIGHT" in sides[number + 1 :]
        if optional:
            tables.optional.update(table.alias for table in block.tables)
        owner = folded(node.db) if isinstance(node, exp.Table) and node.db else None
        sources.append(Source(block, name, owner, optional, node))
    return tuple(sources)


def joined(joins: list[exp.Join], names: Names) -> tuple[exp.Table, tuple[exp.Join, ...], tuple[exp.Expr, ...]]:
    """The first table, the joins of the others, and the filters that stood within."""
    first, *others = names.sources
    flat = [join.copy() for join in first.block.joins]
    for number, (join, source) in enumerate(zip(joins, others, strict=True), start=1):
        on, block = _on(join, number, names), source.block
        if block.joins and (join.side or source.optional):
            raise _nested(source.at)
        if block.joins and on is not None:
            block = _led(block, on, source.at)
        kept = {name: value for name in ("kind", "side") if (value := join.args.get(name))}
        flat += [exp.Join(this=block.source.copy(), on=on, **kept), *(inner.copy() for inner in block.joins)]
    where: list[exp.Expr] = []
    for source in names.sources:
        if source.block.where and source.optional:
            raise Refusal("OUTER_JOIN", "An outer join keeps the rows that this filter drops.",
                          "Write the condition into CASE or FILTER of the outer query, or use an inner join.",
                          clause="grammar.joins", at=source.at)  # fmt: skip
        where += [names.tables.copy(part) for part in source.block.where]
    return first.block.source.copy(), tuple(flat), tuple(where)


def _on(join: exp.Join, number: int, names: Names) -> exp.Expr | None:
    """ON, or what USING stands for, over the tables joined so far."""
    before, this = Names(names.sources[:number], names.tables), Names(names.sources[number : number + 1], names.tables)
    if using := join.args.get("using"):
        columns = [exp.Column(this=identifier.copy()) for identifier in using]
        return trees.all_of([exp.EQ(this=before.resolve(column), expression=this.resolve(column)) for column in columns])
    on = join.args.get("on")
    return Names(names.sources[: number + 1], names.tables).rewritten(on, {}) if on is not None else None


def _led(block: Block, on: exp.Expr, at: exp.Expr) -> Block:
    """The block with the table first that ON speaks of, so that each table is joined to one before it."""
    mentioned = _mentioned(on)
    if not mentioned & {join.this.alias for join in block.joins}:
        if any(join.side.upper() == "RIGHT" for join in block.joins):
            raise _nested(at)
        return block
    if any(join.side or join.args.get("on") is None for join in block.joins):
        raise _nested(at)
    waiting = {table.alias: table for table in block.tables}
    links = [part for join in block.joins for part in conjuncts(join.args["on"])]
    start = next(alias for alias in waiting if alias in mentioned)
    source, joins = waiting.pop(start), []
    while waiting:
        alias = next((one for one in waiting if any(_mentioned(link) & waiting.keys() == {one} for link in links)), None)
        if alias is None:
            raise _nested(at)
        own = [link for link in links if _mentioned(link) & waiting.keys() == {alias}]
        links = [link for link in links if link not in own]
        joins.append(exp.Join(this=waiting.pop(alias), on=trees.all_of([link.copy() for link in own]), kind="INNER"))
    return replace(block, source=source, joins=tuple(joins))


def _mentioned(node: exp.Expr) -> set[str]:
    return {column.table for column in node.find_all(exp.Column)}


def _nested(at: exp.Expr) -> Refusal:
    return Refusal("JOIN", "A join within this query cannot be written as one list of joins.",
                   "Join the tables one after the other, in one query.", clause="grammar.joins", at=at)  # fmt: skip
