"""Assets are joined by equality of their join keys, and of nothing else, so that a join cannot choose people.

INNER, LEFT and RIGHT. Every join is to an asset that has a row for certain: what would be joined to one that may be unmatched
means something else to every reader.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.reading.scope import Found, Reading, Scope
from cleanroom_core.guard.world import Asset


def joins(reading: Reading) -> Iterator[Finding]:
    names = list(reading.scope.assets)
    for number, join in enumerate(reading.select.args.get("joins") or [], start=1):
        before = [reading.scope.assets[name] for name in names[:number]]
        try:
            _check(join, reading.scope.assets[names[number]], before, reading.scope)
        except Refusal as refusal:
            yield refusal.finding(reading.text)


def _check(join: exp.Join, joined: Asset, before: list[Asset], scope: Scope) -> None:
    if (join.args.get("kind") or "").upper() not in ("", "OUTER" if join.side else "INNER"):
        raise _refused("This join is not by key.", join)
    if join.side == "RIGHT" and len(before) > 1:
        raise _refused("RIGHT JOIN after another join leaves open what is unmatched.", join)
    certain = [asset for asset in before if not _left(asset, join, scope)]
    if using := join.args.get("using"):
        _check_using(using, joined, certain, join)
        return
    condition = join.args.get("on")
    if condition is None:
        raise _refused("This join has no key.", join)
    linked = False
    node = condition.unnest()
    for part in node.flatten() if isinstance(node, exp.And) else [node]:
        part = part.unnest()  # noqa: PLW2901
        if not isinstance(part, exp.EQ) or not all(
            isinstance(side.unnest(), exp.Column) for side in (part.this, part.expression)
        ):
            raise _refused("ON takes equality of join keys only; filters belong into WHERE.", part)
        sides = [scope.resolve(side.unnest()) for side in (part.this, part.expression)]
        for side, node_ in zip(sides, (part.this, part.expression), strict=True):
            _check_side(side, node_)
        among = {side.asset.qualified for side in sides}
        if len(among) == 1:
            raise _refused("Both sides of this equality are of one asset.", part)
        if not among <= {asset.qualified for asset in (joined, *before)}:
            raise _refused("This asset is joined later.", part)
        if any(side.asset in before and side.asset not in certain for side in sides):
            raise _refused("This asset may be unmatched already; nothing is joined to it.", part)
        linked = linked or joined.qualified in among
        _can_match(sides[0].asset, sides[1].asset, part)
    if not linked:
        raise _refused(f"{joined.qualified} is not linked to the others.", join)


def _check_using(using: list[exp.Expr], joined: Asset, certain: list[Asset], join: exp.Join) -> None:
    if len(using) != 1:
        raise _refused("A join is by one key.", join)
    _key(using[0], joined)
    partner = next((asset for asset in certain if _is_key(using[0].name, asset)), None)
    if partner is None:
        raise _refused(f"{using[0].name} is not the join key on the other side.", using[0])
    _can_match(joined, partner, join)


def _left(asset: Asset, join: exp.Join, scope: Scope) -> bool:
    """Whether an earlier LEFT JOIN may have left this asset unmatched."""
    if asset.qualified not in scope.optional:
        return False
    select = join.parent
    assert isinstance(select, exp.Select)  # noqa: S101  joins are clauses of it
    earlier = select.args["joins"][: select.args["joins"].index(join)]
    names = list(scope.assets.values())
    return any(names[number] == asset and one.side == "LEFT" for number, one in enumerate(earlier, start=1)) or any(
        one.side == "RIGHT" and asset in names[:number] for number, one in enumerate(earlier, start=1)
    )


def _check_side(side: Found, at: exp.Expr) -> None:
    if not side.asset.is_key(side.column):
        raise Refusal("JOIN", f"{side} is not the join key of {side.asset.qualified}.",
                      f"Join on {side.asset.rule.join_key}.", clause=side.asset.clause("join_key"), owner=side.asset.owner,
                      at=at, suggestion=side.asset.rule.join_key)  # fmt: skip


def _key(name: exp.Expr, asset: Asset) -> None:
    if not _is_key(name.name, asset):
        raise Refusal("JOIN", f"{name.name} is not the join key of {asset.qualified}.", f"Join on {asset.rule.join_key}.",
                      clause=asset.clause("join_key"), owner=asset.owner, at=name)  # fmt: skip


def _is_key(name: str, asset: Asset) -> bool:
    return name.casefold() == asset.rule.join_key.casefold()


def _can_match(one: Asset, two: Asset, at: exp.Expr) -> None:
    if one.key_token is not None and two.key_token is not None and one.key_token != two.key_token:
        raise Refusal("JOIN_TOKEN", f"The join keys of {one.qualified} and {two.qualified} are tokens of two specs, "
                      f"{one.key_token} and {two.key_token}, and never equal.", "Both sides publish tokens of the same spec.",
                      clause=two.clause("join_key"), owner="both", at=at)  # fmt: skip
    kinds = {column.type.kind for asset in (one, two) if (column := asset.schema.get(asset.rule.join_key)) is not None}
    if len(kinds) > 1:
        raise Refusal("JOIN_TYPE", f"The join keys of {one.qualified} and {two.qualified} are of different types.",
                      "Both sides publish tokens of the same spec.", clause=two.clause("join_key"), owner="both",
                      at=at)  # fmt: skip


def _refused(message: str, at: exp.Expr) -> Refusal:
    return Refusal("JOIN", message, "Write JOIN owner.asset b ON a.key = b.key.", clause="grammar.joins", at=at)
