"""DDL that only Unity Catalog knows: catalogs, row filters, masks, grants, owners."""

from __future__ import annotations

from collections.abc import Callable

from cleanroom_core.simulator import securables
from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.groups import grants
from cleanroom_core.simulator.privileges import holds, is_metastore_admin, need, owns, record_of
from cleanroom_core.simulator.sql import abac, delta
from cleanroom_core.simulator.sql.failure import SqlFailure, no_permission, no_table
from cleanroom_core.simulator.sql.words import Words, upper_snake
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_KINDS = {
    ("CLEAN", "ROOM"): "clean_room",
    ("CATALOG",): "catalog",
    ("SCHEMA",): "schema",
    ("DATABASE",): "schema",
    ("TABLE",): "table",
    ("VIEW",): "table",
    ("FUNCTION",): "function",
    ("METASTORE",): "metastore",
}
Full = Callable[[str], str]


def run(call: Call, statement: str, full: Full) -> bool:
    """Execute the statement when it is one of these; False when it is none. Raises SqlFailure and Refusal."""
    words = Words(statement)
    if words.begins("CREATE", "CATALOG"):
        _create_catalog(call, words)
    elif words.begins("DROP", "CATALOG"):
        _drop_catalog(call, words)
    elif words.begins("GRANT"):
        _grant(call, words, full, give=True)
    elif words.begins("REVOKE"):
        _grant(call, words, full, give=False)
    elif words.begins("CREATE", "OR", "REPLACE", "POLICY"):
        abac.create_policy(call, words, replace=True)
    elif words.begins("CREATE", "POLICY"):
        abac.create_policy(call, words, replace=False)
    elif words.begins("DROP", "POLICY"):
        abac.drop_policy(call, words)
    elif words.begins("ALTER"):
        return _alter(call, words, full)
    else:
        return False
    return True


def _create_catalog(call: Call, words: Words) -> None:
    lenient = words.begins("IF", "NOT", "EXISTS")
    name = words.name()
    comment = words.text() if words.begins("COMMENT") else ""
    words.end()
    need(call, "metastore", call.workspace.metastore_id, "CREATE_CATALOG")
    if not (lenient and call.get("catalog", name)):
        securables.create_catalog(call, name, comment)


def _drop_catalog(call: Call, words: Words) -> None:
    lenient = words.begins("IF", "EXISTS")
    name = words.name()
    cascade = words.begins("CASCADE")
    words.begins("RESTRICT")
    words.end()
    if lenient and call.get("catalog", name) is None:
        return
    record_of(call, "catalog", name)
    need(call, "catalog", name, "MANAGE")
    securables.drop(call, "catalog", name, cascade)


def _kind(words: Words) -> str:
    for spelled, kind in _KINDS.items():
        if words.begins(*spelled):
            return kind
    raise SqlFailure("PARSE_SYNTAX_ERROR", "The statement names no kind of securable.", "42601")


def _named(call: Call, words: Words, kind: str, full: Full) -> str:
    if kind == "metastore":
        return call.workspace.metastore_id
    name = words.name()
    return full(name) if kind in ("table", "function") else name


def _grant(call: Call, words: Words, full: Full, give: bool) -> None:
    privileges = upper_snake(words.until("ON"))
    words.expect("ON")
    kind = _kind(words)
    name = _named(call, words, kind, full)
    words.expect("TO" if give else "FROM")
    principal = words.principal()
    words.end()
    record_of(call, kind, name)
    grants.change(call, kind, name, principal, privileges if give else [], [] if give else privileges)


def _alter(call: Call, words: Words, full: Full) -> bool:
    kind = _kind(words)
    name = _named(call, words, kind, full)
    if words.begins("SET", "OWNER", "TO") or words.begins("OWNER", "TO"):
        _set_owner(call, kind, name, words)
    elif kind == "table" and words.begins("SET", "ROW", "FILTER"):
        _set_row_filter(call, name, words, full)
    elif kind == "table" and words.begins("DROP", "ROW", "FILTER"):
        words.end()
        _put(call, name, {**_table(call, name), "row_filter": None})
    elif kind == "table" and words.begins("ALTER", "COLUMN"):
        return _alter_column(call, name, words, full)
    else:
        return False
    return True


