"""A notebook with Python cells in a Spark process of its own: `python -m cleanroom_core.simulator.spark_child`.

It reads one JSON line with the cells, what they may read, and where results go; writes the tables of the run's output schema as
Parquet and `result.json` at last; and ends when its input closes, so that it does not outlive the simulator. Spark has one
catalog here: names of three parts are put in the place of the database that stands for their catalog and schema.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlglot import exp

from cleanroom_core.engines.spark.sessions import LocalSpark
from cleanroom_core.simulator.sql import identifier
from cleanroom_core.simulator.sql.failure import no_permission, no_table, not_played
from cleanroom_core.simulator.sql.rewrite import parsed
from cleanroom_core.simulator.sql.values import bound

RESULT = "result.json"


class Names:
    """`databases`: catalog.schema -> the database it stands for; only `output` may be written."""

    def __init__(self, databases: Mapping[str, str], output: str | None) -> None:
        self.databases, self.output = databases, output

    def local(self, name: str, write: bool = False) -> str:
        """A table's name in this process. Raises SqlFailure for one of three parts that is not in the room."""
        parts = [part.strip("`").lower() for part in name.split(".")]
        if len(parts) != 3:
            return name
        place = ".".join(parts[:2])
        if write and place != self.output:
            raise no_permission("CREATE_TABLE", "Schema", place)
        if place not in self.databases:
            raise no_table(".".join(parts))
        return f"`{self.databases[place]}`.`{parts[2]}`"

    def statement(self, text: str, parameters: Mapping[str, Any]) -> str:
        """The statement over this process's databases. Raises SqlFailure for what a room does not let it do."""
        given = bound([{"name": name, "value": value} for name, value in parameters.items()])
        text = identifier.resolve(text, given)
        tree = parsed(text)
        kind = str(tree.args.get("kind")).upper() if isinstance(tree, exp.Create) else ""
        temporary = isinstance(tree, exp.Create) and tree.find(exp.TemporaryProperty) is not None
        if not (isinstance(tree, exp.Query) or (kind == "VIEW" and temporary) or (kind == "TABLE" and not temporary)):
            raise not_played("statements of this form in a notebook on Spark")
        target = tree.find(exp.Table) if kind == "TABLE" else None
        places = [_place(table, text) for table in tree.find_all(exp.Table) if table.args.get("catalog") is not None]
        written = None if target is None else target.sql("databricks").replace("`", "").lower()
        for start, stop in sorted(places, reverse=True):
            name = text[start:stop]
            write = written is not None and name.replace("`", "").lower() == written
            text = text[:start] + self.local(name, write) + text[stop:]
        if written is not None and written.count(".") != 2:
            raise no_permission("CREATE_TABLE", "Schema", "default")
        return text


def _place(table: exp.Table, text: str) -> tuple[int, int]:
    parts = [part for part in table.parts if "start" in part.meta]
    if len(parts) != 3:
        raise not_played("this form of a name on Spark")
    return parts[0].meta["start"], parts[-1].meta["end"] + 1


class Widgets:
    """`dbutils` as far as it has to do with parameters."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.widgets = self
        self._values = dict(values)

    def get(self, name: str) -> str:
        return self._values[name]

    def text(self, name: str, default: str, label: str = "") -> None:
        self._values.setdefault(name, default)


def main() -> None:
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_watch, daemon=True).start()
    folder = Path(job["folder"])
    try:
        made = _played(job, folder)
        result = {"result": "SUCCESS", "reason": "", "tables": made}
    except _Failed as failed:
        result = {"result": "FAILED", "reason": str(failed), "tables": {}}
    (folder / "result.part").write_text(json.dumps(result), encoding="utf-8")
    (folder / "result.part").replace(folder / RESULT)


class _Failed(Exception):  # noqa: N818  an outcome of a run, not a crash
    pass


def _watch() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _played(job: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Name of each output table -> its Parquet file."""
    local = LocalSpark(folder / "spark", memory_mb=1024, connect=True)
    try:
        spark = local.session()
        spark.conf.set("spark.sql.shuffle.partitions", "1")  # the tables are small
        names = _prepared(spark, job)
        cells = {"spark": spark, "dbutils": Widgets(job["parameters"]), "display": lambda *_: None, "__name__": "__main__"}
        for number, cell in enumerate(job["cells"], start=1):
            try:
                if cell["language"] == "python":
                    exec(compile(cell["text"], f"<cell {number}>", "exec", dont_inherit=True), cells)  # noqa: S102  what a notebook is
                for statement in cell.get("statements", ()):
                    spark.sql(statement, args=dict(job["parameters"]))
            except Exception as error:
                said = str(error).strip().splitlines() or [""]
                raise _Failed(f"Cell {number}: {type(error).__name__}: {said[0][:500]}") from None
        return _output(spark, names, folder)
    finally:
        local.close()


def _prepared(spark: Any, job: Mapping[str, Any]) -> Names:
    """Databases with the shared tables, and a session that puts them in the place of their names."""
    schemas = dict.fromkeys(name.rpartition(".")[0] for name in job["tables"])
    if job["output"]:
        schemas[job["output"]] = None
    names = Names({schema: f"database_{number}" for number, schema in enumerate(schemas)}, job["output"])
    for database in names.databases.values():
        spark.sql(f"CREATE DATABASE {database}")
    for name, path in job["tables"].items():
        spark.catalog.createTable(names.local(name), path=path, source="parquet")
    kind, reader = type(spark), type(spark.read)
    _changed(kind, "sql", lambda text, args: names.statement(text, args.get("args") or {}))
    _changed(kind, "table", lambda text, args: names.local(text))
    _changed(reader, "table", lambda text, args: names.local(text))
    _changed(type(spark.range(0).write), "saveAsTable", lambda text, args: names.local(text, write=True))
    return names


def _changed(kind: type, method: str, change: Callable[[str, Mapping[str, Any]], str]) -> None:
    """The method with its first argument changed; only this process's own Spark is meant."""
    original = getattr(kind, method)

    def changed(self: Any, text: str, *rest: Any, **named: Any) -> Any:
        arguments = {"args": rest[0]} | named if rest and method == "sql" else named
        return original(self, change(text, arguments), *rest, **named)

    setattr(kind, method, changed)


def _output(spark: Any, names: Names, folder: Path) -> dict[str, str]:
    if names.output is None:
        return {}
    database = names.databases[names.output]
    found = {}
    for number, table in enumerate(spark.catalog.listTables(database)):
        if table.isTemporary:
            continue
        path = folder / f"output_{number}.parquet"
        pq.write_table(spark.read.table(f"{database}.{table.name}").toArrow(), path)
        found[table.name] = str(path)
    return found


if __name__ == "__main__":
    main()
    os._exit(0)
