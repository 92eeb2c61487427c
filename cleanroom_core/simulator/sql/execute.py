"""One statement: what kind it is, what it needs, what it changes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from cleanroom_core.simulator import securables
from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.privileges import holds
from cleanroom_core.simulator.refusal import Refusal
from cleanroom_core.simulator.sql import delta, identifier, unity, values
from cleanroom_core.simulator.sql.database import Rows, physical
from cleanroom_core.simulator.sql.failure import SqlFailure, no_permission, no_table, not_played
from cleanroom_core.simulator.sql.rewrite import Resolver, Rewriter, parsed
from cleanroom_core.simulator.strict import Json

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # statements it does not know are refused by us, not warned about
_NOTHING = Rows((), ())


@dataclass
class Session:
    """Where statements run: what names mean, the side that new tables belong to, parameters, temporary views."""

    call: Call
    resolver: Resolver
    parameters: Mapping[str, exp.Expr] = field(default_factory=dict)
    temporary: dict[str, exp.Expr] = field(default_factory=dict)
    unity: bool = True  # whether catalogs, grants, filters and masks may be changed here

    def run(self, statement: str) -> Rows:
        """Execute one statement. Raises SqlFailure."""
        text = identifier.resolve(statement, self.parameters)
        try:
            if self.unity:
                if unity.run(self.call, text, self._full):
                    return _NOTHING
                found = delta.run(self.call, text, self._full)
                if found is not None:
                    return found
            return self._run(parsed(text))
        except Refusal as refusal:
            raise SqlFailure(refusal.code, refusal.message) from refusal

    def _full(self, name: str) -> str:
        return self.resolver.target(tuple(name.split(".")))

    def _run(self, tree: exp.Expr) -> Rows:
        if isinstance(tree, exp.Query):
            return self.call.database.run(self._rewritten(tree))
        if isinstance(tree, exp.Create):
            return self._create(tree)
        if isinstance(tree, exp.Drop):
            return self._drop(tree)
        if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)):
            return self._change(tree)
        if isinstance(tree, exp.Describe):
            return self._describe(tree)
        raise not_played(f"{tree.sql(dialect='databricks').split(' ')[0].upper()} statements of this form")

    def _rewritten(self, tree: exp.Expr) -> exp.Expr:
        return Rewriter(self.resolver, self.parameters, self.temporary).rewritten(tree)

    def _create(self, tree: exp.Create) -> Rows:
        kind = str(tree.args["kind"]).upper()
        if kind == "SCHEMA" and self.unity:
            return self._create_schema(tree)
        if kind == "FUNCTION" and self.unity:
            return self._create_function(tree)
        if kind == "VIEW" and tree.find(exp.TemporaryProperty) and len(tree.this.parts) == 1:
            self.temporary[tree.this.name.lower()] = self._rewritten(tree.expression)
            return _NOTHING
        if kind not in ("TABLE", "VIEW") or tree.find(exp.TemporaryProperty, exp.LocationProperty):
            raise not_played(f"this form of CREATE {kind}")
        return self._create_table(tree, view=kind == "VIEW")

    def _target(self, node: exp.Expr | None) -> str:
        found = node if isinstance(node, exp.Table) else node.find(exp.Table) if node is not None else None
        if found is None:
            raise SqlFailure("PARSE_SYNTAX_ERROR", "The statement names no table.", "42601")
        return self.resolver.target(tuple(part.name.lower() for part in found.parts))

    def _create_schema(self, tree: exp.Create) -> Rows:
        parts = [part.name.lower() for part in (tree.this.args.get("catalog"), tree.this.args.get("db")) if part]
        if len(parts) != 2:
            raise not_played("CREATE SCHEMA without a catalog")
        if not (tree.args.get("exists") and self.call.get("schema", ".".join(parts))):
            securables.create_schema(self.call, *parts)
        return _NOTHING

    def _free(self, tree: exp.Create, kind: str, name: str, privilege: str) -> bool:
        """Whether the object is to be made: False when it exists and that is fine. Raises SqlFailure."""
        schema = name.rsplit(".", 1)[0]
        if not (holds(self.call, "schema", schema, privilege) and holds(self.call, "schema", schema, "USE_SCHEMA")):
            raise no_permission(privilege, "Schema", schema)
        if self.call.get(kind, name) is None:
            return True
        if tree.args.get("exists"):
            return False
        if not tree.args.get("replace"):
            condition = "ROUTINE_ALREADY_EXISTS" if kind == "function" else "TABLE_OR_VIEW_ALREADY_EXISTS"
            raise SqlFailure(condition, f"`{name}` already exists.", "42P07", "BAD_REQUEST")
        if not holds(self.call, kind, name, "MANAGE"):
            raise no_permission("MANAGE", kind.capitalize(), name)
        return True

    def _create_function(self, tree: exp.Create) -> Rows:
        name = self._target(tree.this)
        if not self._free(tree, "function", name, "CREATE_FUNCTION"):
            return _NOTHING
        returns = tree.find(exp.ReturnsProperty)
        body = tree.expression.this if isinstance(tree.expression, exp.Return) else tree.expression
        if returns is None or body is None or returns.args.get("is_table"):
            raise not_played("functions other than SQL ones that RETURN one value")
        parameters = [
            {"name": each.name.lower(), "type_text": _type(each.args.get("kind")), "position": number}
            for number, each in enumerate(tree.this.expressions)
        ]
        kind = _type(returns.this)
        record = {
            **securables.stamped(self.call),
            "input_params": {"parameters": parameters},
            "data_type": kind.split("(", maxsplit=1)[0].upper(),
            "full_data_type": kind,
            "routine_body": "SQL",
            "routine_definition": body.sql(dialect="databricks"),
        }
        self.call.put("function", name, record)
        return _NOTHING

    def _create_table(self, tree: exp.Create, view: bool) -> Rows:
        name = self._target(tree.this)
        if not self._free(tree, "table", name, "CREATE_TABLE"):
            return _NOTHING
        query = tree.expression
        old = self.call.get("table", name)
        if old and (old["table_type"] == "VIEW") != view:
            raise SqlFailure("EXPECT_TABLE_NOT_VIEW", f"`{name}` exists as something else.", "42809")
        record: Json = {**securables.stamped(self.call), "table_type": "VIEW" if view else "MANAGED"}
        if view:
            record["view_definition"] = self._qualified(query).sql(dialect="databricks")
            inner = exp.Subquery(this=self._rewritten(query), alias=exp.TableAlias(this=exp.to_identifier("v")))
            found = self.call.database.run(exp.select("*").from_(inner).limit(0))
            columns = list(found.columns)
        else:
            record |= {"data_source_format": "DELTA", "properties": delta.properties(tree)}
            self.call.database.run(self._physical_create(tree, name))
            columns = self.call.database.columns(self.call.place, name)
        comments = {each.name.lower(): each for each in tree.find_all(exp.ColumnDef)}
        record["columns"] = [
            {**values.of_column(column, kind, number), **_comment(comments.get(column.lower()))}
            for number, (column, kind) in enumerate(columns)
        ]
        about = tree.find(exp.SchemaCommentProperty)
        if about is not None:
            record["comment"] = about.name
        self.call.put("table", name, record)
        if not view:
            delta.wrote(self.call, name, delta.created(tree))
        return _NOTHING

    def _physical_create(self, tree: exp.Create, name: str) -> exp.Expr:
        place, replace = physical(self.call.place, name), True  # whether it may be replaced was asked before
        if isinstance(tree.expression, exp.Query):
            return exp.Create(this=place, kind="TABLE", replace=replace, expression=self._rewritten(tree.expression))
        if not isinstance(tree.this, exp.Schema):
            raise not_played("CREATE TABLE without columns or a query")
        defined = []
        for each in tree.this.find_all(exp.ColumnDef):
            constraints = each.args.get("constraints", ())
            kept = [part for part in constraints if isinstance(part.args["kind"], exp.NotNullColumnConstraint)]
            defined.append(exp.ColumnDef(this=each.this.copy(), kind=each.args["kind"].copy(), constraints=kept))
        return exp.Create(this=exp.Schema(this=place, expressions=defined), kind="TABLE", replace=replace)

    def _qualified(self, query: exp.Expr) -> exp.Expr:
        """The query with three-level names, as a view keeps it."""
        copy = query.copy()
        own = {cte.alias_or_name.lower() for cte in copy.find_all(exp.CTE)}
        for table in copy.find_all(exp.Table):
            parts = tuple(part.name.lower() for part in table.parts)
            if isinstance(table.this, exp.Identifier) and not (len(parts) == 1 and parts[0] in own):
                whole = self.resolver.target(parts).split(".") if len(parts) < 3 else list(parts)
                for key, part in zip(("catalog", "db", "this"), whole, strict=True):
                    table.set(key, exp.to_identifier(part, quoted=True))
        return copy

    def _drop(self, tree: exp.Drop) -> Rows:
        kind, (node, *more) = str(tree.args["kind"]).upper(), tree.args["tables"]
        if more:
            raise not_played("DROP of several at once")
        if kind == "SCHEMA" and self.unity:
            parts = [part.name.lower() for part in (node.args.get("catalog"), node.args.get("db")) if part]
            name, record_kind = ".".join(parts), "schema"
        elif kind in ("TABLE", "VIEW") or (kind == "FUNCTION" and self.unity):
            name, record_kind = self._target(node), "function" if kind == "FUNCTION" else "table"
        else:
            raise not_played(f"DROP {kind}")
        if self.call.get(record_kind, name) is None:
            if tree.args.get("exists"):
                return _NOTHING
            raise no_table(name)
        if not holds(self.call, record_kind, name, "MANAGE"):
            raise no_permission("MANAGE", record_kind.capitalize(), name)
        securables.drop(self.call, record_kind, name, bool(tree.args.get("cascade")))
        return _NOTHING

    def _change(self, tree: exp.Expr) -> Rows:
        if tree.args.get("overwrite"):
            raise not_played("INSERT OVERWRITE")
        schema = tree.this if isinstance(tree.this, exp.Schema) else None
        node = schema.this if schema is not None else tree.this
        name = self._target(node)
        record = self.call.get("table", name)
        if record is None:
            raise no_table(name)
        if not holds(self.call, "table", name, "MODIFY"):
            raise no_permission("MODIFY", "Table", name)
        copy = tree.copy()
        old = copy.this.this if schema is not None else copy.this
        new = physical(self.call.place, name)
        new.meta["physical"] = True
        if not isinstance(tree, exp.Insert):
            new.set("alias", old.args.get("alias") or exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
        old.replace(new)
        found = self.call.database.run(self._rewritten(copy))
        delta.wrote(self.call, name, "WRITE" if isinstance(tree, exp.Insert) else type(tree).__name__.upper())
        return found

    def _describe(self, tree: exp.Describe) -> Rows:
        name = self._target(tree.this)
        record = self.call.get("table", name)
        if record is None or not holds(self.call, "table", name, "SELECT"):
            raise no_table(name)
        rows = [(each["name"], each["type_text"], each.get("comment")) for each in record["columns"]]
        return Rows([("col_name", "VARCHAR"), ("data_type", "VARCHAR"), ("comment", "VARCHAR")], rows)


def _type(kind: exp.Expr | None) -> str:
    if kind is None:
        raise SqlFailure("PARSE_SYNTAX_ERROR", "A parameter has no type.", "42601")
    return kind.sql(dialect="databricks").lower()


def _comment(column: exp.ColumnDef | None) -> Json:
    found = column.find(exp.CommentColumnConstraint) if column is not None else None
    return {"comment": found.name} if found is not None else {}
