"""What Delta keeps of a table beside its rows: a history of what was done to it, and properties somebody gave it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from sqlglot import exp

from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.privileges import holds, may_read
from cleanroom_core.simulator.sql.database import Rows
from cleanroom_core.simulator.sql.failure import SqlFailure, no_permission, no_table
from cleanroom_core.simulator.sql.words import Words
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

KIND = "history"
_SHOW = re.compile(r"\s*SHOW\b", re.IGNORECASE)  # the tokenizer leaves whatever comes after it as one text
# docs.databricks.com, "Table properties": reserved, SET TBLPROPERTIES and TBLPROPERTIES refuse them
_RESERVED = frozenset(("external", "location", "owner", "provider", "is_managed_location"))


def run(call: Call, statement: str, full: Callable[[str], str]) -> Rows | None:
    """Execute the statement when it is about these; None when it is not. Raises SqlFailure."""
    words = Words(statement)
    if words.begins("DESCRIBE", "HISTORY"):
        return _history(call, words, full)
    if (shown := _SHOW.match(statement)) and (rest := Words(statement[shown.end() :])).begins("TBLPROPERTIES"):
        return _shown(call, rest, full)
    if words.begins("COMMENT", "ON", "TABLE"):
        return _comment(call, words, full)
    return None


def wrote(call: Call, name: str, operation: str) -> None:
    """One more version of a table, whatever kind of change it was; replacing a table goes on counting."""
    versions = [*(call.get(KIND, name) or {"versions": []})["versions"]]
    versions.append({"version": len(versions), "timestamp": now(), "user": call.caller, "operation": operation})
    call.put(KIND, name, {"versions": versions})


def created(tree: exp.Create) -> str:
    """The name of the operation in the history of the table."""
    words = ["CREATE OR REPLACE TABLE" if tree.args.get("replace") else "CREATE TABLE"]
    return " ".join([*words, "AS SELECT"] if isinstance(tree.expression, exp.Query) else words)


def properties(tree: exp.Create) -> dict[str, str]:
    """Those of CREATE TABLE ... TBLPROPERTIES. Raises SqlFailure for one that cannot be set."""
    given = tree.args.get("properties")
    found: dict[str, str] = {}
    for each in given.expressions if given is not None else ():
        if type(each) is exp.Property:
            name = each.this.name if isinstance(each.this, exp.Literal | exp.Identifier) else each.this.sql("databricks")
            if name.lower() in _RESERVED:
                raise SqlFailure("UNSUPPORTED_FEATURE.SET_TABLE_PROPERTY", f"`{name}` is a reserved table property.", "0A000")
            if name in found:
                raise SqlFailure("DUPLICATE_KEY", f"Found duplicate keys `{name}`.", "23505")
            found[name] = each.args["value"].name
    return found


def _history(call: Call, words: Words, full: Callable[[str], str]) -> Rows:
    name = full(words.name())
    limit = int(words.number()) if words.begins("LIMIT") else None
    words.end()
    _readable(call, name)
    versions = list(reversed((call.get(KIND, name) or {"versions": []})["versions"]))
    kept = versions if limit is None else versions[:limit]
    columns = [
        ("version", "BIGINT"),
        ("timestamp", "TIMESTAMP WITH TIME ZONE"),
        ("userName", "VARCHAR"),
        ("operation", "VARCHAR"),
    ]
    return Rows(columns, [(each["version"], _moment(each["timestamp"]), each["user"], each["operation"]) for each in kept])


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def _shown(call: Call, words: Words, full: Callable[[str], str]) -> Rows:
    name = full(words.name())
    words.end()
    record = _readable(call, name)
    return Rows([("key", "VARCHAR"), ("value", "VARCHAR")], sorted((record.get("properties") or {}).items()))


def _comment(call: Call, words: Words, full: Callable[[str], str]) -> Rows:
    name = full(words.name())
    words.expect("IS")
    said = None if words.begins("NULL") else words.text()
    words.end()
    record = call.get("table", name)
    if record is None:
        raise no_table(name)
    if not holds(call, "table", name, "MODIFY"):
        raise no_permission("MODIFY", "Table", name)
    call.put("table", name, {**record, "comment": said or ""})
    wrote(call, name, "SET TBLPROPERTIES")
    return Rows((), ())


def _readable(call: Call, name: str) -> Json:
    record = call.get("table", name)
    if record is None:
        raise no_table(name)
    if not may_read(call, name):
        raise no_permission("SELECT", "Table", name)
    return record
