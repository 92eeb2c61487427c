"""`OwnerEngine` on a SQL warehouse: the raw table and the share-safe one both stay in the party's own workspace.

A published table is found again by two properties that are written in one commit with its rows: the intent and a number that
counts the publishes. Whether somebody has written to it since stands in its history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cleanroom_core.audit.canonical import encode
from cleanroom_core.engines.duckdb.spill import locked_file
from cleanroom_core.engines.protocol import Described, Preview, Progress, ShareSelect, ShareTable, Source, Value
from cleanroom_core.engines.sampling import chosen
from cleanroom_core.engines.warehouse import statements, values
from cleanroom_core.engines.warehouse.workspace import Answer, Workspace
from cleanroom_core.errors import (
    ConflictError,
    InputError,
    IntegrityError,
    NotPermittedError,
    PlatformError,
    QueryCancelledError,
    QueryFailedError,
    QueryTimeoutError,
    TableError,
    UnansweredError,
)
from cleanroom_core.policies.unity_catalog.catalog import CatalogColumn, CatalogTable
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.policies.unity_catalog.share import check_columns, silence
from cleanroom_core.policies.unity_catalog.source import SourceColumns
from cleanroom_core.policies.unity_catalog.types import CatalogType
from cleanroom_core.sql.token_expression import TokenExpression
from cleanroom_core.sql.types import BIGINT, BOOLEAN, STRING, Column, Schema, SqlType
from cleanroom_core.tokens.secret_expression import secret_token_expression
from cleanroom_core.tokens.spec import TokenSpec

_WRITES_WHOLE = "CREATE OR REPLACE TABLE AS SELECT"
_KEEPS_ROWS = frozenset(  # operations in a table's history that leave its rows as they are
    ("OPTIMIZE", "VACUUM START", "VACUUM END", "CHANGE COLUMN", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES")
)
_NUMBERED = (BIGINT, BOOLEAN)  # a row of the pool: its number, whether it is shared


class WarehouseOwnerEngine:
    """`room`: its name on the platform; tables of others are not touched. `scope`: of the secrets that are the token keys.
    `exempt`: the account group whose members no filter and no mask of a raw table holds back; "" where raw tables have none.
    `work_dir`: in the party's home, for locks alone."""

    name = "warehouse"
    dialect = "databricks"

    def __init__(self, workspace: Workspace, room: str, scope: str, work_dir: Path, exempt: str = "") -> None:
        self._workspace = workspace
        self._room = room
        self._scope = scope
        self._work_dir = work_dir
        self._exempt = exempt

    def tokens(self, specs: Mapping[str, TokenSpec]) -> Mapping[str, TokenExpression]:
        return {name: secret_token_expression(spec, self._scope, native=True) for name, spec in specs.items()}

    def inspect(self, source: Source) -> Described:
        found, kind = self._source(source)
        unusable = {each.name: each.type.why for each in found.table.columns if each.type.type is None}
        return Described(kind, found.schema, unusable, self._counts(found, {})[""])

    def describe(self, source: Source) -> Schema:
        return self._source(source)[0].schema

    def preview(self, source: Source, select: ShareSelect, sample: int = 10) -> Preview:
        """Two statements: which rows of the pool are shared, then the values of the chosen ones alone."""
        found, _ = self._source(source)
        pairs = statements.Pairs(found, select)
        kept = values.read_all(self._run(pairs.kept(), "look which rows are shared").rows, _NUMBERED)
        numbers = [_whole(kept[at][0]) for at in chosen([row[1] is True for row in kept], sample)]
        types = [*_NUMBERED, *(each.type for each in (*found.schema, *select.schema))]
        rows = values.read_all(self._run(pairs.values(numbers), "read a sample").rows, types) if numbers else []
        counted, width = self._counts(found, select.counts), 2 + len(found.schema.columns)
        return Preview(
            source=found.schema,
            raw=tuple(row[2:width] for row in rows),
            shared=tuple(row[width:] if row[1] else None for row in rows),
            rows=counted.pop(""),
            counts=counted,
        )

    def publish(
        self,
        source: Source,
        select: ShareSelect,
        target: Path,
        intent: str,
        counts: Mapping[str, str],
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[ShareTable, Mapping[str, int]]:
        say = progress or (lambda _what, _done: None)
        name, (found, _) = named(target), self._source(source)
        if found.table.name == name:
            raise InputError(f"{name} is the raw table itself.", hint="Share it into another schema.", code="SHARE")
        with self._writing(target):
            say("reading", 0.0)
            counted = self._counts(found, select.counts, cancelled)
            del counted[""]
            table = self.published(target, intent)
            if table is None:
                say("writing", 0.3)
                marks = self._next_marks(name, intent)
                self._write(name, intent, statements.publish(found, select, name, marks), select.schema, cancelled)
                say("checking", 0.9)
                table = self.published(target, intent)
        if table is None:
            raise ConflictError("Somebody else has written this table meanwhile.", hint="Look again, then publish.")
        return table, {**counted, **{what: _whole(one) for what, (one,) in self.labels(table, counts).items()}}

    def labels(self, table: ShareTable, queries: Mapping[str, str]) -> Mapping[str, tuple[Value, ...]]:
        if not queries:
            return {}
        name = named(table.path)
        if self.published(table.path, table.intent) != table:
            raise IntegrityError(f"{name} is not as it was published.", hint="Publish it again.")
        found = {}
        for what, query in queries.items():
            answer = self._run(statements.over_shared(name, table.schema, query), f"look at {name}")
            types = [CatalogType.parse(type_).type or STRING for _, type_ in answer.columns]
            found[what] = tuple(values.read(row, types)[0] for row in answer.rows)
        return found

    def published(self, target: Path, intent: str) -> ShareTable | None:
        """Raises IntegrityError, too, when something lies on the table that a room refuses or the partner would read."""
        name = named(target)
        found = self._table(name)
        if found is None:
            return None
        marks = self._marks(name)
        if marks.get(statements.INTENT) != intent:
            return None
        schema = Schema(tuple(Column(each.name, each.type.type or STRING) for each in found.columns))
        problems = [problem.message for problem in check_columns(schema, found)]
        if self._is_changed(name):
            problems.append("Somebody has written to it.")
        if problems:
            raise IntegrityError(f"{name} is not as it was published: {' '.join(problems)}", hint="Publish it again.")
        (rows,) = self._run(statements.number_of_rows(name), f"count the rows of {name}").rows
        version = int(marks[statements.VERSION])
        digest = hashlib.sha256(encode({"table": str(name), "intent": intent, "version": version}, text="any")).hexdigest()
        return ShareTable(target, version, digest, int(rows[0] or 0), schema, intent)

    def forget(self, target: Path, keep: ShareTable | None) -> int:
        """What a replaced version held the platform keeps as long as its retention says. Without `keep` the table is dropped,
        if this engine wrote it; what a room still shares the platform does not drop, and it stays."""
        name = named(target)
        with self._writing(target):
            if keep is not None or self._table(name) is None or self._marks(name).get(statements.ROOM) != self._room:
                return 0
            try:
                self._run(statements.drop(name), f"drop {name}")
            except ConflictError:
                return 0
            return 1

    def _write(
        self, name: ObjectName, intent: str, statement: str, schema: Schema, cancelled: Callable[[], bool] | None
    ) -> None:
        """Without an answer, or stopped too late, the table says whether it was done."""
        try:
            self._run(statement, f"write {name}", cancelled)
        except (UnansweredError, QueryCancelledError, QueryTimeoutError):
            if self._table(name) is None or self._marks(name).get(statements.INTENT) != intent:
                raise
        found = self._table(name)
        for statement_of in silence(found) if found is not None else ():
            self._run(statement_of.sql, f"empty the comments of {name}")
        found = self._table(name)
        problems = [problem.message for problem in check_columns(schema, found)] if found is not None else []
        if problems:
            raise IntegrityError(f"{name} is not as it was published: {' '.join(problems)}", hint="Publish it again.")

    def _source(self, source: Source) -> tuple[SourceColumns, str]:
        """The raw table as expressions see it, and its format. Raises TableError."""
        name = named(source.path)
        info = self._workspace.table(name)
        if info is None:
            raise TableError(
                f"There is no table {name}, or this identity may not see it.",
                hint="Check the name; its owner grants USE CATALOG, USE SCHEMA and SELECT.",
            )
        table = CatalogTable.from_json(info)
        self._require_all_rows(table)
        declared = {each.casefold(): SqlType.parse(type_) for each, type_ in source.types.items()}
        columns = [_column(each, declared.get(each.name.casefold())) for each in table.columns if each.type.type is not None]
        kind = str(info.get("data_source_format") or info.get("table_type") or "table").lower()
        return SourceColumns(table, Schema(tuple(columns)), ()), kind

    def _require_all_rows(self, table: CatalogTable) -> None:
        """What a filter hides would be missing, and what a mask shows would be tokenised in the place of the value."""
        guarded = table.row_filter is not None or any(each.mask is not None for each in table.columns)
        if self._exempt:
            (row,) = self._run(statements.is_exempt(self._exempt), "ask who is exempt").rows
            if row[0] != "true":
                raise NotPermittedError(
                    f"The publisher is not in {self._exempt}: it would share filtered rows and masked values.",
                    hint="Publish as a member of that group.",
                    code="NOT_EXEMPT",
                )
        elif guarded:
            raise TableError(
                f"{table.name} has a row filter or a mask, and nobody said which group they do not hold back.",
                hint="Connect again with --exempt GROUP, and publish as a member of that group.",
            )

    def _table(self, name: ObjectName) -> CatalogTable | None:
        info = self._workspace.table(name)
        return None if info is None else CatalogTable.from_json(info)

    def _marks(self, name: ObjectName) -> Mapping[str, str]:
        """The properties of a table that is there."""
        rows = self._run(statements.properties(name), f"look at {name}").rows
        return {str(row[0]): str(row[1]) for row in rows}

    def _next_marks(self, name: ObjectName, intent: str) -> Mapping[str, str]:
        """Those of the next publish. Raises ConflictError for a table that is not this room's: it is never replaced."""
        found = self._table(name)
        before = {} if found is None else self._marks(name)
        if found is not None and before.get(statements.ROOM) != self._room:
            raise ConflictError(
                f"{name} is there already and was not published for the room {self._room}.",
                hint="Name another share schema for this room, or another asset; or remove that table first.",
                code="OTHER_TABLE",
            )
        version = int(before.get(statements.VERSION, "0")) + 1
        return {statements.INTENT: intent, statements.VERSION: str(version), statements.ROOM: self._room}

    def _is_changed(self, name: ObjectName) -> bool:
        """Whether something wrote rows after the newest whole write. What the history does not reach any more is not told."""
        answer = self._run(statements.history(name), f"look at the history of {name}")
        at = {column.lower(): number for number, (column, _) in enumerate(answer.columns)}
        newest = sorted(((int(row[at["version"]] or 0), row[at["operation"]]) for row in answer.rows), reverse=True)
        for _, operation in newest:
            if operation == _WRITES_WHOLE:
                return False
            if operation not in _KEEPS_ROWS:
                return True
        return False

    def _counts(
        self, source: SourceColumns, queries: Mapping[str, str], cancelled: Callable[[], bool] | None = None
    ) -> dict[str, int]:
        rows = self._run(statements.counts(source, queries), f"count the rows of {source.table.name}", cancelled).rows
        return {str(row[0]): int(row[1] or 0) for row in rows}

    def _run(self, statement: str, doing: str, cancelled: Callable[[], bool] | None = None) -> Answer:
        if cancelled is not None and cancelled():
            raise QueryCancelledError("The run was cancelled.", hint="Start it again when you want its result.")
        try:
            return self._workspace.run(statement, doing, cancelled)
        except UnansweredError:
            raise
        except PlatformError as error:  # the class of its error is in the message, never a value
            raise QueryFailedError(error.message, hint=error.hint) from error

    @contextmanager
    def _writing(self, target: Path) -> Iterator[None]:
        mark = hashlib.sha256(str(target).encode()).hexdigest()[:16]
        busy = ConflictError("This table is being published right now.", hint="Wait until that has ended, then look again.")
        with locked_file(self._work_dir / "locks" / mark, busy):
            yield


def _column(found: CatalogColumn, wanted: SqlType | None) -> Column:
    """A usable column with the type that expressions see. Raises TableError for a declared type that would lose values."""
    if wanted is not None and not found.type.holds(wanted):
        raise TableError(
            f"Column {found.name} is {found.type.text}: read as {wanted}, some of its values would be lost.",
            hint=f"Take {found.name} out of types, or change the column's type in the table.",
        )
    if found.type.type is None:
        raise AssertionError(found.type.why)
    return Column(found.name, wanted or found.type.type)


def _whole(value: Value) -> int:
    if not isinstance(value, int):
        raise TypeError("a count is one whole number")
    return value


def named(place: Path) -> ObjectName:
    """The table that stands in the place of a path. Raises InputError for anything but catalog.schema.table."""
    return ObjectName.parse(str(place))
