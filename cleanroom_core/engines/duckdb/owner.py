"""`OwnerEngine` on DuckDB: one process per call, which can read exactly the files of one raw table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from cleanroom_core.engines import delta
from cleanroom_core.engines.duckdb import wire
from cleanroom_core.engines.duckdb.calling import Answer, call
from cleanroom_core.engines.duckdb.reading import Reading
from cleanroom_core.engines.duckdb.spill import locked_file
from cleanroom_core.engines.protocol import Described, Limits, Preview, Progress, ShareSelect, ShareTable, Source, Value
from cleanroom_core.engines.sources import fingerprint
from cleanroom_core.errors import ConflictError, EngineLostError, TableError
from cleanroom_core.sql.token_expression import TokenExpression
from cleanroom_core.sql.types import Schema
from cleanroom_core.tokens.hmac_expression import token_expressions
from cleanroom_core.tokens.spec import TokenSpec


class DuckDBOwnerEngine:
    """Belongs to one collaborator's home: `work_dir` is a folder in it, and what was learned about tables stays in here."""

    name = "duckdb"
    dialect = "duckdb"

    def __init__(self, work_dir: Path, limits: Limits | None = None) -> None:
        self._work_dir = work_dir
        self._limits = limits or Limits()
        self._readings: dict[object, Reading] = {}

    def tokens(self, specs: Mapping[str, TokenSpec]) -> Mapping[str, TokenExpression]:
        return token_expressions(specs)

    def inspect(self, source: Source) -> Described:
        return self._reading(source).described()

    def describe(self, source: Source) -> Schema:
        return self.inspect(source).schema

    def preview(self, source: Source, select: ShareSelect, sample: int = 10) -> Preview:
        reading = self._reading(source)
        answer = self._call("preview", _body(reading, select) | {"sample": sample})
        return Preview(
            source=reading.described().schema,
            raw=answer.streams.get("raw", ()),
            shared=tuple(row or None for row in answer.streams.get("shared", ())),
            rows=reading.rows,
            counts=answer.result,
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
        reading = self._reading(source)
        body = _body(reading, select) | {"target": str(target.absolute()), "intent": intent}
        with self._writing(target) as lock:
            if self.published(target, intent) is None:
                target.parent.mkdir(parents=True, exist_ok=True)
                answer = self._call("publish", body, progress, cancelled, (lock,))
            else:
                answer = self._call("source_counts", body, progress, cancelled)
        if (table := self.published(target, intent)) is None:
            raise EngineLostError("The table was not written.", hint="Publish it again.")
        return table, {**answer.result, **{name: _number(values) for name, values in self.labels(table, counts).items()}}

    def labels(self, table: ShareTable, queries: Mapping[str, str]) -> Mapping[str, tuple[Value, ...]]:
        if not queries:
            return {}
        files = [str(file.path) for file in delta.verify(table).files]
        body = {"files": files, "schema": table.schema.as_json(), "queries": dict(queries)}
        streams = self._call("shared", body).streams
        return {name: tuple(row[0] for row in streams.get(name, ())) for name in queries}

    def published(self, target: Path, intent: str) -> ShareTable | None:
        return delta.published(target.absolute(), intent)

    def forget(self, target: Path, keep: ShareTable | None) -> int:
        if not target.exists():
            return 0
        with self._writing(target):
            return delta.forget(target.absolute(), None if keep is None else keep.version)

    def _reading(self, source: Source) -> Reading:
        path = source.path.absolute()
        key = (path, fingerprint(path), tuple(sorted(source.types.items())))
        if key not in self._readings:
            answer = self._call("inspect", {"path": str(path), "types": dict(source.types)})
            if fingerprint(path) != key[1]:
                raise TableError("The table changed while it was read.", hint="Try again when it is complete.")
            self._readings[key] = Reading.from_json(answer.result)
        return self._readings[key]

    def _call(
        self,
        task: str,
        body: Mapping[str, Any],
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        held: tuple[int, ...] = (),
    ) -> Answer:
        return call("owner", task, body, self._work_dir, self._limits, progress, cancelled, held)

    def _writing(self, target: Path) -> AbstractContextManager[int]:
        mark = hashlib.sha256(str(target.absolute()).encode()).hexdigest()[:16]
        busy = ConflictError("This table is being published right now.", hint="Wait until that has ended, then look again.")
        return locked_file(self._work_dir / "locks" / mark, busy)


def _body(reading: Reading, select: ShareSelect) -> dict[str, Any]:
    return {
        "reading": reading.as_json(),
        "sql": select.sql,
        "schema": select.schema.as_json(),
        "binary": {name: wire.encode(value) for name, value in select.binary.items()},
        "counts": dict(select.counts),
    }


def _number(values: tuple[Value, ...]) -> int:
    (value,) = values
    if not isinstance(value, int):
        raise TypeError("a count is one whole number")
    return value
