"""FROM and JOIN of a query, as one list of assets joined on nothing but keys.

What an inner join filters by, in ON or in the query it joins, moves into WHERE; keys that WHERE equates after commas move into
ON. What an outer join filters by decides whether its row is there: it becomes the *gate* of its columns, CASE WHEN gate THEN
column END, over the row that is joined without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from cleanroom_core.guard import trees
from cleanroom_core.guard.blocks import Block, Names, Source, Tables, conjuncts, folded
from cleanroom_core.guard.finding import Refusal
from cleanroom_core.guard.question import bearer

Part = exp.Expr  # of a condition that is ANDed
Link = tuple[exp.Column, exp.Column]  # two join keys that WHERE equates


@dataclass(frozen=True)
class Joined:
    """`names`: what columns mean outside ON, where gates hold. `where`: filters of ON and of joined queries, and what the
    text's own WHERE says beside joining."""

    source: exp.Table
    joins: tuple[exp.Join, ...]
    where: tuple[exp.Expr, ...]
    names: Names


def is_plain(select: exp.Select) -> bool:
    """Whether each join of a SELECT is by USING, or by equalities of columns in ON alone."""
    joins = select.args.get("joins") or []
    return all(join.args.get("using") or all(map(_equates, conjuncts(join.args.get("on")) or [join])) for join in joins)


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


def joined(joins: list[exp.Join], names: Names, where: Sequence[Part]) -> Joined:
    """The first table, the joins of the others, and every filter. `where`: the parts of the text's own WHERE."""
    first = names.sources[0]
    commas = {number for number, join in enumerate(joins, start=1) if _is_comma(join)}
    links, where = _links(where, commas, names)
    flat = [join.copy() for join in first.block.joins]
    sources = [_gated(source, source.block.where) if source.optional else source for source in names.sources]
    inner = [names.tables.copy(part) for one in names.sources if not one.optional for part in one.block.where]
    for number, join in enumerate(joins, start=1):
        source, block = names.sources[number], names.sources[number].block
        on, filters = (_linked(number, links, names), []) if number in commas else _on(join, number, names, sources)
        if join.side:
            outer = number if join.side.upper() == "LEFT" else 0
            sources[outer] = _gated(sources[outer], filters)
        else:
            inner += filters
        if block.joins and (join.side or source.optional):
            raise _nested(source.at)
        if block.joins and on is not None:
            block = _led(block, on, source.at)
        kept = {name: value for name in ("kind", "side") if (value := join.args.get(name))}
        kept |= {"kind": "INNER"} if number in commas and on is not None else {}
        flat += [exp.Join(this=block.source.copy(), on=on, **kept), *(within.copy() for within in block.joins)]
    if gates := [names.tables.copy(part) for source in sources for part in source.gate]:
        flat[0].meta["gate"] = gates  # for the rule about conditions: a gate that no column needs is judged as well
    gated = replace(names, sources=tuple(sources))
    inner += [gated.rewritten(part, {}) for part in where]
    return Joined(first.block.source.copy(), tuple(flat), tuple(inner), gated)


def multiplied(source: Source, names: Names) -> bool:
    """Whether a gated source may have several rows of a person: then its gate says how many rows there are, too."""
    assets = names.tables.assets
    bears = bearer(tuple(assets[table.alias] for one in names.sources for table in one.block.tables))
    return bool(source.gate) and any(assets[table.alias] == bears for table in source.block.tables)


def row_bound(at: exp.Expr) -> Refusal:
    return Refusal("OUTER_JOIN", "An outer join filters an asset with several rows of a person: how many rows stay hangs on "
                   "the filter.", "Count or sum its own columns, or people; or write the condition into CASE or FILTER of each "
                   "aggregate.", clause="grammar.joins", at=at)  # fmt: skip


def _gated(source: Source, gate: Sequence[Part]) -> Source:
    if gate and source.block.people is not None:
        raise Refusal("OUTER_JOIN", "An outer join keeps the rows that this filter drops.",
                      "Write the condition into the query per person, or use an inner join.", clause="grammar.joins",
                      at=source.at)  # fmt: skip
    return replace(source, gate=(*source.gate, *gate)) if gate else source


def _on(join: exp.Join, number: int, names: Names, gated: list[Source]) -> tuple[exp.Expr | None, list[exp.Expr]]:
    """ON over the tables joined so far, or what USING stands for, as the keys it equates and what it filters by. `gated`: the
    tables before it with the gates they have by then."""
    before, this = Names(names.sources[:number], names.tables), Names(names.sources[number : number + 1], names.tables)
    if using := join.args.get("using"):
        columns = [exp.Column(this=identifier.copy()) for identifier in using]
        return trees.all_of([exp.EQ(this=before.resolve(one), expression=this.resolve(one)) for one in columns]), []
    if (on := join.args.get("on")) is None:
        return None, []
    parts = conjuncts(Names(names.sources[: number + 1], names.tables).rewritten(on, {}))
    links = [part for part in parts if _equates(part)]
    if not links:
        return trees.all_of(parts), []  # the rule says what is wrong with it
    seen = Names((*gated[:number], names.sources[number]), names.tables)
    return trees.all_of(links), [seen.rewritten(part, {}) for part in conjuncts(on) if not _equates(part)]


def _is_comma(join: exp.Join) -> bool:
    """A comma is read as CROSS JOIN, which says the same."""
    return join.kind.upper() == "CROSS" and not any(join.args.get(name) for name in ("on", "using", "side", "method"))


def _equates(part: exp.Expr) -> bool:
    """Whether a part of ON is an equality of two columns, as they are."""
    part = part.unnest()
    return isinstance(part, exp.EQ) and all(isinstance(side.unnest(), exp.Column) for side in (part.this, part.expression))


def _links(where: Sequence[Part], commas: set[int], names: Names) -> tuple[list[Link], list[Part]]:
    """The equalities of keys that join what commas list, and the rest of WHERE."""
    links, rest = [], []
    listed = {table.alias for number in commas for table in names.sources[number].block.tables}
    for part in where:
        sides = [names.resolve(side.unnest()) for side in (part.this, part.expression)] if commas and _equates(part) else []
        keys = [side for side in sides if isinstance(side, exp.Column) and names.tables.is_key(side)]
        among = {key.table for key in keys}
        if len(among) == 2 and among & listed:
            links.append((keys[0], keys[1]))
        else:
            rest.append(part)
    return links, rest


def _linked(number: int, links: list[Link], names: Names) -> exp.Expr | None:
    """ON of a table behind a comma: its key equals that of an earlier one, by what WHERE says or what follows from it."""
    own = {table.alias for table in names.sources[number].block.tables}
    earlier = {table.alias for source in names.sources[:number] for table in source.block.tables}
    sides = [side for link in links for side in link]
    same = [side for side in sides if isinstance(side, exp.Column) and side.table in own][:1]
    while grown := [two for link in links for one, two in (link, link[::-1]) if one in same and two not in same]:
        same.append(grown[0])
    partner = next((one for one in same if one.table in earlier), None)
    return exp.EQ(this=partner.copy(), expression=same[0].copy()) if partner is not None else None


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
