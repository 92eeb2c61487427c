"""ABAC in SQL: policies and column tags, kept as the API keeps them. Neither changes what a query returns here."""

from __future__ import annotations

from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.groups import policies
from cleanroom_core.simulator.privileges import need
from cleanroom_core.simulator.sql.failure import SqlFailure
from cleanroom_core.simulator.sql.words import Words
from cleanroom_core.simulator.strict import Json


def create_policy(call: Call, words: Words, replace: bool) -> None:
    """`name ON kind name ROW FILTER | COLUMN MASK function TO ... EXCEPT ... FOR TABLES ...`, in the documentation's order."""
    given: Json = {"name": words.principal(), "for_securable_type": "TABLE"}
    words.expect("ON")
    given |= {"on_securable_type": words.principal().upper(), "on_securable_fullname": words.name()}
    if words.begins("COMMENT"):
        given["comment"] = words.text()
    mask = words.begins("COLUMN", "MASK")
    if not mask:
        words.expect("ROW", "FILTER")
    options: Json = {"function_name": words.name()}
    words.expect("TO")
    given["to_principals"] = words.listed()
    if words.begins("EXCEPT"):
        given["except_principals"] = words.listed()
    words.expect("FOR", "TABLES")
    if words.begins("WHEN"):
        given["when_condition"] = words.slice("MATCH", "ON", "USING")
    if words.begins("MATCH", "COLUMNS"):
        given["match_columns"] = _matched(words)
    if mask:
        words.expect("ON", "COLUMN")
        options["on_column"] = words.name()
    if words.begins("USING", "COLUMNS"):
        options["using"] = [{"alias": each} for each in words.names()]
    words.end()
    given |= {"policy_type": f"POLICY_TYPE_{'COLUMN_MASK' if mask else 'ROW_FILTER'}"}
    if call.get("function", options["function_name"]) is None:
        raise SqlFailure("UNRESOLVED_ROUTINE", f"Cannot resolve routine `{options['function_name']}`.", "42883")
    policies.create(call, {**given, "column_mask" if mask else "row_filter": options}, replace)


def _matched(words: Words) -> list[Json]:
    found = []
    while True:
        condition = words.slice("AS")
        words.expect("AS")
        found.append({"condition": condition, "alias": words.name()})
        if not words.begins(","):
            return found


def drop_policy(call: Call, words: Words) -> None:
    name = words.principal()
    words.expect("ON")
    kind, on = words.principal(), words.name()
    words.end()
    policies.delete(call, kind.lower(), on, name)


def set_tags(call: Call, table: str, column: str, words: Words) -> None:
    """`SET TAGS ('key' = 'value', ...)` of a column."""
    need(call, "table", table, "APPLY_TAG")
    words.expect("(")
    tags = call.get("tags", f"{table}.{column}") or {}
    while True:
        key = words.text()
        tags[key] = words.text() if words.begins("=") else ""
        if not words.begins(","):
            break
    words.expect(")")
    words.end()
    call.put("tags", f"{table}.{column}", tags)


def unset_tags(call: Call, table: str, column: str, words: Words) -> None:
    need(call, "table", table, "APPLY_TAG")
    words.expect("(")
    tags = call.get("tags", f"{table}.{column}") or {}
    while True:
        tags.pop(words.text(), None)
        if not words.begins(","):
            break
    words.expect(")")
    words.end()
    call.put("tags", f"{table}.{column}", tags)
