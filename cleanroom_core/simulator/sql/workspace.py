"""What names mean in a workspace's own SQL: Unity Catalog's tables, views, filters, masks and functions, for one principal."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

from sqlglot import exp

from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.privileges import holds, may_read, names_of
from cleanroom_core.simulator.sql import system_tables
from cleanroom_core.simulator.sql.database import physical
from cleanroom_core.simulator.sql.failure import SqlFailure, no_permission, no_table
from cleanroom_core.simulator.sql.rewrite import Function, Rewriter, inline, parsed
from cleanroom_core.simulator.strict import Json


@dataclass(frozen=True)
class WorkspaceResolver:
    call: Call
    catalog: str
    schema: str
    principal: str
    depth: int = 0

    def full(self, parts: tuple[str, ...]) -> str:
        """The three-level name; what is missing comes from the statement's catalog and schema."""
        missing = (self.catalog, self.schema)[: 3 - len(parts)]
        return ".".join([*missing, *parts])

    def table(self, parts: tuple[str, ...]) -> exp.Expr:
        name = self.full(parts)
        if name.startswith("system."):
            return system_tables.query(self.call, name)
        record = self.call.get("table", name)
        if record is None:
            raise no_table(name)
        if not may_read(self.call, name, self.principal):
            raise no_permission("SELECT", "Table", name)
        if record["table_type"] == "VIEW":
            inside = self.inside(record["owner"])
            return Rewriter(inside, depth=inside.depth).rewritten(parsed(record["view_definition"]))
        if record.get("row_filter") or any(column.get("mask") for column in record["columns"]):
            return self._guarded(name, record)
        return physical(self.call.place, name)

    def _guarded(self, name: str, record: Json) -> exp.Expr:
        """The table as its filter and masks let this principal see it."""
        source = exp.alias_(physical(self.call.place, name), "guarded", table=True)
        query = exp.select(*(self._column(column) for column in record["columns"])).from_(source)
        guard = record.get("row_filter")
        if guard:
            arguments = [_guarded_column(each) for each in guard["input_column_names"]]
            query = query.where(self._applied(guard["function_name"], arguments))
        return query

    def _column(self, column: Json) -> exp.Expr:
        shown = _guarded_column(column["name"])
        mask = column.get("mask")
        if not mask:
            return shown
        others = [_guarded_column(each) for each in mask.get("using_column_names", ())]
        masked = self._applied(mask["function_name"], [shown, *others])
        return exp.alias_(masked, column["name"], quoted=True)

    def _applied(self, name: str, arguments: list[exp.Expr]) -> exp.Expr:
        found = self._function(name)
        if found is None or len(found.parameters) != len(arguments):
            raise SqlFailure("UC_DEPENDENCY_DOES_NOT_EXIST", f"Function `{name}` does not fit the table's columns.", "42K0E")
        return exp.paren(inline(self, found, arguments, self.depth + 1))

    def function(self, parts: tuple[str, ...]) -> Function | None:
        name = self.full(parts)
        found = self._function(name)
        if found is not None and not holds(self.call, "function", name, "EXECUTE", self.principal):
            raise no_permission("EXECUTE", "Routine", name)
        return found

    def _function(self, name: str) -> Function | None:
        record = self.call.get("function", name.lower())
        if record is None:
            return None
        names = tuple(each["name"] for each in record["input_params"]["parameters"])
        return Function(names, record["routine_definition"], record["owner"])

    def inside(self, owner: str) -> WorkspaceResolver:
        return replace(self, principal=owner, depth=self.depth + 1)

    def target(self, parts: tuple[str, ...]) -> str:
        name = self.full(parts)
        schema = name.rsplit(".", 1)[0]
        if name.startswith("system.") or self.call.get("schema", schema) is None:
            raise SqlFailure("SCHEMA_NOT_FOUND", f"The schema `{schema}` cannot be found.", "42704")
        return name

    def context(self, name: str, arguments: list[str]) -> exp.Expr | None:
        if name in ("current_user", "session_user", "user") and not arguments:
            return exp.Literal.string(self.call.caller)
        if name in ("is_account_group_member", "is_member") and len(arguments) == 1:
            return exp.Boolean(this=arguments[0] in names_of(self.call, self.call.caller) - {self.call.caller})
        if name in ("secret", "try_secret") and len(arguments) == 2:
            return self._secret(arguments[0], arguments[1], lenient=name == "try_secret")
        return None

    def _secret(self, scope: str, key: str, lenient: bool) -> exp.Expr:
        record = self.call.get("scope", scope) or {"acls": {}, "secrets": {}}
        allowed = names_of(self.call, self.principal) & set(record["acls"])
        if allowed and key in record["secrets"]:
            return exp.Literal.string(base64.b64decode(record["secrets"][key]["value"]).decode())
        if lenient:
            return exp.Null()
        raise SqlFailure("INVALID_SECRET_LOOKUP", "The secret cannot be read.", "22531")


def _guarded_column(name: str) -> exp.Expr:
    return exp.column(name, table="guarded", quoted=True)
