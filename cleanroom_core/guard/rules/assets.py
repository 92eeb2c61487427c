"""FROM and JOIN name registered assets, each once."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.reading.scope import Reading, registered


def assets(reading: Reading) -> Iterator[Finding]:
    found = False
    for table in _tables(reading):
        try:
            registered(table, reading.world)
        except Refusal as refusal:
            found = True
            yield refusal.finding(reading.text)
    if found:
        return
    try:
        scope = reading.scope
    except Refusal as refusal:
        yield refusal.finding(reading.text)
        return
    for asset in scope.assets.values():  # a rule about columns that the share-safe table does not have protects nothing
        for what, name in (("privacy_unit", asset.rule.privacy_unit), ("join_key", asset.rule.join_key)):
            if asset.schema.get(name) is None:
                yield Finding("RULE", f"The share-safe table of {asset.qualified} has no column {name}, its {what}.",
                              "Its owner publishes a table with that column, or corrects the rule.", asset.clause(what),
                              asset.owner)  # fmt: skip


def _tables(reading: Reading) -> list:  # type: ignore[type-arg]
    source = reading.select.args.get("from_")
    return ([source.this] if source else []) + [join.this for join in reading.select.args.get("joins") or []]