def _set_owner(call: Call, kind: str, name: str, words: Words) -> None:
    principal = words.principal()
    words.end()
    record = record_of(call, kind, name)
    if not (owns(call, kind, name) or holds(call, kind, name, "MANAGE") or is_metastore_admin(call)):
        raise no_permission("MANAGE", kind.capitalize(), name)
    if call.get("principal", principal) is None and call.get("group", principal) is None:
        raise SqlFailure("PRINCIPAL_DOES_NOT_EXIST", f"Principal '{principal}' does not exist.")
    call.put("room" if kind == "clean_room" else kind, name, {**record, "owner": principal})


def _table(call: Call, name: str) -> Json:
    """The record of a table that this caller may govern."""
    record = call.get("table", name)
    if record is None:
        raise no_table(name)
    if not holds(call, "table", name, "MANAGE"):
        raise no_permission("MANAGE", "Table", name)
    if record["table_type"] == "VIEW":
        raise SqlFailure("EXPECT_TABLE_NOT_VIEW", f"`{name}` is a view; filters and masks are for tables.", "42809")
    return record


def _set_row_filter(call: Call, name: str, words: Words, full: Full) -> None:
    function = full(words.name())
    words.expect("ON")
    columns = words.names()
    words.end()
    record = _table(call, name)
    body = _function(call, function, len(columns))
    if body["full_data_type"].upper() != "BOOLEAN":
        raise SqlFailure("INVALID_ROW_FILTER", f"A row filter returns BOOLEAN; `{function}` does not.", "42K0E")
    _columns(record, columns)
    _put(call, name, {**record, "row_filter": {"function_name": function, "input_column_names": columns}})


def _alter_column(call: Call, name: str, words: Words, full: Full) -> bool:
    column = words.name()
    for way, change in (("SET", abac.set_tags), ("UNSET", abac.unset_tags)):
        if words.begins(way, "TAGS"):
            _columns(_tagged(call, name), [column])
            change(call, name, column, words)
            return True
    if words.begins("SET", "MASK"):
        function = full(words.name())
        others = words.names() if words.begins("USING", "COLUMNS") else []
        words.end()
        record = _table(call, name)
        body = _function(call, function, 1 + len(others))
        (found,) = _columns(record, [column])
        _columns(record, others)
        if body["full_data_type"].lower() != found["type_text"]:
            raise SqlFailure("INVALID_COLUMN_MASK", f"The mask returns another type than column `{column}` has.", "42K0E")
        mask: Json | None = {"function_name": function, "using_column_names": others}
    elif words.begins("COMMENT"):
        record, said = _table(call, name), words.text()
        words.end()
        (found,) = _columns(record, [column])
        found["comment"] = said
        _put(call, name, record)
        delta.wrote(call, name, "CHANGE COLUMN")
        return True
    elif words.begins("DROP", "MASK"):
        words.end()
        record, mask = _table(call, name), None
        (found,) = _columns(record, [column])
    else:
        return False
    found.pop("mask", None)
    if mask:
        found["mask"] = mask
    _put(call, name, record)
    return True


def _tagged(call: Call, name: str) -> Json:
    record = call.get("table", name)
    if record is None:
        raise no_table(name)
    return record


def _function(call: Call, name: str, arguments: int) -> Json:
    record = call.get("function", name)
    if record is None:
        raise SqlFailure("UNRESOLVED_ROUTINE", f"Cannot resolve routine `{name}`.", "42883")
    if not holds(call, "function", name, "EXECUTE"):
        raise no_permission("EXECUTE", "Routine", name)
    if len(record["input_params"]["parameters"]) != arguments:
        raise SqlFailure("WRONG_NUM_ARGS", f"`{name}` does not take {arguments} arguments.", "42605")
    return record


def _columns(record: Json, names: list[str]) -> list[Json]:
    known = {each["name"].lower(): each for each in record["columns"]}
    for each in names:
        if each not in known:
            raise SqlFailure("UNRESOLVED_COLUMN", f"A column with name `{each}` cannot be resolved.", "42703")
    return [known[each] for each in names]


def _put(call: Call, name: str, record: Json) -> None:
    kept = {key: value for key, value in record.items() if value is not None}
    call.put("table", name, {**kept, "updated_at": now(), "updated_by": call.caller})
