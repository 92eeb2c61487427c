"""SQL statements: which write, which name something for later, which show their result, and which nobody can follow."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from cleanroom_core.notebooks.facts import Called, Defined, Facts, Named, Shown, Unread, Written
from cleanroom_core.notebooks.flow.meaning import Judgement
from cleanroom_core.notebooks.flow.observing import observe
from cleanroom_core.notebooks.flow.parsing import Statement, statements
from cleanroom_core.notebooks.flow.query import QueryReader
from cleanroom_core.notebooks.flow.state import Environment, full_name, keep_view, use
from cleanroom_core.notebooks.flow.target import spelled, table_name
from cleanroom_core.notebooks.flow.text import SqlText
from cleanroom_core.notebooks.relation import Relation
from cleanroom_core.notebooks.settings import Settings

_HARMLESS = frozenset({"SHOW", "EXPLAIN", "OPTIMIZE", "ANALYZE", "REFRESH", "COMMENT", "CLEAR", "UNCACHE", "RESET", "REMOVE"})
_NAMES = (exp.Set, exp.Declare)
_SILENT = (
    exp.Drop,
    exp.Describe,
    exp.Cache,
    exp.Uncache,
    exp.Refresh,
    exp.Analyze,
    exp.Comment,
    exp.Transaction,
    exp.Commit,
    exp.Semicolon,
)
_WRITES = (exp.Insert, exp.Merge, exp.Copy, exp.Delete, exp.Update, exp.Alter, exp.TruncateTable)


@dataclass
class SqlReader:
    """Reads statements into facts and into the environment it shares with the Python reader."""

    environment: Environment
    facts: Facts
    settings: Settings

    def run(self, sql: SqlText, shown: bool) -> Relation:
        """All statements of a text; the result of the last query. `shown`: a query's result appears under the cell."""
        last = Relation()
        for statement in statements(sql):
            found = self._run(statement, shown)
            last = found if found is not None else last
        return last

    def _run(self, statement: Statement, shown: bool) -> Relation | None:
        tree = statement.tree
        if tree is None or isinstance(tree, exp.Command):
            self._unparsed(statement)
        elif isinstance(tree, (exp.Query, exp.Values)):
            relation = self._query(statement, tree)
            if shown and relation.tables:
                self.facts.add(Shown(statement.place(), "The result of this query"))
            return relation
        elif isinstance(tree, _WRITES):
            self._written(statement, tree)
        elif isinstance(tree, exp.Create):
            self._create(statement, tree)
        elif isinstance(tree, exp.Cache) and isinstance(tree.expression, exp.Query):
            keep_view(self.environment, table_name(tree.this, statement.sql.stands), self._query(statement, tree.expression))
        elif isinstance(tree, exp.Use):
            kind = "catalog" if str(tree.args.get("kind") or "").upper() == "CATALOG" else "schema"
            use(self.environment, kind, table_name(tree.this, statement.sql.stands))
        elif isinstance(tree, (exp.Grant, exp.Revoke)):
            self.facts.add(Unread(statement.place(), "changes who may read what, which is not a notebook's business"))
        elif isinstance(tree, _NAMES):
            self._names(statement, tree)
        elif not isinstance(tree, _SILENT):
            self.facts.add(Unread(statement.place(), "is a statement that is not known here"))
        return None

    def _written(self, statement: Statement, tree: exp.Expr) -> None:
        """Statements that change a table that is there."""
        relation = Relation()
        if isinstance(tree, exp.Insert):
            query = tree.expression
            if tree.args.get("with_") is not None and query is not None:  # WITH ... INSERT INTO ... SELECT
                query = query.copy()
                query.set("with_", tree.args["with_"].copy())
            relation = self._query(statement, query)
        elif isinstance(tree, exp.Merge):
            relation = self._query(statement, exp.select("*").from_(tree.args["using"].copy()))
        elif isinstance(tree, exp.Copy):
            relation = Relation.table("?")
            for file in tree.args.get("files") or []:
                self.facts.add(Called(statement.place(), "path", str(getattr(file, "this", ""))))
        self._write(statement, tree.expressions[0] if isinstance(tree, exp.TruncateTable) else tree.this, relation)

    def _query(self, statement: Statement, query: exp.Expr | None) -> Relation:
        if query is None:
            return Relation()
        return QueryReader(statement, self.environment, self.facts, self.settings).read(query)

    def _create(self, statement: Statement, tree: exp.Create) -> None:
        kind = str(tree.args.get("kind") or "").upper()
        properties = tree.args.get("properties")
        kinds = [type(found) for found in properties.expressions] if properties is not None else []
        if kind == "FUNCTION":
            self.facts.add(Defined(statement.place(), "CREATE FUNCTION"))
            body = tree.expression.this if isinstance(tree.expression, exp.Return) else tree.expression
            if isinstance(body, exp.Expr) and not isinstance(body, exp.Heredoc):
                arguments = Relation.table("the arguments")
                judgement = Judgement(lambda column: arguments.meaning(column.name), self.settings)
                observe(body, judgement, self.facts, statement.place(body))
            return
        if kind not in ("TABLE", "VIEW"):
            return
        relation = self._query(statement, tree.expression if isinstance(tree.expression, exp.Query) else None)
        if exp.TemporaryProperty in kinds:
            keep_view(self.environment, table_name(tree.this, statement.sql.stands), relation)
            return
        for found in properties.expressions if properties is not None else []:
            if isinstance(found, exp.LocationProperty):
                self.facts.add(Written(statement.place(found), Relation(), spelled(found.this, statement.sql.stands)))
        self._write(statement, tree.this, relation)

    def _write(self, statement: Statement, target: exp.Expr, relation: Relation) -> None:
        if isinstance(target, exp.Directory):
            name = spelled(target.this, statement.sql.stands)
        else:
            name = full_name(self.environment, table_name(target, statement.sql.stands))
        self.facts.add(Written(statement.place(), relation, name))
        if relation.tables or relation.columns:
            keep_view(self.environment, name, relation)

    def _names(self, statement: Statement, tree: exp.Expr) -> None:
        """SET name = 'text', DECLARE name ... DEFAULT 'text'."""
        pairs = [(item.this.name, item.expression) for item in tree.find_all(exp.EQ)]
        pairs += [(name.name, item.args.get("default")) for item in tree.find_all(exp.DeclareItem) for name in item.this]
        for name, value in pairs:
            if isinstance(value, exp.Literal) and value.is_string:
                self.facts.add(Named(statement.place(value), name, str(value.this)))

    def _unparsed(self, statement: Statement) -> None:
        first = statement.words[0] if statement.words else ""
        if statement.words[:2] == ("INSERT", "OVERWRITE") and "DIRECTORY" in statement.words:
            self.facts.add(Written(statement.place(), Relation.table("?"), "a directory of files"))
        elif first not in _HARMLESS:
            self.facts.add(Unread(statement.place(), "cannot be read as Databricks SQL"))
